"""What we owe the accounts: written with the change, kept until it is acknowledged."""

import asyncio
from datetime import timedelta

import pytest

from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store.accounts import NewAccount
from appliance.store.bell import CHANGES, NOTICES
from tests.store.conftest import World
from tests.store.steps import HOURS, begun, end, lose, report, rows, send_all, told
from tests.store.test_messages import stop

BOB = "+4915187654321"


async def account_of(world, **given):
    issued = await world.store.accounts.add(NewAccount(**given), world.clock.now())
    return issued.account_id


async def owed(world, most=100, account_id=None):
    found = await world.store.notices.owed(account_id or world.account.id, most)
    return [one.notice for one in found]


async def due(world, most=100):
    """Return what may go now, and in how long something else may."""
    now = world.clock.now()
    agenda = await world.store.notices.due(world.account.id, most, now)
    wait = agenda.next_at - now if agenda.next_at else None
    return [one.notice.news.state for one in agenda.notices], wait


async def sent(world, **given):
    accepted = await world.accept(**given)
    await send_all(world, given.get("parts", 1))
    return accepted


async def test_a_notice_says_all_that_a_webhook_or_a_receipt_needs(world):
    accepted = await world.accept(text="Hello, this is a longer text", reference="order-1")
    await send_all(world, 1)
    world.clock.advance(timedelta(seconds=9))
    await world.store.reports.take(report(world, Event.REFUSE, cause="no such number", status=0x41))

    failed = (await owed(world))[-1]
    news = failed.news
    assert (news.message_id, news.reference, news.state, news.final) == (
        accepted.id,
        "order-1",
        State.FAILED,
        True,
    )
    assert (news.cause, news.cause_code) == ("no such number", 0x41)
    assert (news.recipient, news.text_start) == ("+4915123456789", "Hello, this is a lon")
    assert (news.parts, news.parts_delivered) == (1, 0)
    assert news.changed_at - news.accepted_at == timedelta(seconds=9)
    assert (failed.account_id, failed.tries, failed.created_at) == (
        world.account.id,
        0,
        news.changed_at,
    )


async def test_the_addresses_of_an_esme_are_given_back_as_it_gave_them(world):
    addresses = {
        "source": "SHOP",
        "source_ton": 5,
        "source_npi": 0,
        "dest": "4915123456789",
        "dest_ton": 1,
        "dest_npi": 1,
    }
    await sent(world, door="smpp", smpp=addresses)
    news = (await owed(world))[0].news
    assert {name: getattr(news, f"smpp_{name}") for name in addresses} == addresses


@pytest.mark.parametrize(
    ("receipts", "states"),
    [
        (None, [State.SENT, State.DELIVERED]),
        ("none", []),
        ("final", [State.DELIVERED]),
        ("success", [State.DELIVERED]),
        ("failure", []),
        ("all", [State.SENT, State.DELIVERED]),
    ],
)
async def test_an_account_is_told_what_it_wants_to_be_told(world, receipts, states):
    await sent(world, receipts=receipts)
    await world.store.reports.take(report(world))
    assert await told(world) == states


async def test_an_account_without_a_carrier_is_owed_nothing(world):
    quiet = await account_of(world, name="quiet", local=True)
    await sent(world, account_id=quiet)
    await world.store.reports.take(report(world))
    assert await owed(world, account_id=quiet) == []


async def test_an_esme_is_told_of_its_own_messages_only(world):
    esme = await account_of(world, name="esme")
    await sent(world, account_id=esme, door="rest")
    await sent(world, account_id=esme, door="smpp", recipient=BOB, suffix=BOB[-8:])
    facts = report(world, recipient=BOB, suffix=BOB[-8:])
    await world.store.reports.take(facts)
    await world.store.reports.take(report(world))
    assert await told(world, esme) == [State.DELIVERED]


async def test_a_change_and_its_notice_are_stored_together(world, url):
    await sent(world)
    both = "SELECT (SELECT state FROM message), (SELECT max(state) FROM notice)"
    assert rows(url, both) == [("sent", "sent")]


async def test_notices_come_oldest_first_and_no_more_than_asked_for(world):
    for number in range(5):
        await sent(world, reference=str(number))
    assert [one.news.reference for one in await owed(world, 3)] == ["0", "1", "2"]


async def test_what_is_done_is_owed_no_more(world, url):
    await sent(world)
    (notice,) = await owed(world)
    await world.store.notices.done(notice.id, world.clock.now())
    assert await owed(world) == []
    assert rows(url, "SELECT tries FROM notice") == [(1,)]


async def test_what_failed_waits_for_its_time_and_says_why(world, url):
    await sent(world)
    (notice,) = await owed(world)
    later = world.clock.now() + timedelta(seconds=5)
    await world.store.notices.failed(notice.id, "HTTP 503", later)
    assert await due(world) == ([], timedelta(seconds=5))
    assert rows(url, "SELECT tries, last_error FROM notice") == [(1, "HTTP 503")]

    world.clock.advance(timedelta(seconds=5))
    assert await due(world) == ([State.SENT], None)
    (again,) = await owed(world)
    assert (again.id, again.public_id, again.tries) == (notice.id, notice.public_id, 1)


