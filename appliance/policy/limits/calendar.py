"""Calendar periods: days, a contract's months, and one span of days, by the clock of a zone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final, Protocol

DAY: Final = timedelta(days=1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of ``day`` in ``zone``, in UTC.

    Where summer time skips midnight, a local 00:00 that is read with the offset from before the
    change is the very moment of the change (PEP 495); where midnight comes twice, the first counts.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


class Calendar(Protocol):
    """Periods that follow each other; each is named by the day on which it begins."""

    @property
    def zone(self) -> tzinfo:
        """Whose clock it goes by."""
        ...

    def start(self, day: date) -> date | None:
        """Return the period that holds ``day``, else the next one; None: there is no more."""
        ...

    def after(self, start: date) -> date | None:
        """Return the next period; None: there is none."""
        ...

    def before(self, start: date) -> date | None:
        """Return the period before; None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Days:
    """Calendar days."""

    zone: tzinfo

    def start(self, day: date) -> date:
        """Return the day itself."""
        return day

    def after(self, start: date) -> date:
        """Return the day after."""
        return start + DAY

    def before(self, start: date) -> date:
        """Return the day before."""
        return start - DAY


@dataclass(frozen=True, slots=True)
class Months:
    """Months that begin on day ``first`` (1-31); in a month without that day, on its last one."""

    zone: tzinfo
    first: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first <= 31:
            raise ValueError("no month has that day")

    def start(self, day: date) -> date:
        """Return the first day of the month that holds ``day``."""
        begins = self._of(day.year, day.month)
        return begins if begins <= day else self.before(begins)

    def after(self, start: date) -> date:
        """Return the first day of the next month."""
        return self._of(start.year + start.month // 12, start.month % 12 + 1)

    def before(self, start: date) -> date:
        """Return the first day of the month before."""
        return self._of(start.year - (start.month == 1), (start.month - 2) % 12 + 1)

    def _of(self, year: int, month: int) -> date:
        return date(year, month, min(self.first, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Span:
    """One period, from the day ``begins`` to the day ``ends``, both included."""

    zone: tzinfo
    begins: date
    ends: date

    def __post_init__(self) -> None:
        if self.ends < self.begins:
            raise ValueError("it ends before it begins")

    def start(self, day: date) -> date | None:
        """Return its first day; None once it is over."""
        return self.begins if day <= self.ends else None

    def after(self, start: date) -> None:
        """There is none."""

    def before(self, start: date) -> None:
        """There is none."""
