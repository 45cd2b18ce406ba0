import asyncio

import pytest
import uvloop

from appliance.clock import SystemClock
from tests.rooms import add_account, add_sim, opened
from tests.smpp_server.esme import House
from tests.smpp_server.real import RealHouse
from tests.smpp_server.tap import wireshark_reads_along

ON_BOTH_LOOPS = (
    "test_server.py",
    "test_smpplib.py",
    "test_tls.py",
    "test_admission.py",
    "test_outbind.py",
)
"""What touches sockets in earnest is tried on asyncio's own loop and on the daemon's."""


def pytest_asyncio_loop_factories(config, item):
    factories = {"asyncio": asyncio.new_event_loop}
    if item.path.name in ON_BOTH_LOOPS:
        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture(scope="module", autouse=True)
def wireshark(tmp_path_factory):
    """Let Wireshark read all that the servers of a module say: no frame of ours is malformed."""
    with wireshark_reads_along(tmp_path_factory.mktemp("tape") / "smpp.pcap"):
        yield


@pytest.fixture
async def make_house():
    """Build servers with given settings, and take them down again."""
    houses = []

    async def make(**settings):
        house = House(**settings)
        await house.server.start()
        houses.append(house)
        return house

    yield make
    for house in houses:
        await house.close()


@pytest.fixture
async def house(make_house):
    return await make_house()


@pytest.fixture
async def real(tmp_path):
    """Start a server with intake and store as they are, on SQLite."""
    clock = SystemClock()
    async with opened(tmp_path, clock) as store:
        sim = await add_sim(store, clock)
        account = await add_account(store, clock)
        account = await store.accounts.set(account.name, "carrier", "smpp")
        house = RealHouse(store, account, sim, clock, tmp_path)
        await house.server.start()
        yield house
        await house.close()
