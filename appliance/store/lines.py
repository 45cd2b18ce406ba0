"""Lines and SIMs: what the pool tells of its modems, and what each SIM has sent."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update

from appliance.models import Attempt, Line, Outcome, Sim
from appliance.store.base import Base
from appliance.store.bell import CHANGES, QUEUE, SIMS
from appliance.store.coverage import Coverage, coverage
from appliance.store.tables import table_of
from appliance.store.values import LineFacts
from appliance.store.writer import Transaction, Verb

line, sim, attempt = table_of(Line), table_of(Sim), table_of(Attempt)

MOST_ENDED: Final = 10_000
"""Attempts that a SIM is judged by at most."""

_SIM: Final = select(sim).where(sim.c.iccid == bindparam("card"))
_SEEN_AGAIN: Final = (
    update(sim)
    .where(sim.c.id == bindparam("row"))
    .values(
        imsi=bindparam("subscriber"), number=bindparam("own_number"), last_seen=bindparam("moment")
    )
)
_PAUSE: Final = (
    update(sim)
    .where(sim.c.id == bindparam("row"))
    .values(
        paused_at=bindparam("moment"),
        pause_reason=bindparam("why"),
        probe_at=bindparam("probe"),
        pauses=bindparam("times"),
        judged_from=bindparam("since"),
    )
)
_PAUSED: Final = select(sim.c.paused_at, sim.c.pause_reason).where(sim.c.id == bindparam("row"))
_LINE: Final = select(line.c.id, line.c.imei, line.c.sim_id).where(
    line.c.daemon == bindparam("worker"), line.c.slot == bindparam("place")
)
_MOVED_AWAY: Final = (  # it sits elsewhere now
    update(line)
    .where(line.c.sim_id == bindparam("card"), line.c.id != bindparam("row"))
    .values(sim_id=None)
)
_LASTING: Final[tuple[str, ...]] = ("imei", "maker", "model", "revision", "profile", "sim_id")
"""What a slot is remembered by: stands until something else is known."""

_OF_THE_SIM: Final = ("memory_sim_id", "reports_proven_at")
"""What is known of this modem with this SIM: stands while no SIM is known, and no other modem."""

_KNOWN: Final = (
    select(line.c.daemon, line.c.slot, line.c.port, line.c.state, sim.c.iccid)
    .join(sim, sim.c.id == line.c.sim_id, isouter=True)
    .order_by(line.c.daemon, line.c.slot)
)
_MENDED: Final = select(line.c.mended, line.c.rungs).where(
    line.c.daemon == bindparam("worker"), line.c.slot == bindparam("place")
)
_ENDED_SINCE: Final = (
    select(attempt.c.started_at, attempt.c.outcome, attempt.c.code, attempt.c.cause)
    .join(sim, sim.c.id == attempt.c.sim_id)
    .where(
        attempt.c.sim_id == bindparam("card"),
        attempt.c.started_at >= bindparam("since"),
        or_(sim.c.judged_from.is_(None), attempt.c.started_at > sim.c.judged_from),
        attempt.c.outcome != Outcome.SENDING,
    )
    .order_by(attempt.c.started_at.desc())
    .limit(MOST_ENDED)
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


@dataclass(frozen=True, slots=True)
class Before:
    """What a slot was known to hold; None: nothing yet."""

    imei: str | None
    sim_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLine:
    """Where a line is, and by what it may be called; ``sim`` is its ICCID, None: unknown."""

    daemon: int
    slot: str
    port: str
    state: str
    sim: str | None


@dataclass(frozen=True, slots=True)
class Paused:
    """Why a SIM sends nothing.

    Attributes:
        reason: a sentence.
        probe_at: from when on it may be tried with one message; None: a person resumes it.
        pauses: how often in a row it was paused so.

    """

    reason: str
    probe_at: datetime | None = None
    pauses: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of one handing of a part to a SIM; ``code`` and ``cause`` as in ``AttemptEnd``."""

    at: datetime
    outcome: Outcome
    code: int | None
    cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """A SIM stops or, with None, sends again."""

    sim_id: int
    at: datetime
    paused: Paused | None
    only_from: str | None = None  # how the reason that it has begins


