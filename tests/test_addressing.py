"""Rules for inbound messages hold from the start, and are exchanged whole or not at all."""

import logging

import pytest

from appliance import addressing
from appliance.clock import ManualClock
from appliance.config.reading import Config
from appliance.errors import BadConfig
from tests.rooms import START, add_account, opened


@pytest.fixture
async def store(tmp_path):
    clock = ManualClock(START)
    async with opened(tmp_path, clock) as store:
        await add_account(store, clock)
        yield store


def config(*accounts):
    rows = "".join(f'[[inbound]]\naccount = "{name}"\nkeywords = ["{name}"]\n' for name in accounts)
    return Config.load(None, rows)


async def test_a_rule_of_nobody_is_warned_of_at_the_start(store, caplog):
    with caplog.at_level(logging.WARNING):
        await addressing.hold(store, config("shop", "gone"))
    assert "inbound.1.account: there is no account 'gone': the rule fits nothing" in caplog.text
    assert len(store.whose._routes) == 2


async def test_it_is_refused_when_the_configuration_is_read_again(store):
    await addressing.hold(store, config("shop"))
    with pytest.raises(BadConfig, match=r"inbound\.0\.account: there is no account 'gone'"):
        await addressing.exchange(store, config("gone", "shop"))
    assert [one.account for one in store.whose._routes] == ["shop"]
    await addressing.exchange(store, config())
    assert store.whose._routes == ()
