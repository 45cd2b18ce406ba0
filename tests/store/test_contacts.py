"""Contacts: a recipient keeps the SIM that wrote to it last, or that it wrote to."""

from appliance.store.lanes import LaneKey
from tests.store.conftest import ALICE
from tests.store.steps import another_sim, begun
from tests.store.test_lanes import head, key
from tests.store.test_messages import stop


async def known(world):
    """Return the SIM that the recipient of a new message knows."""
    lane = await world.store.lanes.of(key(world))
    await world.accept(lane_id=lane)
    return (await head(world, lane)).waiting[-1].known_sim_id


async def test_nobody_knows_a_sim_before_it_has_written(world):
    assert await known(world) is None


async def test_a_recipient_knows_the_sim_that_wrote_to_it_last(world):
    other = await another_sim(world)
    await world.accept()
    await begun(world)
    assert await known(world) == world.sim
    await begun(world, sim=other)
    assert await known(world) == other


async def test_who_writes_to_a_sim_knows_that_one(world):
    other = await another_sim(world)
    await world.accept()
    await begun(world, sim=other)
    await world.store.inbound.take(stop(world, "Hello", sender=ALICE))
    assert await known(world) == world.sim


async def test_a_sender_that_is_a_name_is_no_contact(world):
    await world.store.inbound.take(stop(world, "Hello", sender="Bank"))
    lane = await world.store.lanes.of(LaneKey(world.account.id, "otp", 3, ""))
    await world.accept(lane_id=lane, recipient="Bank", category="otp")
    assert (await head(world, lane)).waiting[0].known_sim_id is None
