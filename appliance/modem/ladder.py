"""How a modem that fails is mended: which step when, how often at most, and when to give up. Pure.

The rungs get dearer from step to step: an AT costs nothing, a restart loses the network for a
minute, and what is done to the USB port may disturb its neighbours. So the climb begins as low as
the symptom allows, goes up only, and has limits that outlive it; at the top it rests. None of the
limits was proved on hardware.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from appliance.errors import (
    CommandRefused,
    ModemError,
    ModemSilent,
    ModemUnwell,
    PortGone,
    PortHangs,
)

HOUR: Final = timedelta(hours=1)

DAY: Final = timedelta(days=1)


class Rung(StrEnum):
    """A step of the ladder, cheapest first; the value is what ``line.mended`` counts by."""

    AGAIN = "again"  # AT once more
    RESYNC = "resync"  # ESC, and AT until a quiet OK
    REOPEN = "reopen"  # close the port, open it, start the modem anew
    RESET = "reset"  # AT+CFUN=1,1 or what the profile has for it
    USB = "usb"  # take the device's authorisation away and give it back
    POWER = "power"  # switch the hub's port off and on
    REST = "rest"  # give up for a while, then begin anew


ORDER: Final = tuple(Rung)

STEPS: Final = len(ORDER) - 1
"""Rungs that do something: all but the rest at the top."""


class Symptom(StrEnum):
    """What is wrong with a modem, as far as mending differs."""

    SILENCE = "silence"
    GARBAGE = "garbage"
    REFUSAL = "refusal"  # of a command that every modem must know
    GONE = "gone"  # the port is not there
    HANGS = "hangs"  # the port does not open, or does not close
    FAILURES = "failures"  # so many parts in a row failed by the modem's own fault
    NOTHING_OUT = "nothing_out"  # registered, and so many parts in a row did not get out
    REPORTS_MISSING = "reports_missing"  # this SIM gets none, others do
    NO_NETWORK = "no_network"  # it has searched for one for long


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for a rung.

    Attributes:
        tries: how often in one climb; then the next rung's turn comes.
        hourly: how often in any hour, whatever the climb.
        daily: likewise in any day.
        pauses: how long to wait before the first, second … try; the last one repeats.

    """

    tries: int
    hourly: int
    daily: int
    pauses: tuple[timedelta, ...] = (timedelta(),)


def _seconds(*each: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=seconds) for seconds in each)


BOUNDS: Final[Mapping[Rung, Bounds]] = {
    Rung.AGAIN: Bounds(tries=1_000, hourly=60, daily=500),
    Rung.RESYNC: Bounds(tries=1_000, hourly=30, daily=200),
    Rung.REOPEN: Bounds(tries=2, hourly=12, daily=60, pauses=_seconds(1, 3)),
    Rung.RESET: Bounds(tries=1, hourly=3, daily=12),
    Rung.USB: Bounds(tries=1, hourly=2, daily=8),
    Rung.POWER: Bounds(tries=1, hourly=1, daily=4),
}

DEAR: Final = (Rung.RESET, Rung.USB, Rung.POWER)
"""Rungs whose limits must outlive the daemon: one that is started again and again by whatever
watches it would else wear a modem out."""

RESTS: Final = _seconds(60, 300)
"""How long the first rests are at most; the later ones are as set."""

ABSENCE: Final = _seconds(1, 3, 10, 30, 60)
"""How long to wait before a missing port is looked for again; the last one repeats."""

PATIENCE: Final = timedelta(minutes=10)
"""How long a port may be missing before that is giving up: a stick that comes back from a restart
as a CD-ROM needs minutes until it is a modem again."""

R, S = Rung, Symptom

MAY: Final[Mapping[Symptom, Set[Rung]]] = {
    S.SILENCE: {R.AGAIN, R.RESYNC, R.REOPEN, R.RESET, R.USB, R.POWER},
    S.GARBAGE: {R.RESYNC, R.REOPEN, R.RESET, R.USB, R.POWER},
    S.REFUSAL: {R.REOPEN, R.RESET},
    S.GONE: set(),  # nobody to speak to: it is waited for
    S.HANGS: {R.REOPEN, R.USB, R.POWER},  # it cannot be told to restart
    S.FAILURES: {R.RESET, R.USB},
    S.NOTHING_OUT: {R.RESET, R.USB},
    S.REPORTS_MISSING: {R.RESET},
    S.NO_NETWORK: {R.RESET},
}
"""Which rungs may help against what."""

BY_ERROR: Final[Mapping[type[ModemError], Symptom]] = {
    ModemSilent: S.SILENCE,
    CommandRefused: S.REFUSAL,
    PortGone: S.GONE,
    PortHangs: S.HANGS,
}

ONCE_A_DAY: Final = frozenset({S.REPORTS_MISSING, S.NO_NETWORK})
"""What is worth one step a day and no more: the modem works, after all, and where there is no
network it cannot do better."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, and when. ``rung`` None: nothing but start it again, once it is there."""

    rung: Rung | None
    at: datetime
    first: bool = False  # of its kind in this climb


