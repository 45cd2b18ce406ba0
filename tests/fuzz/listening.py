"""A server that listens, with intake and store as they are, and peers that send it anything."""

import asyncio
import random
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, timedelta
from pathlib import Path

from appliance.clock import SystemClock
from appliance.errors import Undelivered
from appliance.smpp_server.watch import Watches
from tests.fuzz.mutations import BODIES, mutated, request, stream
from tests.rooms import add_account, add_sim, opened
from tests.smpp_server.esme import (
    BIND_TRX,
    ENQUIRE_LINK,
    INBOUND,
    NEWS,
    RESP,
    SUBMIT_SM,
    bind_body,
    frame,
    notice,
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
        watches = house.server.desk.onlooker = Watches(clock)
        watches.trace(account.id, timedelta(hours=1), clear=False)
        try:
            yield house
            assert watches.traced(account.id).pdus > 0
            assert all(line.isprintable() for line in watches.traced(account.id).lines(UTC))
        finally:
            await house.close()


async def storm(house: RealHouse, peers: int, dice: random.Random) -> None:
    """Let so many hostile peers come and go, while the account is owed something all the time.

    Some of them are called (outbind).

    Raises:
        AssertionError: one of them was not answered as it must be, or not let go.

    """

    async def some(count: int) -> None:
        for _ in range(count):
            await hostile_peer(house.server.port, dice)

    async with (
        asyncio.timeout(PATIENCE + peers),
        _owed(house),
        _called(house, dice),
        asyncio.TaskGroup() as group,
    ):
        for number in range(AT_ONCE - 1):
            group.create_task(some(len(range(number, peers, AT_ONCE - 1))))


@asynccontextmanager
async def _owed(house: RealHouse) -> AsyncIterator[None]:
    """Tell the account something all the time, whoever takes it and however."""

    async def tell(number: int) -> None:
        news = (NEWS, INBOUND)[number % 2]
        while True:
            with suppress(Undelivered):
                await house.server.deliver(house.account, notice(news, number=number))
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(tell(number)) for number in range(1, 9)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in ended} == {asyncio.CancelledError}, ended


@asynccontextmanager
async def _called(house: RealHouse, dice: random.Random) -> AsyncIterator[None]:
    """Let the account be called where somebody hostile takes the call."""
    taken = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        with suppress(OSError):
            if dice.random() < 0.5:
                writer.write(frame(BIND_TRX, bind_body()))
            writer.write(stream(dice))
            writer.write_eof()
            await reader.read()
        writer.transport.abort()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        account = house.account.model_copy(update={"outbind": f"127.0.0.1:{port}"})
        caller = house.server._caller
        caller._waits = (timedelta(),)

        async def call() -> None:
            while True:
                caller.want(account)
                await asyncio.sleep(0)

        calling = asyncio.create_task(call())
        try:
            yield
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            await caller.stop()
    assert taken > 0


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
            if not command & RESP:  # a receipt, or we are asked whether we live
                writer.write(_odd_answer(dice, command, sequence))
                continue
            answers[sequence] += 1
            if command == UNBIND | RESP and status == 0:
                asked = {one: what for one, what in asked.items() if one <= sequence}
    assert answers == Counter(dict.fromkeys(asked, 1)), (asked, answers)


def _odd_answer(dice: random.Random, command: int, sequence: int) -> bytes:
    status = dice.choice((0, 0, 0x14, 0x64, 0x65, 0xFFFF))
    body = dice.choice((b"\0", b"", b"x" * 70, b"\0\4\x27\0\1"))
    number = dice.choice((sequence, sequence, sequence, sequence + 1))
    answer = frame(command | RESP, body, sequence=number, status=status)
    return answer * dice.choice((0, 1, 1, 1, 2))


async def orderly_peer(port: int) -> None:
    """Bind and submit as one should; it must work as if nothing had been."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        writer.write(frame(BIND_TRX, bind_body()) + frame(SUBMIT_SM, submit_body(), sequence=2))
        answers = []
        while len(answers) < 2:
            head = struct.unpack(">IIII", await reader.readexactly(16))
            await reader.readexactly(head[0] - 16)
            if head[1] & RESP:
                answers.append(head[1:3])
        assert answers == [(BIND_TRX | RESP, 0), (SUBMIT_SM | RESP, 0)]
    writer.transport.abort()
