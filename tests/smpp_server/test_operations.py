"""What operations do: from raw sockets into a real store, and back as receipts."""

import re
from datetime import timedelta

import pytest

from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.smpp_server.packing import pack
from appliance.text import septets
from tests.smpp_server.esme import (
    BIND_TRX,
    CANCEL_SM,
    DATA_SM,
    QUERY_SM,
    REPLACE_SM,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    cancel_body,
    data_body,
    frame,
    multi_body,
    query_body,
    replace_body,
    submit_body,
    tlv,
)
from tests.smpp_server.test_checklist import PAYLOAD, sar
from tests.store.steps import report
from tests.store.test_dispatch import send as put_on_air

ONE, TWO = (1, 1, b"4915112345678"), (1, 1, b"4915112345679")
FROM = (1, 1, b"4915100000")
CONGESTION = 0x0428


async def ask(client, command, body):
    """Ask, and return what a good answer says."""
    answer = await client.ask(frame(command, body, sequence=60))
    assert answer[:3] == (command | RESP, 0, 60), answer
    return answer.body


async def status(client, command, body):
    return (await client.ask(frame(command, body, sequence=61))).status


async def queried(client, name, **given):
    """Return final_date, message_state and error_code."""
    said, date, rest = (await ask(client, QUERY_SM, query_body(name, **given))).split(b"\0", 2)
    assert said == name
    return date, rest[0], rest[1]


async def multi(client, destinations, **fields):
    """Submit to several; return the id, and what was refused."""
    name, _, rest = (await ask(client, SUBMIT_MULTI, multi_body(destinations, **fields))).partition(
        b"\0"
    )
    return name, rest


@pytest.fixture
async def client(real):
    return await real.client(BIND_TRX)


def delivered(real, to="+4915112345678"):
    return real.store.reports.take(report(real, recipient=to, suffix=to[-8:]))


async def test_one_id_stands_in_the_answer_the_receipt_and_the_query(real, client):
    name = await real.submitted(client, registered=1, source=FROM)
    await put_on_air(real)
    await delivered(real)

    (receipt,) = await real.told(client)

    assert re.match(rb"id:(\S+) ", receipt["short_message"])[1] == name
    assert receipt["tlvs"][0x1E] == name + b"\0"
    assert (await queried(client, name))[1] == 2
    assert re.fullmatch(rb"[a-z][a-z0-9_-]{0,63}", name)


async def test_the_reference_that_a_message_was_given_stands_in_its_receipt(real, client):
    await real.submitted(client, registered=1, tail=tlv(0x0204, b"\xab\xcd"))
    await put_on_air(real)
    await delivered(real)

    (receipt,) = await real.told(client)

    assert receipt["tlvs"][0x0204] == b"\xab\xcd"


async def test_several_go_by_one_id_each_with_a_receipt_of_its_own(real, client):
    name, rest = await multi(client, [ONE, TWO], registered=1)

    assert rest == b"\0"
    assert len(await real.all_stored()) == 2
    for to in (b"4915112345678", b"4915112345679"):
        await put_on_air(real)
        await delivered(real, f"+{to.decode()}")
        (receipt,) = await real.told(client)
        assert receipt["source_addr"] == to
        assert receipt["short_message"].startswith(b"id:" + name + b" ")
        assert receipt["tlvs"][0x1E] == name + b"\0"
    assert (await queried(client, name))[1] == 2


async def test_a_destination_that_cannot_be_is_told_with_its_status_and_the_others_go(real, client):
    await real.stop("+4915112345679")

    name, rest = await multi(client, [ONE, TWO, (2, 1, b"CALLME")])

    failed = b"\2\1CALLME\0\0\0\0\x0b" + b"\1\1" + b"4915112345679\0\0\0\0\x45"
    assert rest == b"\2" + failed
    (stored,) = await real.all_stored()
    assert stored.to == "+4915112345678"
    assert name != stored.id.encode()


