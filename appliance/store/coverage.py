"""How many of a SIM's parts were reported, beside those of the other SIMs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from appliance.models import Attempt, Outcome, Sim
from appliance.store.tables import table_of

attempt, sim = table_of(Attempt), table_of(Sim)

LONGEST: Final = timedelta(days=1)
"""How far back the other SIMs are looked at: networks change."""

MOST_OF_OTHERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Coverage:
    """Parts that were sent, and of how many of them a report came.

    The others are SIMs that get reports at all: one whose contract or modem has none says nothing
    about how well the network reports.
    """

    sent: int
    reported: int
    others_sent: int
    others_reported: int


_OWN: Final = (
    select(attempt.c.started_at, attempt.c.reported_at)
    .where(
        attempt.c.sim_id == bindparam("card"),
        attempt.c.started_at <= bindparam("before"),
        attempt.c.outcome == Outcome.SENT,
    )
    .order_by(attempt.c.started_at.desc())
    .limit(bindparam("most"))
)
_LATEST: Final = (
    select(attempt.c.sim_id, attempt.c.reported_at)
    .where(
        attempt.c.sim_id.in_(select(sim.c.id).where(sim.c.id != bindparam("card"))),
        attempt.c.started_at >= bindparam("since"),
        attempt.c.started_at <= bindparam("before"),
        attempt.c.outcome == Outcome.SENT,
    )
    .limit(MOST_OF_OTHERS)
    .subquery()
)
_OTHERS: Final = select(
    func.count().label("sent"), func.count(_LATEST.c.reported_at).label("reported")
).group_by(_LATEST.c.sim_id)


def coverage(connection: Connection, sim_id: int, before: datetime, most: int) -> Coverage:
    """Count the last ``most`` parts that a SIM sent before a time, and the others' meanwhile."""
    where: dict[str, Any] = {"card": sim_id, "before": before}
    own = connection.execute(_OWN, where | {"most": most}).all()
    if not own:
        return Coverage(0, 0, 0, 0)
    since = max(own[-1].started_at, before - LONGEST)
    others = connection.execute(_OTHERS, where | {"since": since}).all()
    others = [each for each in others if each.reported]
    reported = sum(row.reported_at is not None for row in own)
    return Coverage(
        len(own),
        reported,
        sum(each.sent for each in others),
        sum(each.reported for each in others),
    )
