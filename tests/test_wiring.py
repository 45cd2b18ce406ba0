"""What only the whole house shows: that its rooms are told what the configuration says."""

import asyncio
from contextlib import suppress

import pytest

from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.inbox import reading
from appliance.store import Store
from appliance.store.ways import Kind
from appliance.wiring import House
from tests.box import until
from tests.rooms import sqlite_url

FAST, SLOW = "89490200001234567890", "89490200001234567892"

CONFIG = f"""
smpp = {{enabled = false}}
groups = [{{name = "fast"}}, {{name = "slow"}}]
routes = [{{name = "codes", groups = ["fast"]}}]

[[sims]]
iccid = "{FAST}"
group = "fast"
categories = ["otp"]
accounts = ["shop"]

[[sims]]
iccid = "{SLOW}"
group = "slow"
"""


@pytest.fixture
async def house(tmp_path):
    clock, settings = SystemClock(), tmp_path / "appliance.toml"
    settings.write_text(CONFIG, "utf-8")
    config = Config.load(settings)
    store = await Store.open(
        sqlite_url(tmp_path), tmp_path, daemon="box", clock=clock, reading=reading({})
    )
    yield House.build(config, store, clock, lambda _text: config), store
    await store.close()


async def test_the_store_knows_to_which_sims_a_route_leads_once_all_follow_it(house):
    house, store = house
    codes = Kind("codes", "shop", "otp")
    assert store.ways.leads(codes, SLOW, False)
    keeping = asyncio.create_task(house.rerouting.keep())

    async def settled():
        return not store.ways.leads(codes, SLOW, False)

    try:
        await until(settled, "all messages follow the route")
        assert store.ways.leads(codes, FAST, False)
        assert not store.ways.leads(codes._replace(category="marketing"), FAST, False)
        assert not store.ways.leads(codes._replace(account="bank"), FAST, False)
        assert store.ways.leads(Kind(), FAST, False), "what is not known may go by it"
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
