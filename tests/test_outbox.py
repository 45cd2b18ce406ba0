"""Notices leave in order, as often as it takes, and are done only when they are acknowledged."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from appliance.clock import ManualClock
from appliance.errors import NobodyThere, Undelivered
from appliance.lifecycle import State
from appliance.notice import MessageNews
from appliance.outbox import BACK_OFF, JITTER, Outbox, back_off
from appliance.store.bell import CHANGES
from appliance.store.engine import open_engine
from tests.rooms import START, add_account, add_sim, opened
from tests.store.conftest import World
from tests.store.steps import report, send_all

PATIENCE = 20  # seconds; what is waited for comes in milliseconds


class Carrier:
    """Takes notices in memory. ``answer`` says how: an error to raise, or None."""

    def __init__(self, name="webhook", window=4):
        self.name, self.window, self.waits = name, window, BACK_OFF
        self.tried = []  # (public id, tries before) in the order they came
        self.acknowledged = []
        self.under_way = 0
        self.most_under_way = 0
        self.answer = lambda notice: None
        self._held: dict[str, asyncio.Event] = {}
        self._news = asyncio.Condition()

    def hold(self, subject):
        """Let notices of a message wait for their acknowledgement until the event is set."""
        return self._held.setdefault(subject, asyncio.Event())

    async def deliver(self, account, notice):
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self._tell(self.tried, notice)
        try:
            if held := self._held.get(subject_of(notice)):
                await held.wait()
            if error := self.answer(notice):
                raise error
        finally:
            self.under_way -= 1
        await self._tell(self.acknowledged, notice)

    async def _tell(self, those, notice):
        those.append(notice)
        async with self._news:
            self._news.notify_all()

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(condition)

    async def took(self, count):
        await self.until(lambda: len(self.acknowledged) >= count)

    async def was_asked(self, count):
        await self.until(lambda: len(self.tried) >= count)


def subject_of(notice):
    news = notice.news
    return news.message_id if isinstance(news, MessageNews) else news.inbound_id


def told(notices):
    return [(subject_of(notice), notice.news.state) for notice in notices]


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def store(tmp_path, clock):
    async with opened(tmp_path, clock) as store:
        yield store


@pytest.fixture
async def world(store, clock):
    account = await add_account(store, clock)
    return World(store, account, await add_sim(store, clock), clock)


@asynccontextmanager
async def running(store, clock, *carriers):
    outbox = Outbox(store, clock)
    for carrier in carriers:
        outbox.add(carrier)
    task = asyncio.create_task(outbox.run())
    yield outbox
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
async def outbox(world, carrier):
    async with running(world.store, world.clock, carrier) as outbox:
        yield outbox


async def sent(world, **given):
    """Send a message, so that its account is owed the news."""
    accepted = await world.accept(**given)
    await send_all(world, 1)
    return accepted.id


async def settled(world, account_id=None):
    """Return when nothing is owed to the account any more."""
    bell = world.store.bells.listen(CHANGES)
    async with asyncio.timeout(PATIENCE):
        while await world.store.notices.owed(account_id or world.account.id, 1):
            await bell.wait()


async def open_tries(world):
    owed = await world.store.notices.owed(world.account.id, 100)
    return [one.notice.tries for one in owed]


async def until_tries(world, *tries):
    """Return when the open notices have been tried so often."""
    async with asyncio.timeout(PATIENCE):
        while await open_tries(world) != list(tries):
            await asyncio.sleep(0)


async def test_a_notice_is_delivered_once_and_is_done_then(world, outbox, carrier):
    message = await sent(world)
    await carrier.took(1)
    await settled(world)
    outbox.wake(world.account.id)
    other = await sent(world)
    await carrier.took(2)
    assert told(carrier.tried) == [(message, State.SENT), (other, State.SENT)]


async def test_what_was_owed_before_the_start_is_delivered_too(world, carrier):
    messages = [await sent(world) for _ in range(3)]
    async with running(world.store, world.clock, carrier):
        await carrier.took(3)
    assert [subject_of(notice) for notice in carrier.acknowledged] == messages


async def test_a_notice_is_open_until_the_other_side_has_acknowledged_it(world, outbox, carrier):
    message = await world.accept()
    held = carrier.hold(message.id)
    await send_all(world, 1)
    await carrier.was_asked(1)
    assert len(await world.store.notices.owed(world.account.id, 10)) == 1
    held.set()
    await settled(world)
    assert len(carrier.tried) == 1


async def test_what_is_told_of_one_message_is_told_in_order(world, outbox, carrier):
    message = await world.accept()
    held = carrier.hold(message.id)
    await send_all(world, 1)
    await world.store.reports.take(report(world))
    await carrier.was_asked(1)
    other = await sent(world, recipient="+4915187654321", suffix="87654321")
    await carrier.was_asked(2)
    assert told(carrier.tried) == [(message.id, State.SENT), (other, State.SENT)]

    held.set()
    await settled(world)
    assert told(carrier.acknowledged)[1:] == [
        (message.id, State.SENT),
        (message.id, State.DELIVERED),
    ]


async def test_what_was_owed_of_one_message_before_the_start_goes_in_order_too(world, carrier):
    message = await world.accept()
    held = carrier.hold(message.id)
    await send_all(world, 1)
    await world.store.reports.take(report(world))
    other = await sent(world, recipient="+4915187654321", suffix="87654321")
    async with running(world.store, world.clock, carrier):
        await carrier.took(1)
        assert told(carrier.tried) == [(message.id, State.SENT), (other, State.SENT)]
        held.set()
        await settled(world)
    assert told(carrier.tried)[2:] == [(message.id, State.DELIVERED)]


async def test_one_slow_message_does_not_hold_up_others(world, carrier):
    slow = await world.accept()
    held = carrier.hold(slow.id)
    await send_all(world, 1)
    async with running(world.store, world.clock, carrier):
        others = [await sent(world) for _ in range(30)]
        await carrier.took(30)
        assert [subject_of(notice) for notice in carrier.acknowledged] == others
        held.set()
        await settled(world)


@pytest.mark.parametrize("window", [1, 3])
async def test_no_more_are_under_way_than_the_carriers_window(world, window):
    carrier = Carrier(window=window)
    messages = [await sent(world) for _ in range(4 * window + 5)]
    events = [carrier.hold(message) for message in messages]
    async with running(world.store, world.clock, carrier):
        for number, event in enumerate(events):
            await carrier.was_asked(min(number + window, len(messages)))
            event.set()
        await settled(world)
    assert carrier.most_under_way == window
    assert sorted(map(subject_of, carrier.tried)) == sorted(messages)


async def test_a_failure_is_tried_again_later_under_the_same_id(world, outbox, carrier):
    carrier.answer = lambda notice: Undelivered("HTTP 503") if notice.tries < 3 else None
    await sent(world)
    for tries in (1, 2, 3):
        await until_tries(world, tries)
        outbox.wake(world.account.id)
        assert len(carrier.tried) == tries  # its time has not come
        world.clock.advance(BACK_OFF[tries - 1] * (1 + JITTER))
        outbox.wake(world.account.id)
        await carrier.was_asked(tries + 1)
    await settled(world)
    assert [notice.tries for notice in carrier.tried] == [0, 1, 2, 3]
    assert len({notice.public_id for notice in carrier.tried}) == 1


async def test_what_a_lost_connection_took_along_goes_at_once_and_waits_only_the_next_time(
    world, outbox, carrier
):
    carrier.answer = lambda notice: Undelivered("lost", lost=True) if notice.tries < 3 else None
    await sent(world)
    await carrier.was_asked(2)  # at once
    for tries in (2, 3):
        await until_tries(world, tries)
        assert len(carrier.tried) == tries
        world.clock.advance(BACK_OFF[tries - 2] * (1 + JITTER))
        outbox.wake(world.account.id)
        await carrier.was_asked(tries + 1)
    await settled(world)
    assert [notice.tries for notice in carrier.tried] == [0, 1, 2, 3]


async def test_each_carrier_has_its_own_waits(world):
    carrier = Carrier()
    carrier.waits = (timedelta(hours=1),)
    carrier.answer = lambda notice: Undelivered("0x14") if notice.tries == 0 else None
    async with running(world.store, world.clock, carrier) as outbox:
        await sent(world)
        await until_tries(world, 1)
        world.clock.advance(BACK_OFF[0] * (1 + JITTER))
        outbox.wake(world.account.id)
        assert len(carrier.tried) == 1
        world.clock.advance(timedelta(hours=2))
        outbox.wake(world.account.id)
        await settled(world)


async def test_a_notice_that_waits_for_its_time_holds_up_the_next_one_of_its_message_only(
    world, outbox, carrier
):
    message = await world.accept()
    carrier.answer = lambda notice: (
        Undelivered("HTTP 500")
        if told([notice]) == [(message.id, State.SENT)] and notice.tries == 0
        else None
    )
    await send_all(world, 1)
    await until_tries(world, 1)
    await world.store.reports.take(report(world))
    other = await sent(world, recipient="+4915187654321", suffix="87654321")
    await carrier.took(1)
    assert told(carrier.acknowledged) == [(other, State.SENT)]

    world.clock.advance(BACK_OFF[0] * (1 + JITTER))
    outbox.wake(world.account.id)
    await settled(world)
    assert told(carrier.acknowledged)[1:] == [
        (message.id, State.SENT),
        (message.id, State.DELIVERED),
    ]


async def test_many_notices_that_fail_do_not_starve_the_ones_behind_them(world):
    carrier = Carrier(window=1)
    bad = {await sent(world) for _ in range(20)}
    carrier.answer = lambda notice: Undelivered("HTTP 500") if subject_of(notice) in bad else None
    async with running(world.store, world.clock, carrier):
        good = await sent(world)
        await carrier.took(1)
        assert [subject_of(notice) for notice in carrier.acknowledged] == [good]


async def test_nobody_there_costs_no_try_and_waits_for_somebody(world, outbox, carrier):
    carrier.answer = lambda notice: NobodyThere("nobody is bound")
    message = await sent(world)
    await carrier.was_asked(1)
    await sent(world)  # rings the bell; nobody is asked again
    assert len(carrier.tried) == 1
    assert await open_tries(world) == [0, 0]

    carrier.answer = lambda notice: None
    outbox.wake(world.account.id)
    await settled(world)
    assert subject_of(carrier.acknowledged[0]) == message
    assert [notice.tries for notice in carrier.acknowledged] == [0, 0]


async def test_who_came_while_another_one_left_is_not_taken_for_nobody(world, outbox, carrier):
    message = await world.accept()
    held = carrier.hold(message.id)
    answers = [NobodyThere("the session was closed"), None]
    carrier.answer = lambda notice: answers.pop(0)
    await send_all(world, 1)
    await carrier.was_asked(1)
    outbox.wake(world.account.id)  # somebody binds; then the old session says that it is gone
    held.set()
    await settled(world)
    assert len(carrier.tried) == 2


async def test_what_was_refused_for_good_is_parked_and_the_next_one_goes(world, outbox, carrier):
    message = await world.accept()
    carrier.answer = lambda notice: (
        Undelivered("HTTP 410", parked=True) if notice.news.state is State.SENT else None
    )
    await send_all(world, 1)
    await world.store.reports.take(report(world))
    await settled(world)
    outbox.wake(world.account.id)
    other = await sent(world, recipient="+4915187654321", suffix="87654321")
    await settled(world)
    assert told(carrier.tried) == [
        (message.id, State.SENT),
        (message.id, State.DELIVERED),
        (other, State.SENT),
    ]
    engine = open_engine(world.store._engine.url.render_as_string())
    with engine.connect() as connection:
        kept = text("SELECT last_error, tries FROM notice WHERE parked_at IS NOT NULL")
        assert connection.execute(kept).all() == [("HTTP 410", 1)] * 2
    engine.dispose()


async def test_after_a_restart_it_is_delivered_again_under_the_same_id(tmp_path, clock, carrier):
    async with opened(tmp_path, clock) as store:
        account = await add_account(store, clock)
        world = World(store, account, await add_sim(store, clock), clock)
        message = await world.accept()
        carrier.hold(message.id)
        async with running(store, clock, carrier):
            await send_all(world, 1)
            await carrier.was_asked(1)
    again = Carrier()
    async with opened(tmp_path, clock) as store, running(store, clock, again):
        await again.took(1)
        await settled(World(store, account, 1, clock))
    assert again.acknowledged == carrier.tried
    assert carrier.acknowledged == []


async def test_an_account_that_is_new_is_carried_at_once(world, outbox, carrier):
    account = await add_account(world.store, world.clock, "bank")
    message = await sent(world, account_id=account.id)
    await carrier.took(1)
    assert (subject_of(carrier.tried[0]), carrier.tried[0].account_id) == (message, account.id)


async def test_each_account_has_its_own_carrier(world, carrier):
    smpp = Carrier("smpp")
    account = await add_account(world.store, world.clock, "bank", webhook_url=None, local=False)
    async with running(world.store, world.clock, carrier, smpp):
        ours = await sent(world)
        theirs = await sent(world, account_id=account.id, receipts="all", door="smpp")
        await smpp.took(1)
        await carrier.took(1)
    assert [subject_of(one) for one in carrier.tried] == [ours]
    assert [subject_of(one) for one in smpp.tried] == [theirs]


async def test_one_account_that_fails_does_not_hold_up_another(world, outbox, carrier):
    account = await add_account(world.store, world.clock, "bank")
    carrier.answer = lambda notice: (
        Undelivered("HTTP 500") if notice.account_id == world.account.id else None
    )
    await sent(world)
    await sent(world, account_id=account.id)
    await settled(world, account.id)
    await until_tries(world, 1)


async def test_a_revoked_account_is_told_nothing_more(world, outbox, carrier):
    await sent(world)
    await carrier.took(1)
    other = await add_account(world.store, world.clock, "bank")
    await world.store.accounts.revoke("shop", world.clock.now())
    async with asyncio.timeout(PATIENCE):
        while outbox._workers[world.account.id]._account.revoked_at is None:
            await asyncio.sleep(0)
    await sent(world)
    await sent(world, account_id=other.id)
    await carrier.took(2)
    assert [notice.account_id for notice in carrier.tried] == [world.account.id, other.id]


async def test_a_carrier_that_breaks_costs_a_try_and_hurts_nobody(world, outbox, carrier, caplog):
    bad = await world.accept()
    carrier.answer = lambda notice: RuntimeError("oops") if subject_of(notice) == bad.id else None
    await send_all(world, 1)
    await until_tries(world, 1)
    await sent(world)
    await carrier.took(1)
    await until_tries(world, 1)
    assert "carrier webhook failed" in caplog.text


async def test_what_was_acknowledged_but_not_written_down_is_not_delivered_again(
    world, outbox, carrier
):
    engine = open_engine(world.store._engine.url.render_as_string())
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER broken BEFORE UPDATE ON notice"
                " BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        )
    await sent(world)
    await carrier.took(1)
    beat = world.store.beat
    async with asyncio.timeout(PATIENCE):
        while world.store.beat == beat:
            await asyncio.sleep(0)
    outbox.wake(world.account.id)
    await world.accept()
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER broken"))
    engine.dispose()
    await settled(world)
    assert len(carrier.tried) == 1


@given(st.integers(1, 1000))
def test_each_wait_is_the_one_of_its_try_spread_a_little(tries):
    expected = BACK_OFF[min(tries, len(BACK_OFF)) - 1]
    assert abs(back_off(tries) - expected) <= expected * JITTER + timedelta(microseconds=1)
