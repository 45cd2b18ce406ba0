"""What goes into the store's verbs and what comes out: plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.lifecycle import Event
from appliance.models import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message as intake has checked it, ready to be stored."""

    account_id: int
    door: str
    category: str
    priority: int
    reference: str | None
    idempotency_key: str | None
    request_hash: bytes
    recipient: str
    suffix: str  # the recipient's last digits, which networks leave alone
    text: str | None
    data: bytes | None
    udh: bytes | None
    flash: bool
    encoding: str
    parts: int
    not_before: datetime
    expires_at: datetime
    receipts: str | None
    when_uncertain: str
    smpp: dict[str, Any] | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that may leave now, with all that sending it needs.

    ``todo`` are the ordinals of the parts that still have to go, in order. ``sim_id`` is the
    SIM that has carried earlier parts of it and must carry the rest; None: any.
    """

    message_id: int
    account_id: int
    category: str
    priority: int
    recipient: str
    recipient_key: bytes
    recipient_suffix_key: bytes
    text: str | None
    data: bytes | None
    udh: bytes
    flash: bool
    encoding: str
    parts: int
    expires_at: datetime
    todo: tuple[int, ...]
    sim_id: int | None = None
    concat_reference: int | None = None

    def part_id(self, ordinal: int) -> int:
        """Return the id of one of its parts: they follow the message's own."""
        return self.message_id + ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A part is about to be handed to a SIM; ``first`` of what this line sends of its message."""

    waiting: Waiting
    ordinal: int
    sim_id: int
    at: datetime
    lease_until: datetime
    first: bool
    concat_reference: int | None = None  # from the part before; None for the first


@dataclass(frozen=True, slots=True)
class Begun:
    """The attempt is written down: now the PDU may go."""

    attempt_id: int
    concat_reference: int | None


@dataclass(frozen=True, slots=True)
class NotBegun:
    """The message is not to be sent (now); ``why`` in words."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """What the modem answered, or that it did not.

    ``event`` is what it means for the part. With RELEASE the message goes back to the queue
    and waits until ``not_before``.
    """

    attempt_id: int
    begin: Begin
    outcome: Outcome
    event: Event
    at: datetime
    reference: int | None = None
    code: int | None = None
    cause: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """A status report, read by the modem room, understood by the inbox.

    ``event`` is None where the service centre still tries.
    """

    sim_id: int
    service_centre: str | None
    reference: int
    recipient: str  # normalised
    suffix: str
    status: int
    event: Event | None
    cause: str | None
    submitted_at: datetime | None
    discharged_at: datetime | None
    received_at: datetime
    fingerprint: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundFacts:
    """One SMS-DELIVER, or one that could not be decoded (then only ``raw`` says something)."""

    sim_id: int
    sender: str | None  # normalised
    encoding: str | None
    payload: bytes  # septets, UTF-16BE or octets, as the codec gives them
    language: int  # locking × 256 + single shift table
    udh: bytes
    concat_reference: int | None
    concat_wide: bool
    total: int
    ordinal: int
    sent_at: datetime | None
    received_at: datetime
    raw: bytes | None = None
    fingerprint: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an inbound part: stored now or before, whole or not yet."""

    inbound_id: int
    new: bool
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """A line as the pool sees it."""

    slot: str
    port: str
    state: str
    cause: str
    next_step: str
    simulated: bool
    changed_at: datetime
    imei: str | None = None
    maker: str | None = None
    model: str | None = None
    sim_id: int | None = None
    operator: str | None = None
    signal_dbm: int | None = None
    registration: str = "none"
    reports: str = "none"
    storage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How long what may stay open: the bounds of one pass of the chores."""

    now: datetime
    no_report_before: datetime  # sent earlier than this and unreported: no report came
    uncertain_before: datetime  # uncertain since earlier than this: the policy decides
