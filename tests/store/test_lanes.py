"""Lanes: their heads are read, whatever the queue's length; held messages wait and say why."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.store.engine import open_engine
from appliance.store.ids import public
from appliance.store.lanes import _AHEAD, Hold, LaneKey
from tests.store.steps import begun, end


@pytest.fixture
async def lane(world):
    return await world.store.lanes.of(key(world))


def key(world, route="", category="transactional", priority=1):
    return LaneKey(world.account.id, category, priority, route)


async def head(world, lane, most=10):
    return (await world.store.lanes.heads([(lane, most)], world.clock.now()))[lane]


async def accept(world, lane, **given):
    return await world.accept(lane_id=lane, **given)


async def test_a_lane_is_made_once_and_found_again_after_a_restart(world, lane, open_store):
    lanes = world.store.lanes
    assert await lanes.of(key(world)) == lane
    other = await lanes.of(key(world, route="codes"))
    assert other != lane
    (first, second) = await lanes.since(0)
    assert (first.key, second.key) == (key(world), key(world, route="codes"))
    assert first.account == world.account.name
    assert await lanes.since(lane) == [second]


async def test_the_head_holds_what_is_due_first_and_no_other_lanes(world, lane):
    other = await world.store.lanes.of(key(world, route="codes"))
    now = world.clock.now()
    await accept(world, lane, not_before=now + timedelta(minutes=1))
    await accept(world, other)
    await accept(world, lane)
    found = await head(world, lane)
    assert len(found.waiting) == 1
    assert found.next_due == now + timedelta(minutes=1)
    world.clock.advance(timedelta(minutes=2))
    found = await head(world, lane)
    assert [each.due_at for each in found.waiting] == [now, now + timedelta(minutes=1)]
    assert found.next_due is None


async def test_no_more_is_read_than_asked_for(world, lane):
    for _ in range(5):
        await accept(world, lane)
    assert len((await head(world, lane, most=3)).waiting) == 3


async def test_a_held_message_waits_and_says_why(world, lane):
    await accept(world, lane)
    (waiting,) = (await head(world, lane)).waiting
    now = world.clock.now()
    until = now + timedelta(hours=9)
    await world.store.lanes.hold(Hold(waiting.message_id, until, "quiet hours", now))
    found = await head(world, lane)
    assert found.waiting == []
    assert found.next_due == until
    (view,) = await world.store.views.messages(None)
    assert view.cause == "quiet hours"
    assert view.not_before == until


async def test_what_is_under_way_is_not_held(world, lane):
    await accept(world, lane)
    (waiting,) = (await head(world, lane)).waiting
    await begun(world, waiting)
    now = world.clock.now()
    await world.store.lanes.hold(Hold(waiting.message_id, now + timedelta(hours=1), "no", now))
    (view,) = await world.store.views.messages(None)
    assert view.cause is None


async def test_when_each_lane_is_due_is_told_without_reading_the_queue(world, lane):
    other = await world.store.lanes.of(key(world, route="codes"))
    now = world.clock.now()
    await accept(world, lane, not_before=now + timedelta(hours=2))
    assert await world.store.lanes.due() == {lane: now + timedelta(hours=2)}
    await accept(world, other)
    assert await world.store.lanes.due() == {lane: now + timedelta(hours=2), other: now}


async def test_what_waits_for_a_clock_that_was_set_back_waits_no_longer(world, lane):
    now = world.clock.now()
    first = await accept(world, lane)
    asked = now + timedelta(seconds=30)
    await accept(world, lane, not_before=asked)
    (waiting,) = (await head(world, lane)).waiting
    beginning, attempt = await begun(world, waiting)
    soon = now + timedelta(seconds=5)
    await end(
        world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, not_before=soon, cause="busy"
    )
    second = await accept(world, lane)
    early = now - timedelta(hours=5)
    world.clock.jump(early)
    assert (await head(world, lane)).waiting == []
    assert await world.store.lanes.set_back(early) == 2
    found = await head(world, lane)
    assert [public("m", each.message_id) for each in found.waiting] == [second.id]
    assert found.next_due == early + timedelta(seconds=5)
    world.clock.advance(timedelta(seconds=5))
    found = await head(world, lane)
    assert [public("m", each.message_id) for each in found.waiting] == [second.id, first.id]
    assert found.next_due == asked


async def test_messages_change_lanes_and_keep_their_place_in_time(world, lane):
    other = await world.store.lanes.of(key(world, route="codes"))
    for _ in range(3):
        await accept(world, lane)
    strays = await world.store.lanes.strays(lane, 0)
    assert len(strays) == 3
    assert strays[0].account == world.account.name
    await world.store.lanes.move(strays[1].message_id, other)
    assert len((await head(world, lane)).waiting) == 2
    (moved,) = (await head(world, other)).waiting
    assert moved.message_id == strays[1].message_id
    assert moved.due_at == world.clock.now()


async def test_looking_at_the_head_uses_the_index_alone(world, lane, url):
    if "sqlite" not in url:
        pytest.skip("PostgreSQL chooses by its statistics, which a small table does not have")
    for _ in range(20):
        await accept(world, lane)
    engine = open_engine(url)
    statement = str(_AHEAD.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": False}))
    with engine.connect() as connection:
        plain = re.sub(r"\?", "0", statement)
        plan = [row[-1] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {plain}"))]
    engine.dispose()
    assert any("ix_message_lane" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
