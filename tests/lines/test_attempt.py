"""What goes to the modem, and what its answer means for the part."""

from datetime import timedelta

import pytest

from appliance.lifecycle import Event
from appliance.lines.attempt import NO_VALIDITY, encode, segments_of, understand
from appliance.models import Outcome
from appliance.modem.causes import Cause, Kind, cms_cause
from appliance.modem.pdu import Concat, decode
from appliance.modem.pdu.submit import REPORT_WANTED
from appliance.modem.values import MaybeSent, NotSent, Refused, Sent
from appliance.policy.retries import Again
from appliance.store.values import Begin, Begun, Waiting
from appliance.text import Encoding, choose
from tests.rooms import START


def waiting(text="Hello", **given):
    fields = {
        "message_id": 1,
        "account_id": 1,
        "category": "transactional",
        "priority": 1,
        "recipient": "+4915123456789",
        "recipient_key": b"",
        "recipient_suffix_key": b"",
        "text": text,
        "data": None,
        "udh": b"",
        "flash": False,
        "encoding": "gsm7",
        "parts": 1,
        "expires_at": START + timedelta(days=3),
        "todo": (1,),
    }
    return Waiting(**(fields | given))


def begin(message, ordinal=1, **given):
    return Begin(
        waiting=message,
        ordinal=ordinal,
        sim_id=1,
        at=START,
        first=True,
        **given,
    )


def seen(message, ordinal=1, reference=None):
    encoded = encode(begin(message, ordinal), segments_of(message)[ordinal - 1], reference)
    return decode(encoded.pdu)


@pytest.mark.parametrize(
    ("given", "octets"),
    [
        ({"protocol": 0x41}, (0x41, 0)),
        ({"flash": True}, (0x10, 0)),  # class 0 (23.038 clause 4)
        ({"expires_at": START + timedelta(hours=1)}, (11, 169)),  # 23.040 clause 9.2.3.12.1
    ],
)
def test_what_was_asked_for_goes_out_in_its_octet_and_changes_no_other(given, octets):
    message = waiting(**given)
    encoded = encode(begin(message), segments_of(message)[0], None)
    plain = encode(begin(waiting()), segments_of(message)[0], None)
    pairs = zip(encoded.pdu, plain.pdu, strict=True)
    (changed,) = [(ours, theirs) for ours, theirs in pairs if ours != theirs]
    assert changed == octets


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("text", ["şeker " * 60, "x" * 400, "😀" * 100, "नमस्ते " * 60])
def test_parts_are_sent_as_intake_counted_them(text, wide):
    chosen = choose(text, (1, 6), wide=wide)
    parts = len(chosen.segments)
    message = waiting(text, language=chosen.language, wide=wide, parts=parts)
    assert segments_of(message) == chosen.segments
    found = [seen(message, at + 1, 300 if wide else 30) for at in range(parts)]
    assert "".join(part.text for part in found) == text
    assert [part.concat for part in found] == [
        Concat(300 if wide else 30, parts, at + 1, wide) for at in range(parts)
    ]


def test_an_only_part_names_its_tables_too():
    found = seen(waiting("şeker", language=1))
    assert (found.text, found.languages, found.concat) == ("şeker", (0, 1), None)


def test_a_header_of_the_accounts_own_goes_out_as_it_is():
    found = seen(waiting("şeker", language=1, udh=bytes.fromhex("240101")))
    assert (found.text, found.udh) == ("şeker", bytes.fromhex("240101"))


def test_data_in_parts_is_numbered_with_wide_references_too():
    message = waiting(None, data=bytes(300), encoding="binary", wide=True, parts=3)
    assert [len(segment.payload) for segment in segments_of(message)] == [133, 133, 34]
    found = seen(message, 3, 65535)
    assert (found.encoding, found.concat) == (Encoding.BINARY, Concat(65535, 3, 3, wide=True))


def test_a_message_may_name_its_service_centre():
    assert seen(waiting()).smsc is None
    assert seen(waiting(service_centre="+491710760000")).smsc == "+491710760000"


def test_a_report_is_asked_for_with_every_part_unless_the_sim_gives_none():
    message = waiting()
    (segment,) = segments_of(message)
    first_octets = [
        encode(begin(message, unreported=why), segment, None).pdu[1]  # behind no service centre
        for why in (None, "no report is asked for by this SIM")
    ]
    assert [octet & REPORT_WANTED for octet in first_octets] == [REPORT_WANTED, 0]


def test_a_part_says_how_long_it_is_valid_unless_that_was_refused():
    assert seen(waiting()).validity == timedelta(days=3)
    assert seen(waiting(without_validity=True)).validity is None


def meaning(answer, **given):
    end = understand(begin(waiting(**given)), Begun(7, None), answer, START)
    return end.outcome, end.event, end.again, end.without_validity


@pytest.mark.parametrize("code", sorted(NO_VALIDITY))
def test_a_refused_validity_is_left_out_at_once_but_only_once(code):
    refused = Refused(cms_cause(code), code, f"+CMS ERROR: {code}")
    assert meaning(refused) == (Outcome.REFUSED, Event.RELEASE, Again.AS_IT_IS, True)
    assert meaning(refused, without_validity=True) == (
        Outcome.REFUSED,
        Event.RELEASE,
        Again.TIME,
        False,
    )


@pytest.mark.parametrize(
    ("kind", "outcome", "event"),
    [
        (Kind.NUMBER, Outcome.REFUSED, Event.REFUSE),
        (Kind.MAYBE_SENT, Outcome.UNCERTAIN, Event.LOSE),
        (Kind.SIM, Outcome.REFUSED, Event.RELEASE),
    ],
)
def test_a_refused_validity_that_is_classed_otherwise_means_what_it_is_classed(
    kind, outcome, event
):
    found = meaning(Refused(Cause(kind, "as set"), 198, "+CMS ERROR: 198"))
    assert (*found[:2], found[3]) == (outcome, event, False)


@pytest.mark.parametrize(
    ("kind", "code", "event", "again"),
    [
        (Kind.NUMBER, 1, Event.REFUSE, Again.NEVER),
        (Kind.NUMBER, 30, Event.RELEASE, Again.SECOND_OPINION),
        (Kind.SIM, 21, Event.RELEASE, Again.ANOTHER_SIM),
        (Kind.DEVICE, 313, Event.RELEASE, Again.ANOTHER_SIM),
        (Kind.PASSING, 42, Event.RELEASE, Again.TIME),
    ],
)
def test_the_class_of_a_refusal_says_what_another_try_needs(kind, code, event, again):
    assert cms_cause(code).kind is kind
    found = meaning(Refused(cms_cause(code), code, f"+CMS ERROR: {code}"))
    assert found == (Outcome.REFUSED, event, again, False)


@pytest.mark.parametrize(
    ("answer", "outcome", "event"),
    [
        (Sent(7), Outcome.SENT, Event.ACCEPT),
        (MaybeSent("silence"), Outcome.UNCERTAIN, Event.LOSE),
        (NotSent("no prompt"), Outcome.RELEASED, Event.RELEASE),
        (Refused(cms_cause(1), 1, "+CMS ERROR: 1"), Outcome.REFUSED, Event.REFUSE),
        (Refused(cms_cause(42), 42, "+CMS ERROR: 42"), Outcome.REFUSED, Event.RELEASE),
        (Refused(cms_cause(500), 500, "+CMS ERROR: 500"), Outcome.UNCERTAIN, Event.LOSE),
    ],
)
def test_each_answer_means_one_thing(answer, outcome, event):
    assert meaning(answer)[:2] == (outcome, event)
    assert not meaning(answer)[3]