async def test_a_notice_that_waits_holds_up_the_later_ones_of_its_message_and_no_others(world):
    await sent(world)
    (notice,) = await owed(world)
    await world.store.notices.failed(notice.id, "HTTP 503", world.clock.now() + HOURS)
    await world.store.reports.take(report(world))
    await sent(world, recipient=BOB, suffix=BOB[-8:])
    assert await due(world) == ([State.SENT], HOURS)
    world.clock.advance(HOURS)
    assert await due(world) == ([State.SENT, State.DELIVERED, State.SENT], None)


async def test_notices_that_wait_are_not_read_in_place_of_those_that_may_go(world):
    for _ in range(5):
        await sent(world)
    for notice in await owed(world):
        await world.store.notices.failed(notice.id, "HTTP 500", world.clock.now() + HOURS)
    await sent(world)
    assert await due(world, 2) == ([State.SENT], HOURS)


async def test_what_is_parked_is_kept_and_not_owed_and_lets_the_next_one_go(world, url):
    await sent(world)
    (notice,) = await owed(world)
    await world.store.reports.take(report(world))
    await world.store.notices.parked(notice.id, "HTTP 410", world.clock.now())
    assert await told(world) == [State.DELIVERED]
    parked = "SELECT state, last_error FROM notice WHERE parked_at IS NOT NULL"
    assert rows(url, parked) == [("sent", "HTTP 410")]


async def test_what_nobody_took_in_its_time_is_parked(world):
    await sent(world)
    world.clock.advance(48 * HOURS)
    await sent(world)
    now = world.clock.now()
    assert await world.store.notices.park_older(now - 24 * HOURS, now) == 1
    assert await world.store.notices.park_older(now - 24 * HOURS, now) == 0
    assert len(await owed(world)) == 1
    assert (await world.store.views.queue()).notices == 1


async def test_an_inbound_message_is_owed_with_what_it_was_understood_as(world):
    await world.store.inbound.take(stop(world))
    await world.store.inbound.take(stop(world, "Hello"))
    first, second = [notice.news for notice in await owed(world)]
    assert (first.text, first.opt_out, second.text, second.opt_out) == (
        "STOP",
        True,
        "Hello",
        False,
    )


async def test_an_inbound_message_without_a_readable_stamp_was_sent_when_it_came(world):
    await world.store.inbound.take(stop(world, "Hello", sent_at=None))
    news = (await owed(world))[0].news
    assert news.sent_at == news.received_at == world.clock.now()


async def test_a_restart_forgets_no_notice_and_names_it_as_before(world, open_store):
    await sent(world)
    (before,) = await owed(world)
    await world.store.close()
    again = World(await open_store(), world.account, world.sim, world.clock)
    assert [one.public_id for one in await owed(again)] == [before.public_id]


async def test_creditors_are_the_accounts_that_are_owed_something(world):
    other = await account_of(world, name="bank", webhook_url="http://127.0.0.1:1/")
    assert await world.store.notices.creditors() == []
    await sent(world)
    await sent(world, account_id=other)
    assert sorted(await world.store.notices.creditors()) == [world.account.id, other]


async def test_a_bell_tells_whom_something_is_owed(world):
    ours = world.store.bells.listen((NOTICES, world.account.id))
    theirs = world.store.bells.listen((NOTICES, world.account.id + 1))
    await sent(world)
    assert ours.heard()
    await world.store.inbound.take(stop(world, "Hello"))
    assert ours.heard()
    assert not theirs.heard()


@pytest.mark.parametrize("how", ["done", "parked"])
async def test_the_page_hears_of_whatever_is_settled(world, how):
    await sent(world)
    (notice,) = await owed(world)
    bell = world.store.bells.listen(CHANGES)
    why = ["HTTP 410"] if how == "parked" else []
    await getattr(world.store.notices, how)(notice.id, *why, world.clock.now())
    assert bell.heard()


async def test_many_outcomes_at_once_each_count(world):
    for _ in range(10):
        await sent(world)
    notices, now = await owed(world), world.clock.now()
    await asyncio.gather(
        *(world.store.notices.done(one.id, now) for one in notices[:5]),
        *(world.store.notices.failed(one.id, "HTTP 500", now) for one in notices[5:]),
    )
    assert [one.tries for one in await owed(world)] == [1] * 5


async def test_a_correction_follows_the_failure_that_was_told(world):
    accepted = await world.accept(receipts="final")
    beginning = await begun(world)
    await lose(world, *beginning)
    await world.store.reports.take(report(world, Event.EXPIRE))
    await world.store.reports.take(report(world))
    assert await told(world) == [State.EXPIRED, State.DELIVERED]
    assert [one.news.message_id for one in await owed(world)] == [accepted.id] * 2


async def test_a_message_that_is_tried_again_is_not_told_of(world):
    await world.accept()
    await end(
        world, *await begun(world), Outcome.REFUSED, Event.RELEASE, cause="the network is congested"
    )
    assert await owed(world) == []
