"""The kinds of field that SMPP bodies are made of, and layouts as tables of them. Pure.

A field knows how its octets are read and written, how long it may be, and which status
refuses it. Octets stay octets here; what they mean is decided in ``translate``.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from appliance.errors import SmppError
from appliance.smpp_server.names import Status, Tag

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Tlv:
    """One optional parameter (3.2.4.1); those with a tag we do not know are kept too."""

    tag: int
    value: bytes


class Field(Protocol):
    """One mandatory parameter."""

    @property
    def name(self) -> str:
        """Return the attribute it fills."""
        ...

    def read(self, body: bytes, at: int) -> tuple[Any, int]:
        """Return its value and where the next field begins.

        Raises:
            SmppError: it is cut off or too long.

        """
        ...

    def write(self, value: Any) -> bytes:  # noqa: ANN401 - bytes or int, as ``read`` returns
        """Return its octets.

        Raises:
            SmppError: the value cannot be written in this field.

        """
        ...


@dataclass(frozen=True, slots=True)
class CString:
    """A C-octet string of at most ``size`` octets, the NUL at its end included (3.1)."""

    name: str
    size: int
    too_long: Status

    def read(self, body: bytes, at: int) -> tuple[bytes, int]:
        """Return the octets before the NUL."""
        end = body.find(b"\0", at)
        if end < 0:
            raise SmppError(Status.BAD_COMMAND_LENGTH, f"{self.name} has no end")
        if end - at >= self.size:
            raise SmppError(self.too_long, f"{self.name} is longer than {self.size - 1} octets")
        return body[at:end], end + 1

    def write(self, value: bytes) -> bytes:
        """Return ``value`` and a NUL."""
        if len(value) >= self.size or b"\0" in value:
            raise SmppError(self.too_long, f"{self.name} does not fit {self.size} octets")
        return value + b"\0"


@dataclass(frozen=True, slots=True)
class Octet:
    """One octet, unsigned."""

    name: str

    def read(self, body: bytes, at: int) -> tuple[int, int]:
        """Return its value, 0-255."""
        if at >= len(body):
            raise SmppError(Status.BAD_COMMAND_LENGTH, f"the body ends before {self.name}")
        return body[at], at + 1

    def write(self, value: int) -> bytes:
        """Return it as one octet."""
        if not 0 <= value <= 255:
            raise SmppError(Status.SYSTEM_ERROR, f"{self.name} is no octet")
        return bytes((value,))


@dataclass(frozen=True, slots=True)
class Counted:
    """Octets behind one octet that counts them, such as sm_length and short_message."""

    name: str
    longest: int
    too_long: Status

    def read(self, body: bytes, at: int) -> tuple[bytes, int]:
        """Return the octets that are counted."""
        if at >= len(body):
            raise SmppError(Status.BAD_COMMAND_LENGTH, f"the body ends before {self.name}")
        start = at + 1
        end = start + body[at]
        if body[at] > self.longest:
            raise SmppError(self.too_long, f"{self.name} is longer than {self.longest} octets")
        if end > len(body):
            raise SmppError(self.too_long, f"the body ends in {self.name}")
        return body[start:end], end

    def write(self, value: bytes) -> bytes:
        """Return the count and ``value``."""
        if len(value) > self.longest:
            raise SmppError(self.too_long, f"{self.name} is longer than {self.longest} octets")
        return bytes((len(value),)) + value


@dataclass(frozen=True, slots=True)
class Address:
    """A number or name with its type and its plan (4.5.1.1), or the name of a list (ton None)."""

    ton: int | None
    npi: int
    address: bytes

    @property
    def is_list(self) -> bool:
        """Whether it names a distribution list."""
        return self.ton is None


@dataclass(frozen=True, slots=True)
class Destinations:
    """number_of_dests and the dest_address that it counts (4.5.1), each behind its dest_flag."""

    name: str
    most: int

    def read(self, body: bytes, at: int) -> tuple[tuple[Address, ...], int]:
        """Return them in their order."""
        count, at = Octet(self.name).read(body, at)
        if not 1 <= count <= self.most:
            raise SmppError(Status.BAD_DESTINATION_COUNT, f"{count} destinations")
        found = []
        for _ in range(count):
            flag, at = _FLAG.read(body, at)
            if flag not in {SME_ADDRESS, LIST_NAME}:
                raise SmppError(Status.BAD_DESTINATION_FLAG, f"dest_flag {flag}")
            if flag == LIST_NAME:
                name, at = _LIST.read(body, at)
                found.append(Address(None, 0, name))
            else:
                one, at = _read_address(body, at)
                found.append(one)
        return tuple(found), at

    def write(self, value: tuple[Address, ...]) -> bytes:
        """Return the count and the addresses."""
        if not 1 <= len(value) <= self.most:
            raise SmppError(Status.BAD_DESTINATION_COUNT, f"{len(value)} destinations")
        written = (
            _FLAG.write(LIST_NAME) + _LIST.write(one.address)
            if one.is_list
            else _FLAG.write(SME_ADDRESS) + _write_address(one)
            for one in value
        )
        return bytes((len(value),)) + b"".join(written)


@dataclass(frozen=True, slots=True)
class Unsuccessful:
    """no_unsuccess and the unsuccess_sme that it counts (4.5.2.1): address, command_status."""

    name: str

    def read(self, body: bytes, at: int) -> tuple[tuple[tuple[Address, int], ...], int]:
        """Return them in their order."""
        count, at = Octet(self.name).read(body, at)
        found = []
        for _ in range(count):
            one, at = _read_address(body, at)
            if at + 4 > len(body):
                raise SmppError(Status.BAD_COMMAND_LENGTH, f"the body ends in {self.name}")
            found.append((one, int.from_bytes(body[at : at + 4], "big")))
            at += 4
        return tuple(found), at

    def write(self, value: tuple[tuple[Address, int], ...]) -> bytes:
        """Return the count and the pairs."""
        if len(value) > 255:
            raise SmppError(Status.SYSTEM_ERROR, f"{self.name}: too many")
        pairs = (_write_address(one) + status.to_bytes(4, "big") for one, status in value)
        return bytes((len(value),)) + b"".join(pairs)


SME_ADDRESS, LIST_NAME = 1, 2  # dest_flag (5.2.25)

_FLAG: Final = Octet("dest_flag")
_LIST: Final = CString("dl_name", 21, Status.BAD_LIST_NAME)
_TON: Final = Octet("dest_addr_ton")
_NPI: Final = Octet("dest_addr_npi")
_ADDRESS: Final = CString("destination_addr", 21, Status.BAD_DESTINATION)


def _read_address(body: bytes, at: int) -> tuple[Address, int]:
    ton, at = _TON.read(body, at)
    npi, at = _NPI.read(body, at)
    address, at = _ADDRESS.read(body, at)
    return Address(ton, npi, address), at


def _write_address(one: Address) -> bytes:
    return _TON.write(one.ton or 0) + _NPI.write(one.npi) + _ADDRESS.write(one.address)


class Layout(Generic[Shape]):
    """A body: these fields in this order, then optional parameters.

    ``shape`` is a dataclass with an attribute for each field, and ``tlvs``.
    """

    def __init__(self, shape: Callable[..., Shape], *fields: Field) -> None:
        self.shape = shape
        self.fields = fields

    def decode(self, body: bytes) -> Shape:
        """Return the body's values.

        Raises:
            SmppError: with the status that refuses it, whatever the octets are.

        """
        values: dict[str, Any] = {}
        at = 0
        for field in self.fields:
            values[field.name], at = field.read(body, at)
        return self.shape(**values, tlvs=_read_tlvs(body, at))

    def encode(self, value: Shape) -> bytes:
        """Return the octets of a body.

        Raises:
            SmppError: a value does not fit its field.

        """
        written = [field.write(getattr(value, field.name)) for field in self.fields]
        tlvs: tuple[Tlv, ...] = getattr(value, "tlvs")  # noqa: B009 - every shape has it
        written += [_write_tlv(tlv) for tlv in tlvs]
        return b"".join(written)


LENGTHS: Final[dict[int, range]] = {
    Tag.QOS_TIME_TO_LIVE: range(4, 5),  # 5.3.2.9
    Tag.RECEIPTED_MESSAGE_ID: range(1, 66),  # 5.3.2.12
    Tag.USER_MESSAGE_REFERENCE: range(2, 3),  # 5.3.2.17
    Tag.SOURCE_PORT: range(2, 3),  # 5.3.2.20
    Tag.DESTINATION_PORT: range(2, 3),  # 5.3.2.21
    Tag.SAR_MSG_REF_NUM: range(2, 3),  # 5.3.2.22
    Tag.SAR_TOTAL_SEGMENTS: range(1, 2),  # 5.3.2.23
    Tag.SAR_SEGMENT_SEQNUM: range(1, 2),  # 5.3.2.24
    Tag.SC_INTERFACE_VERSION: range(1, 2),  # 5.3.2.25
    Tag.NETWORK_ERROR_CODE: range(3, 4),  # 5.3.2.31
    Tag.MESSAGE_STATE: range(1, 2),  # 5.3.2.35
    Tag.CONGESTION_STATE: range(1, 2),  # 5.0, 4.8.4.18
}
"""How long the value of an optional parameter may be, of those that are not free."""

_HEAD: Final = struct.Struct(">HH")


def _read_tlvs(body: bytes, at: int) -> tuple[Tlv, ...]:
    if at == len(body):
        return ()
    found = []
    while at < len(body):
        if at + _HEAD.size > len(body):
            raise SmppError(Status.BROKEN_OPTIONAL_PART, "stray octets behind the last parameter")
        tag, length = _HEAD.unpack_from(body, at)
        at += _HEAD.size
        if at + length > len(body):
            raise SmppError(Status.BROKEN_OPTIONAL_PART, f"the body ends in parameter 0x{tag:04X}")
        if tag in LENGTHS and length not in LENGTHS[tag]:
            reason = f"parameter 0x{tag:04X} cannot be {length} octets"
            raise SmppError(Status.BAD_OPTIONAL_LENGTH, reason)
        found.append(Tlv(tag, body[at : at + length]))
        at += length
    return tuple(found)


def _write_tlv(tlv: Tlv) -> bytes:
    lengths = LENGTHS.get(tlv.tag, range(0x10000))
    if not 0 <= tlv.tag <= 0xFFFF or len(tlv.value) not in lengths:
        reason = f"parameter 0x{tlv.tag:04X} cannot be {len(tlv.value)} octets"
        raise SmppError(Status.BAD_OPTIONAL_LENGTH, reason)
    return _HEAD.pack(tlv.tag, len(tlv.value)) + tlv.value
