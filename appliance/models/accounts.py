"""Who is allowed in, and what the installation knows of itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from appliance.models.columns import BIG, NO, default


class Setting(SQLModel, table=True):
    """What the installation made up for itself once, such as the key of its hashes."""

    name: str = Field(primary_key=True)
    value: bytes


class Daemon(SQLModel, table=True):
    """A daemon that has worked on this database. Its id marks what it has claimed."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    started_at: datetime
    lease_until: datetime | None = None  # by the database's clock; None: it does not work
    # Submits with smaller ids are answered; told when another daemon asks.
    answered: int = Field(default=0, sa_type=BIG, sa_column_kwargs=default(0))


class DaemonSessions(SQLModel, table=True):
    """Who is bound at a daemon, for the others; kept only where there are any."""

    __tablename__ = "daemon_sessions"

    daemon: int = Field(primary_key=True, foreign_key="daemon.id")
    sessions: list[dict[str, Any]] = Field(sa_type=JSON)
    told_at: datetime


class Account(SQLModel, table=True):
    """An application allowed in."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    system_id: str | None = Field(default=None, unique=True)  # None: no SMPP
    password_hash: str | None = None  # argon2id
    old_password_hash: str | None = None  # that of the password before, good for a while
    old_password_until: datetime | None = None
    carrier: str | None = None  # "smpp", "webhook"; None: it asks by itself
    webhook_url: str | None = None
    webhook_secret: str | None = None
    is_default: bool = False  # gets the inbound messages that belong to nobody else
    max_binds: int = 4
    admin: bool = Field(
        default=False, sa_column_kwargs=NO
    )  # may speak to lines, hears of incidents
    notices_by: int | None = None  # the daemon that carries its notices, where there are several
    # What is set for it; ``account_settings`` says what None means.
    gsm0: str | None = None
    source_rule: str | None = None
    inbound_form: str | None = None
    region: str | None = None
    category: str | None = None
    service_types: dict[str, str] | None = Field(default=None, sa_type=JSON)
    category_tag: int | None = None
    priorities: dict[str, str] | None = Field(default=None, sa_type=JSON)
    unreported: str | None = None
    submits_per_second: int | None = None
    burst: int | None = None
    queue_ceiling: int | None = None
    allowed_networks: str | None = None  # CIDR, parted by commas
    client_certificate: str | None = None
    outbind: str | None = None  # host:port
    paused_at: datetime | None = None  # nothing is taken from it and nothing told, until resumed
    pause_reason: str | None = None
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
