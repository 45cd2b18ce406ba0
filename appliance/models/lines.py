"""Modems and SIMs, what happens to them, and what is asked of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from appliance.models.columns import BIG, RequestState, by_value, default, partial


class Sim(SQLModel, table=True):
    """A subscription. Limits, counters and open attempts belong to it, wherever it sits."""

    id: int | None = Field(default=None, primary_key=True)
    iccid: str = Field(unique=True)
    imsi: str | None = None
    number: str | None = None  # ours, as the SIM or the configuration has it
    simulated: bool = False
    balance: float | None = None  # in the contract's currency, as last asked for
    balance_text: str | None = None  # the operator's own words
    balance_at: datetime | None = None
    paused_at: datetime | None = None  # it sends nothing until somebody or something resumes it
    pause_reason: str | None = None
    probe_at: datetime | None = None  # paused because it failed: then it is tried by one message
    pauses: int = Field(default=0, sa_column_kwargs=default(0))  # for failing, in a row
    judged_from: datetime | None = None  # what came of its parts before is not held against it
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
    revision: str | None = None
    profile: str | None = None
    service_centre: str | None = None
    clock_offset_seconds: float | None = None  # the modem's clock against ours
    reports_proven_at: datetime | None = None  # the last report by this modem for this SIM
    memory_sim_id: int | None = None  # whose messages lie in the modem's own memory
    mending: str = Field(default="", sa_column_kwargs=default("''"))  # the rung it is on, in words
    mended: dict[str, int] | None = Field(default=None, sa_type=JSON)  # rung -> how often
    rungs: dict[str, list[str]] | None = Field(default=None, sa_type=JSON)  # dear rung -> when
    counted: dict[str, int] | None = Field(default=None, sa_type=JSON)  # what -> how often
    changed_at: datetime


class ModelProof(SQLModel, table=True):
    """Whether reports that come this way to a model outlive a restart, as a self-test showed."""

    __tablename__ = "model_proof"
    __table_args__ = (UniqueConstraint("maker", "model", "revision", "way"),)

    id: int | None = Field(default=None, primary_key=True)
    maker: str
    model: str
    revision: str
    way: str  # as Line.reports: "stored", "acknowledged", "direct"
    survived: bool
    proved_at: datetime


class Incident(SQLModel, table=True):
    """Something that happened to a line or to the box and that a technician should know."""

    __table_args__ = (
        # Which last still, of this line?
        Index("ix_incident_lasting", "slot", "kind", **partial("lasting AND ended_at IS NULL")),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    kind: str
    daemon: int = Field(foreign_key="daemon.id")
    slot: str | None = None  # None: the box itself
    sim_id: int | None = Field(default=None, foreign_key="sim.id")
    sentence: str  # without numbers of recipients and without texts
    next_step: str = ""
    lasting: bool = False  # it is a state, and ends
    at: datetime
    ended_at: datetime | None = None


class Request(SQLModel, table=True):
    """What somebody asks of a line; the daemon that owns the line carries it out."""

    __table_args__ = (
        # What is there to do?
        Index("ix_request_open", "daemon", "id", **partial("state = 'open'")),
    )

    id: int = Field(primary_key=True, sa_type=BIG)
    daemon: int = Field(foreign_key="daemon.id")
    slot: str
    kind: str
    arguments: dict[str, Any] | None = Field(default=None, sa_type=JSON)  # None once taken: secrets
    account_id: int | None = Field(default=None, foreign_key="account.id")  # None: this box
    state: RequestState = Field(default=RequestState.OPEN, sa_type=by_value(RequestState))
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    error: str | None = None
    created_at: datetime
    taken_at: datetime | None = None
    ended_at: datetime | None = None
