"""Hearing that a port came or went, from the kernel itself where it tells."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import pyudev

from appliance.modem.hotplug import Hotplug
from tests.modem.driving import LIMIT
from tests.require import give_up

LONG = timedelta(seconds=LIMIT)

EVENT = Path("/sys/class/tty/tty10/uevent")
"""Writing here makes the kernel tell of this port, as if it had changed (sysfs(5))."""


@pytest.fixture
async def hotplug():
    made = Hotplug()
    yield made
    made.close()


@pytest.fixture
def shake():
    """Give what makes the kernel tell of a port."""

    def tell():
        EVENT.write_text("change")

    try:
        tell()
    except OSError as error:
        give_up(f"no event of the kernel can be had: {error}")
    return tell


async def test_a_port_that_changes_wakes_whoever_waits(hotplug, shake):
    assert hotplug.hears
    waiting = asyncio.create_task(hotplug.change(LONG))
    await asyncio.sleep(0)
    shake()
    assert await waiting


async def test_a_change_while_nobody_waited_is_not_lost_and_counts_once(hotplug, shake):
    shake()
    shake()
    assert await hotplug.change(LONG)
    while await hotplug.change(timedelta(milliseconds=50)):
        pass  # the second one may come by itself
    assert not await hotplug.change(timedelta(milliseconds=1))


async def test_without_any_change_the_wait_ends_all_the_same(hotplug):
    await hotplug.change(timedelta(milliseconds=1))  # of an earlier test, perhaps
    assert not await hotplug.change(timedelta(milliseconds=1))


@pytest.mark.parametrize("error", [OSError("not permitted"), ImportError("no libudev")])
async def test_where_nothing_can_be_heard_time_alone_wakes(monkeypatch, error):
    def refuse(*_args, **_more):
        raise error

    monkeypatch.setattr(pyudev.Monitor, "from_netlink", refuse)
    deaf = Hotplug()
    assert not deaf.hears
    assert not await deaf.change(timedelta(milliseconds=1))
    deaf.close()


async def test_it_may_be_closed_twice(hotplug):
    hotplug.close()
    hotplug.close()
    assert not hotplug.hears
