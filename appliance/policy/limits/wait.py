"""The answer of every limit: when, and why not now."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

WEEK: Final = timedelta(days=6)
"""How far ahead the name of a weekday says enough."""

YEAR: Final = timedelta(days=300)


@dataclass(frozen=True, slots=True)
class Wait:
    """When parts may go, and what holds them until then.

    Attributes:
        at: the moment asked about itself: at once; a later one: not before; None: never.
        binding: what decides, with its use, such as ``day limit 200/200``; empty if nothing
            does. Where the answer is never, it says the whole of why.
        zone: whose clock the reason goes by.
        asked: the moment asked about; None: the reason says no day.

    """

    at: datetime | None
    binding: str = ""
    zone: tzinfo = UTC
    asked: datetime | None = field(default=None, compare=False)

    @property
    def reason(self) -> str:
        """Why not now, for people: ``day limit 200/200, next at 00:00``; empty if at once.

        A time of another day has it: ``Tue 08:00``, ``1 June 00:00``; the coming midnight needs
        none. Where the answer is never: ``needs 12 parts, day limit 10``.
        """
        if not self.binding or self.at is None:
            return self.binding
        local = self.at.astimezone(self.zone)
        return f"{self.binding}, next at {self._day(local)}{_time(local)}"

    def _day(self, local: datetime) -> str:
        """Return what is said before the time, with a blank behind it."""
        if self.asked is None:
            return ""
        here = self.asked.astimezone(self.zone)
        days = (local.date() - here.date()).days
        coming_midnight = days == 1 and local.hour == local.minute == local.second == 0
        if days <= 0 or coming_midnight:
            return ""
        if local - here < WEEK:
            return f"{local:%a} "
        year = f" {local.year}" if local - here > YEAR else ""
        return f"{local.day} {local:%B}{year} "


def _time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
