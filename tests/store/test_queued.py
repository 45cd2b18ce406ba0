"""How many messages wait, by account: what ceilings are judged by."""

from appliance.store.lanes import LaneKey
from tests.rooms import add_account
from tests.store.test_dispatch import send as put_on_air


async def lane(world, account_id, category="otp"):
    return await world.store.lanes.of(LaneKey(account_id, category, 3, ""))


async def test_what_waits_is_counted_by_account_over_all_its_lanes(world):
    assert await world.store.lanes.queued() == {}
    other = await add_account(world.store, world.clock, "other")
    for category in ("otp", "urgent"):
        await world.accept(lane_id=await lane(world, world.account.id, category))
    await world.accept(lane_id=await lane(world, other.id), account_id=other.id)

    assert await world.store.lanes.queued() == {world.account.id: 2, other.id: 1}


async def test_what_has_left_is_counted_no_more(world):
    await world.accept(lane_id=await lane(world, world.account.id))
    await put_on_air(world)

    assert await world.store.lanes.queued() == {}