async def test_what_several_were_sent_is_cancelled_together_or_one_by_one(real, client):
    name, _ = await multi(client, [ONE, TWO])

    await ask(client, CANCEL_SM, cancel_body(name, to=TWO))
    assert {one.to: one.state for one in await real.all_stored()} == {
        "+4915112345678": State.QUEUED,
        "+4915112345679": State.CANCELLED,
    }
    await ask(client, CANCEL_SM, cancel_body(name))
    assert {one.state for one in await real.all_stored()} == {State.CANCELLED}


async def test_data_sm_is_a_message_like_any_other(real, client):
    payload = tlv(PAYLOAD, b"x" * 400) + tlv(0x17, (3600).to_bytes(4, "big"))

    name = (await ask(client, DATA_SM, data_body(tail=payload, registered=1))).rstrip(b"\0")

    asked, stored = await real.asked(name), await real.stored(name)
    assert (asked.text, stored.parts) == ("x" * 400, 3)
    assert timedelta(minutes=59) < stored.expires_at - stored.accepted_at <= timedelta(hours=1)


async def test_a_query_tells_the_state_and_when_it_ended(real, client):
    name = await real.submitted(client)
    assert await queried(client, name) == (b"", 1, 0)

    await put_on_air(real, Outcome.REFUSED, Event.REFUSE, code=38, cause="no")

    date, state, error = await queried(client, name)
    assert re.fullmatch(rb"\d{13}00\+", date)
    assert (state, error) == (5, 38)


async def test_what_is_scheduled_is_so_to_5_0_and_on_its_way_to_others(real, client):
    new = await real.client(BIND_TRX, version=0x50)
    name = await real.submitted(client, schedule=b"000001000000000R")

    assert (await queried(client, name))[1] == 1
    answer = await ask(new, QUERY_SM, query_body(name))
    assert answer == name + b"\0\0\0\0" + tlv(CONGESTION, b"\x02")


@pytest.mark.parametrize(("version", "told"), [(0x33, b""), (0x34, b""), (0x50, b"\2")])
async def test_only_peers_of_5_0_are_told_how_busy_the_session_is(real, version, told):
    client = await real.client(BIND_TRX, version=version)
    tail = tlv(CONGESTION, told) if told else b""

    body = await ask(client, SUBMIT_SM, submit_body())
    assert body.partition(b"\0")[2] == tail
    assert (await ask(client, SUBMIT_MULTI, multi_body([ONE]))).endswith(b"\0\0" + tail)


async def test_a_replaced_message_is_read_as_its_first_form_was(real, client):
    name = await real.submitted(client, coding=8, text="Привет".encode("utf-16-be"))

    await ask(client, REPLACE_SM, replace_body(name, text="Пока".encode("utf-16-be")))
    assert (await real.asked(name)).text == "Пока"

    binary = await real.submitted(client, coding=4, esm_class=0x40, text=b"\4\5\2\1\2abc")
    await ask(client, REPLACE_SM, replace_body(binary, text=b"\4\5\2\3\4xyz"))
    asked = await real.asked(binary)
    assert (asked.udh, asked.data) == (b"\5\2\3\4", b"xyz")


async def test_a_segment_that_is_replaced_keeps_its_number(real, client):
    name = await real.submitted(client, tail=sar())
    before = (await real.asked(name)).udh

    await ask(client, REPLACE_SM, replace_body(name, text=b"other"))

    asked = await real.asked(name)
    assert (asked.text, asked.udh) == ("other", before)
    assert before


async def test_what_a_replacement_does_not_say_stays(real, client):
    name = await real.submitted(client, registered=1, validity=b"000002000000000R")
    before = await real.asked(name)

    await ask(client, REPLACE_SM, replace_body(name, text=b"", schedule=b"000001000000000R"))

    after = await real.asked(name)
    assert (after.text, after.expires_at) == (before.text, before.expires_at)
    assert after.not_before - before.not_before > timedelta(hours=23)
    assert after.receipts == "none"  # registered_delivery has no way to say nothing


