"""The tables. Each index says which question it answers.

Numbers and texts stand in ``message`` and ``inbound`` only, nullable, so that they can be
erased; every look-up by number goes through keyed hashes (``recipient_key``,
``recipient_suffix_key``, ``sender_key``). History, notices, attempts and reports hold ids and
hashes.

The ids of rows that come in numbers are made by the store before they are written
(``appliance.store.ids``): they grow with time, and a row can name another one of its own
transaction without asking the database first.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Enum,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, SQLModel

from appliance.lifecycle import Event, State

Word = TypeVar("Word", bound=StrEnum)


def by_value(words: type[Word]) -> Enum:
    """Store an enum by its value (SQLAlchemy takes the name), as text on every database."""
    return Enum(
        words,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=False,
        length=32,
    )


BIG: Final[TypeEngine[Any]] = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; SQLite's row id must be called INTEGER to be the primary key."""

STATE: Final = by_value(State)
EVENT: Final = by_value(Event)


class Outcome(StrEnum):
    """What is known of one handing of a part to a SIM."""

    SENDING = "sending"  # begun; no answer yet
    SENT = "sent"  # +CMGS: n
    REFUSED = "refused"  # the network or the modem said no
    RELEASED = "released"  # no Ctrl-Z was written: it was never on the air
    UNCERTAIN = "uncertain"  # no answer that says whether it is on the air


class InboundState(StrEnum):
    """How much of an inbound message is here."""

    WAITING = "waiting"  # parts are missing
    COMPLETE = "complete"
    UNDECODABLE = "undecodable"  # kept raw


class NoticeKind(StrEnum):
    """What a notice tells of."""

    MESSAGE = "message"
    INBOUND = "inbound"


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Setting(SQLModel, table=True):
    """What the installation made up for itself once, such as the key of its hashes."""

    name: str = Field(primary_key=True)
    value: bytes


class Daemon(SQLModel, table=True):
    """A daemon that has worked on this database. Its id marks what it has claimed."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    started_at: datetime


class Account(SQLModel, table=True):
    """An application allowed in."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    system_id: str | None = Field(default=None, unique=True)  # None: no SMPP
    password_hash: str | None = None  # argon2id
    carrier: str | None = None  # "smpp", "webhook"; None: it asks by itself
    webhook_url: str | None = None
    webhook_secret: str | None = None
    is_default: bool = False  # gets the inbound messages that belong to nobody else
    max_binds: int = 4
    created_at: datetime
    revoked_at: datetime | None = None


class ApiKey(SQLModel, table=True):
    """A key of an account. The key itself is shown once and never stored."""

    __tablename__ = "api_key"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)  # whose keys?
    key_hash: str = Field(unique=True)  # SHA-256, hex: keys are random
    hint: str  # its first characters, to tell keys apart
    created_at: datetime
    revoked_at: datetime | None = None


class Sim(SQLModel, table=True):
    """A subscription. Limits, counters and open attempts belong to it, wherever it sits."""

    id: int | None = Field(default=None, primary_key=True)
    iccid: str = Field(unique=True)
    imsi: str | None = None
    number: str | None = None  # ours, as the SIM or the configuration has it
    simulated: bool = False
    first_seen: datetime
    last_seen: datetime


class ServiceCentre(SQLModel, table=True):
    """How far a service centre's clock is off, learned from reports that fit without doubt."""

    __tablename__ = "service_centre"

    address: str = Field(primary_key=True)
    offset_seconds: float
    samples: int


class Line(SQLModel, table=True):
    """A modem as its daemon last saw it: what the page shows."""

    __table_args__ = (UniqueConstraint("daemon", "slot"),)

    id: int | None = Field(default=None, primary_key=True)
    daemon: int = Field(foreign_key="daemon.id")
    slot: str
    port: str
    imei: str | None = None
    maker: str | None = None
    model: str | None = None
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    simulated: bool = False
    state: str
    cause: str = ""
    next_step: str = ""
    operator: str | None = None
    signal_dbm: int | None = None
    registration: str = "none"
    reports: str = "none"
    storage: str | None = None
    changed_at: datetime


