"""A whole forecast of what a store holds, the same on both engines."""

from datetime import timedelta

import pytest

from appliance.config.reading import Config
from appliance.dispatch.site_rules import site_rules
from appliance.planning import NOT_COUNTED, Planning, Wish
from tests.store.steps import another_sim
from tests.store.test_lanes import key
from tests.store.test_prospects import send, sits

CONFIG = """
[site]
timezone = "UTC"

[numbers]
region = "DE"

[[sims]]
iccid = "89490200001234567890"
name = "SIM A"
parts_per_minute = "none"
parts_per_day = 10

[[sims]]
iccid = "89490200001234567892"
name = "SIM B"
parts_per_minute = "none"
parts_per_day = "none"
minimum_gap_seconds = 60
"""


@pytest.fixture
def planning(world):
    config = Config.load(text=CONFIG)
    return Planning(world.store, lambda: config, lambda: site_rules(config))


async def test_a_forecast_counts_what_was_sent_what_waits_and_who_is_there(world, planning):
    await sits(world, "1-1", world.sim)
    await sits(world, "1-2", await another_sim(world, "89490200001234567892"))
    await sits(world, "1-3", await another_sim(world), "no_network")
    for seconds in (9, 3, 5):
        await send(world, seconds)  # of the day of SIM A
    lane = await world.store.lanes.of(key(world))
    for _ in range(4):
        await world.accept(lane_id=lane)
    now = world.clock.now()
    wish = Wish(messages=10, account=world.account.name, account_id=world.account.id)
    plan = await planning.plan(wish, now)
    by_sim = {share.sim.name: share.parts for share in plan.outlook.forecast.shares}
    assert by_sim == {"SIM A": 7, "SIM B": 7}
    assert plan.outlook.done_at - now == timedelta(minutes=6, seconds=4)
    assert plan.notes[-1] == NOT_COUNTED
