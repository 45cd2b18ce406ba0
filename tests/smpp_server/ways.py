"""The three ways in which each row of the checklist is sent, and rows that are scenes.

A row of a plain table is one request and its answer. A row that needs more than that (timers,
several sessions, a shutdown, our own requests) is a scene: a coroutine function that speaks
through a ``Play``, which sends all that it says in the way of the test.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import pytest

from tests.smpp_server.esme import (
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    Client,
    Frame,
    bind_body,
    frame,
)

CUTS = ("whole", "byte by byte", "glued")

BEFORE, BEHIND = 901, 902
"""Sequence numbers of the enquire_link that are glued to what is sent."""

NEIGHBOURS = tuple((ENQUIRE_LINK | RESP, 0, sequence, b"") for sequence in (BEFORE, BEHIND))


async def send(client: Client, data: bytes, cut: str) -> None:
    """Send in this way; the answer to what is glued before it is taken."""
    if cut == "byte by byte":
        await client.trickle(data)
    elif cut == "glued":
        before = frame(ENQUIRE_LINK, sequence=BEFORE)
        client.send(before + data + frame(ENQUIRE_LINK, sequence=BEHIND))
        assert await client.receive() == (ENQUIRE_LINK | RESP, 0, BEFORE, b"")
    else:
        client.send(data)


class Scene(NamedTuple):
    """A row: its name begins with its number in the checklist; ``settings`` of its server."""

    name: str
    settings: dict[str, Any]
    play: Callable[["Play"], Awaitable[None]]


class Scenes(list[Scene]):
    """A table of scenes."""

    def row(self, name: str, **settings: Any) -> Callable[..., Any]:
        """Make a function a row of the table."""
        return self.rows(name, [()], **settings)

    def rows(self, name: str, values: Sequence[Any], **settings: Any) -> Callable[..., Any]:
        """Make a function a row for each of these values, which ``name`` has a place for."""

        def add(play: Callable[..., Any]) -> Callable[..., Any]:
            for value in values:
                given = value if isinstance(value, tuple) else (value,)

                async def bound(on: "Play", given: tuple[Any, ...] = given) -> None:
                    await play(on, *given)

                self.append(Scene(name.format(*given), settings, bound))
            return play

        return add


def in_every_way(rows: Sequence[Any]) -> Callable[[Any], Any]:
    """Try each row of a table whole, byte by byte and glued to its neighbours."""

    def mark(test: Any) -> Any:
        test = pytest.mark.parametrize("row", rows, ids=lambda row: row.name)(test)
        return pytest.mark.parametrize("cut", CUTS)(test)

    return mark


class Play:
    """A server, and peers that say everything in one way."""

    def __init__(self, house: Any, cut: str) -> None:
        self.house, self.cut = house, cut

    @property
    def server(self) -> Any:
        """Return the server."""
        return self.house.server

    async def client(self) -> Client:
        """Connect."""
        client: Client = await self.house.client()
        return client

    async def bound(self, command: int, **fields: Any) -> Client:
        """Connect and bind, in the way of the play."""
        client = await self.client()
        assert await self.binds(client, command, **fields) == 0
        return client

    async def binds(self, client: Client, command: int, **fields: Any) -> int:
        """Ask for a bind and return its status."""
        await self.say(client, frame(command, bind_body(**fields), sequence=1))
        answer = await self.hear(client)
        assert (answer.command, answer.sequence) == (command | RESP, 1)
        return answer.status

    async def say(self, client: Client, *pdus: bytes, last: bool = False) -> None:
        """Send in the way of the play; nothing is glued behind what is the ``last``."""
        octets = b"".join(pdus)
        if self.cut == "byte by byte":
            await client.trickle(octets)
        elif self.cut == "glued":
            behind = b"" if last else frame(ENQUIRE_LINK, sequence=BEHIND)
            client.send(frame(ENQUIRE_LINK, sequence=BEFORE) + octets + behind)
        else:
            client.send(octets)

    async def hear(self, client: Client) -> Frame:
        """Return what comes next, besides the answers to neighbours."""
        while (heard := await client.receive()) in NEIGHBOURS:
            pass
        return heard

    async def ask(
        self, client: Client, command: int, body: bytes = b"", sequence: int = 5
    ) -> Frame:
        """Ask, and return the answer."""
        await self.say(client, frame(command, body, sequence=sequence))
        answer = await self.hear(client)
        assert answer.sequence == sequence
        return answer

    async def takes(self, client: Client, asked: Frame, status: int = 0) -> None:
        """Answer a request of ours."""
        body = b"" if status or asked.command == ENQUIRE_LINK else b"\0"
        answer = frame(asked.command | RESP, body, sequence=asked.sequence, status=status)
        await self.say(client, answer)

    async def closed(self, client: Client) -> list[Frame]:
        """Wait until the server has closed; return what it said before, besides to neighbours."""
        octets, heard = await client.closed(), []
        while octets:
            length, *words = struct.unpack(">IIII", octets[:16])
            heard.append(Frame(*words, octets[16:length]))
            octets = octets[length:]
        return [one for one in heard if one not in NEIGHBOURS]

    async def alive(self, client: Client) -> None:
        """See that the session goes on."""
        asked = frame(ENQUIRE_LINK, sequence=3)
        client.send(asked)
        assert await self.hear(client) == (ENQUIRE_LINK | RESP, 0, 3, b"")

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for the server."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0)
