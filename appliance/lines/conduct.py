"""How a line behaves after what happened: it rests, its modem is mended, its SIM is judged."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from appliance.errors import ModemError, ModemUnwell, StoreError
from appliance.lines.attempt import Answer
from appliance.lines.hands import Hands
from appliance.lines.judging import Judge
from appliance.lines.mending import BECAUSE
from appliance.lines.probation import Probation
from appliance.lines.watching import Watch
from appliance.modem.driver import Modem
from appliance.modem.ladder import Rung, Step, Symptom
from appliance.modem.values import UNREPORTED
from appliance.policy.judgement import Fate
from appliance.policy.limits import Wait

logger = logging.getLogger(__name__)

PAUSE: Final = timedelta(seconds=30)
"""How long a line pauses, times its troubles in a row."""

LONGEST_PAUSE: Final = timedelta(minutes=30)

REGISTERED: Final = frozenset({"home", "roaming"})

SEARCHING: Final = frozenset({"searching", "none"})

LOST: Final = timedelta(minutes=30)
"""How long a modem may search for a network before it is restarted: some never find one again
by themselves. The time was chosen without a measurement on hardware."""


class Conduct:
    """What holds one line besides its limits, and what is done about it.

    Args:
        modem: the line's.
        sim_id: the SIM in it.
        hands: what a line works with.
        watch: what the modem's lines have shown before.
        fail: ends the line's run, so that its modem is mended.
        news: called when what holds the line has changed.

    """

    def __init__(
        self,
        modem: Modem,
        sim_id: int,
        hands: Hands,
        watch: Watch,
        *,
        fail: Callable[[ModemError], None],
        news: Callable[[], None],
    ) -> None:
        self._modem, self._hands, self._watch = modem, hands, watch
        self._sim_id, self._fail, self._news = sim_id, fail, news
        self._judge = Judge(watch.mender.rules.failures)
        self._probation = Probation(sim_id, hands, watch, self._changed)
        self._from = self._until = hands.clock.now()
        self._why = ""
        self._lost: datetime | None = None  # since when it searches for a network

    def paused(self, now: datetime) -> str | None:
        """Return why the SIM sends nothing until it is resumed or tried; None if it may send."""
        return self._probation.paused(now)

    def probing(self, now: datetime) -> bool:
        """Tell whether it may send one message, no one-time password, to show that it is well."""
        return self._probation.probing(now)

    def held(self, now: datetime) -> Wait | None:
        """Return what holds the line, None if nothing does."""
        held = self._probation.held(now)
        if held is None and self._from <= now < self._until:  # a clock set back ends it
            return Wait(self._until, self._why, self._watch.zone, now)
        return held

    def heed(self, outcome: Answer) -> None:
        """Do what an outcome asks for."""
        registered = self._modem.health.registration in REGISTERED
        verdict = self._judge.judge(outcome, registered=registered)
        if verdict.fate is Fate.OUT:
            self._watch.out()
        self._probation.take(verdict.fate, verdict.cause)
        if verdict.troubles:
            now = self._hands.clock.now()
            self._rest(now + min(verdict.troubles * PAUSE, LONGEST_PAUSE), verdict.reason)
        if verdict.symptom is not None:
            self._mend(verdict.symptom, self._watch.unwell(self._sim_id, verdict.symptom))
        elif verdict.doubt:
            self._modem.doubt.set()

    def reported(self) -> None:
        """Take note that a report came."""
        self._watch.reported()
        self._probation.reported()

    async def look(self) -> None:
        """See now and then whether there is a network, and whether reports come at all."""
        self._search()
        if self._modem.health.reports in UNREPORTED:
            return
        with suppress(StoreError):
            why = await self._watch.look(self._sim_id)
            if not why:
                return
            step = self._watch.mender.plan(Symptom.REPORTS_MISSING)
            if step is None or step.rung is Rung.REST:
                self._probation.condemn(why)
            else:
                self._mend(Symptom.REPORTS_MISSING, step)

    def _search(self) -> None:
        """Have a modem restarted that finds no network for long."""
        now = self._hands.clock.now()
        if self._modem.health.registration not in SEARCHING:
            self._lost = None
            return
        self._lost = min(self._lost or now, now)  # a clock set back begins anew
        if now - self._lost < LOST:
            return
        step = self._watch.mender.plan(Symptom.NO_NETWORK)
        if step is not None and step.rung is not Rung.REST:
            self._mend(Symptom.NO_NETWORK, step)

    def _mend(self, symptom: Symptom, step: Step | None) -> None:
        """Have the modem mended, or stop sending for a while where that was in vain."""
        if step is None:
            self._modem.doubt.set()
        elif step.rung is Rung.REST:
            self._rest(step.at, f"stopped: {BECAUSE[symptom]}")
        else:
            self._fail(ModemUnwell(self._modem.port, symptom, BECAUSE[symptom]))

    def _rest(self, until: datetime, why: str) -> None:
        self._from, self._until, self._why = self._hands.clock.now(), until, why
        self._changed()

    def _changed(self) -> None:
        self._news()
        self._hands.again()
