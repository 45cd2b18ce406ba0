"""What goes into the store's verbs and what comes out: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.policy.caps import NO_CAPS, Caps
from appliance.policy.categories import Category
from appliance.policy.keywords import Keyword
from appliance.policy.retries import Again


@dataclass(frozen=True, slots=True)
class Segment:
    """Of which long message, that an app has split itself, a message is a segment.

    ``source`` is the app's name for the sender, ``reference`` (``wide``: of 16 bits),
    ``total`` and ``ordinal`` (from 1) are what its header says.
    """

    source: str
    reference: int
    total: int
    ordinal: int
    wide: bool = False

    @property
    def number(self) -> int:
        """The reference as a bundle keeps it: wide ones from 65,536 on."""
        return self.reference | self.wide << 16


@dataclass(slots=True, kw_only=True)
class NewMessage:
    """A message as intake has checked it; with its lane and network it is ready to be stored."""

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
    language: int = 0  # national 7-bit tables, locking × 256 + single shift
    wide: bool = False  # its parts are numbered with 16-bit references
    service_centre: str | None = None  # None: the SIM's own
    pinned_sim_id: int | None = None  # the only SIM that may carry it
    reply_to_inbound_id: int | None = None  # the keyword that it answers
    lane_id: int | None = None
    time_zone: str | None = None  # the recipient's, where the account has said it
    network: str | None = None  # the recipient's operator, where a route asks for it
    batch: str | None = None  # the account's name for what it hands in together
    protocol: int = 0  # TP-PID
    cause: str | None = None  # why it may not leave at once, a sentence
    caps: Caps = NO_CAPS
    segment: Segment | None = None  # of what an app has split itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that may leave now, with all that sending it needs.

    ``todo`` are the ordinals of the parts that still have to go, in order. ``sim_id`` is the
    SIM that has carried earlier parts of it and must carry the rest, or is the only one that may
    carry it at all; None: any.
    ``without_validity``: a service centre has refused the validity period of one of its parts.
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
    language: int = 0
    wide: bool = False
    service_centre: str | None = None
    protocol: int = 0  # TP-PID
    without_validity: bool = False
    lane_id: int | None = None
    due_at: datetime | None = None  # since when it may leave
    time_zone: str | None = None  # the recipient's, where the account has said it
    network: str | None = None  # the recipient's operator, where a route asks for it
    known_sim_id: int | None = None  # the SIM that its recipient last heard from
    bundle_id: int | None = None  # of the segments that an app has split itself
    bundle_ordinal: int | None = None
    revision: int = 0  # what is read here is not to be sent once it was replaced
    refused_by: tuple[int, ...] = ()  # SIMs that are not to carry it
    refused_until: datetime | None = None  # before then

    @property
    def numbered(self) -> bool:
        """Whether its parts carry a concatenation reference of ours."""
        return self.parts > 1 or self.bundle_id is not None

    def part_id(self, ordinal: int) -> int:
        """Return the id of one of its parts: they follow the message's own."""
        return self.message_id + ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A part is about to be handed to a SIM; ``first`` of what this line sends of its message.

    ``unreported``: why the network is asked for no report, None: it is asked.
    """

    waiting: Waiting
    ordinal: int
    sim_id: int
    at: datetime
    first: bool
    concat_reference: int | None = None  # from the part before; None for the first
    price: float | None = None  # of a part by this SIM; None: not known
    unreported: str | None = None


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
    and waits until ``not_before``; after a refusal, as long and for such a SIM as follows from
    ``again``. ``without_validity``: it was the validity period that was refused; the part goes
    again without one.
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
    again: Again = Again.TIME
    without_validity: bool = False


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
    message_class: int | None = None  # 0-3; 0: to be shown at once (23.038 clause 4)
    indication: str | None = None  # what is waiting elsewhere: "voicemail", "no voicemail", …
    fingerprint: tuple[object, ...] = ()
    suffix: str = ""  # the sender's last digits
    loose: bool = False  # a phone number, but not E.164: only its last digits can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A keyword, and who has said it to which SIM.

    Attributes:
        sender: E.164, a short code, a name, or a number in the form that its network wrote.
        suffix: its last digits.
        loose: it is a phone number, but not E.164.
        account_id: whose the inbound message is; None: nobody's.

    """

    keyword: Keyword
    inbound_id: int
    sender: str
    suffix: str
    loose: bool
    sim_id: int
    account_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered to a keyword, as it is to be sent."""

    text: str
    encoding: str
    parts: int
    language: int  # national 7-bit tables, locking × 256 + single shift
    wide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an inbound part: stored now or before, whole or not yet."""

    inbound_id: int
    new: bool
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """A call to one of our SIMs; ``caller`` is normalised, None: withheld or unknown."""

    sim_id: int
    caller: str | None
    received_at: datetime


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
    reports_proven_at: datetime | None = None  # the last report by this modem for this SIM
    memory_sim_id: int | None = None  # whose messages lie in the modem's own memory
    storage: str | None = None
    revision: str | None = None
    profile: str | None = None
    service_centre: str | None = None
    clock_offset_seconds: float | None = None
    mending: str = ""  # what is being done to mend the modem, in words
    mended: dict[str, int] | None = None  # how often each rung of the ladder was taken
    rungs: dict[str, list[str]] | None = None  # when the dear ones were in the last day, ISO 8601
    counted: dict[str, int] | None = None  # what was seen of the modem, and how often


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How long what may stay open: the bounds of one pass of the chores."""

    now: datetime
    no_report_before: datetime  # sent earlier than this and unreported: no report came
    # Uncertain since earlier than this, by category: the policy decides.
    uncertain_before: Mapping[Category, datetime]
