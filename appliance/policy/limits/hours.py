"""Hours of the week in which a SIM may send, by the clock of a zone."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count
from typing import Final, Self

from appliance.policy.limits.calendar import DAY, midnight

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

DAY_MINUTES: Final = 24 * 60

WEEK_MINUTES: Final = 7 * DAY_MINUTES

_RANGE: Final = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2})(?:-(?P<last>[A-Z][a-z]{2}))?\s+)?"
    r"(?P<begins>\d{2}:\d{2})-(?P<ends>\d{2}:\d{2})"
)


@dataclass(frozen=True, slots=True)
class WeekHours:
    """Open stretches of a week, in minutes from Monday 00:00; ``words`` are as they were set.

    A stretch may go past the end of the week into the next.
    """

    stretches: tuple[tuple[int, int], ...]
    words: str

    @classmethod
    def parse(cls, ranges: Iterable[str]) -> Self:
        """Read ranges such as ``Mon-Fri 08:00-20:00``, ``Sat 22:00-02:00`` or ``08:00-20:00``.

        Without a day it is every day; one that ends before it begins ends on the next day.

        Raises:
            ValueError: one is none of these, has no length, or there is none.

        """
        ranges = tuple(ranges)
        stretches = sorted(each for one in ranges for each in _stretches(one))
        if not stretches:
            raise ValueError("hours that never come would hold a message for ever")
        return cls(tuple(stretches), ", ".join(ranges))

    def holds(self, moment: datetime, zone: tzinfo) -> bool:
        """Tell whether it is open at a moment."""
        local = moment.astimezone(zone)
        minute = local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
        return any(
            begins <= minute < ends or begins <= minute + WEEK_MINUTES < ends
            for begins, ends in self.stretches
        )

    def opens(self, moment: datetime, zone: tzinfo) -> datetime:
        """Return when it is open: ``moment`` itself, or the first one after it, in UTC."""
        if self.holds(moment, zone):
            return moment
        today = moment.astimezone(zone).date()
        for ahead in count():
            day = today + ahead * DAY
            for at in sorted(self._marks(day, zone)):
                if at > moment and self.holds(at, zone):
                    return at
        raise AssertionError("no week has open hours")  # pragma: no cover - count() never ends

    def _marks(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        """Yield the moments of a day at which it may open: stretches begin, or the clock jumps."""
        for begins, _ in self.stretches:
            if begins // DAY_MINUTES == day.weekday():
                hour, minute = divmod(begins % DAY_MINUTES, 60)
                local = datetime.combine(day, time(hour, minute), zone)
                yield local.astimezone(UTC)
                yield local.replace(fold=1).astimezone(UTC)
        change = _change(day, zone)
        if change is not None:
            yield change


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} must be like 'Mon-Fri 08:00-20:00'")
    begins, ends = (_minute(found[name], text) for name in ("begins", "ends"))
    if begins in (ends, DAY_MINUTES):
        raise ValueError(f"{text!r} has no length")
    length = (ends - begins) % DAY_MINUTES or DAY_MINUTES
    for day in _days(found["first"], found["last"], text):
        yield day * DAY_MINUTES + begins, day * DAY_MINUTES + begins + length


def _minute(text: str, whole: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > DAY_MINUTES:
        raise ValueError(f"{whole!r}: there is no {text}")
    return hour * 60 + minute


def _days(first: str | None, last: str | None, text: str) -> Iterable[int]:
    if first is None:
        return range(7)
    for name in (first, last or first):
        if name not in WEEKDAYS:
            raise ValueError(f"{text!r}: {name} must be one of {', '.join(WEEKDAYS)}")
    begins = WEEKDAYS.index(first)
    length = (WEEKDAYS.index(last or first) - begins) % 7 + 1
    return [(begins + each) % 7 for each in range(length)]


def _change(day: date, zone: tzinfo) -> datetime | None:
    """Return when in a day its offset from UTC changes; None if it does not."""
    early, late = midnight(day, zone), midnight(day + DAY, zone)
    before = early.astimezone(zone).utcoffset()
    if before == late.astimezone(zone).utcoffset():
        return None
    while late - early > timedelta(minutes=1):
        middle = (early + (late - early) / 2).replace(second=0, microsecond=0)
        early, late = (
            (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
        )
    return late
