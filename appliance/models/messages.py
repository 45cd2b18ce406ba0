"""What accounts ask for, on its way out."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from appliance.lifecycle import Event, State
from appliance.models.columns import (
    BIG,
    EVENT,
    NO,
    STATE,
    Outcome,
    by_value,
    default,
    partial,
)


class Message(SQLModel, table=True):
    """What an account asks for: one text (or bytes) to one recipient.

    ``state`` is a copy computed from the parts. ``daemon`` says who works on it, as long as
    its lease lasts; ``sim_id`` says which SIM carries it, and stays when the work is done.
    """

    __table_args__ = (
        UniqueConstraint("account_id", "reference"),
        UniqueConstraint("account_id", "idempotency_key"),
        CheckConstraint("priority BETWEEN 0 AND 3"),
        CheckConstraint("parts BETWEEN 1 AND 255"),
        # What may leave next? Highest priority first, oldest first within it.
        Index("ix_message_waiting", text("priority DESC"), "id", **partial("state = 'queued'")),
        # What of its messages has a SIM still to go on with?
        Index("ix_message_under_way", "sim_id", **partial("state = 'sending'")),
        # Which queued messages does a STOP cancel? Who wrote to this number last by this SIM?
        Index("ix_message_recipient", "recipient_key", "id"),
        # What may leave next of a lane? What is due first goes first.
        Index("ix_message_lane", "lane_id", "not_before", "id", **partial("state = 'queued'")),
        # What belongs to a batch?
        Index("ix_message_batch", "account_id", "batch", "id", **partial("batch IS NOT NULL")),
        # ... whosever it is?
        Index("ix_message_batch_of_any", "batch", "id", **partial("batch IS NOT NULL")),
        # What has an account sent, newest first?
        Index("ix_message_account", "account_id", "id"),
        # What stepped aside, and could leave now that a SIM may more than before?
        Index("ix_message_aside", "id", **partial("state = 'queued' AND waits_since IS NOT NULL")),
        # Whose time is up?
        Index("ix_message_expiry", "expires_at", **partial("state = 'queued'")),
        # Which are open for too long?
        Index("ix_message_open", "changed_at", **partial("state IN ('sent', 'uncertain')")),
        # Of which has nothing more been heard for too long?
        Index(
            "ix_message_uncertain",
            "changed_at",
            **partial("state = 'uncertain' AND when_uncertain <> 'hold'"),
        ),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int = Field(foreign_key="account.id")
    lane_id: int | None = None
    door: str
    category: str
    priority: int
    batch: str | None = None  # the account's name for what was handed in together
    time_zone: str | None = None  # the recipient's, where the account has said it
    network: str | None = None  # the recipient's operator, where a route asks for it
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
    protocol: int = Field(default=0, sa_column_kwargs=default(0))  # TP-PID (23.040 9.2.3.9)
    encoding: str
    language: int = Field(default=0, sa_column_kwargs=default(0))  # as in Inbound
    wide: bool = Field(default=False, sa_column_kwargs=NO)  # 16-bit concatenation references
    service_centre: str | None = None  # None: the SIM's own
    without_validity: bool = Field(default=False, sa_column_kwargs=NO)  # a centre refused it
    parts: int
    state: State = Field(default=State.QUEUED, sa_type=STATE)
    cause: str | None = None
    cause_code: int | None = None
    not_before: datetime
    waits_since: datetime | None = None  # what not_before was, until it stepped aside for others
    expires_at: datetime
    receipts: str | None = None
    when_uncertain: str
    smpp: dict[str, Any] | None = Field(default=None, sa_type=JSON)  # the ESME's addresses
    pinned_sim_id: int | None = None  # the only SIM that may carry it: a test of that SIM
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    bundle_id: int | None = Field(default=None, sa_type=BIG)
    bundle_ordinal: int | None = None
    daemon: int | None = Field(default=None, foreign_key="daemon.id")
    revision: int = Field(default=0, sa_column_kwargs=default(0))  # how often it was replaced
    refused_by: list[int] | None = Field(default=None, sa_type=JSON)  # SIMs that may not
    refused_until: datetime | None = None  # carry it before then
    withdrawn_at: datetime | None = None  # cancelled while it was on the air: never sent again
    reply_to_inbound_id: int | None = Field(default=None, sa_type=BIG)  # it answers a keyword
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
        Index("ix_attempt_in_flight", "daemon", **partial("outcome = 'sending'")),
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
    code: int | None = None  # +CMS number; a +CME error has that of its kind
    cause: str | None = None
    price: float | None = None  # in the contract's currency, as set when it was sent
    started_at: datetime
    answered_at: datetime | None = None
    status: int | None = None  # TP-Status of the last report that fitted
    reported_at: datetime | None = None


class Lane(SQLModel, table=True):
    """What the dispatcher reads ahead per: one account's messages of a category to a SIM group."""

    __table_args__ = (UniqueConstraint("account_id", "category", "priority", "sim_group"),)

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    category: str
    priority: int
    sim_group: str  # '' stands for all SIMs


class Bundle(SQLModel, table=True):
    """The segments of a long message that an app has split itself: one SIM sends them all."""

    __table_args__ = (
        # Is there one that this segment belongs to?
        Index("ix_bundle_recipient", "recipient_key", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int = Field(foreign_key="account.id")
    source: str
    recipient_key: bytes
    reference: int  # the app's own
    total: int
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    concat_reference: int | None = None  # ours, on the air
    created_at: datetime


class Withdrawal(SQLModel, table=True):
    """Many messages that their account has cancelled, as long as some of them are to be gone over.

    Exactly one of ``batch`` and ``recipient_key`` says which.
    """

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int | None = Field(default=None, foreign_key="account.id")  # None: of any
    batch: str | None = None
    recipient_key: bytes | None = None
    passed: int = Field(sa_type=BIG)  # the last message that was gone over
    up_to: int = Field(sa_type=BIG)  # later ones are not meant
    cancelled: int
    on_air: int
    final: int
    at: datetime


class ConcatCounter(SQLModel, table=True):
    """The last concatenation reference of a SIM to a recipient, so that two texts never mix."""

    __tablename__ = "concat_counter"

    sim_id: int = Field(foreign_key="sim.id", primary_key=True)
    recipient_key: bytes = Field(primary_key=True)
    last: int


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
