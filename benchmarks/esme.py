"""A bare ESME for measuring: one transceiver bind that submits within a window and takes receipts.

Its own few lines of SMPP, so that what is measured is not also what measures.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

SUBMIT_SM, DELIVER_SM, CANCEL_SM, ENQUIRE_LINK = 0x04, 0x05, 0x08, 0x15

BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x02, 0x09

RESPONSE = 0x80000000

HEADER = struct.Struct(">IIII")


class Esme:
    """A bound ESME. ``delivered`` counts the receipts that said so, ``ids`` are what was taken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.delivered = self.answered = 0
        self.ids: list[bytes] = []
        self._reader, self._writer = reader, writer
        self._moved = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def bound(
        cls, port: int, system_id: str, password: str, *, command: int = BIND_TRANSCEIVER
    ) -> AsyncIterator[Self]:
        """Bind, and listen until the end of the block."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = f"{system_id}\0{password}\0\0".encode() + bytes([0x34, 0, 0, 0])
        writer.write(pdu(command, 1, body))
        esme = cls(reader, writer)
        answer, status, _, _ = await esme._read()
        assert (answer, status) == (RESPONSE | command, 0), (hex(answer), status)
        listening = asyncio.create_task(esme._listen())
        try:
            yield esme
        finally:
            listening.cancel()
            writer.close()

    async def submit(self, messages: int, window: int, *, receipts: bool = False) -> None:
        """Submit ``messages``, at most ``window`` unanswered; return when all are answered."""
        for number in range(messages):
            while number - self.answered >= window:
                await self._move()
            self._writer.write(submit_pdu(number + 2, number, receipts=receipts))
        while self.answered < messages:
            await self._move()

    async def cancel(self, window: int) -> None:
        """Cancel all that was taken, at most ``window`` at once; return when it is."""
        self.answered = 0
        for number, name in enumerate(self.ids):
            while number - self.answered >= window:
                await self._move()
            self._writer.write(pdu(CANCEL_SM, number + 2, b"\0" + name + bytes(7)))
        while self.answered < len(self.ids):
            await self._move()

    async def receipts(self, count: int) -> None:
        """Wait until so many messages were reported delivered, and acknowledged."""
        while self.delivered < count:
            await self._move()

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def _listen(self) -> None:
        while True:
            command, status, sequence, body = await self._read()
            if command == RESPONSE | SUBMIT_SM:
                assert status == 0, hex(status)
                self.answered += 1
                self.ids.append(body.partition(b"\0")[0])
            elif command == RESPONSE | CANCEL_SM:
                assert status == 0, hex(status)
                self.answered += 1
            elif command == DELIVER_SM:
                self._writer.write(pdu(RESPONSE | DELIVER_SM, sequence, b"\0"))
                self.delivered += b"stat:DELIVRD" in body
            elif command == ENQUIRE_LINK:
                self._writer.write(pdu(RESPONSE | ENQUIRE_LINK, sequence, b""))
            self._moved.set()

    async def _read(self) -> tuple[int, int, int, bytes]:
        header = await self._reader.readexactly(HEADER.size)
        length, command, status, sequence = HEADER.unpack(header)
        return command, status, sequence, await self._reader.readexactly(length - HEADER.size)


def recipient(number: int) -> str:
    """Return the number of a recipient, of a range in which every handset is on."""
    return f"4915120{number:06d}"


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    """Return a PDU without an error."""
    return HEADER.pack(HEADER.size + len(body), command, 0, sequence) + body


def submit_pdu(sequence: int, number: int, *, receipts: bool = False) -> bytes:
    """Return a submit_sm to the recipient of this number."""
    text = f"Your order {number} is on its way.".encode()
    to = b"\1\1" + recipient(number).encode() + b"\0"
    body = b"\0\0\0\0" + to + bytes(3) + b"\0\0" + bytes([receipts, 0, 0, 0, len(text)]) + text
    return pdu(SUBMIT_SM, sequence, body)
