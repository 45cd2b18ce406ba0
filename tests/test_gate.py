"""How much and how fast an account may hand in: one gate for all doors."""

import asyncio
import logging
from datetime import timedelta

import pytest

from appliance import withdrawal
from appliance.clock import ManualClock
from appliance.errors import NoRoom, QueueFull, ReferenceUsed, StoreClosed, TooFast
from appliance.gate import SOON, TOLD_EVERY, Gate
from appliance.models import Account
from appliance.store.withdrawal import Selection
from tests.rooms import START, add_account, opened
from tests.test_intake import TO, Front


class Counter:
    """A queue that counts what it is told is there. ``may_count`` shut: it takes long."""

    def __init__(self):
        self.waiting: dict[int, int] = {}
        self.counts = 0
        self.may_count = asyncio.Event()
        self.may_count.set()
        self.failure = None

    async def __call__(self):
        self.counts += 1
        found = dict(self.waiting)
        await self.may_count.wait()
        if self.failure:
            raise self.failure
        return found


def account(**settings):
    return Account(id=1, name="erp", created_at=START, **settings)


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
def queue():
    return Counter()


async def enter(gate, whose, times=1):
    for _ in range(times):
        await gate.enter(whose)
        gate.leave(whose, stored=True)


async def test_a_rate_lets_its_burst_pass_and_tells_how_long_the_next_one_takes(clock, queue):
    gate, erp = Gate(queue, clock), account(submits_per_second=4, burst=2)
    gate.pace(erp)
    gate.pace(erp)

    with pytest.raises(TooFast) as caught:
        gate.pace(erp)

    assert caught.value.wait == 0.25
    clock.advance(timedelta(seconds=0.25))
    gate.pace(erp)


@pytest.mark.parametrize("none", [None, 0])
async def test_without_a_rate_and_without_a_ceiling_all_pass_and_nothing_is_counted(
    clock, queue, none
):
    gate, erp = Gate(queue, clock), account(submits_per_second=none, queue_ceiling=none)
    for _ in range(1000):
        gate.pace(erp)
    await enter(gate, erp, 1000)

    assert queue.counts == 0
    assert gate.load(erp) == 0


async def test_where_no_burst_is_set_the_site_has_one(clock, queue):
    gate, erp = Gate(queue, clock, burst=50), account(submits_per_second=1)
    for _ in range(50):
        gate.pace(erp)

    with pytest.raises(TooFast):
        gate.pace(erp)


async def test_a_ceiling_is_exact_and_counted_once(clock, queue):
    queue.waiting[1] = 3
    gate, erp = Gate(queue, clock), account(queue_ceiling=10)
    await enter(gate, erp, 7)

    for _ in range(100):
        with pytest.raises(QueueFull):
            await gate.enter(erp)

    assert queue.counts == 1
    assert gate.load(erp) == 99


async def test_what_has_left_makes_room_soon(clock, queue):
    gate, erp = Gate(queue, clock), account(queue_ceiling=2)
    await enter(gate, erp, 2)
    queue.waiting[1] = 1
    with pytest.raises(QueueFull):
        await gate.enter(erp)

    clock.advance(timedelta(seconds=SOON))

    await enter(gate, erp)
    with pytest.raises(QueueFull):
        await gate.enter(erp)
    assert queue.counts == 2


async def test_many_that_come_at_once_wait_for_one_count_and_no_more_pass_than_may(clock, queue):
    gate, erp = Gate(queue, clock), account(queue_ceiling=20)
    queue.may_count.clear()
    coming = [asyncio.create_task(gate.enter(erp)) for _ in range(50)]
    await asyncio.sleep(0)
    queue.may_count.set()

    found = await asyncio.gather(*coming, return_exceptions=True)

    assert (found.count(None), sum(isinstance(one, QueueFull) for one in found)) == (20, 30)
    assert queue.counts == 1


async def test_a_queue_that_cannot_be_counted_takes_nothing_and_is_tried_again(clock, queue):
    queue.failure = StoreClosed("a read")
    gate, erp = Gate(queue, clock), account(queue_ceiling=20)
    with pytest.raises(StoreClosed):
        await gate.enter(erp)

    queue.failure = None

    await enter(gate, erp)


