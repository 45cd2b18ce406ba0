"""What Wireshark's dissector thinks of a recording: whether all that we have sent is SMPP."""

import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.esmes.recorder import CLIENT, SERVER, SMPP_PORT, Conversation
from tests.require import require

OURS = f"tcp.srcport == {SMPP_PORT}"

HEADER = "smpp.command_id", "smpp.command_status"

WARNING = 0x00600000  # of Wireshark's severities: note, warning, error


class Pdu(NamedTuple):
    """The header of a PDU."""

    command: int
    status: int


def pdus(octets: bytes) -> list[Pdu]:
    """Read what was said by the lengths in it; it must end with a PDU."""
    found = []
    while octets:
        length, command, status = struct.unpack(">III", octets[:12])
        assert 16 <= length <= len(octets), octets[:64].hex()
        found.append(Pdu(command, status))
        octets = octets[length:]
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


def complaints(path: Path) -> list[list[str]]:
    """Return what Wireshark calls malformed or warns of in frames that we have sent."""
    bad = f"({OURS}) && smpp && (_ws.malformed || _ws.expert.severity >= {WARNING})"
    return fields(path, bad, "frame.number", "_ws.expert.message", "tcp.payload")


def dissected(path: Path) -> list[Pdu]:
    """Return the PDUs that Wireshark finds in what we have sent, in the order of the file."""
    found = []
    for commands, statuses in fields(path, f"({OURS}) && smpp", *HEADER):
        answered = iter(statuses.split(","))
        for command in commands.split(","):
            number = int(command, 16)
            # a request has no status here
            found.append(Pdu(number, int(next(answered), 16) if number >> 31 else 0))
    return found
