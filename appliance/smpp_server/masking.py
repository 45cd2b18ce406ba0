"""PDUs without numbers, texts and passwords, octet for octet as long as they were. Pure.

What is not known to be harmless is hidden: a body that cannot be read, and optional parameters
that are not in ``PLAIN_TAGS``. A password is hidden whatever is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from appliance.errors import SmppError
from appliance.smpp_server.fields import Address, Tlv
from appliance.smpp_server.names import Command, EsmClass, Tag
from appliance.smpp_server.pdu import LAYOUTS, Body, Pdu, decode

HIDDEN: Final = b"*"

UCS2: Final = 8
"""The data_coding of UCS-2 (5.2.19): each character is hidden by one."""

TEXT_OF_A_RECEIPT: Final = b"text:"
"""What stands before the start of the message in a receipt (appendix B); the rest is shown."""

SECRET: Final = "password"  # noqa: S105 - the name of the field

PLAIN_TAGS: Final = frozenset(
    {
        Tag.QOS_TIME_TO_LIVE,
        Tag.RECEIPTED_MESSAGE_ID,
        Tag.USER_MESSAGE_REFERENCE,
        Tag.SOURCE_PORT,
        Tag.DESTINATION_PORT,
        Tag.SAR_MSG_REF_NUM,
        Tag.SAR_TOTAL_SEGMENTS,
        Tag.SAR_SEGMENT_SEQNUM,
        Tag.SC_INTERFACE_VERSION,
        Tag.NETWORK_ERROR_CODE,
        Tag.MESSAGE_STATE,
        Tag.CONGESTION_STATE,
    }
)
"""Optional parameters that hold neither a number nor a text."""

OPAQUE: Final = frozenset(
    {
        Command.BIND_RECEIVER,
        Command.BIND_TRANSMITTER,
        Command.BIND_TRANSCEIVER,
        Command.OUTBIND,
    }
)
"""What may hold a password wherever it is broken: then all of it is hidden, even if asked for."""

Mask = Callable[[str], str]
"""Hides most of a number and keeps its length."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A PDU as it may be kept; ``broken`` says what is wrong with its body, '' if nothing."""

    pdu: Pdu
    broken: str = ""


def cleaned(pdu: Pdu, mask: Mask, *, clear: bool) -> Cleaned:
    """Return a PDU as it may be kept: of the same length, readable where it was.

    Args:
        pdu: whatever came or went.
        mask: hides most of a number.
        clear: keep numbers and texts, but never a password.

    """
    try:
        body = decode(pdu)
    except SmppError as error:
        plain = clear and pdu.command not in OPAQUE
        return Cleaned(pdu if plain else replace(pdu, body=_hidden(pdu.body)), error.reason)
    if not pdu.body:
        return Cleaned(pdu)
    changes: dict[str, Any] = {
        name: HIDDEN * len(value) for name, value in _named(body) if name == SECRET
    }
    if not clear:
        changes |= _masked(body, mask)
    if not changes:
        return Cleaned(pdu)
    layout = LAYOUTS[pdu.command]
    return Cleaned(replace(pdu, body=layout.encode(replace(body, **changes))))


def _named(body: Body) -> list[tuple[str, Any]]:
    return [(each.name, getattr(body, each.name)) for each in fields(body)]


def _masked(body: Body, mask: Mask) -> dict[str, Any]:
    coding = getattr(body, "data_coding", 0)
    esm_class = getattr(body, "esm_class", 0)

    def number(value: bytes) -> bytes:
        return mask(value.decode("latin-1")).encode("latin-1")

    def words(value: bytes) -> bytes:
        return _hidden_words(value, esm_class, coding)

    ways: Mapping[str, Callable[[Any], Any]] = {
        "source_addr": number,
        "destination_addr": number,
        "address_range": number,
        "short_message": words,
        "destinations": lambda all_: tuple(_address(one, number) for one in all_),
        "unsuccessful": lambda all_: tuple((_address(one, number), why) for one, why in all_),
        "tlvs": lambda all_: tuple(_optional(one, words) for one in all_),
    }
    return {name: ways[name](value) for name, value in _named(body) if name in ways}


def _address(one: Address, number: Callable[[bytes], bytes]) -> Address:
    return replace(one, address=one.address if one.is_list else number(one.address))


def _optional(one: Tlv, words: Callable[[bytes], bytes]) -> Tlv:
    if one.tag in PLAIN_TAGS:
        return one
    hidden = words(one.value) if one.tag == Tag.MESSAGE_PAYLOAD else _hidden(one.value)
    return replace(one, value=hidden)


def _hidden_words(value: bytes, esm_class: int, coding: int) -> bytes:
    """Return a text without its words; its user data header stays, which counts and orders."""
    kept = 0
    if esm_class & EsmClass.UDHI and value:
        kept = min(value[0] + 1, len(value))
    elif esm_class & EsmClass.RECEIPT and TEXT_OF_A_RECEIPT in value:
        kept = value.index(TEXT_OF_A_RECEIPT) + len(TEXT_OF_A_RECEIPT)
    rest = len(value) - kept
    if coding == UCS2:
        return value[:kept] + (b"\0" + HIDDEN) * (rest // 2) + HIDDEN * (rest % 2)
    return value[:kept] + HIDDEN * rest


def _hidden(value: bytes) -> bytes:
    return HIDDEN * len(value)