async def test_all_that_is_alike_is_cancelled_and_nothing_else(real, client):
    alike = [await real.submitted(client, source=FROM, service_type=b"CMT") for _ in range(3)]
    others = [
        await real.submitted(client, source=FROM),
        await real.submitted(client, source=(5, 0, b"Acme"), service_type=b"CMT"),
        await real.submitted(client, source=FROM, service_type=b"CMT", to=TWO),
    ]

    body = cancel_body(service_type=b"CMT", source=FROM, to=ONE)
    await ask(client, CANCEL_SM, body)

    assert {(await real.stored(one)).state for one in alike} == {State.CANCELLED}
    assert {(await real.stored(one)).state for one in others} == {State.QUEUED}
    assert await status(client, CANCEL_SM, body) == 0x0C


async def test_a_waiting_message_is_replaced_by_the_next_that_asks_for_it(real, client):
    first = await real.submitted(client, source=FROM, text=b"old")

    same = await real.submitted(client, source=FROM, text=b"new", replace=1, registered=1)
    other = await real.submitted(client, source=(5, 0, b"Acme"), text=b"mine", replace=1)
    typed = await real.submitted(client, source=FROM, service_type=b"CMT", replace=1)

    assert same == first
    assert len({first, other, typed}) == 3
    assert (await real.asked(first)).text == "new"
    assert (await real.asked(first)).receipts == "final"
    assert len(await real.all_stored()) == 3


async def test_what_has_left_is_not_replaced_but_followed(real, client):
    first = await real.submitted(client, text=b"old")
    await put_on_air(real)

    second = await real.submitted(client, text=b"new", replace=1)

    assert second != first
    assert (await real.asked(second)).text == "new"


FATES = {  # registered_delivery: what is told of a delivered, and of a failed message
    0x00: ("", ""),
    0x01: ("DELIVRD", "UNDELIV"),
    0x02: ("", "UNDELIV"),
    0x03: ("DELIVRD", ""),
    0x10: ("ENROUTE", "ENROUTE"),
    0x11: ("ENROUTE DELIVRD", "ENROUTE UNDELIV"),
    0x12: ("ENROUTE", "ENROUTE UNDELIV"),
    0x13: ("ENROUTE DELIVRD", "ENROUTE"),
    0x0D: ("DELIVRD", "UNDELIV"),
}


@pytest.mark.parametrize("ends", [0, 1], ids=["delivered", "failed"])
@pytest.mark.parametrize("flags", FATES, ids=hex)
async def test_m11_each_is_told_what_it_has_asked_for_and_no_more(real, flags, ends):
    client = await real.client(BIND_TRX, version=0x50)
    await real.submitted(client, registered=flags)
    await put_on_air(real)
    event = (Event.DELIVER, Event.REFUSE)[ends]
    await real.store.reports.take(
        report(real, event, recipient="+4915112345678", suffix="12345678")
    )

    told = await real.told(client)

    words = [re.search(rb"stat:(\w+)", one["short_message"])[1].decode() for one in told]
    assert " ".join(words) == FATES[flags][ends]
    classes = [0x20 if word == "ENROUTE" else 0x04 for word in words]
    assert [one["esm_class"] for one in told] == classes


async def test_what_is_set_for_an_account_holds_at_once_and_for_it_alone(real, client):
    other = await real.store.accounts.local(real.clock.now())

    await real.set("gsm0", "latin1")
    latin = await real.submitted(client, text=b"caf\xe9")
    await real.set("gsm0", "packed")
    packed = await real.submitted(client, text=pack(septets("hello €")))
    await real.set("gsm0", None)
    plain = await real.submitted(client, text=b"\0")

    assert [(await real.asked(name)).text for name in (latin, packed, plain)] == [
        "café",
        "hello €",
        "@",
    ]
    assert (await real.store.accounts.by_id(other.id)).gsm0 is None


OURS = (1, 1, b"4915100000001")
IGNORED, CHOSEN, REFUSED = "ignored", "chosen", "refused"