class Message(SQLModel, table=True):
    """What an account asks for: one text (or bytes) to one recipient.

    ``state`` is a copy computed from the parts. ``daemon`` and ``lease_until`` say who works
    on it; ``sim_id`` says which SIM carries it, and stays when the work is done.
    """

    __table_args__ = (
        UniqueConstraint("account_id", "reference"),
        UniqueConstraint("account_id", "idempotency_key"),
        CheckConstraint("priority BETWEEN 0 AND 3"),
        CheckConstraint("parts BETWEEN 1 AND 255"),
        # What may leave next? Highest priority first, oldest first within it.
        Index("ix_message_waiting", text("priority DESC"), "id", **_where("state = 'queued'")),
        # What of its messages has a SIM still to go on with?
        Index("ix_message_under_way", "sim_id", **_where("state = 'sending'")),
        # Which queued messages does a STOP cancel? Who wrote to this number last by this SIM?
        Index("ix_message_recipient", "recipient_key", "id"),
        # What has an account sent, newest first?
        Index("ix_message_account", "account_id", "id"),
        # Whose time is up?
        Index("ix_message_expiry", "expires_at", **_where("state = 'queued'")),
        # Which are open for too long?
        Index("ix_message_open", "changed_at", **_where("state IN ('sent', 'uncertain')")),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int = Field(foreign_key="account.id")
    door: str
    category: str
    priority: int
    reference: str | None = None
    idempotency_key: str | None = None
    request_hash: bytes | None = None  # of what was asked under the reference or the key
    recipient: str | None = None
    recipient_key: bytes
    recipient_suffix_key: bytes
    text: str | None = None
    data: bytes | None = None
    udh: bytes | None = None  # the app's own header, None: ours
    flash: bool = False
    encoding: str
    parts: int
    state: State = Field(default=State.QUEUED, sa_type=STATE)
    cause: str | None = None
    cause_code: int | None = None
    not_before: datetime
    expires_at: datetime
    receipts: str | None = None
    when_uncertain: str
    smpp: dict[str, Any] | None = Field(default=None, sa_type=JSON)  # the ESME's addresses
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    daemon: int | None = Field(default=None, foreign_key="daemon.id")
    lease_until: datetime | None = None
    accepted_at: datetime
    changed_at: datetime


class Part(SQLModel, table=True):
    """One SMS on the air: a whole message, or one segment of a long one."""

    __table_args__ = (
        UniqueConstraint("message_id", "ordinal"),
        CheckConstraint("ordinal BETWEEN 1 AND 255"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    message_id: int = Field(foreign_key="message.id", sa_type=BIG)
    ordinal: int  # from 1, as in the concatenation header
    state: State = Field(default=State.QUEUED, sa_type=STATE)
    cause: str | None = None
    cause_code: int | None = None
    changed_at: datetime


class Attempt(SQLModel, table=True):
    """One handing of a part to one SIM."""

    __table_args__ = (
        # Which attempts may a report be about? What has a SIM sent since?
        Index("ix_attempt_report", "sim_id", "recipient_suffix_key", "id"),
        Index("ix_attempt_limits", "sim_id", "started_at"),
        # What was in flight when the daemon died?
        Index("ix_attempt_in_flight", "daemon", **_where("outcome = 'sending'")),
        CheckConstraint("reference BETWEEN 0 AND 255"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    part_id: int = Field(foreign_key="part.id", sa_type=BIG, index=True)
    message_id: int = Field(sa_type=BIG)
    sim_id: int = Field(foreign_key="sim.id")
    daemon: int = Field(foreign_key="daemon.id")
    recipient_key: bytes
    recipient_suffix_key: bytes
    concat_reference: int | None = None  # ours, of the concatenation header; None: one part
    reference: int | None = None  # TP-MR; None until the modem has answered
    outcome: Outcome = Field(sa_type=by_value(Outcome))
    code: int | None = None  # +CMS or +CME number
    cause: str | None = None
    started_at: datetime
    answered_at: datetime | None = None
    status: int | None = None  # TP-Status of the last report that fitted
    reported_at: datetime | None = None


class ConcatCounter(SQLModel, table=True):
    """The last concatenation reference of a SIM to a recipient, so that two texts never mix."""

    __tablename__ = "concat_counter"

    sim_id: int = Field(foreign_key="sim.id", primary_key=True)
    recipient_key: bytes = Field(primary_key=True)
    last: int


class Report(SQLModel, table=True):
    """What the network said of a part (SMS-STATUS-REPORT); kept when it fits no attempt, too."""

    __table_args__ = (
        # Which reports wait for their attempt?
        Index(
            "ix_report_unmatched", "sim_id", "recipient_suffix_key", **_where("attempt_id IS NULL")
        ),
        CheckConstraint("status BETWEEN 0 AND 255"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    fingerprint: bytes = Field(unique=True)
    sim_id: int = Field(foreign_key="sim.id")
    service_centre: str | None = None
    reference: int
    recipient_key: bytes
    recipient_suffix_key: bytes
    status: int
    event: Event | None = Field(default=None, sa_type=EVENT)  # None: the centre still tries
    cause: str | None = None
    submitted_at: datetime | None = None  # TP-SCTS
    discharged_at: datetime | None = None  # TP-DT
    received_at: datetime
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id", sa_type=BIG, index=True)


class Inbound(SQLModel, table=True):
    """An SMS that came to one of our SIMs; its parts are collected here until it is whole."""

    __table_args__ = (
        # To which message does this part belong?
        Index("ix_inbound_waiting", "sim_id", "sender_key", **_where("state = 'waiting'")),
        Index("ix_inbound_account", "account_id", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    sim_id: int = Field(foreign_key="sim.id")
    account_id: int | None = Field(default=None, foreign_key="account.id")
    state: InboundState = Field(sa_type=by_value(InboundState))
    sender: str | None = None
    sender_key: bytes
    encoding: str | None = None
    language: int = 0  # locking × 256 + single shift table (23.040 clauses 9.2.3.24.15, 16)
    text: str | None = None
    data: bytes | None = None
    udh: bytes | None = None
    raw: bytes | None = None  # of an undecodable one
    concat_reference: int | None = None
    concat_wide: bool = False
    total: int = 1
    segments: dict[str, str] | None = Field(default=None, sa_type=JSON)  # ordinal → hex payload
    keyword: str | None = None
    sent_at: datetime | None = None
    received_at: datetime


class InboundPart(SQLModel, table=True):
    """That a part was read: its fingerprint makes a second reading harmless."""

    __tablename__ = "inbound_part"

    id: int = Field(primary_key=True, sa_type=BIG)
    inbound_id: int = Field(foreign_key="inbound.id", sa_type=BIG, index=True)
    fingerprint: bytes = Field(unique=True)
    ordinal: int = 1
    received_at: datetime


class OptOut(SQLModel, table=True):
    """A recipient who must get no more (of some category, of some account; None: of any)."""

    __tablename__ = "opt_out"
    __table_args__ = (
        # May this number be written to?
        Index("ix_opt_out_active", "recipient_key", **_where("ended_at IS NULL")),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    recipient_key: bytes
    account_id: int | None = Field(default=None, foreign_key="account.id")
    category: str | None = None
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", sa_type=BIG)
    reason: str
    created_at: datetime
    until: datetime | None = None
    ended_at: datetime | None = None


class History(SQLModel, table=True):
    """One change of a part's state, never rewritten."""

    id: int = Field(primary_key=True, sa_type=BIG)
    message_id: int = Field(foreign_key="message.id", sa_type=BIG, index=True)
    part_id: int | None = Field(default=None, sa_type=BIG)
    attempt_id: int | None = Field(default=None, sa_type=BIG)
    at: datetime
    event: Event | None = Field(default=None, sa_type=EVENT)  # None: accepted
    state: State = Field(sa_type=STATE)  # after it
    cause: str | None = None


class Notice(SQLModel, table=True):
    """What we owe an account: it is done when the other side has acknowledged it."""

    __table_args__ = (
        # What is owed to this account, and when?
        Index(
            "ix_notice_owed",
            "account_id",
            "due_at",
            **_where("done_at IS NULL AND parked_at IS NULL"),
        ),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int = Field(foreign_key="account.id")
    kind: NoticeKind = Field(sa_type=by_value(NoticeKind))
    message_id: int | None = Field(default=None, foreign_key="message.id", sa_type=BIG, index=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", sa_type=BIG)
    state: State | None = Field(default=None, sa_type=STATE)
    cause: str | None = None
    cause_code: int | None = None
    parts_delivered: int = 0
    created_at: datetime
    due_at: datetime
    tries: int = 0
    last_error: str | None = None
    done_at: datetime | None = None
    parked_at: datetime | None = None  # refused for good, or too old: kept and shown
