"""A SIM that was judged: paused over restarts, tried with one message, paused longer or resumed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from appliance.lines.hands import Hands
from appliance.lines.watching import Watch
from appliance.policy.judgement import REASON, Fate, is_judged, wants_report
from appliance.policy.limits import Wait
from appliance.store.lines import Paused

WRITING: Final = timedelta(minutes=1)
"""How long a sentence holds by itself, until it is written down."""


class Probation:
    """How one SIM stands. ``changed`` is called when that has changed."""

    def __init__(
        self, sim_id: int, hands: Hands, watch: Watch, changed: Callable[[], None]
    ) -> None:
        self._sim_id, self._hands, self._watch = sim_id, hands, watch
        self._changed = changed
        self._fresh: tuple[Paused, datetime] | None = None  # a sentence, and until when it holds

    def paused(self, now: datetime) -> str | None:
        """Return why the SIM sends nothing, a message to try it aside; None if it may send."""
        paused = self._paused(now)
        return None if paused is None or self.probing(now) else paused.reason

    def probing(self, now: datetime) -> bool:
        """Tell whether its time has come to be tried."""
        paused = self._paused(now)
        return paused is not None and paused.probe_at is not None and paused.probe_at <= now

    def held(self, now: datetime) -> Wait | None:
        """Return what holds the SIM, None if it may send (or be tried)."""
        paused = self._paused(now)
        if paused is None or self.probing(now):
            return None
        return Wait(paused.probe_at, paused.reason, self._watch.zone, now)

    def take(self, fate: Fate, cause: str) -> None:
        """Take note of what became of a part."""
        now = self._hands.clock.now()
        paused = self._hands.store.lines.paused(self._sim_id)
        why = self._watch.record(self._sim_id).take(fate, now, cause)
        if paused is None:
            if why:
                self.condemn(why)
        elif self.probing(now):
            cleared = fate is Fate.OUT and not wants_report(paused.reason)
            if cleared:
                self._clear()
            else:
                self._pause(paused.reason, paused.pauses + 1)

    def reported(self) -> None:
        """Take note that a report came: a SIM that got none is well again."""
        reason = self._hands.store.lines.pause_reason(self._sim_id)
        if reason is not None and wants_report(reason):
            self._clear()

    def condemn(self, why: str) -> None:
        """Pause the SIM, unless it is paused already; ``why`` is a sentence."""
        if self._hands.store.lines.paused(self._sim_id) is None:
            self._pause(REASON + why, 1)

    def _paused(self, now: datetime) -> Paused | None:
        if self._fresh is not None and self._fresh[1] > now:
            return self._fresh[0]
        return self._hands.store.lines.paused(self._sim_id)

    def _pause(self, reason: str, pauses: int) -> None:
        now = self._hands.clock.now()
        paused = Paused(reason, now + self._watch.rules.leave_alone(pauses), pauses)
        self._fresh = paused, now + WRITING
        self._watch.record(self._sim_id).clear()
        self._watch.do(self._write(paused, now))
        self._watch.judged(self._sim_id, reason)
        self._changed()

    async def _write(self, paused: Paused, now: datetime) -> None:
        """Write a sentence down; it stops to hold by itself."""
        await self._hands.store.lines.pause(
            self._sim_id, paused.reason, now, probe_at=paused.probe_at, pauses=paused.pauses
        )
        self._fresh = None
        self._changed()

    def _clear(self) -> None:
        self._fresh = None
        self._watch.record(self._sim_id).clear()
        self._watch.do(self._resume())

    async def _resume(self) -> None:
        lines, now = self._hands.store.lines, self._hands.clock.now()
        if is_judged(lines.pause_reason(self._sim_id)):
            await lines.resume(self._sim_id, now, only_reason_prefix=REASON)
        self._watch.well()
        self._changed()
