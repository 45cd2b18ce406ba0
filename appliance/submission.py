"""What an account asks for, and what it is answered: the values every door speaks. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from appliance.lifecycle import State
from appliance.policy.categories import Category

SERVICE_CENTRE: Final = r"^\+[1-9][0-9]{4,14}$"
"""What the number of a service centre looks like (E.164)."""


class Door(StrEnum):
    """The way a message came in."""

    REST = "rest"
    SMPP = "smpp"
    LOCAL = "local"


class Receipts(StrEnum):
    """Of which fates the account wants to be told."""

    NONE = "none"
    FINAL = "final"  # delivered or not
    FAILURE = "failure"  # only if not delivered
    SUCCESS = "success"  # only if delivered
    ALL = "all"  # also on the way: sent, uncertain, no report yet
    PROGRESS = "progress"  # only on the way
    FAILURE_AND_PROGRESS = "failure_and_progress"
    SUCCESS_AND_PROGRESS = "success_and_progress"


class WhenUncertain(StrEnum):
    """What becomes of a part that may or may not be on the air when nothing more is heard."""

    HOLD = "hold"
    RESEND = "resend"
    FAIL = "fail"


class Submission(NamedTuple):
    """One message as a door understood it, before anything of it is checked.

    A tuple, since it is made for each submit: with so many fields that takes a quarter of the
    time of a frozen dataclass. It is always made by the names of its fields.

    Exactly one of ``text`` and ``data`` is given. ``data`` is 8-bit payload.
    ``udh`` is an app's own user data header without its length octet: the message
    is then one part and goes out as it is.
    """

    to: str
    text: str | None = None
    data: bytes | None = None
    udh: bytes = b""
    flash: bool = False
    service_centre: str | None = None  # ``+`` and digits (E.164); None: the SIM's own
    category: Category = Category.TRANSACTIONAL
    priority: int | None = None  # 0-3; None: the category's
    reference: str | None = None  # the account's own, unique per account
    idempotency_key: str | None = None
    not_before: datetime | None = None  # aware; None: now
    time_zone: str | None = None  # the recipient's (IANA); None: told from the number
    expires_at: datetime | None = None  # aware; None: after ``validity``
    validity: timedelta | None = None  # from not_before, or now; None: the configured one
    receipts: Receipts | None = None  # None: the account's carrier decides
    when_uncertain: WhenUncertain | None = None  # None: the account's, or the category's
    batch: str | None = None  # the account's name for what it hands in together
    only_sim: int | None = None  # the SIM that must carry it, by its id in the store; None: any
    protocol: int = 0  # TP-PID, 0-255 (3GPP TS 23.040 clause 9.2.3.9)
    region: str | None = None  # whose national numbers are understood (ISO 3166); None: the site's
    door: Door = Door.REST
    smpp_source: str = ""  # source_addr as the ESME gave it, given back in receipts
    smpp_source_ton: int = 0
    smpp_source_npi: int = 0
    smpp_dest: str = ""  # destination_addr as the ESME gave it
    smpp_dest_ton: int = 0
    smpp_dest_npi: int = 0
    smpp_service_type: str = ""
    smpp_esm_class: int = 0
    smpp_coding: int = 0  # data_coding: what replaces it is read the same way
    smpp_sar: int = 0  # sar_msg_ref_num, whole
    smpp_reference: int | None = None  # user_message_reference, given back in receipts
    smpp_name: str = ""  # the id of several that were submitted together, '' if it has its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to a submission: it is stored, and will survive a power cut."""

    id: str
    state: State
    parts: int
    encoding: str
    repeated: bool = False  # an earlier submission with the same reference or key was found
    warnings: tuple[str, ...] = ()  # what was noticed, though it was taken
