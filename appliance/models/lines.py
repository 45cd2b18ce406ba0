"""Modems and SIMs."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


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
