"""Lines and SIMs: what the pool tells of its modems, and what each SIM has sent."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update

from appliance.models import Attempt, Line, Outcome, Sim
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.tables import table_of
from appliance.store.values import LineFacts
from appliance.store.writer import Transaction, Verb

line, sim, attempt = table_of(Line), table_of(Sim), table_of(Attempt)

_SIM: Final = select(sim).where(sim.c.iccid == bindparam("card"))
_SEEN_AGAIN: Final = (
    update(sim)
    .where(sim.c.id == bindparam("row"))
    .values(
        imsi=bindparam("subscriber"), number=bindparam("own_number"), last_seen=bindparam("moment")
    )
)
_LINE: Final = select(line.c.id).where(
    line.c.daemon == bindparam("worker"), line.c.slot == bindparam("place")
)
_SENT_SINCE: Final = (
    select(attempt.c.started_at)
    .where(
        attempt.c.sim_id == bindparam("card"),
        attempt.c.started_at >= bindparam("since"),
        attempt.c.outcome != Outcome.RELEASED,  # no Ctrl-Z: given back
    )
    .order_by(attempt.c.started_at)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSim:
    """A SIM that sits in one of our modems."""

    iccid: str
    imsi: str | None
    number: str | None
    simulated: bool
    at: datetime


class Lines:
    """The lines of this daemon."""

    def __init__(self, base: Base, subscribers: Iterable[str]) -> None:
        """Begin with the ``subscribers`` (IMSIs) whose SIMs were seen before."""
        self._base = base
        self.subscribers = set(subscribers)
        self._saw: Verb[SeenSim, int] = Verb("saw a SIM", _saw_many)
        self._tell: Verb[LineFacts, None] = Verb("line", self._tell_many)

    async def saw(self, seen: SeenSim) -> int:
        """Return the id of a SIM; one never seen before is stored. It keeps its limits for life."""
        if seen.imsi:
            self.subscribers.add(seen.imsi)
        return await self._base.writer.run(self._saw, seen)

    async def tell(self, facts: LineFacts) -> None:
        """Store what the page shows of a line."""
        await self._base.writer.run(self._tell, facts)

    async def sent_since(self, sim_id: int, since: datetime) -> list[datetime]:
        """Return when this SIM was handed parts, oldest first: what its limits count."""
        return await self._base.reader.run(
            lambda connection: list(
                connection.execute(_SENT_SINCE, {"card": sim_id, "since": since}).scalars()
            )
        )

    def _tell_many(self, transaction: Transaction, items: Sequence[LineFacts]) -> list[None]:
        for facts in items:
            place = {"worker": self._base.daemon, "place": facts.slot}
            known = transaction.execute(_LINE, place).scalar()
            row: dict[str, Any] = asdict(facts) | {"daemon": self._base.daemon}
            if known is None:
                transaction.execute(insert(line), row)
            else:
                transaction.execute(update(line).where(line.c.id == known), row)
        transaction.topics.add(CHANGES)
        return [None] * len(items)


def _saw_many(transaction: Transaction, items: Sequence[SeenSim]) -> list[int]:
    results = []
    for seen in items:
        execute = transaction.execute
        known = execute(_SIM, {"card": seen.iccid}).first()
        if known is None:
            row = {
                "iccid": seen.iccid,
                "imsi": seen.imsi,
                "number": seen.number,
                "simulated": seen.simulated,
                "first_seen": seen.at,
                "last_seen": seen.at,
            }
            results.append(execute(insert(sim).returning(sim.c.id), row).scalar_one())
            continue
        again = {
            "row": known.id,
            "subscriber": seen.imsi or known.imsi,
            "own_number": seen.number or known.number,
            "moment": seen.at,
        }
        execute(_SEEN_AGAIN, again)
        results.append(known.id)
    return results
