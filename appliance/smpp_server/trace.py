"""What was said on an account's sessions while somebody wanted to see it, and how it reads. Pure.

Numbers and texts are hidden before anything is kept, so that what was not asked for is nowhere.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, tzinfo
from typing import Any, Final

from appliance.errors import SmppError
from appliance.smpp_server.fields import Address, Tlv
from appliance.smpp_server.masking import Cleaned, Mask, cleaned
from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status, Tag
from appliance.smpp_server.pcap import Ends, Said
from appliance.smpp_server.pdu import HEADER, Pdu, decode

MOST_PDUS: Final = 20_000

MOST_OCTETS: Final = 4_000_000
"""PDUs and octets that a trace keeps; of more it keeps the last."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One PDU, as it may be shown; ``kept`` None: the session ended, ``why``."""

    at: datetime
    session: str
    ends: Ends
    sent: bool
    kept: Cleaned | None
    why: str = ""

    @property
    def octets(self) -> int:
        """How long it is."""
        return HEADER.size + len(self.kept.pdu.body) if self.kept else 0


class Trace:
    """The PDUs of one account, the last ones where they are too many.

    Attributes:
        begun: when it was switched on; aware, UTC.
        until: when it switches itself off.
        clear: numbers and texts are kept as they are.
        missed: how many PDUs had to make room for later ones.

    """

    def __init__(self, begun: datetime, until: datetime, mask: Mask, *, clear: bool) -> None:
        self.begun, self.until, self.clear = begun, until, clear
        self.missed = 0
        self._mask = mask
        self._entries: deque[Entry] = deque()
        self._octets = 0

    @property
    def pdus(self) -> int:
        """How many it has."""
        return sum(entry.kept is not None for entry in self._entries)

    def runs(self, at: datetime) -> bool:
        """Tell whether it is still on."""
        return at < self.until

    def pdu(self, at: datetime, session: str, ends: Ends, pdu: Pdu, *, sent: bool) -> None:
        """Keep a PDU; ``sent``: by us. Nothing happens once its time is over."""
        if self.runs(at):
            kept = cleaned(pdu, self._mask, clear=self.clear)
            self._add(Entry(at, session, ends, sent, kept))

    def ended(self, at: datetime, session: str, ends: Ends, why: str) -> None:
        """Note that a session ended."""
        if self.runs(at):
            self._add(Entry(at, session, ends, sent=True, kept=None, why=why))

    def lines(self, zone: tzinfo) -> Iterator[str]:
        """Yield it as people read it, in their time; ``>`` is ours, ``<`` the ESME's."""
        if self.missed:
            yield f"({self.missed} earlier PDUs are not kept: there were too many)"
        for entry in tuple(self._entries):
            moment = entry.at.astimezone(zone).strftime("%H:%M:%S.%f")[:-3]
            if entry.kept is None:
                yield f"{moment} {entry.session} - closed: {entry.why}"
            else:
                yield f"{moment} {entry.session} {'>' if entry.sent else '<'} {read(entry.kept)}"

    def said(self) -> Iterator[Said]:
        """Yield it for a capture file."""
        for one in tuple(self._entries):
            data = one.kept.pdu.encode() if one.kept else b""
            yield Said(one.session, one.ends, one.at, one.sent, data)

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._octets += entry.octets
        while len(self._entries) > MOST_PDUS or self._octets > MOST_OCTETS:
            self._octets -= self._entries.popleft().octets
            self.missed += 1


def read(kept: Cleaned) -> str:
    """Return a PDU in words: its name, its sequence number, and what in it is neither 0 nor ''."""
    pdu = kept.pdu
    words = [command_name(pdu.command), str(pdu.sequence)]
    if pdu.command & RESPONSE or pdu.status:
        words.append(f"{status_name(pdu.status)} (0x{pdu.status:02X})")
    if kept.broken:
        return " ".join([*words, f"cannot be read: {kept.broken}:", pdu.body.hex()])
    try:
        body = decode(pdu)
    except SmppError as error:  # hiding it has made it so
        return " ".join([*words, f"cannot be read: {error.reason}"])
    shown = ((each.name, getattr(body, each.name)) for each in fields(body))
    return " ".join([*words, *(_field(name, value) for name, value in shown if value)])


def command_name(command: int) -> str:
    """Return a command_id by its name, ``unknown_0x0000000F`` where it has none here."""
    if command == GENERIC_NACK:
        return "generic_nack"
    try:
        name = Command(command & ~RESPONSE).name.lower()
    except ValueError:
        return f"unknown_0x{command:08X}"
    return f"{name}_resp" if command & RESPONSE else name


def status_name(status: int) -> str:
    """Return a command_status by our name for it, ``other`` where it has none."""
    try:
        return Status(status).name.lower()
    except ValueError:
        return "other"


def _field(name: str, value: Any) -> str:  # noqa: ANN401 - whatever a layout reads
    if name == "tlvs":
        return " ".join(map(_optional, value))
    if isinstance(value, tuple):
        return f"{name}=[{', '.join(map(_one, value))}]"
    return f"{name}={_value(value)}"


def _one(value: Any) -> str:  # noqa: ANN401 - an address, or one with its status
    if isinstance(value, Address):
        kind = "" if value.is_list else f"{value.ton}/{value.npi}/"
        return f"{kind}{_value(value.address)}"
    address, status = value
    return f"{_one(address)} {status_name(status)}"


def _optional(one: Tlv) -> str:
    try:
        name = Tag(one.tag).name.lower()
    except ValueError:
        name = f"0x{one.tag:04X}"
    return f"{name}={_value(one.value)}"


def _value(value: bytes | int) -> str:
    """Return octets as text where all of them are printable ASCII, else in hexadecimal."""
    if isinstance(value, int):
        return str(value)
    text = value.decode("latin-1")
    return f'"{text}"' if text.isascii() and text.isprintable() else f"0x{value.hex()}"
