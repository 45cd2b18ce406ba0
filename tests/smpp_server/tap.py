"""A tap on the servers of these tests: all that they say becomes a capture, in clear.

It sits between a connection and its transport: over TLS it sees what is said before that is
encrypted. While a tape runs, every server of ``House`` is on it.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from appliance.smpp_server.connection import Connection
from appliance.smpp_server.server import SmppServer
from tests.esmes.recorder import CLIENT, SERVER, Conversation, Pcap
from tests.esmes.wireshark import Pdu, pdus, read_by_wireshark

FIRST_PORT = 1024

MOST = 20_000
"""Octets that are kept of either side of a connection: a flood says the same again and again."""

RUNNING: list["Tape"] = []
"""The tapes that run; a server is on the last of them."""


class Complaint(NamedTuple):
    """``what`` Wireshark says of ``pdus`` in one segment that we sent during ``test``."""

    test: str
    what: str
    pdus: list[Pdu]


class Tape:
    """A capture of what servers say.

    Attributes:
        lines: the connections on which they have said something, by their port in the capture.

    """

    def __init__(self, path: Path) -> None:
        self.lines: dict[int, Line] = {}
        self._pcap = Pcap(path, buffering=1 << 16)
        self._ports = itertools.count(FIRST_PORT)

    def begin(self, line: "Line") -> Conversation:
        """Begin a conversation in the capture."""
        port = next(self._ports)
        self.lines[port] = line
        return Conversation(self._pcap, port)

    def close(self) -> None:
        """Write what is not written yet."""
        self._pcap.close()

    def read(self) -> tuple[list[Complaint], list[str]]:
        """Return what Wireshark finds wrong, and the tests whose PDUs it has not found.

        Only of a tape that is closed.
        """
        found: dict[int, list[Pdu]] = {port: [] for port in self.lines}
        complaints = []
        for sent in read_by_wireshark(self._pcap.path):
            found[sent.port] += sent.pdus
            if sent.what:
                test = self.lines[sent.port].test
                complaints.append(Complaint(test, sent.what, sent.pdus))
        missed = [line.test for port, line in self.lines.items() if found[port] != line.said]
        return complaints, missed


class Line:
    """A connection on a tape; ``test``: in which test it was made."""

    def __init__(self, tape: Tape) -> None:
        self.test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        self.chunks: list[int] = []
        self._tape = tape
        self._heard = bytearray()  # since we spoke last
        self._conversation: Conversation | None = None

    @property
    def octets(self) -> dict[bytes, bytearray]:
        """Return what either side has said, as far as it is recorded."""
        return self._conversation.said if self._conversation else {}

    @property
    def said(self) -> list[Pdu]:
        """Return what we have said; it must be whole PDUs."""
        return pdus(self.octets.get(SERVER, b""))

    def hears(self, octets: bytes) -> None:
        """Note what the peer has said; what came in pieces is one in the capture."""
        self.chunks.append(len(octets))
        self._heard += octets[: MOST - len(self._heard)]

    def says(self, octets: bytes) -> None:
        """Record what we say: always whole PDUs."""
        if self._conversation is None:
            self._conversation = self._tape.begin(self)
        if len(self.octets[SERVER]) > MOST:
            return
        self._conversation.says(CLIENT, bytes(self._heard))
        self._heard.clear()
        self._conversation.says(SERVER, octets)


class Transport:
    """A transport that lets a line hear what is written."""

    KNOWN = frozenset(
        {
            *("abort", "can_write_eof", "close", "get_extra_info", "get_write_buffer_size"),
            *("is_closing", "pause_reading", "resume_reading", "write_eof"),
        }
    )
    """What else a connection may do with it; by no other way may it write past the tape."""

    def __init__(self, transport: Any, line: Line) -> None:
        self._transport, self._line = transport, line

    def write(self, octets: bytes) -> None:
        """Write, and record it."""
        self._line.says(bytes(octets))
        self._transport.write(octets)

    def __getattr__(self, name: str) -> Any:
        if name not in self.KNOWN:
            raise AttributeError(f"the tap does not know {name}")
        return getattr(self._transport, name)


class TappedServer(SmppServer):
    """The server as it is; if a tape runs, what it says is on it."""

    def _make(self) -> Connection:
        connection = super()._make()
        if RUNNING:
            tap(connection, Line(RUNNING[-1]))
        return connection


def tap(connection: Any, line: Line) -> None:
    """Let a line hear both sides of a connection that is not made yet."""
    made, received = connection.connection_made, connection.data_received

    def data_received(octets: bytes) -> None:
        line.hears(octets)
        received(octets)

    connection.connection_made = lambda transport: made(Transport(transport, line))
    connection.data_received = data_received


@contextmanager
def running(path: Path) -> Iterator[Tape]:
    """Record what servers say meanwhile."""
    tape = Tape(path)
    RUNNING.append(tape)
    try:
        yield tape
    finally:
        RUNNING.remove(tape)
        tape.close()


@contextmanager
def wireshark_reads_along(path: Path) -> Iterator[None]:
    """Record what servers say, and let Wireshark read it: nothing malformed, nothing missed."""
    with running(path) as tape:
        yield
    if tape.lines:
        complaints, missed = tape.read()
        assert complaints == [], "frames of ours that Wireshark complains of"
        assert missed == [], "conversations that Wireshark has not read to their end"
