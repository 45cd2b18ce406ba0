"""What a forecast starts from: the SIMs that are there, their pace, and what waits already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import Connection, bindparam, case, func, select, text

from appliance.models import Account, Attempt, Lane, Line, Message, Outcome, Sim
from appliance.store.base import Base
from appliance.store.tables import table_of

sim, line, attempt = table_of(Sim), table_of(Line), table_of(Attempt)
message, lane, account = table_of(Message), table_of(Lane), table_of(Account)

USABLE: Final = ("ready", "sending")
"""The states of lines that parts leave by."""

LAST: Final = 50
"""Parts that a SIM's pace is taken from."""

_SIMS: Final = (
    select(line.c.slot, line.c.state, line.c.operator)
    .add_columns(sim.c.id, sim.c.iccid, sim.c.simulated, sim.c.pause_reason)
    .join(sim, sim.c.id == line.c.sim_id)
    .order_by(line.c.daemon, line.c.slot)
)
_PACE: Final = (
    select(attempt.c.started_at, attempt.c.answered_at)
    .where(
        attempt.c.sim_id == bindparam("card"),
        attempt.c.outcome == Outcome.SENT,
        attempt.c.answered_at.is_not(None),
    )
    .order_by(attempt.c.started_at.desc())
    .limit(LAST)
)
_DUE: Final = case((message.c.not_before <= bindparam("moment"), 1), else_=0)

_QUEUED: Final = (
    select(lane.c.account_id, account.c.name.label("account"), lane.c.category, lane.c.priority)
    .add_columns(lane.c.sim_group.label("route"), message.c.parts)
    .add_columns(message.c.pinned_sim_id.label("only_sim"), func.count().label("messages"))
    .add_columns(func.min(message.c.not_before).label("due_at"))
    .add_columns(func.max(message.c.expires_at).label("expires_at"))
    .join(lane, lane.c.id == message.c.lane_id)
    .join(account, account.c.id == lane.c.account_id)
    .where(text("message.state = 'queued'"))
    .group_by(lane.c.id, account.c.name, message.c.parts, message.c.pinned_sim_id, _DUE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A SIM in a modem.

    Attributes:
        why_not: why nothing leaves by it just now; empty if something may.
        per_part: how long one of its last parts took, in the middle; None: it has sent none.

    """

    sim_id: int
    iccid: str
    simulated: bool
    slot: str
    operator: str | None
    why_not: str
    per_part: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Queued messages that are alike: of one lane and length, due already or not.

    ``due_at`` is the first one's, ``expires_at`` the last one's.
    """

    account_id: int
    account: str
    category: str
    priority: int
    route: str
    parts: int
    only_sim: int | None
    messages: int
    due_at: datetime
    expires_at: datetime


class Prospects:
    """Reads what forecasts start from."""

    def __init__(self, base: Base) -> None:
        self._base = base

    async def sims(self) -> Sequence[Prospect]:
        """Return the SIMs that modems hold, also those of other daemons."""
        return await self._base.reader.run(_sims)

    async def queued(self, now: datetime) -> Sequence[Queued]:
        """Return what is queued; takes as long as there are messages."""
        return await self._base.reader.run(
            lambda connection: [
                Queued(**row) for row in connection.execute(_QUEUED, {"moment": now}).mappings()
            ]
        )


def _sims(connection: Connection) -> Sequence[Prospect]:
    found = connection.execute(_SIMS).all()
    return [
        Prospect(
            sim_id=row.id,
            iccid=row.iccid,
            simulated=row.simulated,
            slot=row.slot,
            operator=row.operator,
            why_not=row.pause_reason or ("" if row.state in USABLE else row.state),
            per_part=_pace(connection, row.id),
        )
        for row in found
    ]


def _pace(connection: Connection, sim_id: int) -> timedelta | None:
    taken = [
        row.answered_at - row.started_at for row in connection.execute(_PACE, {"card": sim_id})
    ]
    return median(taken) if taken else None
