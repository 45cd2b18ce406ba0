"""An ESME as they are: it refuses, does not answer, goes, and comes again; and its books."""

import asyncio
import random
import re
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    DELIVER_SM,
    ENQUIRE_LINK,
    RESP,
    bind_body,
    fields_of,
    frame,
)

SAYS = re.compile(rb"id:(\S+) .* stat:(\S+) ")

LATER = (0x14, 0x58, 0x64)

FIRST, LAST = "ENROUTE", "DELIVRD"

COME_AGAIN = 0.02  # seconds, while nobody listens


@dataclass
class Books:
    """What an ESME has seen.

    Attributes:
        taken: how often each receipt (id and word) was answered with OK.
        when: in which life of the daemon it was so answered last.
        repeated: receipts that came once more after that, with that life and the one they came in.
        refused, ignored, left, aborted: how often it did what it should not.
        wrong: what may not be.
        life: how often the daemon has been started again.

    """

    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    when: dict[tuple[str, str], int] = field(default_factory=dict)
    repeated: set[tuple[tuple[str, str], int, int]] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    ignored: int = 0
    left: int = 0
    aborted: int = 0
    binds: int = 0
    wrong: list[str] = field(default_factory=list)
    life: int = 0

    def come(self, name: str, word: str, life: int) -> None:
        """Write down that a receipt has come, before it is answered."""
        if word == LAST and not self.taken[name, FIRST]:
            self.wrong.append(f"{name}: {LAST} before {FIRST} was taken")
        if word == FIRST and self.taken[name, LAST]:
            self.wrong.append(f"{name}: {FIRST} after {LAST} was taken")
        if self.taken[name, word]:
            self.repeated.add(((name, word), self.when[name, word], life))

    def take(self, name: str, word: str, life: int) -> None:
        """Write down that it is answered with OK, on a session of that life of the daemon."""
        self.taken[name, word] += 1
        self.when[name, word] = life


class Bind:
    """One bind, which comes again whenever it has gone."""

    def __init__(self, port: int, system_id: str, password: str, books: Books, seed: int) -> None:
        self._port, self._who = port, (system_id.encode(), password.encode())
        self._books, self._dice = books, random.Random(seed)
        self._life = 0  # of the daemon, when this session began: what it has said is of then
        self._command = self._dice.choice((BIND_RX, BIND_TRX))

    async def run(self) -> None:
        """Come again and again, until cancelled."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._once()
            await asyncio.sleep(COME_AGAIN)

    async def _once(self) -> None:
        self._life = self._books.life
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            system_id, password = self._who
            writer.write(frame(self._command, bind_body(system_id, password)))
            command, status, _, _ = await _receive(reader)
            assert command == self._command | RESP
            if status == 0:
                self._books.binds += 1
                await self._work(reader, writer)
        finally:
            writer.transport.abort()

    async def _work(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            command, _, sequence, body = await _receive(reader)
            if command == DELIVER_SM:
                name, word = _said(body)
                self._books.come(name, word, self._life)
                if await self._react(reader, writer, sequence, (name, word)):
                    return
            elif not command & RESP:  # enquire_link and unbind
                writer.write(frame(command | RESP, sequence=sequence))

    async def _react(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sequence: int,
        said: tuple[str, str],
    ) -> bool:
        """Answer a receipt, or do something worse; True if that was the end of the session."""
        dice = self._dice.random()
        if dice < 0.1:
            status = self._dice.choice(LATER)
            self._books.refused[status] += 1
            writer.write(frame(DELIVER_SM | RESP, sequence=sequence, status=status))
        elif dice < 0.102:
            self._books.ignored += 1
        elif dice < 0.105:
            self._books.left += 1
            writer.write_eof()
            await reader.read()  # what was answered is read by now
            return True
        elif dice < 0.108:
            self._books.aborted += 1
            await _pass(reader, writer)
            return True
        else:
            self._books.take(*said, self._life)
            writer.write(frame(DELIVER_SM | RESP, b"\0", sequence=sequence))
        return False


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until all that was answered is read, so that it is known what came."""
    writer.write(frame(ENQUIRE_LINK, sequence=7))
    while (await _receive(reader))[0] != ENQUIRE_LINK | RESP:
        pass


async def _receive(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    length, *words = struct.unpack(">IIII", await reader.readexactly(16))
    command, status, sequence = words
    return command, status, sequence, await reader.readexactly(length - 16)


def _said(body: bytes) -> tuple[str, str]:
    found = SAYS.match(fields_of(body)["short_message"])
    assert found, body
    return found[1].decode(), found[2].decode()