@pytest.mark.parametrize(
    ("rule", "source", "answer"),
    [
        (None, OURS, IGNORED),
        ("ignore", OURS, IGNORED),
        ("ignore", (5, 0, b"Acme"), IGNORED),
        ("sim", OURS, CHOSEN),
        ("sim", (0, 0, b"+4915100000001"), CHOSEN),
        ("sim", (2, 1, b"015100000001"), CHOSEN),
        ("sim", (5, 0, b"Acme"), IGNORED),
        ("sim", FROM, IGNORED),
        ("refuse", OURS, CHOSEN),
        ("refuse", (0, 0, b""), IGNORED),
        ("refuse", (5, 0, b"Acme"), REFUSED),
        ("refuse", FROM, REFUSED),
        ("refuse", (1, 1, b"12"), REFUSED),
    ],
)
async def test_a_source_is_ignored_or_chooses_the_sim_or_is_refused(
    real, client, rule, source, answer
):
    await real.set("source_rule", rule)

    assert await status(client, SUBMIT_SM, submit_body(source=source)) == (
        0x0A if answer == REFUSED else 0
    )
    for one in await real.all_stored():
        asked = await real.asked(one.id.encode())
        assert asked.only_sim == (real.sim if answer == CHOSEN else None)
        assert asked.smpp_source == source[2].decode()  # given back as it came


@pytest.mark.parametrize(
    ("region", "to", "stored"),
    [
        (None, (2, 1, b"015112345678"), "+4915112345678"),
        ("AT", (2, 1, b"06641234567"), "+436641234567"),
        ("AT", (0, 0, b"06641234567"), "+436641234567"),
        ("AT", (1, 1, b"4915112345678"), "+4915112345678"),
        ("AT", (0, 0, b"+4915112345678"), "+4915112345678"),
    ],
)
async def test_national_numbers_are_those_of_the_accounts_region(real, client, region, to, stored):
    await real.set("region", region)

    name = await real.submitted(client, to=to)

    assert (await real.stored(name)).to == stored


@pytest.mark.parametrize(
    ("fields", "category", "priority"),
    [
        ({}, "transactional", 1),
        ({"priority": 1}, "transactional", 1),
        ({"priority": 2}, "urgent", 3),
        ({"priority": 3}, "otp", 3),
        ({"service_type": b"OTP"}, "otp", 3),
        ({"service_type": b"PROMO"}, "marketing", 0),
        ({"service_type": b"PROMO", "priority": 2}, "marketing", 3),
        ({"tail": tlv(0x1401, b"urgent\0"), "priority": 3}, "urgent", 2),
        ({"tail": tlv(0x1401, b"OTP"), "service_type": b"PROMO"}, "otp", 3),
    ],
)
async def test_a_tag_a_service_type_or_a_priority_says_what_it_is(
    real, client, fields, category, priority
):
    await real.set("service_types", {"OTP": "otp", "PROMO": "marketing"})
    await real.set("priorities", {"2": "urgent/3", "3": "otp"})
    await real.set("category_tag", 0x1401)

    stored = await real.stored(await real.submitted(client, **fields))

    assert (stored.category, stored.priority) == (category, priority)


async def test_the_accounts_category_is_what_nothing_else_says(real, client):
    await real.set("category", "marketing")

    stored = await real.stored(await real.submitted(client))

    assert (stored.category, stored.priority) == ("marketing", 0)


async def test_a_tag_that_names_no_category_is_refused(real, client):
    await real.set("category_tag", 0x1401)
    body = submit_body(tail=tlv(0x1401, b"spam"))
    assert await status(client, SUBMIT_SM, body) == 0xC4


async def test_a_protocol_id_and_ports_go_out_as_they_came(real, client):
    ports = tlv(0x020A, b"\x23\xf0") + tlv(0x020B, b"\x0b\x84")

    name = await real.submitted(client, protocol_id=0x41, coding=4, tail=ports)

    (waiting,) = await real.store.dispatch.waiting(real.clock.now(), 1)
    assert waiting.protocol == 0x41
    assert waiting.udh == bytes.fromhex("05040b8423f0")
    assert (await real.asked(name)).protocol == 0x41


async def test_what_no_report_came_of_is_unknown_or_expired_as_is_set(real, client):
    for word, number in ((b"UNKNOWN", 7), (b"EXPIRED", 3)):
        await real.submitted(client, registered=1)
        await put_on_air(real)
        await real.unreported()
        (receipt,) = await real.told(client)
        assert b" stat:" + word + b" err:903 " in receipt["short_message"]
        assert receipt["tlvs"][0x427] == bytes((number,))
        await real.set("unreported", "expired")