class Lines:
    """The lines of this daemon."""

    def __init__(
        self, base: Base, subscribers: Mapping[int, str], paused: Mapping[int, Paused]
    ) -> None:
        """Begin with what was seen before.

        Args:
            base: the hands.
            subscribers: the IMSIs of the SIMs, by their ids.
            paused: the SIMs that may not send, with their reasons.

        """
        self._base = base
        self._imsis = dict(subscribers)
        self._paused = dict(paused)
        self._pause: Verb[_Pause, bool] = Verb("pause", self._pause_many)
        self._saw: Verb[SeenSim, tuple[int, Paused | None]] = Verb("saw a SIM", _saw_many)
        self._tell: Verb[LineFacts, Before] = Verb("line", self._tell_many)

    @property
    def subscribers(self) -> frozenset[str]:
        """The IMSIs of all SIMs that were ever seen."""
        return frozenset(self._imsis.values())

    def imsi(self, sim_id: int) -> str | None:
        """Return the IMSI of a SIM, None if it has not told it."""
        return self._imsis.get(sim_id)

    async def saw(self, seen: SeenSim) -> int:
        """Return the id of a SIM; one never seen before is stored. It keeps its limits for life."""
        sim_id, reason = await self._base.writer.run(self._saw, seen)
        if seen.imsi:
            self._imsis[sim_id] = seen.imsi
        self._note_pause(sim_id, reason)  # another daemon may have had it meanwhile
        return sim_id

    async def tell(self, facts: LineFacts) -> Before:
        """Store what the page shows of a line; return what its slot held until now.

        Modem and SIM that are not known just now stay those that were there last. A SIM is in
        one slot only: where it was shown before, it is shown no more.
        """
        return await self._base.writer.run(self._tell, facts)

    def pause_reason(self, sim_id: int) -> str | None:
        """Return why a SIM sends nothing until it is resumed, None if it may send."""
        paused = self._paused.get(sim_id)
        return paused.reason if paused else None

    def paused(self, sim_id: int) -> Paused | None:
        """Return why and until when a SIM sends nothing, None if it may send."""
        return self._paused.get(sim_id)

    async def pause(
        self,
        sim_id: int,
        reason: str,
        at: datetime,
        *,
        probe_at: datetime | None = None,
        pauses: int = 0,
    ) -> None:
        """Let a SIM send nothing until it is resumed, over restarts too.

        ``reason`` is a sentence; it takes the place of the one there may be already. For
        ``probe_at`` and ``pauses`` see ``Paused``.
        """
        paused = Paused(reason, probe_at, pauses)
        await self._base.writer.run(self._pause, _Pause(sim_id=sim_id, at=at, paused=paused))
        self._note_pause(sim_id, paused)

    async def resume(
        self, sim_id: int, at: datetime, *, only_reason_prefix: str | None = None
    ) -> bool:
        """Let a SIM send again; return whether it was paused.

        With ``only_reason_prefix`` a SIM that is paused for another reason stays so (False).
        """
        wanted = _Pause(sim_id=sim_id, at=at, paused=None, only_from=only_reason_prefix)
        resumed = await self._base.writer.run(self._pause, wanted)
        if resumed:
            self._note_pause(sim_id, None)
        return resumed

    async def known(self) -> list[KnownLine]:
        """Return every line there is or was, of all daemons."""
        return await self._base.reader.run(
            lambda connection: [
                KnownLine(
                    daemon=row.daemon,
                    slot=row.slot,
                    port=row.port,
                    state=row.state,
                    sim=row.iccid,
                )
                for row in connection.execute(_KNOWN)
            ]
        )

    async def mended(self, slot: str) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Return what was done to mend the modem in a slot, as ``LineFacts`` told it last.

        These are ``mended`` and ``rungs`` of it: how often each rung of the ladder was taken, and
        when the dear ones were.
        """
        where = {"worker": self._base.daemon, "place": slot}
        found = await self._base.reader.run(
            lambda connection: connection.execute(_MENDED, where).first()
        )
        return (dict(found.mended or {}), dict(found.rungs or {})) if found else ({}, {})

    async def coverage(self, sim_id: int, before: datetime, most: int) -> Coverage:
        """Count reports: see ``coverage.coverage``."""
        return await self._base.reader.run(
            lambda connection: coverage(connection, sim_id, before, most)
        )

    async def ended_since(self, sim_id: int, since: datetime) -> list[Ended]:
        """Return what came of a SIM's parts, oldest first: the latest ``MOST_ENDED`` at most.

        What was before the SIM was paused or resumed last is over.
        """
        asked = {"card": sim_id, "since": since}
        found = await self._base.reader.run(
            lambda connection: [Ended(*row) for row in connection.execute(_ENDED_SINCE, asked)]
        )
        return found[::-1]

    async def sent_since(self, sim_id: int, since: datetime) -> list[datetime]:
        """Return when this SIM was handed parts, oldest first: what its limits count."""
        return await self._base.reader.run(
            lambda connection: list(
                connection.execute(_SENT_SINCE, {"card": sim_id, "since": since}).scalars()
            )
        )

    def _note_pause(self, sim_id: int, paused: Paused | None) -> None:
        if paused is None:
            self._paused.pop(sim_id, None)
        else:
            self._paused[sim_id] = paused
        self._base.bells.ring([QUEUE])  # again: who looked at the table's ring found it as it was

    def _pause_many(self, transaction: Transaction, items: Sequence[_Pause]) -> list[bool]:
        results = []
        for item in items:
            row = transaction.execute(_PAUSED, {"row": item.sim_id}).one()
            fits = (row.pause_reason or "").startswith(item.only_from or "")
            to = item.paused
            changes = to is not None or (row.paused_at is not None and fits)
            if changes:
                values = {
                    "row": item.sim_id,
                    "moment": item.at if to else None,
                    "why": to.reason if to else None,
                    "probe": to.probe_at if to else None,
                    "times": to.pauses if to else 0,
                    "since": item.at,
                }
                transaction.execute(_PAUSE, values)
            results.append(changes)
        transaction.topics |= {QUEUE, CHANGES}
        if any(item.paused is None for item in items):
            transaction.topics.add(SIMS)
        return results

    def _tell_many(self, transaction: Transaction, items: Sequence[LineFacts]) -> list[Before]:
        before = []
        for facts in items:
            execute = transaction.execute
            place = {"worker": self._base.daemon, "place": facts.slot}
            known = execute(_LINE, place).first()
            row: dict[str, Any] = asdict(facts) | {"daemon": self._base.daemon}
            if known is None:
                number = execute(insert(line).returning(line.c.id), row).scalar_one()
            else:
                number = known.id
                kept = _LASTING
                if facts.sim_id is None and facts.imei in (None, known.imei):
                    kept += _OF_THE_SIM
                row = {key: row[key] for key in row if row[key] is not None or key not in kept}
                execute(update(line).where(line.c.id == number), row)
            held = Before(known.imei, known.sim_id) if known else Before(None, None)
            if facts.sim_id is not None and facts.sim_id != held.sim_id:
                execute(_MOVED_AWAY, {"card": facts.sim_id, "row": number})
            before.append(held)
        transaction.topics.add(CHANGES)
        return before


def _saw_many(
    transaction: Transaction, items: Sequence[SeenSim]
) -> list[tuple[int, Paused | None]]:
    """Return the SIMs' ids, and why they are paused if they are."""
    results: list[tuple[int, Paused | None]] = []
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
            new = execute(insert(sim).returning(sim.c.id), row).scalar_one()
            results.append((new, None))
            continue
        again = {
            "row": known.id,
            "subscriber": seen.imsi or known.imsi,
            "own_number": seen.number or known.number,
            "moment": seen.at,
        }
        execute(_SEEN_AGAIN, again)
        results.append((known.id, paused_of(known)))
    return results


def paused_of(row: Any) -> Paused | None:
    """Return why and until when a SIM sends nothing, from its row; None if it may send."""
    if row.paused_at is None:
        return None
    return Paused(row.pause_reason or "", row.probe_at, row.pauses)
