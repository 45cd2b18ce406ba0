"""A TCP proxy that writes what passes it as a pcap: no rights and no interface are needed.

It knows nothing of SMPP. Each chunk becomes one TCP segment with addresses and numbers of its own
making; the side that listens has port 2775, so that every reader takes it for SMPP.
"""

import asyncio
import itertools
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

SMPP_PORT = 2775

LINKTYPE_RAW = 101  # packets begin with the IP header

MOST = 1400  # octets of a segment

CLIENT, SERVER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))

SYN, ACK, FIN = 0x02, 0x10, 0x01


class Pcap:
    """A file of packets (pcap, version 2.4)."""

    def __init__(self, path: Path, *, buffering: int = 0) -> None:
        """``buffering``: octets that wait to be written; 0: it can be read at any moment."""
        self.path = path
        self._file = path.open("wb", buffering=buffering)
        self._file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))

    def packet(self, octets: bytes) -> None:
        """Add a packet of now."""
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        lengths = len(octets), len(octets)
        self._file.write(struct.pack("<IIII", seconds, nanoseconds // 1000, *lengths) + octets)

    def close(self) -> None:
        """Write what is not written yet."""
        self._file.close()


class Conversation:
    """One TCP connection in a file. ``said``: all octets of either side."""

    def __init__(self, pcap: Pcap, port: int) -> None:
        self.port = port
        self.said = {CLIENT: bytearray(), SERVER: bytearray()}
        self._pcap = pcap
        self._next = {CLIENT: 0, SERVER: 0}
        for side, flags in ((CLIENT, SYN), (SERVER, SYN | ACK)):
            self._segment(side, flags)
            self._next[side] = 1
        self._segment(CLIENT, ACK)

    def says(self, side: bytes, octets: bytes) -> None:
        """Record what a side has said."""
        self.said[side] += octets
        for start in range(0, len(octets), MOST):
            piece = octets[start : start + MOST]
            self._segment(side, ACK, piece)
            self._next[side] += len(piece)

    def ends(self, side: bytes) -> None:
        """Record that a side says no more."""
        self._segment(side, FIN | ACK)
        self._next[side] += 1

    def _segment(self, side: bytes, flags: int, octets: bytes = b"") -> None:
        other = SERVER if side == CLIENT else CLIENT
        ports = (self.port, SMPP_PORT) if side == CLIENT else (SMPP_PORT, self.port)
        numbers = self._next[side], self._next[other] if flags & ACK else 0
        tcp = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 65535, 0, 0)
        length = 20 + len(tcp) + len(octets)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, 6, 0) + side + other
        self._pcap.packet(ip + tcp + octets)


class Recorder:
    """Listens at ``port`` and carries everything to another one and back."""

    def __init__(self, pcap: Pcap, target: int) -> None:
        self.port = 0
        self.path = pcap.path
        self.conversations: list[Conversation] = []
        self._pcap = pcap
        self._target = target
        self._ports = itertools.count(20_000)
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def listen(self) -> asyncio.Server:
        """Listen at a free port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def close(self) -> None:
        """End what is open still."""
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        conversation = Conversation(self._pcap, next(self._ports))
        self.conversations.append(conversation)
        self._open |= {writer, back}
        await asyncio.gather(
            self._carry(conversation, CLIENT, reader, back),
            self._carry(conversation, SERVER, there, writer),
        )
        for end in (writer, back):
            end.close()
            self._open.discard(end)

    async def _carry(
        self,
        conversation: Conversation,
        side: bytes,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
    ) -> None:
        try:
            while octets := await source.read(65536):
                conversation.says(side, octets)
                target.write(octets)
                await target.drain()
            conversation.ends(side)
            target.write_eof()
        except OSError:  # one side is gone: so is the other
            target.transport.abort()


@asynccontextmanager
async def recording(path: Path, target: int) -> AsyncIterator[Recorder]:
    """Record what goes to port ``target`` of this machine by way of the recorder's own port."""
    pcap = Pcap(path)
    recorder = Recorder(pcap, target)
    server = await recorder.listen()
    try:
        yield recorder
    finally:
        server.close()
        await recorder.close()
        pcap.close()
