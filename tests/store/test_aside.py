"""Messages step aside together, by how their numbers begin: those that are due and free."""

from datetime import timedelta

from appliance.policy.waits import STANDS_ASIDE
from appliance.store.aside import MOST_AT_ONCE, Step
from tests.crowd import crowd
from tests.store.test_lanes import key


async def head(world, lane_id):
    found = await world.store.lanes.heads([(lane_id, 10)], world.clock.now())
    return [each.recipient for each in found[lane_id].waiting]


async def test_those_with_one_beginning_step_aside_and_come_back_in_their_place(world):
    lane_id, now = await world.store.lanes.of(key(world)), world.clock.now()
    french, german = "+33612345678", "+4915100000001"
    first = await world.accept(lane_id=lane_id, recipient=french)
    await world.accept(lane_id=lane_id, recipient=german)
    await world.accept(lane_id=lane_id, recipient="+33612345679", pinned_sim_id=world.sim)
    await world.accept(lane_id=lane_id, recipient="+33612345670", not_before=now + timedelta(1))
    step = Step(lane_id, "+33", now + timedelta(minutes=5), now)
    assert await world.store.aside.step(step) == 1
    assert await head(world, lane_id) == [german, "+33612345679"]
    found = await world.store.lanes.explained(first.id)
    assert (found.cause, found.waiting.due_at) == (STANDS_ASIDE, now)
    assert await world.store.aside.step(step) == 0
    world.clock.advance(timedelta(minutes=5))
    assert french in await head(world, lane_id)


async def test_no_more_than_some_are_looked_at_in_one_transaction(world, url):
    lane_id, now = await world.store.lanes.of(key(world)), world.clock.now()
    crowd(url, account_id=world.account.id, lane_id=lane_id, count=MOST_AT_ONCE + 5, now=now)
    step = Step(lane_id, "+4", now + timedelta(minutes=5), now)
    assert [await world.store.aside.step(step) for _ in range(3)] == [MOST_AT_ONCE, 5, 0]
