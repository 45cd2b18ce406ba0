"""Kinds of limits: what is allowed, as frozen values. ``Allowance`` counts against them."""

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Final

from appliance.policy.limits.calendar import Days, Months, Span
from appliance.policy.limits.hours import WeekHours

MINUTE: Final = timedelta(minutes=1)

HOUR: Final = timedelta(hours=1)

MICROS: Final = 1_000_000
"""Money is counted in millionths, so that sums are exact."""


def micros(amount: float) -> int:
    """Return an amount of money in millionths."""
    return round(amount * MICROS)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most ``parts`` (from 1) parts in any stretch of time ``window`` long.

    It paces the parts of a long message; the message need not fit in it.
    """

    parts: int
    window: timedelta = MINUTE
    name: str = "minute limit"

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0 and self.window > timedelta())


@dataclass(frozen=True, slots=True)
class Rolling:
    """At most ``parts`` (from 1) parts in any stretch ``window`` long; a message must fit whole."""

    parts: int
    window: timedelta

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0 and self.window > timedelta())

    @property
    def name(self) -> str:
        """What it is called: ``24 h limit``."""
        return f"{self.window / HOUR:g} h limit"


@dataclass(frozen=True, slots=True)
class Daily:
    """At most ``parts`` (from 1) parts per calendar day of ``zone``; a message must fit whole."""

    parts: int
    zone: tzinfo
    name: str = "day limit"

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0)

    @property
    def calendar(self) -> Days:
        """Its periods."""
        return Days(self.zone)


@dataclass(frozen=True, slots=True)
class Monthly:
    """At most ``parts`` (from 1) parts per month, which begins on ``first_day`` (1-31).

    A message must fit whole.
    """

    parts: int
    zone: tzinfo
    first_day: int = 1
    name: str = "month limit"

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0)

    @property
    def calendar(self) -> Months:
        """Its periods."""
        return Months(self.zone, self.first_day)


@dataclass(frozen=True, slots=True)
class RecipientsDaily:
    """At most ``recipients`` (from 1) different ones per calendar day of ``zone``."""

    recipients: int
    zone: tzinfo
    name: str = "recipients of the day"

    def __post_init__(self) -> None:
        _require(positive=self.recipients > 0)

    @property
    def calendar(self) -> Days:
        """Its periods."""
        return Days(self.zone)


@dataclass(frozen=True, slots=True)
class RecipientsMonthly:
    """At most ``recipients`` (from 1) different ones per month, which begins on ``first_day``."""

    recipients: int
    zone: tzinfo
    first_day: int = 1
    name: str = "recipients of the month"

    def __post_init__(self) -> None:
        _require(positive=self.recipients > 0)

    @property
    def calendar(self) -> Months:
        """Its periods."""
        return Months(self.zone, self.first_day)


@dataclass(frozen=True, slots=True)
class Gap:
    """At least ``apart`` from one part to the next, and up to ``jitter`` more.

    How much more is drawn for each part, from ``seed`` and its moment: it looks like chance, and
    is the same after a restart.
    """

    apart: timedelta
    jitter: timedelta = timedelta()
    seed: str = ""
    name: str = "minimum gap"

    def __post_init__(self) -> None:
        least = min(self.apart, self.jitter)
        _require(positive=least >= timedelta() and self.longest > timedelta())

    @property
    def longest(self) -> timedelta:
        """How long it is at most."""
        return self.apart + self.jitter


@dataclass(frozen=True, slots=True)
class Hours:
    """Parts leave only in these hours of the week, by the clock of ``zone``."""

    week: WeekHours
    zone: tzinfo
    name: str = "allowed hours"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``amount`` of money per period, a part costing ``price``, both in one currency.

    A message must be affordable whole. Each is at least a millionth.
    """

    amount: float
    price: float
    calendar: Days | Months
    name: str = "budget"

    def __post_init__(self) -> None:
        _require(positive=min(micros(self.amount), micros(self.price)) > 0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """``parts`` (from 1) that were bought, good from ``begins`` to ``ends``, both days included.

    Outside these days nothing may be sent; a message must fit whole.
    """

    parts: int
    begins: date
    ends: date
    zone: tzinfo
    name: str = "bundle"

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0 and self.begins <= self.ends)

    @property
    def calendar(self) -> Span:
        """Its only period."""
        return Span(self.zone, self.begins, self.ends)


@dataclass(frozen=True, slots=True)
class RampUp:
    """At most ``steps[0]`` parts on the day of a SIM's first part, ``steps[1]`` the day after.

    And so on; after the last step there is no limit. A message must fit whole.
    """

    steps: tuple[int, ...]
    zone: tzinfo
    name: str = "ramp-up"

    def __post_init__(self) -> None:
        _require(positive=bool(self.steps) and min(self.steps) > 0)

    @property
    def calendar(self) -> Days:
        """Its periods."""
        return Days(self.zone)


Limit = (
    Pace
    | Rolling
    | Daily
    | Monthly
    | RecipientsDaily
    | RecipientsMonthly
    | Gap
    | Hours
    | Budget
    | Bundle
    | RampUp
)


def _require(*, positive: bool) -> None:
    if not positive:
        raise ValueError("a limit that allows nothing would hold a message for ever")
