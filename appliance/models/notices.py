"""What we owe the accounts."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from appliance.lifecycle import State
from appliance.models.columns import (
    BIG,
    NO,
    STATE,
    NoticeKind,
    by_value,
    default,
    partial,
)


class Notice(SQLModel, table=True):
    """What we owe an account: it is done when the other side has acknowledged it."""

    __table_args__ = (
        # What is owed to this account, and when?
        Index(
            "ix_notice_owed",
            "account_id",
            "due_at",
            **partial("done_at IS NULL AND parked_at IS NULL"),
        ),
        # What is kept for this account, but not tried any more?
        Index("ix_notice_parked", "account_id", "id", **partial("parked_at IS NOT NULL")),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    account_id: int = Field(foreign_key="account.id")
    kind: NoticeKind = Field(sa_type=by_value(NoticeKind))
    message_id: int | None = Field(default=None, foreign_key="message.id", sa_type=BIG, index=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound.id", sa_type=BIG)
    call_id: int | None = Field(default=None, sa_type=BIG)
    incident_id: int | None = Field(default=None, sa_type=BIG)
    state: State | None = Field(default=None, sa_type=STATE)
    cause: str | None = None
    cause_code: int | None = None
    reported: bool = Field(default=False, sa_column_kwargs=NO)  # cause_code is a TP-Status
    parts_delivered: int = 0
    created_at: datetime
    due_at: datetime
    tries: int = 0
    last_error: str | None = None
    done_at: datetime | None = None
    parked_at: datetime | None = None  # refused for good, or too old: kept and shown
    expired: bool = Field(default=False, sa_column_kwargs=NO)  # parked because it was too old
    released_at: datetime | None = None  # somebody has let it go again; its age counts from here
    parts_taken: int = Field(default=0, sa_column_kwargs=default(0))  # of several deliver_sm
    parts_form: str | None = None  # what those were cut like; cut otherwise, all go again
