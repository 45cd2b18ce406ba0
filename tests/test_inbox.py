"""What the network says, from its octets to facts in the store."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from appliance.clock import ManualClock
from appliance.errors import OptedOut
from appliance.inbox import Inbox, reading
from appliance.lifecycle import State
from appliance.modem.pdu import Concat, Deliver, StatusReport, decode
from appliance.policy.keywords import Keyword
from appliance.text import Encoding, septets
from tests.rooms import START, add_account, add_sim, opened
from tests.store.conftest import ALICE, World
from tests.store.steps import begun, end, part_states, send_all, state, told, unmatched

CENTRE = "+491710760000"


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def world(tmp_path, clock):
    async with opened(tmp_path, clock) as store:
        account = await add_account(store, clock)
        yield World(store, account, await add_sim(store, clock), clock)


@pytest.fixture
def inbox(world):
    return Inbox(world.store, world.clock, "DE")


def report(world, status=0x00, *, reference=7, recipient=ALICE, **given):
    now = world.clock.now()
    given = {"sent_at": now, "discharged_at": now, "smsc": CENTRE} | given
    return StatusReport(reference=reference, recipient=recipient, status=status, **given)


def deliver(world, text="Hello", *, sender=ALICE, **given):
    fields = {"encoding": Encoding.GSM7, "payload": septets(text), "sent_at": world.clock.now()}
    return Deliver(sender=sender, **(fields | given))


async def sent(world):
    accepted = await world.accept()
    await send_all(world, 1)
    return accepted


async def received(world):
    return (await world.store.views.inbound(None))[::-1]


@pytest.mark.parametrize(
    ("status", "outcome", "cause"),
    [
        (0x00, State.DELIVERED, None),
        (0x02, State.EXPIRED, "replaced"),
        (0x41, State.FAILED, "destination"),
        (0x46, State.EXPIRED, "validity"),
        (0x60, State.FAILED, "congest"),
        (0xFF, State.FAILED, ""),
    ],
)
async def test_a_status_becomes_a_state_and_says_why(world, inbox, status, outcome, cause):
    accepted = await sent(world)
    await inbox.report(world.sim, report(world, status))
    found = (await world.store.views.message(None, accepted.id)).message
    assert (found.state, found.cause_code) == (outcome, status or None)
    assert (found.cause is None) == (cause is None)
    assert (cause or "") in (found.cause or "").lower()


@pytest.mark.parametrize("status", [0x01, *range(0x20, 0x26)])
async def test_a_status_that_is_not_the_last_word_changes_nothing(world, inbox, status):
    accepted = await sent(world)
    await inbox.report(world.sim, report(world, status))
    assert (await state(world, accepted), await told(world)) == (State.SENT, [State.SENT])
    await inbox.report(world.sim, report(world))
    assert await state(world, accepted) is State.DELIVERED


@pytest.mark.parametrize("recipient", ["015123456789", "4915123456789", "004915123456789", ALICE])
async def test_a_report_finds_its_number_in_whatever_form_the_network_writes_it(
    world, inbox, recipient
):
    accepted = await sent(world)
    await inbox.report(world.sim, report(world, recipient=recipient))
    assert await state(world, accepted) is State.DELIVERED


async def test_the_same_report_twice_is_harmless(world, inbox):
    await sent(world)
    facts = report(world)
    for _ in range(2):
        world.clock.advance(timedelta(seconds=5))  # it is read again later
        await inbox.report(world.sim, facts)
    assert (await told(world), await unmatched(world)) == ([State.SENT, State.DELIVERED], 0)


async def test_a_try_and_its_outcome_are_two_reports_though_only_the_status_differs(world, inbox):
    accepted = await sent(world)
    await inbox.report(world.sim, report(world, 0x20))
    await inbox.report(world.sim, report(world, 0x00))
    assert await state(world, accepted) is State.DELIVERED


async def test_a_report_whose_stamps_cannot_be_read_is_believed(world, inbox):
    accepted = await sent(world)
    await inbox.report(world.sim, report(world, sent_at=None, discharged_at=None, smsc=None))
    assert await state(world, accepted) is State.DELIVERED


async def test_a_report_before_the_modems_answer_is_kept_for_it(world, inbox):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await inbox.report(world.sim, report(world))
    await end(world, beginning, attempt, reference=7)
    assert await state(world, accepted) is State.DELIVERED


async def test_an_inbound_message_is_kept_with_its_sender_as_we_write_numbers(world, inbox):
    taken = await inbox.inbound(world.sim, deliver(world, sender="015123456789"))
    assert (taken.new, taken.complete) == (True, True)
    (one,) = await received(world)
    assert (one.sender, one.text, one.sent_at) == (ALICE, "Hello", world.clock.now())


@pytest.mark.parametrize("sender", ["BANK", "22000", "", "Ünï-Code"])
async def test_senders_that_are_no_numbers_are_kept_as_they_came(world, inbox, sender):
    await inbox.inbound(world.sim, deliver(world, sender=sender))
    assert (await received(world))[0].sender == sender


async def test_a_part_that_is_read_again_later_is_the_same_one(world, inbox):
    facts = deliver(world)
    first = await inbox.inbound(world.sim, facts)
    world.clock.advance(timedelta(hours=1))
    again = await inbox.inbound(world.sim, facts)
    assert (again.inbound_id, again.new) == (first.inbound_id, False)
    assert len(await received(world)) == 1


@pytest.mark.parametrize(
    "differs",
    [
        {"sent_at": START - timedelta(seconds=1)},
        {"sender": "+4915187654321"},
        {"udh": b"\x05\x04\x0b\x84\x23\xf0"},
        {"payload": septets("hello")},
    ],
    ids=["time", "sender", "header", "text"],
)
async def test_whatever_differs_makes_another_message(world, inbox, differs):
    await inbox.inbound(world.sim, deliver(world))
    assert (await inbox.inbound(world.sim, deliver(world, **differs))).new
    assert len(await received(world)) == 2


@pytest.mark.parametrize(("wide", "reference"), [(False, 255), (True, 65535)])
async def test_a_long_message_is_joined_in_any_order(world, inbox, wide, reference):
    parts = [
        deliver(world, words, concat=Concat(reference, 3, ordinal, wide))
        for ordinal, words in enumerate(("one ", "two ", "three"), 1)
    ]
    for number in (2, 0, 0, 1):
        taken = await inbox.inbound(world.sim, parts[number])
    assert taken.complete
    assert [one.text for one in await received(world)] == ["one two three"]


async def test_the_language_tables_of_the_header_are_read(world, inbox):
    turkish = deliver(world, payload=b"\x1b\x49\x1b\x63", languages=(0, 1))
    await inbox.inbound(world.sim, turkish)
    assert (await received(world))[0].text == "İç"


async def test_data_is_no_text_and_means_nothing(world, inbox):
    accepted = await world.accept()
    await inbox.inbound(world.sim, deliver(world, encoding=Encoding.BINARY, payload=b"STOP"))
    (one,) = await received(world)
    assert (one.text, one.data, one.keyword) == (None, b"STOP", None)
    assert await state(world, accepted) is State.QUEUED


async def test_a_null_in_a_text_is_shown_as_unknown(world, inbox):
    octets = "a\0b".encode("utf-16-be")
    await inbox.inbound(world.sim, deliver(world, encoding=Encoding.UCS2, payload=octets))
    assert (await received(world))[0].text == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("sender", [ALICE, "015123456789", "4915123456789"])
async def test_stop_counts_in_whatever_form_the_network_writes_the_number(world, inbox, sender):
    waiting = await world.accept(text="x" * 200, parts=2)
    await inbox.inbound(world.sim, deliver(world, "Stop!", sender=sender))
    assert await part_states(world, waiting) == [State.CANCELLED] * 2
    with pytest.raises(OptedOut):
        await world.accept()


async def test_the_words_of_the_site_are_understood_too():
    understand = reading({Keyword.STOP: ["basta ya"]}).understand
    assert [understand(words) for words in ("BASTA YA!", "stop", "start", "hello")] == [
        Keyword.STOP,
        Keyword.STOP,
        Keyword.START,
        None,
    ]


async def test_what_cannot_be_decoded_is_kept_once_and_shown(world, inbox, caplog):
    raw = bytes.fromhex("0791")
    with caplog.at_level(logging.INFO):
        first = await inbox.undecodable(world.sim, raw, "it ends too early")
    again = await inbox.undecodable(world.sim, raw, "it ends too early")
    assert (first.new, first.complete, again.new) == (True, False, False)
    (one,) = await received(world)
    assert (one.state, one.sender, one.text) == ("undecodable", None, None)
    assert "it ends too early" in caplog.text


async def test_nothing_that_comes_is_logged_whole(world, inbox, caplog):
    with caplog.at_level(logging.DEBUG):
        await sent(world)
        await inbox.report(world.sim, report(world))
        await inbox.inbound(world.sim, deliver(world, "a secret"))
    assert caplog.records
    assert "15123456789" not in caplog.text
    assert "secret" not in caplog.text


async def test_a_real_report_and_a_real_message_find_their_way(world, inbox):
    world.clock.jump(datetime(2026, 5, 4, 9, 59, 57, tzinfo=UTC))
    accepted = await sent(world)
    world.clock.jump(datetime(2026, 5, 4, 10, 0, 10, tzinfo=UTC))
    # 07 91 … centre, 06 report, reference 7, recipient, stamp 26-05-04 12:00:00 +2 h, twice, 00
    pdu = "079194710167000006070D91945121436587F9" + "62504021000080" * 2 + "00"
    found = decode(bytes.fromhex(pdu))
    assert isinstance(found, StatusReport)
    await inbox.report(world.sim, found)
    assert await state(world, accepted) is State.DELIVERED

    pdu = "0791947101670000040D91945121436587F90000" + "62504021000080" + "04D3E61404"
    message = decode(bytes.fromhex(pdu))
    assert isinstance(message, Deliver)
    await inbox.inbound(world.sim, message)
    (one,) = await received(world)
    assert (one.sender, one.account, one.sent_at) == (
        ALICE,
        "shop",
        datetime(2026, 5, 4, 10, tzinfo=UTC),
    )