async def test_all_accounts_together_have_a_ceiling_too(clock, queue):
    queue.waiting |= {1: 1, 2: 3}
    gate = Gate(queue, clock, ceiling=5)
    await enter(gate, account())

    with pytest.raises(NoRoom) as caught:
        await gate.enter(account(queue_ceiling=100))

    assert not isinstance(caught.value, QueueFull)
    assert gate.load(account(queue_ceiling=100)) == 99


async def test_who_is_held_back_is_told_in_the_log_once_a_minute(clock, queue, caplog):
    caplog.set_level(logging.INFO)
    gate, erp = Gate(queue, clock), account(submits_per_second=1, burst=1)
    gate.pace(erp)
    for _ in range(499):
        with pytest.raises(TooFast):
            gate.pace(erp)
    clock.advance(timedelta(seconds=TOLD_EVERY))
    gate.pace(erp)
    with pytest.raises(TooFast):
        gate.pace(erp)

    assert [record.getMessage() for record in caplog.records] == [
        f"account 1 is held back: more than 1 submits in a second ({silent} more refusals since it"
        " was last told)"
        for silent in (0, 498)
    ]


class Shop(Front):
    """An intake with a store, whose account may be set otherwise meanwhile."""

    async def set(self, key, value):
        self.account = await self.store.accounts.set(self.account.name, key, value)

    async def count(self):
        return len(await self.stored())


@pytest.fixture
async def shop(tmp_path, clock):
    async with opened(tmp_path, clock) as store:
        yield Shop(store, await add_account(store, clock), clock, tmp_path)


async def refused(shop, error, **asked):
    with pytest.raises(error):
        await shop.submit(**asked)


async def test_a_rate_that_is_set_holds_at_once_and_so_does_another(shop):
    await shop.set("submits_per_second", 1)
    await shop.set("burst", 2)
    await shop.submit()
    await shop.submit()
    await refused(shop, TooFast)

    await shop.set("submits_per_second", 0)

    await shop.submit()
    assert await shop.count() == 3


async def test_a_full_queue_stores_nothing_until_something_has_left_it(shop, clock):
    await shop.set("queue_ceiling", 2)
    await shop.submit()
    accepted = await shop.submit(reference="order-1")
    await refused(shop, QueueFull)
    await refused(shop, QueueFull, reference="order-2")

    assert await shop.count() == 2
    chosen = Selection(ids=(accepted.id,))
    await withdrawal.cancel(shop.store, clock, shop.account.id, chosen)
    clock.advance(timedelta(seconds=SOON))
    await shop.submit()


async def test_what_is_refused_or_repeated_takes_no_room(shop):
    await shop.set("queue_ceiling", 2)
    for _ in range(5):
        repeated = await shop.submit(reference="order-1")
    assert repeated.repeated
    await refused(shop, ReferenceUsed, reference="order-1", text="another")
    await shop.submit()
    await refused(shop, QueueFull)


async def test_the_queue_is_right_after_a_restart(shop, tmp_path, clock):
    await shop.set("queue_ceiling", 3)
    await shop.submit()
    await shop.submit()

    again = Shop(shop.store, shop.account, clock, tmp_path)
    await again.submit()

    await refused(again, QueueFull)
    assert await again.count() == 3


async def test_hundreds_at_once_never_pass_a_ceiling(shop):
    await shop.set("queue_ceiling", 120)

    found = await asyncio.gather(
        *(shop.submit(to=f"+49151234567{number:02}") for number in range(100)),
        *(shop.submit(to=TO) for _ in range(100)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, QueueFull) for one in found) == 80
    assert len(await shop.store.views.messages(None, most=500)) == 120


async def test_the_site_has_a_ceiling_for_all(shop, tmp_path, clock):
    small = Shop(shop.store, shop.account, clock, tmp_path, most_queued=1)
    await small.submit()

    await refused(small, NoRoom)
