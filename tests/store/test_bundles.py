"""Segments that an app has split itself: together, in order, by one SIM, under our reference."""

import asyncio
from datetime import timedelta

import pytest

from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.store.bundles import LONGEST_WAIT, WAIT, WAITS, YOUNG
from appliance.store.lanes import LaneKey
from appliance.store.values import Begun, NotBegun, Segment
from tests.rooms import add_account
from tests.store.steps import another_sim, begun, end, on_postgresql
from tests.store.test_dispatch import begin
from tests.store.test_lanes import head, key

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
async def lane(world):
    return await world.store.lanes.of(key(world))


async def segment(world, lane, ordinal, *, total=3, reference=7, source="shop", **given):
    header = bytes((0, 3, reference, total, ordinal))
    return await world.accept(
        lane_id=lane,
        text=f"segment {ordinal}",
        udh=header,
        segment=Segment(source, reference, total, ordinal),
        **given,
    )


async def due(world, lane):
    return [each.text for each in (await head(world, lane)).waiting]


async def test_segments_wait_for_each_other_and_leave_in_order_when_all_are_there(world, lane):
    for ordinal in (3, 1):
        await segment(world, lane, ordinal)
        assert await due(world, lane) == []
        (view, *_) = await world.store.views.messages(None)
        assert view.cause == WAITS
    await segment(world, lane, 2)
    world.clock.advance(10 * MICROSECOND)
    assert await due(world, lane) == ["segment 1", "segment 2", "segment 3"]
    assert [view.cause for view in await world.store.views.messages(None)] == [None] * 3


async def test_those_that_are_taken_in_one_transaction_are_one_bundle(world, lane):
    await asyncio.gather(*(segment(world, lane, ordinal) for ordinal in (2, 3, 1)))
    world.clock.advance(10 * MICROSECOND)
    assert await due(world, lane) == ["segment 1", "segment 2", "segment 3"]
    bundles = {each.bundle_id for each in (await head(world, lane)).waiting}
    assert len(bundles) == 1


async def test_one_that_is_missing_does_not_hold_the_others_for_ever(world, lane):
    await segment(world, lane, 3)
    world.clock.advance(timedelta(seconds=1))
    await segment(world, lane, 1)
    world.clock.advance(WAIT)
    assert await due(world, lane) == []
    world.clock.advance(10 * MICROSECOND)
    assert await due(world, lane) == ["segment 1", "segment 3"]


async def test_however_many_come_the_first_waits_only_so_long(world, lane):
    for ordinal in range(1, 40):
        await segment(world, lane, ordinal, total=50)
        world.clock.advance(timedelta(seconds=1))
    assert timedelta(seconds=39) > LONGEST_WAIT
    assert (await due(world, lane))[:2] == ["segment 1", "segment 2"]


async def test_what_is_asked_for_later_waits_until_then_in_order(world, lane):
    later = world.clock.now() + timedelta(hours=1)
    for ordinal in (2, 3, 1):
        await segment(world, lane, ordinal, not_before=later)
    world.clock.advance(timedelta(minutes=59))
    assert await due(world, lane) == []
    world.clock.advance(timedelta(minutes=2))
    assert await due(world, lane) == ["segment 1", "segment 2", "segment 3"]


async def bundles(world, lane):
    world.clock.advance(WAIT + 10 * MICROSECOND)
    return [each.bundle_id for each in (await head(world, lane)).waiting]


async def test_the_same_segment_again_begins_another_bundle(world, lane):
    await segment(world, lane, 1)
    await segment(world, lane, 1)
    await segment(world, lane, 2)
    first, second, third = await bundles(world, lane)
    assert first != second
    assert third == second


@pytest.mark.parametrize(
    "other", [{"reference": 8}, {"total": 4}, {"source": "else"}, {"recipient": "+4915199999999"}]
)
async def test_other_references_totals_sources_and_recipients_are_other_bundles(world, lane, other):
    await segment(world, lane, 1)
    await segment(world, lane, 2, **other)
    assert len(set(await bundles(world, lane))) == 2


async def test_a_wide_reference_is_another_than_the_short_one_of_the_same_number(world, lane):
    await segment(world, lane, 1)
    wide = Segment("shop", 7, 3, 2, wide=True)
    await world.accept(lane_id=lane, segment=wide, wide=True)
    assert len(set(await bundles(world, lane))) == 2


async def test_a_reference_is_another_message_after_some_minutes(world, lane):
    await segment(world, lane, 1)
    world.clock.advance(YOUNG)
    await segment(world, lane, 2)
    assert len(set(await bundles(world, lane))) == 2


async def test_two_accounts_never_share_one(world, lane):
    other = await add_account(world.store, world.clock, "other")
    await segment(world, lane, 1)
    theirs = await world.store.lanes.of(LaneKey(other.id, "transactional", 1, ""))
    await segment(world, theirs, 2, account_id=other.id)
    assert len({*await bundles(world, lane), *await bundles(world, theirs)}) == 2


