"""Watches one line while it runs: what its outcomes and its reports say, as incidents and steps."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.incident import Incident, IncidentKind
from appliance.lines.judging import fate_of
from appliance.lines.mending import Mender
from appliance.modem.ladder import Rung, Step, Symptom
from appliance.policy.judgement import (
    DEFAULT,
    JudgementRules,
    Record,
    reports_missing,
    wants_report,
)
from appliance.store import Store

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=10)
"""How often it is looked whether reports come."""

OLD_ENOUGH: Final = timedelta(minutes=10)
"""How long ago a part was sent whose report is missed."""

Kind = IncidentKind

LASTING: Final = (Kind.NOTHING_OUT, Kind.SIM_REFUSED, Kind.REPORTS_MISSING)

NEXT: Final = {
    Kind.NOTHING_OUT: "Check credit and contract of the SIM; send a test message by another modem.",
    Kind.SIM_REFUSED: "Check credit and contract of the SIM with its operator.",
    Kind.REPORTS_MISSING: "Let it test itself; ask the operator whether the SIM gets reports.",
}


class Watch:
    """What one modem's lines have shown, from start to start.

    Attributes:
        mender: mends the modem.
        zone: the site's, for times that people are told.

    """

    def __init__(
        self,
        mender: Mender,
        slot: str,
        *,
        store: Store,
        clock: Clock,
        rules: Callable[[], JudgementRules] = lambda: DEFAULT,
        zone: tzinfo = UTC,
    ) -> None:
        self.mender, self._rules, self.zone = mender, rules, zone
        self._records: dict[int, Record] = {}
        self._slot, self._store, self._clock = slot, store, clock
        self._standing = set(LASTING)  # perhaps, from an earlier run
        self._looked_at: datetime | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> JudgementRules:
        """When a SIM counts as bad, as it is set just now."""
        return self._rules()

    def out(self) -> None:
        """Take note that something got out to the network."""
        self.mender.proved()
        for kind in (Kind.NOTHING_OUT, Kind.GIVEN_UP):
            self._end(kind)

    def reported(self) -> None:
        """Take note that a report came."""
        self._end(Kind.REPORTS_MISSING)

    def record(self, sim_id: int) -> Record:
        """Return what became of a SIM's parts since the daemon started."""
        record = self._records.setdefault(sim_id, Record(self.rules))
        record.exchange(self.rules)
        return record

    async def recall(self, sim_id: int) -> None:
        """Read what became of a SIM's latest parts before the daemon was started.

        Raises:
            StoreError: it could not be read.

        """
        if sim_id in self._records:
            return
        since = self._clock.now() - self.rules.window
        ended = await self._store.lines.ended_since(sim_id, since)
        record = self.record(sim_id)
        for each in ended:
            record.take(fate_of(each), each.at, each.cause or "")

    def judged(self, sim_id: int, reason: str) -> None:
        """Take note that a SIM is paused; ``reason`` says why."""
        kind = Kind.REPORTS_MISSING if wants_report(reason) else Kind.SIM_REFUSED
        self._note(kind, f"The SIM sends nothing; {reason}.", sim_id)

    def well(self) -> None:
        """Take note that the SIM has shown that it is well."""
        for kind in (Kind.SIM_REFUSED, Kind.REPORTS_MISSING):
            self._end(kind)

    def unwell(self, sim_id: int, symptom: Symptom) -> Step | None:
        """Choose what to do about a line that does not do its work; None: nothing."""
        if symptom is Symptom.NOTHING_OUT:
            said = "The modem is registered, but no part gets out to the network."
            self._note(Kind.NOTHING_OUT, said, sim_id)
        step = self.mender.plan(symptom)
        if step is not None and step.rung is Rung.REST:
            self._standing.add(Kind.GIVEN_UP)
            self.do(self.mender.gave_up(symptom, step.at))
        return step

    async def look(self, sim_id: int) -> str:
        """See now and then whether reports come; return why the SIM is bad if they do not, else ''.

        Raises:
            StoreError: that could not be read.

        """
        now = self._clock.now()
        if self._looked_at is not None and abs(now - self._looked_at) < LOOK_AGAIN:
            return ""
        self._looked_at = now
        most = self.rules.unreported
        why = reports_missing(
            self.rules, **asdict(await self._store.lines.coverage(sim_id, now - OLD_ENOUGH, most))
        )
        if why:
            self._note(Kind.REPORTS_MISSING, f"It gets no reports: {why}.", sim_id)
        return why

    def _note(self, kind: IncidentKind, sentence: str, sim_id: int) -> None:
        self._standing.add(kind)
        what = Incident(
            kind=kind,
            sentence=sentence,
            next_step=NEXT[kind],
            at=self._clock.now(),
            slot=self._slot,
            sim_id=sim_id,
            lasting=True,
        )
        self.do(self._store.incidents.note(what))

    def _end(self, kind: IncidentKind) -> None:
        if kind in self._standing:
            self._standing.discard(kind)
            self.do(self._store.incidents.end(kind, self._slot, self._clock.now()))

    def do(self, work: Coroutine[Any, Any, object]) -> None:
        """Have something written down that nobody waits for."""
        task = asyncio.create_task(self._quietly(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _quietly(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)