class Ladder:
    """One modem's climb. ``now`` is always an argument, and may jump.

    What was taken at a moment that lies further ahead than its limit looks back does not count:
    the clock was set back since.

    ``allowed`` are the rungs that may be taken at all; REST always is. ``rest`` is how long one
    that was given up is left alone.
    """

    def __init__(self, allowed: Set[Rung], *, rest: timedelta) -> None:
        self._allowed, self._rest = allowed, rest
        self._at = 0  # index of the rung that the climb has reached
        self._tries = 0  # of that rung, in this climb
        self._taken: dict[Rung, deque[datetime]] = {rung: deque() for rung in BOUNDS}
        self._last: dict[Symptom, datetime] = {}  # of those that are worth one step a day
        self._rests = 0  # since it was well
        self._absences = 0
        self._missing_since: datetime | None = None

    @property
    def climbing(self) -> bool:
        """Whether it was failing when last heard of."""
        return bool(self._at or self._rests or self._absences)

    def allow(self, allowed: Set[Rung]) -> None:
        """Take note that other rungs may be taken now (a USB device was found, or is gone)."""
        self._allowed = allowed

    def recall(self, taken: Mapping[str, Iterable[datetime]], now: datetime) -> None:
        """Count what was taken in earlier runs, as ``taken_lately`` told it then."""
        for rung in DEAR:
            known = [*taken.get(rung, ()), *self._taken[rung]]
            self._taken[rung] = deque(sorted(_within(DAY, known, now)))

    def taken_lately(self, now: datetime) -> dict[str, list[datetime]]:
        """Return when each dear rung was taken in the last day, oldest first; none: left out."""
        lately = {rung.value: _within(DAY, self._taken[rung], now) for rung in DEAR}
        return {rung: moments for rung, moments in lately.items() if moments}

    def may(self, rung: Rung, now: datetime) -> bool:
        """Say whether a rung may be taken now, by what is allowed and by its limits."""
        if rung is Rung.REST:
            return True
        bounds, taken = BOUNDS[rung], self._taken[rung]
        return (
            rung in self._allowed
            and len(_within(HOUR, taken, now)) < bounds.hourly
            and len(_within(DAY, taken, now)) < bounds.daily
        )

    def take(self, rung: Rung, now: datetime) -> bool:
        """Count a rung that is taken outside the climb; False if its limits forbid it."""
        if not self.may(rung, now):
            return False
        self._count(rung, now)
        return True

    def next(self, symptom: Symptom, now: datetime, *, above: Rung = Rung.RESYNC) -> Step:
        """Choose the next step against ``symptom``, and count it as taken.

        Rungs up to and including ``above`` are left out: the driver takes them by itself before
        it complains.
        """
        if symptom is Symptom.GONE:
            return self._absent(now)
        if symptom in ONCE_A_DAY:
            return self._once(symptom, now)
        self._absences, self._missing_since = 0, None
        rung = self._climb(MAY[symptom], ORDER.index(above) + 1, now)
        if rung is Rung.REST:
            return self._resting(now)
        self._count(rung, now)
        pauses = BOUNDS[rung].pauses
        pause = pauses[min(self._tries, len(pauses)) - 1]
        return Step(rung, now + pause, first=self._tries == 1)

    def proved(self) -> None:
        """Take note that it is well: the next climb begins at the bottom, within the limits."""
        self._at = self._tries = self._rests = self._absences = 0
        self._missing_since = None

    def _climb(self, helpful: Set[Rung], lowest: int, now: datetime) -> Rung:
        """Go up to the first rung that has tries left, helps, and may be taken."""
        for index in range(max(self._at, lowest), STEPS):
            rung = ORDER[index]
            tried = self._tries if index == self._at else 0
            if rung in helpful and tried < BOUNDS[rung].tries and self.may(rung, now):
                self._at, self._tries = index, tried + 1
                return rung
        return Rung.REST

    def _resting(self, now: datetime) -> Step:
        """Rest, longer from time to time; afterwards the climb begins anew."""
        rest = min(RESTS[self._rests], self._rest) if self._rests < len(RESTS) else self._rest
        self._rests += 1
        self._at = self._tries = 0
        return Step(Rung.REST, now + rest, first=self._rests == 1)

    def _once(self, symptom: Symptom, now: datetime) -> Step:
        """Take the first rung that helps, once a day, and leave the climb as it is."""
        due = min(self._last.get(symptom, now - DAY), now) + DAY
        rung = next((rung for rung in ORDER if rung in MAY[symptom] and self.may(rung, now)), None)
        if due > now or rung is None:
            return Step(Rung.REST, max(due, now))
        self._last[symptom] = now
        self._count(rung, now)
        return Step(rung, now, first=True)

    def _absent(self, now: datetime) -> Step:
        """Wait for the port. The climb stays where it is: a restart may be why it is gone."""
        self._missing_since = min(self._missing_since or now, now)
        pause = ABSENCE[min(self._absences, len(ABSENCE) - 1)]
        self._absences += 1
        if now - self._missing_since < PATIENCE:
            return Step(None, now + pause)
        first, self._rests = self._rests == 0, self._rests + 1
        return Step(Rung.REST, now + self._rest, first=first)

    def _count(self, rung: Rung, now: datetime) -> None:
        self._taken[rung] = deque((*_within(DAY, self._taken[rung], now), now))


def _within(length: timedelta, moments: Iterable[datetime], now: datetime) -> list[datetime]:
    return [moment for moment in moments if abs(now - moment) < length]


def step_number(rung: Rung) -> int:
    """Return which step of ``STEPS`` a rung is, from 1."""
    return ORDER.index(rung) + 1


def symptom_of(error: ModemError) -> Symptom | None:
    """Return what an error is a symptom of; None: nothing is mended by starting it anew.

    A PIN that is missing, a SIM that is denied, a port that another program holds: the line
    only looks now and then whether somebody has set it right.
    """
    if isinstance(error, ModemUnwell):
        return Symptom(error.symptom)
    return BY_ERROR.get(type(error))
