"""What an ESME asks for in the words of the house, and our errors in those of SMPP. Pure.

Case by case this is the checklist of a conforming server; clauses are those of SMPP 3.4.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.errors import (
    ApplianceError,
    BadNumber,
    NoRoom,
    NumberNotAllowed,
    OptedOut,
    SmppError,
    StoreError,
    SubmissionRefused,
    TooManyParts,
)
from appliance.smpp_server.names import V50, EsmClass, Npi, Status, Tag, Ton
from appliance.smpp_server.pdu import ShortMessage
from appliance.smpp_server.times import moment
from appliance.smpp_server.userdata import split_header, with_sar
from appliance.submission import Door, Receipts, Submission
from appliance.text import Encoding, alphabet_in, tables_in
from appliance.text import decode as decode_text

SERVICE_TYPES: Final = frozenset({b"", b"CMT"})
"""The default and its own name, cellular messaging (5.2.11)."""

STORE_AND_FORWARD: Final = frozenset({0, 3})
"""Modes in bits 0-1 of esm_class that keep a message (5.2.12); a modem knows no others."""

MESSAGE_TYPE: Final = 0b0011_1100
"""Bits of esm_class that make it something else than a message."""

DESTINATION: Final = re.compile(rb"\+?[0-9]{1,20}")
PRINTABLE: Final = re.compile(rb"[ -~]*")

TONS: Final = frozenset(Ton)
DIALLED_TONS: Final = TONS - {Ton.ALPHANUMERIC}
NPIS: Final = frozenset(Npi)

RECEIPTS: Final[Mapping[int, Receipts]] = {
    0: Receipts.NONE,
    1: Receipts.FINAL,
    2: Receipts.FAILURE,
    3: Receipts.SUCCESS,  # from 5.0 on
}
"""Bits 0-1 of registered_delivery (5.2.17; 5.0: 4.7.21)."""

INTERMEDIATE: Final = 0x10
"""The bit of registered_delivery that asks for news on the way, too."""

STATUS: Final[Mapping[type[ApplianceError], Status]] = {
    BadNumber: Status.BAD_DESTINATION,
    NumberNotAllowed: Status.BAD_DESTINATION,
    OptedOut: Status.SUBMIT_FAILED,  # can be told from a wrong number
    TooManyParts: Status.BAD_MESSAGE_LENGTH,
    SubmissionRefused: Status.SUBMIT_FAILED,
    NoRoom: Status.QUEUE_FULL,  # clients try again
    StoreError: Status.SYSTEM_ERROR,  # clients try again
    ApplianceError: Status.SYSTEM_ERROR,
}
"""What a refusal of ours is for an ESME; the nearest class of an error counts."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What one value of data_coding says (5.2.19); None: as the setting for 0 has it."""

    alphabet: str | None
    flash: bool = False


GENERAL: Final = {0: "gsm0338", 1: "binary", 2: "ucs2"}
"""Bits 3-2 of the general group with a class (3GPP TS 23.038 clause 4); 3 is reserved."""

