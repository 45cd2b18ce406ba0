"""Fixtures of the modem engine's tests."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.modem.calls import Calls
from appliance.modem.link import Link
from tests.modem.driving import Rig
from tests.modem.peer import FAST, Peer


@pytest.fixture
async def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    await rig.close()


@pytest.fixture
async def peers():
    made = []

    def make():
        made.append(Peer())
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
async def peer(peers):
    return peers()


@pytest.fixture
async def opened(peer):
    """Open links to a port; they tell what they heard unasked, and of what they died."""
    links = []

    async def open_link(port=peer.port, timing=FAST, **more):
        heard, deaths = [], []
        link = Link(
            port,
            on_indication=lambda said: heard.append(said.line),
            on_gone=deaths.append,
            timing=timing,
            **more,
        )
        link.heard, link.deaths = heard, deaths
        links.append(link)
        await link.open()
        return link

    yield open_link
    for link in links:
        await link.close()


@pytest.fixture
async def peer_modem(peer, opened):
    """Take calls at a port whose other end the test holds; the last value is what was told."""

    async def take_calls(refused=(), **timing):
        told = []
        peer.replies = {
            command: b"\r\nERROR\r\n" if command in refused else b"\r\nOK\r\n"
            for command in (b"AT+CHUP", b"ATH", b"AT+CLCC")
        }
        waits = {name: timedelta(milliseconds=value) for name, value in timing.items()}
        link = await opened(timing=replace(FAST, **waits))
        calls = Calls(link, told.append)
        link._on_indication = calls.indicated
        return peer, calls, told

    return take_calls
