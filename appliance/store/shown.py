"""What people and apps are shown of the tables: plain values. Times are UTC."""

from dataclasses import dataclass
from datetime import datetime

from appliance.lifecycle import State
from appliance.models import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message as lists show it."""

    id: str
    account: str
    to: str | None
    text: str | None
    data: bytes | None
    category: str
    priority: int
    reference: str | None
    batch: str | None
    encoding: str
    parts: int
    state: State
    cause: str | None
    cause_code: int | None
    sim: str | None  # ICCID
    accepted_at: datetime
    changed_at: datetime
    not_before: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages are wanted; None: whatever it is. ``to`` is E.164, or a short code."""

    state: State | None = None
    batch: str | None = None
    reference: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """How many messages of a batch are in which state; ``cancelling``: more will be cancelled."""

    batch: str
    total: int
    states: dict[State, int]
    first_accepted_at: datetime
    last_changed_at: datetime
    cancelling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One part of a message."""

    ordinal: int
    state: State
    cause: str | None
    cause_code: int | None
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One handing of a part to a SIM."""

    ordinal: int
    sim: str
    outcome: Outcome
    reference: int | None
    code: int | None
    cause: str | None
    started_at: datetime
    answered_at: datetime | None
    status: int | None
    reported_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One change of a part's state; ``ordinal`` is None for what concerns the whole message."""

    at: datetime
    ordinal: int | None
    event: str
    state: State
    cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStory:
    """A message with all that happened to it."""

    message: MessageView
    parts: list[PartView]
    attempts: list[AttemptView]
    history: list[StepView]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundView:
    """An inbound message; ``missing`` parts have not come yet."""

    id: str
    account: str | None
    sim: str
    number: str | None  # ours, None if the SIM does not know it
    sender: str | None
    text: str | None
    data: bytes | None
    state: str
    keyword: str | None
    missing: int
    message_class: int | None
    indication: str | None
    sent_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call to one of our SIMs."""

    id: str
    account: str | None
    sim: str
    number: str | None  # ours, None if the SIM does not know it
    caller: str | None  # None: withheld, or erased
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A line as the page shows it, with what its SIM has done since ``since``."""

    slot: str
    port: str
    imei: str | None
    maker: str | None
    model: str | None
    sim: str | None
    number: str | None
    simulated: bool
    state: str
    cause: str
    next_step: str
    operator: str | None
    signal_dbm: int | None
    registration: str
    reports: str
    storage: str | None
    revision: str | None
    profile: str | None
    service_centre: str | None
    clock_offset_seconds: float | None
    reports_proven_at: datetime | None
    mending: str
    mended: dict[str, int] | None
    counted: dict[str, int] | None
    balance: float | None
    balance_text: str | None
    balance_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    changed_at: datetime
    sent: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """Something that happened; ``ended_at`` is None while a lasting one stands."""

    id: str
    kind: str
    daemon: str
    slot: str | None
    sim: str | None
    sentence: str
    next_step: str
    lasting: bool
    at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """How much waits, and for what."""

    queued: int
    sending: int
    uncertain: int
    oldest: datetime | None
    notices: int
    unmatched_reports: int
