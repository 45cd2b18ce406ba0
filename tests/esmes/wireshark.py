"""What Wireshark's dissector thinks of a recording: whether all that we have sent is SMPP."""

import re
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.esmes.recorder import CLIENT, SERVER, SMPP_PORT, Conversation
from tests.require import require

ADDRESS = ".".join(map(str, SERVER))

OURS = f"tcp.srcport == {SMPP_PORT}"

HEADER = "smpp.command_id", "smpp.command_status"

WARNING = 0x00600000  # of Wireshark's severities: note, warning, error


class Pdu(NamedTuple):
    """The header of a PDU."""

    command: int
    status: int


def pdus(octets: bytes) -> list[Pdu]:
    """Read what was said by the lengths in it; it must end with a PDU."""
    found, at = [], 0
    while at < len(octets):
        length, command, status = struct.unpack_from(">III", octets, at)
        assert 16 <= length <= len(octets) - at, octets[at : at + 64].hex()
        found.append(Pdu(command, status))
        at += length
    return found


def said(conversation: Conversation, *, by_us: bool = True) -> list[Pdu]:
    """Return the PDUs of one side of a conversation."""
    return pdus(conversation.said[SERVER if by_us else CLIENT])


def fields(path: Path, wanted: str, *names: str) -> list[list[str]]:
    """Return fields of the frames that a display filter takes, each with all its values."""
    tshark = require("tshark")
    source = ("-n", "-r", str(path), "-d", f"tcp.port=={SMPP_PORT},smpp", "-Y", wanted)
    form = ("-T", "fields", *(word for name in names for word in ("-e", name)))
    read = subprocess.run(
        [tshark, *source, *form],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.split("\t") for line in read.stdout.splitlines()]


class Sent(NamedTuple):
    """A segment of ours to ``port``: its PDUs, and what is wrong with them ("": nothing)."""

    port: int
    what: str
    pdus: list[Pdu]


def read_by_wireshark(path: Path) -> list[Sent]:
    """Return all that we have sent, as Wireshark has read it, in the order of the file."""
    names = ("tcp.dstport", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message", *HEADER)
    found = []
    for port, malformed, severities, message, commands, statuses in fields(
        path, f"({OURS}) && smpp", *names
    ):
        bad = malformed or any(int(one) >= WARNING for one in severities.split(",") if one)
        what = f"{malformed} {message}".strip() or "bad" if bad else ""
        found.append(Sent(int(port), what, paired(commands, statuses)))
    return found


def complaints(path: Path) -> list[list[str]]:
    """Return what Wireshark calls malformed or warns of in frames that we have sent."""
    bad = f"({OURS}) && smpp && (_ws.malformed || _ws.expert.severity >= {WARNING})"
    return fields(path, bad, "frame.number", "_ws.expert.message", "tcp.payload")


def dissected(path: Path) -> list[Pdu]:
    """Return the PDUs that Wireshark finds in what we have sent, in the order of the file."""
    return [pdu for sent in read_by_wireshark(path) for pdu in sent.pdus]


def paired(commands: str, statuses: str) -> list[Pdu]:
    """Return the headers of a segment; a request has no status there."""
    answered = iter(statuses.split(","))
    numbers = [int(command, 16) for command in commands.split(",") if command]
    return [Pdu(one, int(next(answered), 16) if one >> 31 else 0) for one in numbers]


def decrypted(path: Path, keys: Path) -> dict[bytes, bytes]:
    """Return what either side has said in the one TLS session of a recording.

    ``keys``: those of the session, as OpenSSL logs them.
    """
    asked = ("-q", "-n", "-r", str(path), "-d", f"tcp.port=={SMPP_PORT},tls")
    how = ("-o", f"tls.keylog_file:{keys}", "-z", "follow,tls,raw,0")
    command = [require("tshark"), *asked, *how]
    read = subprocess.run(command, check=True, capture_output=True, text=True)
    sides = (
        (SERVER, CLIENT) if f"Node 0: {ADDRESS}:{SMPP_PORT}" in read.stdout else (CLIENT, SERVER)
    )
    found = {CLIENT: b"", SERVER: b""}
    for line in read.stdout.splitlines():
        if re.fullmatch(r"\t?[0-9a-f]+", line):
            found[sides[line.startswith("\t")]] += bytes.fromhex(line.strip())
    return found
