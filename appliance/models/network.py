"""What the network says: reports, inbound messages, STOP."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from appliance.lifecycle import Event
from appliance.models.columns import (
    BIG,
    EVENT,
    ConsentEvent,
    InboundState,
    by_value,
    default,
    partial,
)


class Report(SQLModel, table=True):
    """What the network said of a part (SMS-STATUS-REPORT); kept when it fits no attempt, too."""

    __table_args__ = (
        # Which reports wait for their attempt?
        Index(
            "ix_report_unmatched", "sim_id", "recipient_suffix_key", **partial("attempt_id IS NULL")
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
        Index(
            "ix_inbound_lacking",
            "sim_id",
            "sender_key",
            **partial("state IN ('waiting', 'incomplete')"),
        ),
        # Which of them lack parts for long?
        Index("ix_inbound_waiting", "received_at", **partial("state = 'waiting'")),
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
    message_class: int | None = None  # 0-3 (23.038 clause 4); 0 is shown at once: flash
    indication: str | None = None  # what is waiting elsewhere, such as "voicemail"
    concat_reference: int | None = None
    concat_wide: bool = False
    total: int = 1
    segments: dict[str, str] | None = Field(default=None, sa_type=JSON)  # see store.pieces
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


class Call(SQLModel, table=True):
    """A call to one of our SIMs; it is hung up, and told to whom inbound messages would be."""

    id: int = Field(primary_key=True, sa_type=BIG)
    sim_id: int = Field(foreign_key="sim.id")
    account_id: int | None = Field(default=None, foreign_key="account.id")
    caller: str | None = None  # None: withheld, or erased
    caller_key: bytes
    received_at: datetime


class OptOut(SQLModel, table=True):
    """A recipient who must get no more (of some category, of some account, by some SIM; None: any).

    ``recipient`` is kept where no inbound message has the number; it can be erased.
    ``recipient_suffix_key`` stands only where the number could not be made E.164: then the last
    digits decide.
    """

    __tablename__ = "opt_out"
    __table_args__ = (
        # May this number be written to?
        Index("ix_opt_out_active", "recipient_key", **partial("ended_at IS NULL")),
        Index(
            "ix_opt_out_suffix",
            "recipient_suffix_key",
            **partial("ended_at IS NULL AND recipient_suffix_key IS NOT NULL"),
        ),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    recipient: str | None = None
    recipient_key: bytes
    recipient_suffix_key: bytes | None = None
    account_id: int | None = Field(default=None, foreign_key="account.id")
    category: str | None = None
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", sa_type=BIG)
    reason: str
    source: str = Field(default="sms", sa_column_kwargs=default("'sms'"))  # how it came
    created_at: datetime
    until: datetime | None = None
    ended_at: datetime | None = None


class Consent(SQLModel, table=True):
    """What somebody has said of being written to: a record that is never rewritten.

    The words themselves stand in the inbound message.
    """

    __table_args__ = (
        # What has this number said?
        Index("ix_consent_recipient", "recipient_key", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    recipient_key: bytes
    event: ConsentEvent = Field(sa_type=by_value(ConsentEvent))
    account_id: int | None = Field(default=None, foreign_key="account.id")
    category: str | None = None
    sim_id: int | None = Field(default=None, foreign_key="sim.id")  # that it was said to
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", sa_type=BIG)
    opt_out_id: int | None = Field(default=None, foreign_key="opt_out.id", sa_type=BIG)
    source: str
    reason: str
    until: datetime | None = None
    at: datetime


class Contact(SQLModel, table=True):
    """Which SIM a recipient knows: the one it last heard from, so that replies come back to it."""

    recipient_key: bytes = Field(primary_key=True)
    sim_id: int = Field(foreign_key="sim.id")
    heard_at: datetime | None = None  # it wrote to us
    written_at: datetime | None = None  # we wrote to it


class Ported(SQLModel, table=True):
    """A number that has moved to another operator, as imported."""

    number_key: bytes = Field(primary_key=True)
    operator: str