CODINGS: Final[Mapping[int, Coding]] = {
    0: Coding(None),
    1: Coding("latin1"),  # IA5; those who say so often mean more than its 128 characters
    2: Coding("binary"),
    3: Coding("latin1"),
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


def status_of(error: ApplianceError) -> int:
    """Return the command_status that tells an ESME of ``error``."""
    if isinstance(error, SmppError):
        return error.status
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def submission(sm: ShortMessage, *, now: datetime, version: int, gsm0: str) -> Submission:
    """Return what a submit_sm asks for.

    Args:
        sm: its body.
        now: aware; what relative times count from.
        version: the interface_version of the bind; from 5.0 on more is understood.
        gsm0: what data_coding 0 is: ``gsm0338`` (one septet to an octet) or ``latin1``.

    Raises:
        SmppError: with the status to answer.

    """
    _check_flags(sm)
    _check_addresses(sm)
    header, payload = split_header(_payload(sm), udhi=bool(sm.esm_class & EsmClass.UDHI))
    header = with_sar(header, sm)
    coding = _coding(sm, version)
    alphabet = coding.alphabet or gsm0
    not_before, expires_at = _times(sm, now)
    return Submission(
        to=_recipient(sm),
        text=None if alphabet == "binary" else _text(alphabet, payload, header, version),
        data=payload if alphabet == "binary" else None,
        udh=header,
        flash=coding.flash,
        priority=sm.priority_flag or None,  # 0 is what everybody sends who does not care
        not_before=not_before,
        expires_at=expires_at,
        receipts=_receipts(sm.registered_delivery, version),
        door=Door.SMPP,
        smpp_source=sm.source_addr.decode("ascii"),
        smpp_source_ton=sm.source_addr_ton,
        smpp_source_npi=sm.source_addr_npi,
        smpp_dest=sm.destination_addr.decode("ascii"),
        smpp_dest_ton=sm.dest_addr_ton,
        smpp_dest_npi=sm.dest_addr_npi,
    )


def _check_flags(sm: ShortMessage) -> None:
    checks = (
        (sm.service_type in SERVICE_TYPES, Status.BAD_SERVICE_TYPE, "service_type"),
        (sm.esm_class & 3 in STORE_AND_FORWARD, Status.BAD_ESM_CLASS, "mode in esm_class"),
        (not sm.esm_class & MESSAGE_TYPE, Status.BAD_ESM_CLASS, "type in esm_class"),
        (sm.priority_flag <= 3, Status.BAD_PRIORITY, "priority_flag"),
        (sm.replace_if_present_flag <= 1, Status.BAD_REPLACE_FLAG, "replace_if_present_flag"),
        (not sm.replace_if_present_flag, Status.REPLACE_REFUSED, "replace_if_present_flag"),
        (not sm.sm_default_msg_id, Status.BAD_DEFAULT_MESSAGE, "sm_default_msg_id"),
    )
    _refuse_first(checks)


def _check_addresses(sm: ShortMessage) -> None:
    source, destination = sm.source_addr, sm.destination_addr
    checks = (
        (sm.source_addr_ton in TONS, Status.BAD_SOURCE_TON, "source_addr_ton"),
        (sm.source_addr_npi in NPIS, Status.BAD_SOURCE_NPI, "source_addr_npi"),
        (PRINTABLE.fullmatch(source), Status.BAD_SOURCE, "source_addr"),
        (sm.dest_addr_ton in DIALLED_TONS, Status.BAD_DESTINATION_TON, "dest_addr_ton"),
        (sm.dest_addr_npi in NPIS, Status.BAD_DESTINATION_NPI, "dest_addr_npi"),
        (DESTINATION.fullmatch(destination), Status.BAD_DESTINATION, "destination_addr"),
    )
    _refuse_first(checks)


def _refuse_first(checks: tuple[tuple[object, Status, str], ...]) -> None:
    for good, status, what in checks:
        if not good:
            raise SmppError(status, f"{what} cannot be used")


def _recipient(sm: ShortMessage) -> str:
    number = sm.destination_addr.decode("ascii")
    if sm.dest_addr_ton == Ton.INTERNATIONAL and not number.startswith("+"):
        return f"+{number}"
    return number


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
    if alphabet == "gsm0338" and max(payload, default=0) > 0x7F:
        raise _bad_coding(version, "an octet is no septet of GSM 03.38")
    if alphabet == "ucs2" and len(payload) % 2:
        raise SmppError(Status.BAD_MESSAGE_LENGTH, "UCS-2 of an odd length")
    return READERS[alphabet](payload, header)


READERS: Final[Mapping[str, Callable[[bytes, bytes], str]]] = {
    "gsm0338": lambda payload, header: decode_text(
        Encoding.GSM7, payload, alphabet_in(tables_in(header))
    ),
    "latin1": lambda payload, _: payload.decode("latin-1"),
    "ucs2": lambda payload, _: decode_text(Encoding.UCS2, payload),
}
"""By alphabet: from the payload, and the header, which may name national tables."""


def _times(sm: ShortMessage, now: datetime) -> tuple[datetime | None, datetime | None]:
    not_before = _time(sm.schedule_delivery_time, now, Status.BAD_SCHEDULE)
    expires_at = _time(sm.validity_period, now, Status.BAD_VALIDITY)
    if not_before and not_before < now:
        raise SmppError(Status.BAD_SCHEDULE, "schedule_delivery_time is past")
    if expires_at and expires_at <= max(now, not_before or now):
        raise SmppError(Status.BAD_VALIDITY, "validity_period ends before it begins")
    return not_before, expires_at


def _time(written: bytes, now: datetime, status: Status) -> datetime | None:
    if not written:
        return None
    try:
        return moment(written, now)
    except (ValueError, OverflowError) as error:
        raise SmppError(status, f"no time: {error}") from None


def _receipts(flags: int, version: int) -> Receipts:
    wanted = RECEIPTS[flags & 3]
    if wanted is Receipts.SUCCESS and version < V50:
        raise SmppError(Status.BAD_REGISTERED_DELIVERY, "registered_delivery 3 is of SMPP 5.0")
    # One setting holds both wishes: on the way implies the end, unless only one end is wanted.
    if flags & INTERMEDIATE and wanted in {Receipts.NONE, Receipts.FINAL}:
        return Receipts.ALL
    return wanted
