"""A server that listens, with intake and store as they are, and peers that send it anything."""

import asyncio
import random
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from appliance.clock import SystemClock
from tests.fuzz.mutations import BODIES, mutated, request, stream
from tests.rooms import add_account, add_sim, opened
from tests.smpp_server.esme import (
    BIND_TRX,
    ENQUIRE_LINK,
    RESP,
    SUBMIT_SM,
    bind_body,
    frame,
    submit_body,
)
from tests.smpp_server.real import RealHouse

AT_ONCE = 4
"""Peers that are there at a time: as many as an account may have bound."""

PATIENCE = 20  # seconds, until what is waited for counts as wedged

UNBIND = 0x06

LAST = 0x7000_0000
"""Sequence number of the enquire_link behind everything else."""


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[RealHouse]:
    """Run a server on a store of its own."""
    clock = SystemClock()
    async with opened(folder, clock) as store:
        sim, account = await add_sim(store, clock), await add_account(store, clock)
        account = await store.accounts.set(account.name, "carrier", "smpp")
        house = RealHouse(store, account, sim, clock, folder)
        await house.server.start()
        try:
            yield house
        finally:
            await house.close()


async def storm(port: int, peers: int, dice: random.Random) -> None:
    """Let so many hostile peers come and go.

    Raises:
        AssertionError: one of them was not answered as it must be, or not let go.

    """

    async def some(count: int) -> None:
        for _ in range(count):
            await hostile_peer(port, dice)

    async with asyncio.timeout(PATIENCE + peers), asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(some(len(range(number, peers, AT_ONCE))))


async def hostile_peer(port: int, dice: random.Random) -> None:
    """Connect, send what is odd, and go; everything whole must have its one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            await dice.choice((_odd_requests, _odd_requests, _odd_stream, _odd_bind))(
                reader, writer, dice
            )
    finally:
        writer.transport.abort()


async def _odd_bind(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
) -> None:
    command = dice.choice((0x01, 0x02, 0x09))
    body = mutated(dice, dice.choice(BODIES[command]))
    writer.write(frame(command, body, sequence=5) + dice.choice((b"", dice.randbytes(20))))
    writer.write_eof()
    await reader.read()


async def _odd_stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
) -> None:
    if dice.random() < 0.8:
        writer.write(frame(BIND_TRX, bind_body()))
    writer.write(stream(dice))
    writer.write_eof()
    await reader.read()  # it may not be answered, but it must be let go


async def _odd_requests(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
) -> None:
    """Send odd requests in frames that fit: each has one answer, and so has what comes behind."""
    writer.write(frame(BIND_TRX, bind_body()))
    asked = {1: BIND_TRX}
    for sequence in range(2, dice.randint(3, 9)):
        asked[sequence], octets = request(dice, sequence)
        writer.write(octets)
    writer.write(frame(ENQUIRE_LINK, sequence=LAST))
    asked[LAST] = ENQUIRE_LINK
    answers: Counter[int] = Counter()
    with suppress(asyncio.IncompleteReadError):
        while not all(answers[one] for one in asked):
            length, command, status, sequence = struct.unpack(">IIII", await reader.readexactly(16))
            await reader.readexactly(length - 16)
            assert command & RESP, hex(command)
            answers[sequence] += 1
            if command == UNBIND | RESP and status == 0:
                asked = {one: what for one, what in asked.items() if one <= sequence}
    assert answers == Counter(dict.fromkeys(asked, 1)), (asked, answers)


async def orderly_peer(port: int) -> None:
    """Bind and submit as one should; it must work as if nothing had been."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        writer.write(frame(BIND_TRX, bind_body()) + frame(SUBMIT_SM, submit_body(), sequence=2))
        for command in (BIND_TRX, SUBMIT_SM):
            head = struct.unpack(">IIII", await reader.readexactly(16))
            await reader.readexactly(head[0] - 16)
            assert head[1:3] == (command | RESP, 0)
    writer.transport.abort()
