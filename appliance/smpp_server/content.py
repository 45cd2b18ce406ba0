"""What a message says, by its data_coding and its header, in the words of the house. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from appliance.errors import SmppError
from appliance.smpp_server.manner import GSM, LATIN1, PACKED, Manner
from appliance.smpp_server.names import V50, EsmClass, Status, Tag
from appliance.smpp_server.packing import fill_bits, unpack
from appliance.smpp_server.pdu import ShortMessage
from appliance.smpp_server.userdata import split_header, with_ports, with_sar
from appliance.text import Encoding, alphabet_in, tables_in
from appliance.text import decode as decode_text


@dataclass(frozen=True, slots=True)
class Coding:
    """What one value of data_coding says (5.2.19); None: as the setting for 0 has it."""

    alphabet: str | None
    flash: bool = False


GENERAL: Final = {0: GSM, 1: "binary", 2: "ucs2"}
"""Bits 3-2 of the general group with a class (3GPP TS 23.038 clause 4); 3 is reserved."""

CODINGS: Final[Mapping[int, Coding]] = {
    0: Coding(None),
    1: Coding(LATIN1),  # IA5; those who say so often mean more than its 128 characters
    2: Coding("binary"),
    3: Coding(LATIN1),
    4: Coding("binary"),
    8: Coding("ucs2"),
    **{
        0x10 | bits << 2 | level: Coding(alphabet, flash=level == 0)
        for bits, alphabet in GENERAL.items()
        for level in range(4)
    },
    **{
        0xF0 | spare << 3 | bit << 2 | level: Coding(GENERAL[bit], flash=level == 0)
        for spare in range(2)
        for bit in range(2)
        for level in range(4)
    },
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: exactly one of ``text`` and ``data``, and its header."""

    text: str | None
    data: bytes | None
    udh: bytes
    flash: bool


def content(sm: ShortMessage, *, version: int, manner: Manner) -> Content:
    """Return what is said in short_message or message_payload, by its data_coding.

    Raises:
        SmppError: with the status to answer.

    """
    said = _payload(sm)
    header, payload = split_header(said, udhi=bool(sm.esm_class & EsmClass.UDHI))
    before = len(said) - len(payload)
    coding = _coding(sm, version)
    alphabet = coding.alphabet or manner.gsm0
    if alphabet == GSM and manner.gsm0 == PACKED:
        alphabet = PACKED
    if alphabet == PACKED:
        alphabet, payload = GSM, unpack(payload, fill_bits(before))
    if sm.tlvs:
        header = with_sar(with_ports(header, sm), sm)
    if alphabet == "binary":
        return Content(None, payload, header, coding.flash)
    return Content(_text(alphabet, payload, header, version), None, header, coding.flash)


def _payload(sm: ShortMessage) -> bytes:
    payload = sm.optional(Tag.MESSAGE_PAYLOAD)
    if payload is None:
        return sm.short_message
    if sm.short_message:
        raise SmppError(Status.OPTIONAL_NOT_ALLOWED, "short_message and message_payload")
    return payload


def _coding(sm: ShortMessage, version: int) -> Coding:
    coding = CODINGS.get(sm.data_coding)
    if coding is None:
        raise _bad_coding(version, f"data_coding 0x{sm.data_coding:02X} is unknown")
    return coding


def _bad_coding(version: int, reason: str) -> SmppError:
    status = Status.BAD_DATA_CODING if version >= V50 else Status.SUBMIT_FAILED
    return SmppError(status, reason)


def _text(alphabet: str, payload: bytes, header: bytes, version: int) -> str:
    # Better refused than sent with other letters than were meant, and paid for.
    if alphabet == GSM and not payload.isascii():
        raise _bad_coding(version, "an octet is no septet of GSM 03.38")
    if alphabet == "ucs2" and len(payload) % 2:
        raise SmppError(Status.BAD_MESSAGE_LENGTH, "UCS-2 of an odd length")
    return READERS[alphabet](payload, header)


READERS: Final[Mapping[str, Callable[[bytes, bytes], str]]] = {
    GSM: lambda payload, header: decode_text(
        Encoding.GSM7, payload, alphabet_in(tables_in(header))
    ),
    LATIN1: lambda payload, _: payload.decode("latin-1"),
    "ucs2": lambda payload, _: decode_text(Encoding.UCS2, payload),
}
"""By alphabet: from the payload, and the header, which may name national tables."""
