"""The SMPP codec: frames out of bytes, bodies out of frames, and back. Pure and strict.

Whatever the bytes are, the answer is a value or an ``SmppError`` with the status to answer.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

from appliance.errors import SmppError
from appliance.smpp_server.fields import (
    Address,
    Counted,
    CString,
    Destinations,
    Field,
    Layout,
    Octet,
    Tlv,
    Unsuccessful,
)
from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status

HEADER: Final = struct.Struct(">IIII")  # command_length, command_id, command_status, sequence
LONGEST: Final = 70_000
"""Octets of the longest PDU we read: a message_payload of 65,535, and all else beside it."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One frame: the header's words (5.1) and the octets behind them."""

    command: int
    status: int
    sequence: int
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the frame's octets."""
        length = HEADER.size + len(self.body)
        return HEADER.pack(length, self.command, self.status, self.sequence) + self.body


@dataclass(frozen=True, slots=True)
class Unframed:
    """No frame: a command_length that cannot be. Nothing behind it can be understood.

    ``sequence`` is the header's where that could be read, else 0.
    """

    sequence: int
    length: int


class Framer:
    """Cuts a stream of bytes into frames, however they came."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0  # where the next frame begins

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer."""
        if self._at:
            del self._bytes[: self._at]
            self._at = 0
        self._bytes += data

    @property
    def pending(self) -> int:
        """Bytes that are not yet given out as a frame."""
        return len(self._bytes) - self._at

    def next(self) -> Pdu | Unframed | None:
        """Return the next frame; None while it is not whole."""
        here = self.pending
        if here < 4:
            return None
        length = int.from_bytes(self._bytes[self._at : self._at + 4], "big")
        if length < HEADER.size:
            return Unframed(self._word(12) if here >= HEADER.size else 0, length)
        if here < HEADER.size:
            return None
        if length > LONGEST:
            return Unframed(self._word(12), length)
        return self._whole(length) if here >= length else None

    def _whole(self, length: int) -> Pdu:
        _, command, status, sequence = HEADER.unpack_from(self._bytes, self._at)
        body = bytes(self._bytes[self._at + HEADER.size : self._at + length])
        self._at += length
        return Pdu(command, status, sequence, body)

    def _word(self, offset: int) -> int:
        start = self._at + offset
        return int.from_bytes(self._bytes[start : start + 4], "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """The body of the three binds (4.1)."""

    system_id: bytes
    password: bytes
    system_type: bytes = b""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BindAnswer:
    """The body of the answers to a bind (4.1.2)."""

    system_id: bytes
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortMessage:
    """The body of submit_sm (4.4.1) and deliver_sm (4.6.1), named as they name it."""

    service_type: bytes = b""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: bytes = b""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: tuple[Tlv, ...] = ()

    def optional(self, tag: int) -> bytes | None:
        """Return the value of an optional parameter (the first of that tag), None if absent."""
        for tlv in self.tlvs:
            if tlv.tag == tag:
                return tlv.value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Multi:
    """The body of submit_multi (4.5.1): as of submit_sm, to several."""

    service_type: bytes = b""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    destinations: tuple[Address, ...]
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The body of data_sm (4.7.1); what it says is in message_payload."""

    service_type: bytes = b""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: bytes = b""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The body of query_sm (4.8.1)."""

    message_id: bytes
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """The body of query_sm_resp (4.8.2)."""

    message_id: bytes
    final_date: bytes = b""
    message_state: int
    error_code: int = 0
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The body of cancel_sm (4.9.1)."""

    service_type: bytes = b""
    message_id: bytes = b""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """The body of replace_sm (4.10.1)."""

    message_id: bytes
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: bytes = b""
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiAnswer:
    """The body of submit_multi_resp (4.5.2): each address that was refused, with its status."""

    message_id: bytes = b""
    unsuccessful: tuple[tuple[Address, int], ...] = ()
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAnswer:
    """The body of the answers to submit_sm (4.4.2), data_sm (4.7.2) and deliver_sm (4.6.2)."""

    message_id: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """A body without mandatory parameters, and that of an error response."""

    tlvs: tuple[Tlv, ...] = ()


Asked = ShortMessage | Multi | Data | Query | Cancel | Replace
"""What a transmitter may ask for."""

Body = Bind | BindAnswer | Asked | MessageAnswer | MultiAnswer | QueryAnswer | Nothing

BIND: Final = Layout(
    Bind,
    CString("system_id", 16, Status.BAD_SYSTEM_ID),
    CString("password", 9, Status.BAD_PASSWORD),
    CString("system_type", 13, Status.BAD_SYSTEM_TYPE),
    Octet("interface_version"),
    Octet("addr_ton"),
    Octet("addr_npi"),
    CString("address_range", 41, Status.BIND_FAILED),
)

BIND_ANSWER: Final = Layout(BindAnswer, CString("system_id", 16, Status.BAD_SYSTEM_ID))

SERVICE_TYPE: Final = CString("service_type", 6, Status.BAD_SERVICE_TYPE)

REGISTERED: Final = Octet("registered_delivery")

DEFAULT_MESSAGE: Final = Octet("sm_default_msg_id")

SM: Final = Counted("short_message", 254, Status.BAD_MESSAGE_LENGTH)

MESSAGE_ID: Final = CString("message_id", 65, Status.BAD_MESSAGE_ID)

TIMES: Final = (
    CString("schedule_delivery_time", 17, Status.BAD_SCHEDULE),
    CString("validity_period", 17, Status.BAD_VALIDITY),
)


def _from(size: int = 21) -> tuple[Field, ...]:
    address = CString("source_addr", size, Status.BAD_SOURCE)
    return Octet("source_addr_ton"), Octet("source_addr_npi"), address


def _to(size: int = 21) -> tuple[Field, ...]:
    address = CString("destination_addr", size, Status.BAD_DESTINATION)
    return Octet("dest_addr_ton"), Octet("dest_addr_npi"), address


HOW: Final = (
    *(Octet("esm_class"), Octet("protocol_id"), Octet("priority_flag")),
    *TIMES,
    *(REGISTERED, Octet("replace_if_present_flag"), Octet("data_coding"), DEFAULT_MESSAGE, SM),
)

SHORT_MESSAGE: Final = Layout(ShortMessage, SERVICE_TYPE, *_from(), *_to(), *HOW)

MULTI: Final = Layout(Multi, SERVICE_TYPE, *_from(), Destinations("destinations", 254), *HOW)

DATA: Final = Layout(
    Data,
    SERVICE_TYPE,
    *_from(65),
    *_to(65),
    *(Octet("esm_class"), REGISTERED, Octet("data_coding")),
)

QUERY: Final = Layout(Query, MESSAGE_ID, *_from())

CANCEL: Final = Layout(Cancel, SERVICE_TYPE, MESSAGE_ID, *_from(), *_to())

REPLACE: Final = Layout(Replace, MESSAGE_ID, *_from(), *TIMES, REGISTERED, DEFAULT_MESSAGE, SM)

QUERY_ANSWER: Final = Layout(
    QueryAnswer,
    MESSAGE_ID,
    CString("final_date", 17, Status.SYSTEM_ERROR),
    Octet("message_state"),
    Octet("error_code"),
)

MULTI_ANSWER: Final = Layout(MultiAnswer, MESSAGE_ID, Unsuccessful("unsuccessful"))

MESSAGE_ANSWER: Final = Layout(MessageAnswer, MESSAGE_ID)

NOTHING: Final = Layout(Nothing)

LAYOUTS: Final[dict[int, Layout[Any]]] = {
    Command.BIND_RECEIVER: BIND,
    Command.BIND_TRANSMITTER: BIND,
    Command.BIND_TRANSCEIVER: BIND,
    Command.BIND_RECEIVER | RESPONSE: BIND_ANSWER,
    Command.BIND_TRANSMITTER | RESPONSE: BIND_ANSWER,
    Command.BIND_TRANSCEIVER | RESPONSE: BIND_ANSWER,
    Command.SUBMIT_SM: SHORT_MESSAGE,
    Command.SUBMIT_MULTI: MULTI,
    Command.DATA_SM: DATA,
    Command.QUERY_SM: QUERY,
    Command.CANCEL_SM: CANCEL,
    Command.REPLACE_SM: REPLACE,
    Command.DELIVER_SM: SHORT_MESSAGE,
    Command.SUBMIT_SM | RESPONSE: MESSAGE_ANSWER,
    Command.DELIVER_SM | RESPONSE: MESSAGE_ANSWER,
    Command.DATA_SM | RESPONSE: MESSAGE_ANSWER,
    Command.SUBMIT_MULTI | RESPONSE: MULTI_ANSWER,
    Command.QUERY_SM | RESPONSE: QUERY_ANSWER,
    Command.CANCEL_SM | RESPONSE: NOTHING,
    Command.REPLACE_SM | RESPONSE: NOTHING,
    Command.UNBIND: NOTHING,
    Command.UNBIND | RESPONSE: NOTHING,
    Command.ENQUIRE_LINK: NOTHING,
    Command.ENQUIRE_LINK | RESPONSE: NOTHING,
    GENERIC_NACK: NOTHING,
}


def decode(pdu: Pdu) -> Body:
    """Return the body of ``pdu`` as values; that of an error response may be absent (3.2).

    Raises:
        SmppError: it is broken, or its command has no layout here (UNKNOWN_COMMAND).

    """
    if pdu.command & RESPONSE and pdu.status != Status.OK and not pdu.body:
        return Nothing()
    layout = LAYOUTS.get(pdu.command)
    if layout is None:
        raise SmppError(Status.UNKNOWN_COMMAND, f"command 0x{pdu.command:08X} is not read here")
    body: Body = layout.decode(pdu.body)
    return body