# by one SIM, under one reference


async def ready(world, lane, **given):
    for ordinal in (1, 2, 3):
        await segment(world, lane, ordinal, **given)
    world.clock.advance(10 * MICROSECOND)
    return (await head(world, lane)).waiting


async def test_all_go_by_one_sim_under_one_reference(world, lane):
    other = await another_sim(world)
    first, second, third = await ready(world, lane)
    _, attempt = await begun(world, first)
    refused = await world.store.dispatch.begin(begin(world, second, sim=other))
    assert refused == NotBegun("another SIM sends the other segments of it")
    _, again = await begun(world, second)
    assert again.concat_reference == attempt.concat_reference
    (read,) = (await head(world, lane)).waiting
    assert (read.message_id, read.sim_id) == (third.message_id, world.sim)
    assert read.concat_reference == attempt.concat_reference


async def test_equal_references_of_two_apps_do_not_mix_at_the_phone(world, lane):
    other = await add_account(world.store, world.clock, "other")
    theirs = await world.store.lanes.of(LaneKey(other.id, "transactional", 1, ""))
    (mine, *_) = await ready(world, lane)
    (yours, *_) = await ready(world, theirs, account_id=other.id)
    _, my_attempt = await begun(world, mine)
    _, your_attempt = await begun(world, yours)
    assert my_attempt.concat_reference != your_attempt.concat_reference


async def test_a_restart_in_between_changes_nothing(world, lane, open_store):
    first, *_ = await ready(world, lane)
    _, attempt = await begun(world, first)
    await world.store.close()
    store = await open_store()
    left = (await store.lanes.heads([(lane, 9)], world.clock.now()))[lane].waiting
    assert [each.text for each in left] == ["segment 2", "segment 3"]
    assert {each.sim_id for each in left} == {world.sim}
    assert {each.concat_reference for each in left} == {attempt.concat_reference}


async def test_one_that_was_not_sent_is_not_overtaken_and_frees_the_sim(world, lane):
    first, *_ = await ready(world, lane)
    beginning, attempt = await begun(world, first)
    later = world.clock.now() + timedelta(seconds=5)
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, not_before=later)
    assert await due(world, lane) == []
    world.clock.advance(timedelta(seconds=6))
    assert await due(world, lane) == ["segment 1", "segment 2", "segment 3"]
    assert {each.sim_id for each in (await head(world, lane)).waiting} == {None}


async def test_what_was_read_under_a_reference_that_no_longer_stands_is_read_again(world, lane):
    first, *_ = await ready(world, lane)
    beginning, attempt = await begun(world, first)
    stale, _ = (await head(world, lane)).waiting
    assert stale.concat_reference == attempt.concat_reference
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE)
    world.clock.advance(timedelta(seconds=6))
    old = begin(world, stale, reference=stale.concat_reference)
    assert isinstance(await world.store.dispatch.begin(old), NotBegun)
    fresh = (await head(world, lane)).waiting[1]
    assert fresh.message_id == stale.message_id
    await begun(world, fresh)


async def test_after_one_was_sent_the_others_stay_with_its_sim(world, lane):
    first, second, _ = await ready(world, lane)
    await end(world, *(await begun(world, first)))
    beginning, attempt = await begun(world, second)
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE)
    world.clock.advance(timedelta(seconds=6))
    assert {each.sim_id for each in (await head(world, lane)).waiting} == {world.sim}


@on_postgresql
async def test_two_daemons_never_send_two_segments_by_two_sims(world, lane, open_store, tmp_path):
    other_store, other_sim = await open_store("other"), await another_sim(world)
    for number in range(10):
        first, second, _ = await ready(world, lane, recipient=f"+4915120000{number:03d}")
        results = await asyncio.gather(
            world.store.dispatch.begin(begin(world, first)),
            other_store.dispatch.begin(begin(world, second, sim=other_sim)),
        )
        assert sum(isinstance(each, Begun) for each in results) == 1
        for each in (await head(world, lane)).waiting:
            await begun(world, each, sim=each.sim_id)


@on_postgresql
async def test_segments_that_two_daemons_take_at_once_are_one_bundle(world, lane, open_store):
    other = await open_store("other")
    for number in range(10):
        to = f"+4915120000{number:03d}"
        mine = segment(world, lane, 1, total=2, recipient=to)
        new = world.new(
            lane_id=lane, text="segment 2", recipient=to, segment=Segment("shop", 7, 2, 2)
        )
        await asyncio.gather(mine, other.messages.accept(new))
    world.clock.advance(10 * MICROSECOND)
    found = (await head(world, lane, most=99)).waiting
    assert len(found) == 20
    assert len({each.bundle_id for each in found}) == 10
