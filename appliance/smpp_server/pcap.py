"""A capture file of PDUs, as Wireshark reads it. Pure.

The frames are made up: what is known are the PDUs, their moments and both ends of each session.
So a session begins with a handshake and ends with FIN, sequence numbers count what was said from
zero on, and checksums are right. PDUs that came over TLS stand in it as they were inside.

Format: https://wiki.wireshark.org/Development/LibpcapFileFormat; link type 101 is raw IP.
IPv4: RFC 791; IPv6: RFC 8200; TCP: RFC 9293.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

MAGIC: Final = 0xA1B2C3D4  # moments in microseconds

LINK_RAW: Final = 101

SNAP: Final = 65_535

SEGMENT: Final = 1_440
"""Octets in one segment at most: what fits Ethernet with IPv6."""

TCP: Final = 6

SYN, FIN, PUSH, ACK = 0x02, 0x01, 0x08, 0x10

WINDOW: Final = 65_535

HOPS: Final = 64

NOWHERE: Final = ("0.0.0.0", 0)  # noqa: S104 - an end that is not known, not one to listen at


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a session: numeric addresses and ports."""

    peer: tuple[str, int]
    ours: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said on a session at once.

    Attributes:
        session: tells sessions apart.
        ends: its ends, the same each time.
        at: when, aware.
        sent: by us.
        data: a whole PDU; empty: the session ended.

    """

    session: str
    ends: Ends
    at: datetime
    sent: bool
    data: bytes


def capture(said: Iterable[Said]) -> Iterator[bytes]:
    """Yield the octets of a capture file, the oldest first."""
    yield struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAP, LINK_RAW)
    flows: dict[str, _Flow] = {}
    for one in said:
        flow = flows.get(one.session)
        if flow is None:
            flow = flows[one.session] = _Flow(one.ends)
            yield from flow.opened(one.at)
        if one.data:
            yield from flow.spoken(one.at, one.data, sent=one.sent)
        else:
            yield from flow.ended(one.at)
            del flows[one.session]


@dataclass(slots=True)
class _End:
    address: IPv4Address | IPv6Address
    port: int
    next: int = 0  # the sequence number of its next octet


@dataclass(slots=True)
class _Flow:
    """One TCP connection, as far as it was seen."""

    ends: Ends
    peer: _End = field(init=False)
    ours: _End = field(init=False)

    def __post_init__(self) -> None:
        peer, ours = _address(self.ends.peer[0]), _address(self.ends.ours[0])
        if peer.version != ours.version:  # one of them is not known
            peer, ours = _wide(peer), _wide(ours)
        self.peer = _End(peer, self.ends.peer[1])
        self.ours = _End(ours, self.ends.ours[1])

    def opened(self, at: datetime) -> Iterator[bytes]:
        yield self._record(at, SYN, sent=False)
        self.peer.next += 1
        yield self._record(at, SYN | ACK, sent=True)
        self.ours.next += 1
        yield self._record(at, ACK, sent=False)

    def spoken(self, at: datetime, data: bytes, *, sent: bool) -> Iterator[bytes]:
        for start in range(0, len(data), SEGMENT):
            yield self._record(at, PUSH | ACK, data[start : start + SEGMENT], sent=sent)

    def ended(self, at: datetime) -> Iterator[bytes]:
        for sent in (True, False):
            yield self._record(at, FIN | ACK, sent=sent)
            (self.ours if sent else self.peer).next += 1
        yield self._record(at, ACK, sent=True)

    def _record(self, at: datetime, flags: int, data: bytes = b"", *, sent: bool) -> bytes:
        source, target = (self.ours, self.peer) if sent else (self.peer, self.ours)
        packet = _packet(source, target, flags, data)
        source.next = (source.next + len(data)) % (1 << 32)
        head = struct.pack("<IIII", int(at.timestamp()), at.microsecond, len(packet), len(packet))
        return head + packet


def _packet(source: _End, target: _End, flags: int, data: bytes) -> bytes:
    acknowledged = target.next if flags & ACK else 0
    segment = bytearray(
        struct.pack(
            ">HHIIBBHHH",
            source.port,
            target.port,
            source.next,
            acknowledged,
            5 << 4,  # the header's length, in words
            flags,
            WINDOW,
            0,
            0,
        )
        + data
    )
    both = source.address.packed + target.address.packed
    segment[16:18] = checksum(both + struct.pack(">II", TCP, len(segment)) + segment)
    return _ip(source, target, len(segment)) + bytes(segment)


def _ip(source: _End, target: _End, length: int) -> bytes:
    both = source.address.packed + target.address.packed
    if source.address.version == 6:
        return bytes(struct.pack(">IHBB", 6 << 28, length, TCP, HOPS)) + both
    head = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, HOPS, TCP, 0) + both)
    head[10:12] = checksum(head)
    return bytes(head)


def checksum(data: bytes | bytearray) -> bytes:
    """Return the Internet checksum of RFC 1071."""
    padded = bytes(data) + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def _address(written: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(written.partition("%")[0])  # without the scope of a link-local address
    except ValueError:
        return ip_address(NOWHERE[0])


def _wide(address: IPv4Address | IPv6Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
