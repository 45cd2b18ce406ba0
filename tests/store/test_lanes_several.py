"""Lanes that two daemons make at the same moment."""

import asyncio
from datetime import timedelta

from sqlalchemy import insert

from appliance.models import Lane
from appliance.store.engine import open_engine
from appliance.store.lanes import LaneKey
from appliance.store.tables import table_of
from tests.box import until
from tests.store.steps import on_postgresql, rows

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%lane%'"


@on_postgresql
async def test_a_lane_that_another_daemon_makes_at_this_moment_is_that_one(world, url):
    lane, key = table_of(Lane), LaneKey(world.account.id, "otp", 3, "codes")
    values = {"account_id": key.account_id, "category": key.category}
    values |= {"priority": key.priority, "sim_group": key.route}
    engine = open_engine(url)
    with engine.connect() as theirs:
        number = theirs.execute(insert(lane).returning(lane.c.id), values).scalar_one()
        ours = asyncio.create_task(world.store.lanes.of(key))

        async def waits():
            return bool(rows(url, WAITING))

        await until(waits, "our daemon waits for theirs")
        theirs.commit()
    engine.dispose()
    async with asyncio.timeout(timedelta(seconds=20).total_seconds()):
        assert await ours == number


@on_postgresql
async def test_two_daemons_that_make_many_lanes_at_once_agree_on_all_of_them(world, open_store):
    other = await open_store("other")
    keys = [LaneKey(world.account.id, "otp", 3, f"route {number}") for number in range(50)]
    asked = [store.lanes.of(key) for key in keys for store in (world.store, other)]
    found = await asyncio.gather(*asked)
    assert found[::2] == found[1::2]
    assert len(set(found)) == len(keys)
