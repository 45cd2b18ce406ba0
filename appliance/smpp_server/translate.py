"""What an ESME asks for in the words of the house, and our errors in those of SMPP. Pure.

Case by case this is the checklist of a conforming server; clauses are those of SMPP 3.4.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

from appliance.errors import (
    ApplianceError,
    BadField,
    BadNumber,
    NoRoom,
    NotFound,
    NumberNotAllowed,
    OptedOut,
    SmppError,
    StoreError,
    SubmissionRefused,
    TooFast,
    TooLate,
    TooManyParts,
)
from appliance.policy.categories import Category
from appliance.smpp_server.content import Content, content
from appliance.smpp_server.fields import Address
from appliance.smpp_server.manner import Manner
from appliance.smpp_server.names import V50, Npi, Status, Tag, Ton
from appliance.smpp_server.pdu import Data, Multi, ShortMessage
from appliance.smpp_server.times import moment, written
from appliance.submission import Door, Receipts, Submission

SERVICE_TYPES: Final = frozenset({b"", b"CMT"})
"""The default and its own name, cellular messaging (5.2.11)."""

STORE_AND_FORWARD: Final = frozenset({0, 3})
"""Modes in bits 0-1 of esm_class that keep a message (5.2.12); a modem knows no others."""

MESSAGE_TYPE: Final = 0b0011_1100
"""Bits of esm_class that make it something else than a message."""

REMEMBERED: Final = 1024
"""Ways to fill the fields that an ESME repeats, and sources: how many are known to be good."""

DESTINATION: Final = re.compile(rb"\+?[0-9]{1,20}")
PRINTABLE: Final = re.compile(rb"[ -~]{0,20}")

TONS: Final = frozenset(Ton)
DIALLED_TONS: Final = TONS - {Ton.ALPHANUMERIC}
NPIS: Final = frozenset(Npi)

INTERMEDIATE: Final = 0x10
"""The bit of registered_delivery that asks for news on the way, too."""

SUCCESS_ONLY: Final = 3
"""Bits 0-1 of registered_delivery that only 5.0 gives a meaning."""

RECEIPTS: Final[Mapping[int, Receipts]] = {
    0: Receipts.NONE,
    1: Receipts.FINAL,
    2: Receipts.FAILURE,
    SUCCESS_ONLY: Receipts.SUCCESS,
    INTERMEDIATE | 0: Receipts.PROGRESS,
    INTERMEDIATE | 1: Receipts.ALL,
    INTERMEDIATE | 2: Receipts.FAILURE_AND_PROGRESS,
    INTERMEDIATE | SUCCESS_ONLY: Receipts.SUCCESS_AND_PROGRESS,
}
"""Bits 0-1 and 4 of registered_delivery (5.2.17; 5.0: 4.7.21)."""

STATUS: Final[Mapping[type[ApplianceError], Status]] = {
    BadNumber: Status.BAD_DESTINATION,
    NumberNotAllowed: Status.BAD_DESTINATION,
    OptedOut: Status.SUBMIT_FAILED,  # can be told from a wrong number
    TooManyParts: Status.BAD_MESSAGE_LENGTH,
    SubmissionRefused: Status.SUBMIT_FAILED,
    NoRoom: Status.QUEUE_FULL,  # clients try again
    TooFast: Status.THROTTLED,  # clients try again
    NotFound: Status.BAD_MESSAGE_ID,
    TooLate: Status.REPLACE_FAILED,
    StoreError: Status.SYSTEM_ERROR,  # clients try again
    ApplianceError: Status.SYSTEM_ERROR,
}
"""What a refusal of ours is for an ESME; the nearest class of an error counts."""

BY_FIELD: Final[Mapping[str, Status]] = {
    "not_before": Status.BAD_SCHEDULE,
    "expires_at": Status.BAD_VALIDITY,
    "validity": Status.BAD_VALIDITY,
    "udh": Status.BAD_ESM_CLASS,
}
"""What it is where a field of its own is malformed."""


class Timed(Protocol):
    """A body that says when a message may leave."""

    @property
    def schedule_delivery_time(self) -> bytes:
        """Return from when on, '' if at once."""
        ...

    @property
    def validity_period(self) -> bytes:
        """Return until when, '' if it does not say."""
        ...


def status_of(error: ApplianceError) -> int:
    """Return the command_status that tells an ESME of ``error``."""
    if isinstance(error, SmppError):
        return error.status
    if type(error) is BadField and error.field in BY_FIELD:
        return BY_FIELD[error.field]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def submission(
    sm: ShortMessage,
    *,
    now: datetime,
    version: int,
    manner: Manner,
    said: Content | None = None,
) -> Submission:
    """Return what a submit_sm asks for.

    Args:
        sm: its body.
        now: aware; what relative times count from.
        version: the interface_version of the bind; from 5.0 on more is understood.
        manner: what is set for the account.
        said: its content, where that is known already; None: it is read.

    Raises:
        SmppError: with the status to answer.

    """
    _check(sm, version, manner)
    said = said or content(sm, version=version, manner=manner)
    return _asked(sm, said, now, version, manner)


def _asked(
    sm: ShortMessage, said: Content, now: datetime, version: int, manner: Manner
) -> Submission:
    not_before, expires_at = times(sm, now)
    category, priority = _urgency(sm, manner)
    return Submission(
        to=recipient(sm.dest_addr_ton, sm.destination_addr),
        region=manner.region,
        text=said.text,
        data=said.data,
        udh=said.udh,
        flash=said.flash,
        protocol=sm.protocol_id,
        receipts=receipts(sm.registered_delivery, version),
        door=Door.SMPP,
        not_before=not_before,
        expires_at=expires_at,
        category=category,
        priority=priority,
        smpp_source=sm.source_addr.decode("ascii"),
        smpp_source_ton=sm.source_addr_ton,
        smpp_source_npi=sm.source_addr_npi,
        smpp_dest=sm.destination_addr.decode("ascii"),
        smpp_dest_ton=sm.dest_addr_ton,
        smpp_dest_npi=sm.dest_addr_npi,
        smpp_service_type=sm.service_type.decode("ascii"),
        smpp_esm_class=sm.esm_class,
        smpp_coding=sm.data_coding,
        smpp_sar=_number(sm, Tag.SAR_MSG_REF_NUM) or 0,
        smpp_reference=_number(sm, Tag.USER_MESSAGE_REFERENCE),
    )


def _number(sm: ShortMessage, tag: int) -> int | None:
    value = sm.optional(tag)
    return None if value is None else int.from_bytes(value, "big")


def each(multi: Multi) -> list[tuple[Address, ShortMessage]]:
    """Return the submit_sm that a submit_multi stands for, each with its address.

    Raises:
        SmppError: one is a distribution list; there are none.

    """
    if any(one.is_list for one in multi.destinations):
        raise SmppError(Status.BAD_LIST_NAME, "there are no distribution lists")
    same = {
        field.name: getattr(multi, field.name)
        for field in fields(multi)
        if field.name != "destinations"
    }
    return [
        (
            one,
            ShortMessage(
                **same,
                dest_addr_ton=one.ton or 0,
                dest_addr_npi=one.npi,
                destination_addr=one.address,
            ),
        )
        for one in multi.destinations
    ]


def as_short_message(data: Data, now: datetime) -> ShortMessage:
    """Return the submit_sm that a data_sm stands for.

    Raises:
        SmppError: it has no message_payload.

    """
    given = {field.name: getattr(data, field.name) for field in fields(data)}
    sm = ShortMessage(**given)
    if sm.optional(Tag.MESSAGE_PAYLOAD) is None:
        raise SmppError(Status.MISSING_OPTIONAL, "data_sm without message_payload")
    if (seconds := sm.optional(Tag.QOS_TIME_TO_LIVE)) is None:
        return sm
    lives = timedelta(seconds=int.from_bytes(seconds, "big"))
    return ShortMessage(**given, validity_period=_until(now, lives))


def _until(now: datetime, lives: timedelta) -> bytes:
    try:
        return written(now + lives)
    except OverflowError:
        raise SmppError(Status.BAD_OPTIONAL_VALUE, "qos_time_to_live: too long") from None


def _check(sm: ShortMessage, version: int, manner: Manner) -> None:
    """Refuse the first field that cannot be used.

    An ESME says most of it in all its submits: what was found good is not looked at again.
    """
    of_5_0 = version >= V50
    if sm.service_type not in SERVICE_TYPES and _service_type(sm) not in manner.service_types:
        unknown = Status.SERVICE_NOT_ALLOWED if of_5_0 else Status.BAD_SERVICE_TYPE
        raise SmppError(unknown, "service_type cannot be used")
    highest = 3 + of_5_0
    replaces, default = sm.replace_if_present_flag, sm.sm_default_msg_id
    _check_flags(sm.esm_class, sm.priority_flag, highest, replaces, default)
    _check_source(sm.source_addr_ton, sm.source_addr_npi, sm.source_addr)
    _check_destination(sm.dest_addr_ton, sm.dest_addr_npi)
    if not DESTINATION.fullmatch(sm.destination_addr):
        raise SmppError(Status.BAD_DESTINATION, "destination_addr cannot be used")


@lru_cache(REMEMBERED)
def _check_flags(esm_class: int, priority: int, highest: int, replaces: int, default: int) -> None:
    checks = (
        (esm_class & 3 in STORE_AND_FORWARD, Status.BAD_ESM_CLASS, "mode in esm_class"),
        (not esm_class & MESSAGE_TYPE, Status.BAD_ESM_CLASS, "type in esm_class"),
        (priority <= highest, Status.BAD_PRIORITY, "priority_flag"),
        (replaces <= 1, Status.BAD_REPLACE_FLAG, "replace_if_present_flag"),
        (not default, Status.BAD_DEFAULT_MESSAGE, "sm_default_msg_id"),
    )
    _refuse_first(checks)


def _service_type(sm: ShortMessage) -> str:
    return sm.service_type.decode("latin-1")


def _urgency(sm: ShortMessage, manner: Manner) -> tuple[Category, int | None]:
    """Return category and priority: what says the category most plainly counts."""
    flag = sm.priority_flag
    plain = min(flag, 3) or None  # 0 is what everybody sends who does not care
    by_flag, priority = manner.priorities.get(flag, (None, plain))
    by_type = manner.service_types.get(_service_type(sm))
    return _category(sm, manner) or by_type or by_flag or manner.category, priority


def _category(sm: ShortMessage, manner: Manner) -> Category | None:
    named = None if manner.category_tag is None else sm.optional(manner.category_tag)
    if named is None:
        return None
    try:
        return Category(named.rstrip(b"\0").decode("latin-1").lower())
    except ValueError:
        raise SmppError(Status.BAD_OPTIONAL_VALUE, "no such category") from None


@lru_cache(REMEMBERED)
def _check_source(ton: int, npi: int, address: bytes) -> None:
    checks = (
        (ton in TONS, Status.BAD_SOURCE_TON, "source_addr_ton"),
        (npi in NPIS, Status.BAD_SOURCE_NPI, "source_addr_npi"),
        (PRINTABLE.fullmatch(address), Status.BAD_SOURCE, "source_addr"),
    )
    _refuse_first(checks)


@lru_cache(REMEMBERED)
def _check_destination(ton: int, npi: int) -> None:
    checks = (
        (ton in DIALLED_TONS, Status.BAD_DESTINATION_TON, "dest_addr_ton"),
        (npi in NPIS, Status.BAD_DESTINATION_NPI, "dest_addr_npi"),
    )
    _refuse_first(checks)


def _refuse_first(checks: tuple[tuple[object, Status, str], ...]) -> None:
    for good, status, what in checks:
        if not good:
            raise SmppError(status, f"{what} cannot be used")


def recipient(ton: int, address: bytes) -> str:
    """Return a destination as intake reads it: one that is international has its ``+`` or ``00``.

    Any other is as dialled in the account's region, or in the site's.

    Raises:
        SmppError: it is none (BAD_DESTINATION).

    """
    if not DESTINATION.fullmatch(address):
        raise SmppError(Status.BAD_DESTINATION, "destination_addr cannot be used")
    number = address.decode("ascii")
    if ton == Ton.INTERNATIONAL and not number.startswith(("+", "00")):
        return f"+{number}"
    return number


def times(sm: Timed, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last moment a message may leave at, each None if it does not say.

    Raises:
        SmppError: one is no moment, or past.

    """
    not_before = _time(sm.schedule_delivery_time, now, Status.BAD_SCHEDULE)
    expires_at = _time(sm.validity_period, now, Status.BAD_VALIDITY)
    if not_before and not_before < now:
        raise SmppError(Status.BAD_SCHEDULE, "schedule_delivery_time is past")
    if expires_at and expires_at <= max(now, not_before or now):
        raise SmppError(Status.BAD_VALIDITY, "validity_period ends before it begins")
    return not_before, expires_at


def _time(stated: bytes, now: datetime, status: Status) -> datetime | None:
    if not stated:
        return None
    try:
        return moment(stated, now)
    except (ValueError, OverflowError) as error:
        raise SmppError(status, f"no time: {error}") from None


def receipts(flags: int, version: int) -> Receipts:
    """Return what registered_delivery asks for; the acknowledgements of an SME are none of ours.

    Raises:
        SmppError: it is one of 5.0, in an older bind (BAD_REGISTERED_DELIVERY).

    """
    if flags & SUCCESS_ONLY == SUCCESS_ONLY and version < V50:
        raise SmppError(Status.BAD_REGISTERED_DELIVERY, "registered_delivery 3 is of SMPP 5.0")
    return RECEIPTS[flags & (INTERMEDIATE | SUCCESS_ONLY)]
