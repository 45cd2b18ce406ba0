"""A STOP that holds for one number of ours, where a route leads to some of the SIMs only."""

import pytest

from appliance.errors import OptedOut
from appliance.inbox import reading
from appliance.lifecycle import State
from appliance.policy.consent import KeywordRules, Per
from appliance.store.optouts import NO_SIM_LEFT
from appliance.store.values import NotBegun
from appliance.store.ways import Kind
from tests.store.conftest import World
from tests.store.steps import another_sim, begun, rows, state, story
from tests.store.test_dispatch import begin, first_waiting
from tests.store.test_lanes import key
from tests.store.test_messages import stop
from tests.store.test_prospects import sits

OTHER = "89490200001234567892"


@pytest.fixture
async def store(open_store):
    return await open_store(how=reading({}, KeywordRules(per=Per.NUMBER)))


@pytest.fixture
async def other(world):
    """Give a second SIM in a modem, to which the route ``codes`` does not lead."""
    await sits(world, "1-1", world.sim)
    other = await another_sim(world, OTHER)
    await sits(world, "1-2", other)
    world.store.ways.leads = lambda kind, iccid, _: kind.route != "codes" or iccid != OTHER
    return other


async def waits(world, route):
    lane = await world.store.lanes.of(key(world, route=route))
    return await world.accept(lane_id=lane)


async def says_stop(world, sim):
    at = World(world.store, world.account, sim, world.clock)
    await world.store.inbound.take(stop(at, fingerprint=("STOP", sim)))


async def test_what_waits_ends_at_once_where_every_sim_of_its_route_was_told(world, other, url):
    accepted = await waits(world, "codes")
    await says_stop(world, world.sim)
    found = await world.store.dispatch.begin(begin(world, await first_waiting(world)))
    assert found == NotBegun(NO_SIM_LEFT)
    ended = (await story(world, accepted)).message
    assert (ended.state, ended.cause) == (State.CANCELLED, NO_SIM_LEFT)
    owed = "SELECT state FROM notice WHERE message_id IS NOT NULL"
    assert rows(url, owed) == [("cancelled",)]


async def test_what_is_new_is_refused_there_and_taken_where_another_sim_is_left(world, other):
    await says_stop(world, world.sim)
    with pytest.raises(OptedOut, match="every SIM"):
        await waits(world, "codes")
    accepted = await waits(world, "")
    await begun(world, sim=other)
    assert await state(world, accepted) is State.SENDING


async def test_what_another_sim_of_its_route_may_carry_is_left_to_it(world, other):
    accepted = await waits(world, "")
    await says_stop(world, world.sim)
    found = await world.store.dispatch.begin(begin(world, await first_waiting(world)))
    assert "another one may write" in found.why
    assert await state(world, accepted) is State.QUEUED


async def test_what_no_other_sim_carries_for_its_account_and_category_ends_too(world, other):
    asked = []

    def leads(kind, iccid, _simulated):
        asked.append(kind)
        return (kind.account, kind.category) != ("shop", "transactional") or iccid != OTHER

    world.store.ways.leads = leads
    accepted = await waits(world, "")
    await says_stop(world, world.sim)
    found = await world.store.dispatch.begin(begin(world, await first_waiting(world)))
    assert found == NotBegun(NO_SIM_LEFT)
    assert await state(world, accepted) is State.CANCELLED
    assert set(asked) == {Kind("", "shop", "transactional")}


async def test_a_sim_of_the_route_that_is_in_no_modem_now_ends_nothing_by_itself(world, other):
    world.store.ways.leads = lambda _route, _iccid, _simulated: False
    await says_stop(world, world.sim)
    assert await state(world, await waits(world, "codes")) is State.QUEUED
