"""Mends one modem: takes the steps that the ladder chooses, counts them, and says so.

Between two runs of a line its keeper has it take one step (``mend``). The two lowest rungs are
taken by the driver itself, the rest here; the port is closed then, so nobody else speaks on it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from appliance.clock import Clock
from appliance.config.settings import Mending
from appliance.errors import ApplianceError, ModemError, StoreError
from appliance.incident import Incident, IncidentKind
from appliance.lines import replug
from appliance.modem.driver import Modem
from appliance.modem.ladder import STEPS, Ladder, Rung, Step, Symptom, step_number, symptom_of
from appliance.store import Store

logger = logging.getLogger(__name__)

START_AGAIN: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 3, 10, 30, 60))
"""How long to wait after the first, second … failure that is no business of the ladder."""

SETTLE: Final = timedelta(seconds=10)
"""How long a modem that was restarted is left alone, unless its port comes back earlier."""

TELL_AGAIN: Final = timedelta(hours=1)
"""How often the same step is an incident at most."""

SYSFS: Final = Path("/sys")

WORDS: Final[Mapping[Rung, str]] = {
    Rung.AGAIN: "asking again",
    Rung.RESYNC: "bringing the port into step",
    Rung.REOPEN: "reopening the port",
    Rung.RESET: "restarting the modem",
    Rung.USB: "turning its USB device off and on",
    Rung.POWER: "turning its power off and on",
}

DONE: Final[Mapping[Rung, str]] = {
    Rung.REOPEN: "The port was opened anew",
    Rung.RESET: "The modem was restarted",
    Rung.USB: "The modem's USB device was turned off and on",
    Rung.POWER: "The power of the modem's USB port was turned off and on",
}

BECAUSE: Final[Mapping[Symptom, str]] = {
    Symptom.SILENCE: "it did not answer",
    Symptom.GARBAGE: "it said garbage",
    Symptom.REFUSAL: "it refused a command that it must know",
    Symptom.GONE: "its port was gone",
    Symptom.HANGS: "its port hangs",
    Symptom.FAILURES: "it failed again and again",
    Symptom.NOTHING_OUT: "nothing got out although it is registered",
    Symptom.REPORTS_MISSING: "reports for its SIM are missing",
    Symptom.NO_NETWORK: "it has searched for a network for long",
}

GIVEN_UP_NEXT: Final = (
    "Look at plug, cable and power; unplug the modem, wait, and plug it in again. If that is in"
    " vain, try it on another port, then replace it."
)

Rest = Callable[[timedelta], Awaitable[bool]]
"""Waits so long, or until a start is wanted at once; False: all is to stop."""


class Mender:
    """Mends the modem in one slot. ``said`` is what is being done just now, '' if nothing."""

    def __init__(
        self,
        modem: Modem,
        slot: str,
        *,
        store: Store,
        clock: Clock,
        rules: Mending,
        zone: tzinfo,
        news: Callable[[], None],
        sysfs: Path = SYSFS,
    ) -> None:
        """``news`` is called when what it says has changed; times are told in ``zone``."""
        self.said = ""
        self.mended: dict[str, int] = {}
        self.rules = rules
        self._modem, self._slot, self._store, self._clock = modem, slot, store, clock
        self._zone, self._news, self._sysfs = zone, news, sysfs
        self._device: str | None = None  # on USB, as last seen
        self._ladder = Ladder(self._allowed(), rest=rules.rest)
        self._planned: tuple[Symptom, Step] | None = None
        self._failures = 0  # in a row that are no business of the ladder
        self._told: dict[Rung, datetime] = {}
        self._given_up = True  # perhaps, in an earlier run: the first good start ends it
        modem.may_take = self._may_take

    async def remember(self) -> None:
        """Read what was counted in earlier runs."""
        try:
            before, rungs = await self._store.lines.mended(self._slot)
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)
        else:
            self.mended = {**before, **self.mended}
            moments = {rung: map(datetime.fromisoformat, each) for rung, each in rungs.items()}
            self._ladder.recall(moments, self._clock.now())
            self._news()

    @property
    def rungs(self) -> dict[str, list[str]]:
        """Return when each dear rung was taken in the last day, ISO 8601: the limits go on."""
        lately = self._ladder.taken_lately(self._clock.now())
        return {rung: [one.isoformat() for one in moments] for rung, moments in lately.items()}

    async def started(self) -> None:
        """Take note that the modem has started, whatever comes of it."""
        self._failures = 0
        self._device = replug.device_of(self._modem.port, self._sysfs) or self._device
        self._say("")
        if self._given_up:
            await self._end(IncidentKind.GIVEN_UP)
            self._given_up = False

    def answered(self) -> None:
        """Take note that a look at the running modem found nothing wrong with it."""
        if not self._given_up:
            self._say("")

    def proved(self) -> None:
        """Take note that the modem does its work."""
        if self._ladder.climbing:
            self._ladder.proved()
            self._say("")

    def plan(self, symptom: Symptom) -> Step | None:
        """Choose what to do about a line that runs and does not do its work.

        None: go on as it is. Else it is taken by the next ``mend``, if its rung is not REST.
        """
        if not self.rules.enabled:
            return None
        self._look_round()
        step = self._ladder.next(symptom, self._clock.now())
        if step.rung is not Rung.REST:
            self._planned = symptom, step
        return step

    async def mend(self, failure: Exception | None, rest: Rest) -> None:
        """Take one step after a run that ended with ``failure`` (None: without one)."""
        planned, self._planned = self._planned, None
        symptom = symptom_of(failure) if isinstance(failure, ModemError) else None
        if planned is not None:
            await self._take(*planned, rest)
            return
        if symptom is None or not self.rules.enabled:
            pause = START_AGAIN[min(self._failures, len(START_AGAIN) - 1)]
            self._failures += 1
            self._say("")
            await rest(pause)
            return
        self._look_round()
        await self._take(symptom, self._ladder.next(symptom, self._clock.now()), rest)

    async def reset(self, rest: Rest) -> None:
        """Restart the modem because somebody asked for it. Counts, but has no limits.

        Raises:
            ModemError: its port cannot be opened.

        """
        self._ladder.take(Rung.RESET, self._clock.now())
        self._begin(Rung.RESET, "somebody asked for it")
        await self._modem.reset()
        await rest(SETTLE)
        self._say("")

    def _look_round(self) -> None:
        """Find out which rungs there are: a device may have come, a helper may be missing."""
        self._device = replug.device_of(self._modem.port, self._sysfs) or self._device
        self._ladder.allow(self._allowed())

    def _allowed(self) -> set[Rung]:
        allowed = {Rung.AGAIN, Rung.RESYNC, Rung.REOPEN, Rung.RESET}
        if self.rules.usb and self._can_replug():
            allowed.add(Rung.USB)
        if self.rules.port_power and self._can_replug():
            allowed.add(Rung.POWER)
        return allowed

    def _can_replug(self) -> bool:
        return self._device is not None and Path(self.rules.helper).is_socket()

    def _may_take(self, rung: Rung) -> bool:
        """Let the driver take one of its own rungs, and count it."""
        if not self.rules.enabled:
            return True
        if not self._ladder.take(rung, self._clock.now()):
            return False
        self._count(rung)
        self._say(f"{WORDS[rung]} (step {step_number(rung)} of {STEPS})")
        logger.info("%s: %s", self._slot, self.said)
        return True

    async def _take(self, symptom: Symptom, step: Step, rest: Rest) -> None:
        pause = step.at - self._clock.now()
        if step.rung is None:
            self._say("waiting for the port to come back")
            await rest(pause)
            return
        if step.rung is Rung.REST:
            await self._give_up(symptom, step, rest)
            return
        await self._tell(symptom, step.rung)
        self._begin(step.rung, BECAUSE[symptom])
        if not await rest(pause):
            return
        try:
            await self._carry_out(step.rung, rest)
        except ApplianceError as error:
            logger.warning("%s: %s failed: %s", self._slot, WORDS[step.rung], error)

    async def _carry_out(self, rung: Rung, rest: Rest) -> None:
        """Do what a rung stands for; to reopen the port is to start again, and nothing more."""
        if rung is Rung.RESET:
            await self._modem.reset()
        elif rung in {Rung.USB, Rung.POWER} and self._device is not None:
            verb = "reauthorise" if rung is Rung.USB else "power"
            await replug.ask(Path(self.rules.helper), verb, self._device)
        else:
            return
        await rest(SETTLE)

    async def _give_up(self, symptom: Symptom, step: Step, rest: Rest) -> None:
        await self.gave_up(symptom, step.at)
        await rest(step.at - self._clock.now())
        self._say("trying again")

    async def gave_up(self, symptom: Symptom, until: datetime) -> None:
        """Say that nothing helped, and when it is tried again."""
        when = until.astimezone(self._zone).strftime("%H:%M")
        self._say(f"given up; next try at {when}")
        logger.warning("%s: given up, because %s", self._slot, BECAUSE[symptom])
        self._given_up = True
        await self._note(
            IncidentKind.GIVEN_UP,
            f"All that could be done to the modem was in vain: {BECAUSE[symptom]}.",
            GIVEN_UP_NEXT,
            lasting=True,
        )

    async def _tell(self, symptom: Symptom, rung: Rung) -> None:
        """Make a step an incident, once in a while: a repeated one is only counted."""
        now = self._clock.now()
        if rung not in DONE or abs(now - self._told.get(rung, now - TELL_AGAIN)) < TELL_AGAIN:
            return
        self._told[rung] = now
        await self._note(IncidentKind.MENDED, f"{DONE[rung]}, because {BECAUSE[symptom]}.")

    def _begin(self, rung: Rung, why: str) -> None:
        self._count(rung)
        self._say(f"{WORDS[rung]} (step {step_number(rung)} of {STEPS})")
        logger.warning("%s: %s, because %s", self._slot, self.said, why)

    def _count(self, rung: Rung) -> None:
        self.mended = self.mended | {rung.value: self.mended.get(rung.value, 0) + 1}
        self._news()

    def _say(self, words: str) -> None:
        if words != self.said:
            self.said = words
            self._news()

    async def _note(
        self, kind: IncidentKind, sentence: str, next_step: str = "", *, lasting: bool = False
    ) -> None:
        what = Incident(
            kind=kind,
            sentence=sentence,
            next_step=next_step,
            at=self._clock.now(),
            slot=self._slot,
            lasting=lasting,
        )
        try:
            await self._store.incidents.note(what)
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)

    async def _end(self, kind: IncidentKind) -> None:
        try:
            await self._store.incidents.end(kind, self._slot, self._clock.now())
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)
