"""Whether a SIM is good for anything: judged by what its parts came to. Pure.

A modem that fails is mended; a SIM that fails sends nothing for a while and is then tried with
one message.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

REASON: Final = "judged: "
"""How the reason begins for which a SIM is paused here, and only here."""

NO_REPORTS: Final = "none of its last "
"""How it goes on where reports are what is missing."""

LONGEST: Final = timedelta(days=1)
"""How long a SIM is left alone at most before it is tried again."""

OTHERS: Final = 0.5
"""Of the other SIMs' parts such a share must have been reported before one SIM's are missed."""

SLICES: Final = 60
"""In so many slices a window is counted: what it holds does not grow with what is sent."""


class Fate(Enum):
    """What became of a part, as far as its SIM is concerned."""

    OUT = auto()  # the network took it, or refused its recipient alone
    FAILED = auto()  # it did not get out, or nobody knows
    REFUSED = auto()  # the network refuses this SIM


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementRules:
    """When a SIM counts as bad.

    Attributes:
        consecutive: so many refusals of the SIM with nothing getting out between them.
        rate: such a share of failed parts (0-1) ...
        window: ... within this time ...
        least_parts: ... if it was at least so many parts.
        unreported: so many parts without any report, while those of others are reported.
        probe_after: how long it is left alone before it is tried with one message; twice as
            long each time that was in vain, a day at most.

    """

    consecutive: int = 5
    rate: float = 0.5
    window: timedelta = timedelta(minutes=60)
    least_parts: int = 20
    unreported: int = 20
    probe_after: timedelta = timedelta(minutes=30)

    def leave_alone(self, pauses: int) -> timedelta:
        """Return how long a SIM is left alone that is judged for the n-th time in a row, from 1."""
        doubled: timedelta = self.probe_after * 2 ** min(pauses - 1, 20)
        return min(doubled, LONGEST)


DEFAULT: Final = JudgementRules()


@dataclass(slots=True)
class _Slice:
    number: int
    parts: int = 0
    failed: int = 0


class Record:
    """What became of one SIM's latest parts."""

    def __init__(self, rules: JudgementRules = DEFAULT) -> None:
        self._rules = rules
        self._refused = 0  # in a row
        self._slices: deque[_Slice] = deque()

    def exchange(self, rules: JudgementRules) -> None:
        """Judge by other rules from now on; another window begins empty."""
        if rules.window != self._rules.window:
            self._slices.clear()
        self._rules = rules

    def take(self, fate: Fate, at: datetime, cause: str = "") -> str:
        """Take one more part into account; return why the SIM is bad, '' if it is not.

        ``cause`` is the network's own word for a refusal, a sentence.
        """
        self._count(fate, at)
        if fate is Fate.OUT:
            self._refused = 0
        elif fate is Fate.REFUSED:
            self._refused += 1
        if self._refused >= self._rules.consecutive:
            return f"{self._refused} parts in a row were refused: {cause}"
        parts = sum(each.parts for each in self._slices)
        failed = sum(each.failed for each in self._slices)
        if fate is Fate.OUT or parts < self._rules.least_parts or failed < self._rules.rate * parts:
            return ""
        minutes = self._rules.window / timedelta(minutes=1)
        return f"{failed} of {parts} parts failed within {minutes:g} minutes"

    def clear(self) -> None:
        """Begin anew: what was is not held against it any more."""
        self._refused = 0
        self._slices.clear()

    def _count(self, fate: Fate, at: datetime) -> None:
        """Count a part in its slice of time; a clock that stepped leaves nothing of the future."""
        now = int(at.timestamp() / (self._rules.window.total_seconds() / SLICES))
        while self._slices and self._slices[0].number <= now - SLICES:
            self._slices.popleft()
        while self._slices and self._slices[-1].number > now:
            self._slices.pop()
        if not self._slices or self._slices[-1].number != now:
            self._slices.append(_Slice(now))
        self._slices[-1].parts += 1
        self._slices[-1].failed += fate is not Fate.OUT


def reports_missing(
    rules: JudgementRules, *, sent: int, reported: int, others_sent: int, others_reported: int
) -> str:
    """Return why a SIM is bad that gets no reports where others do; '' if it is not."""
    enough = sent >= rules.unreported and others_sent >= rules.unreported
    if not enough or reported or others_reported < OTHERS * others_sent:
        return ""
    return (
        f"{NO_REPORTS}{sent} parts was reported; of those of the other SIMs,"
        f" {others_reported} of {others_sent} were"
    )


def is_judged(reason: str | None) -> bool:
    """Say whether a SIM is paused because it was judged."""
    return reason is not None and reason.startswith(REASON)


def wants_report(reason: str) -> bool:
    """Say whether only a report can clear a SIM that is paused for ``reason``."""
    return reason.startswith(REASON + NO_REPORTS)
