"""Watches one line while it runs: what its outcomes and its reports say, as incidents and steps."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.incident import Incident, IncidentKind
from appliance.mending import Mender
from appliance.modem.ladder import Rung, Step, Symptom
from appliance.store import Store
from appliance.store.coverage import Coverage

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=10)
"""How often it is looked whether reports come."""

OLD_ENOUGH: Final = timedelta(minutes=10)
"""How long ago a part was sent whose report is missed."""

MOST: Final = 20
"""So many parts of a SIM, none of them reported, are no accident ..."""

OTHERS: Final = 0.5
"""... while of those of the other SIMs such a share was."""

Kind = IncidentKind

LASTING: Final = (Kind.NOTHING_OUT, Kind.SIM_REFUSED, Kind.REPORTS_MISSING)

NEXT: Final = {
    Kind.NOTHING_OUT: "Check credit and contract of the SIM; send a test message by another modem.",
    Kind.SIM_REFUSED: "Check credit and contract of the SIM with its operator.",
    Kind.REPORTS_MISSING: "Let it test itself; ask the operator whether the SIM gets reports.",
}


def reports_missing(seen: Coverage) -> bool:
    """Say whether a SIM gets no reports where others do."""
    enough = seen.sent >= MOST and seen.others_sent >= MOST
    return enough and not seen.reported and seen.others_reported >= OTHERS * seen.others_sent


class Watch:
    """What one modem's lines have shown, from start to start."""

    def __init__(self, mender: Mender, slot: str, *, store: Store, clock: Clock) -> None:
        self.mender = mender
        self._slot, self._store, self._clock = slot, store, clock
        self._standing = set(LASTING)  # perhaps, from an earlier run
        self._looked_at: datetime | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def out(self) -> None:
        """Take note that something got out to the network."""
        self.mender.proved()
        for kind in (Kind.NOTHING_OUT, Kind.SIM_REFUSED, Kind.GIVEN_UP):
            self._end(kind)

    def reported(self) -> None:
        """Take note that a report came."""
        self._end(Kind.REPORTS_MISSING)

    def barred(self, sim_id: int, why: str) -> None:
        """Take note that the network refuses the SIM again and again; ``why`` says how."""
        self._note(Kind.SIM_REFUSED, f"The SIM is refused again and again: {why}.", sim_id)

    def unwell(self, sim_id: int, symptom: Symptom) -> Step | None:
        """Choose what to do about a line that does not do its work; None: nothing."""
        if symptom is Symptom.NOTHING_OUT:
            said = "The modem is registered, but no part gets out to the network."
            self._note(Kind.NOTHING_OUT, said, sim_id)
        step = self.mender.plan(symptom)
        if step is not None and step.rung is Rung.REST:
            self._standing.add(Kind.GIVEN_UP)
            self._do(self.mender.gave_up(symptom, step.at))
        return step

    async def look(self, sim_id: int) -> Step | None:
        """See now and then whether reports come; return what to do if they do not, None: nothing.

        Raises:
            StoreError: that could not be read.

        """
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < LOOK_AGAIN:
            return None
        self._looked_at = now
        seen = await self._store.lines.coverage(sim_id, now - OLD_ENOUGH, MOST)
        if not reports_missing(seen):
            return None
        said = (
            f"None of the last {seen.sent} parts of this SIM was reported; of those of the other"
            f" SIMs, {seen.others_reported} of {seen.others_sent} were."
        )
        self._note(Kind.REPORTS_MISSING, said, sim_id)
        step = self.mender.plan(Symptom.REPORTS_MISSING)
        return step if step is not None and step.rung is not Rung.REST else None

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
        self._do(self._store.incidents.note(what))

    def _end(self, kind: IncidentKind) -> None:
        if kind in self._standing:
            self._standing.discard(kind)
            self._do(self._store.incidents.end(kind, self._slot, self._clock.now()))

    def _do(self, work: Coroutine[Any, Any, object]) -> None:
        """Have something written down that nobody waits for."""
        task = asyncio.create_task(self._quietly(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _quietly(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)
