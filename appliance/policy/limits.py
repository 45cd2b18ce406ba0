"""What a SIM may still send, and when: limits counted in parts, as the operator counts.

A kind of limit is a frozen value (what is allowed) and a meter (what has been used), joined in
``METERS``: a new kind is a new pair and a new row. Meters answer *when*. They must agree on one
thing: what is free at some moment stays free until the next part is spent, so that the latest of
their answers suits them all.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final, Protocol

MINUTE: Final = timedelta(minutes=1)

DAY: Final = timedelta(days=1)

DAYS_KEPT: Final = 4
"""Calendar days a meter remembers, so that a clock stepping back finds its day still counted."""


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

    def since(self, now: datetime) -> datetime:
        """Return the moment since which parts count."""
        return now - self.window


@dataclass(frozen=True, slots=True)
class Daily:
    """At most ``parts`` (from 1) parts per calendar day of ``zone``; a message must fit whole."""

    parts: int
    zone: tzinfo
    name: str = "day limit"

    def __post_init__(self) -> None:
        _require(positive=self.parts > 0)

    def since(self, now: datetime) -> datetime:
        """Return the moment since which parts count."""
        return midnight(now.astimezone(self.zone).date(), self.zone)


@dataclass(frozen=True, slots=True)
class Gap:
    """At least ``apart`` (more than 0) between one part and the next."""

    apart: timedelta
    name: str = "minimum gap"

    def __post_init__(self) -> None:
        _require(positive=self.apart > timedelta())

    def since(self, now: datetime) -> datetime:
        """Return the moment since which parts count."""
        return now - self.apart


Limit = Pace | Daily | Gap


@dataclass(frozen=True, slots=True)
class Wait:
    """When parts may go, and what holds them until then.

    Attributes:
        at: the moment asked about itself: at once; a later one: not before; None: never.
        binding: the limit that decides, with its use, such as ``day limit 200/200``;
            empty if nothing does.

    """

    at: datetime | None
    binding: str = ""
    zone: tzinfo = UTC

    @property
    def reason(self) -> str:
        """Why not now, for people: ``day limit 200/200, next at 00:00``; empty if at once.

        The time is the site's.
        """
        if not self.binding:
            return ""
        if self.at is None:
            return f"{self.binding}, never"
        local = self.at.astimezone(self.zone)
        return f"{self.binding}, next at {local:{'%H:%M:%S' if local.second else '%H:%M'}}"


class Meter(Protocol):
    """What one limit has counted.

    ``zone``: the one whose clock the limit goes by; None: it goes by none.
    """

    @property
    def zone(self) -> tzinfo | None:  # noqa: D102
        ...

    def recall(self, sent: Sequence[datetime]) -> None:
        """Count what the store remembers, oldest first, before anything else."""
        ...

    def earliest(self, now: datetime, parts: int) -> datetime | None:
        """Return when a message of ``parts`` parts may go on: ``now``, later, or None: never."""
        ...

    def binding(self, now: datetime, parts: int) -> str:
        """Return the limit's name and use, as of ``now``."""
        ...

    def spend(self, now: datetime) -> None:
        """Count one part."""
        ...

    def give_back(self, moment: datetime) -> None:
        """Uncount the part spent at ``moment``, if it still counts under that moment."""
        ...


class Allowance:
    """What one SIM may still send.

    It reads no clock: ``now`` is an argument, aware. Where it steps back, what was counted
    keeps counting: a moment up to a window ahead counts as it stands, and one further ahead,
    written by a clock that was wrong, as if it had just happened. So a step back resets nothing,
    and a wrong date does not close a SIM for years.
    """

    def __init__(
        self, limits: Iterable[Limit], sent: Iterable[datetime] = (), *, zone: tzinfo = UTC
    ) -> None:
        """Start with what the store remembers: ``sent`` in any order, from ``counts_since`` on.

        ``zone`` is the site's, in which reasons say a time; a calendar limit says it in its own.
        """
        self._zone = zone
        self._meters = [METERS[type(limit)](limit) for limit in limits]
        remembered = sorted(sent)
        for meter in self._meters:
            meter.recall(remembered)

    def earliest(self, now: datetime, parts: int = 1) -> Wait:
        """Return when a message of which ``parts`` (from 1) parts are left may go on, and why."""
        latest, binding = now, None
        for meter in self._meters:
            at = meter.earliest(now, parts)
            if at is None:
                return Wait(None, meter.binding(now, parts))
            if at > latest:
                latest, binding = at, meter
        if binding is None:
            return Wait(now)
        return Wait(latest, binding.binding(now, parts), binding.zone or self._zone)

    def spend(self, now: datetime) -> None:
        """Count one part as sent at ``now``, whether or not there was room for it."""
        for meter in self._meters:
            meter.spend(now)

    def give_back(self, moment: datetime) -> None:
        """Uncount the part spent at ``moment``: only if no Ctrl-Z was written for it.

        A moment that no longer counts is ignored: then nothing is to be given back.
        """
        for meter in self._meters:
            meter.give_back(moment)


def counts_since(limits: Iterable[Limit], now: datetime) -> datetime:
    """Return the moment since which parts count for any of ``limits``: what a restart reads."""
    return min((limit.since(now) for limit in limits), default=now)


@dataclass(slots=True)
class _PaceMeter:
    """The moments of the last parts: as many as the limit allows, more only if more count."""

    limit: Pace
    sent: deque[datetime] = field(default_factory=deque)  # oldest first
    zone: None = None

    def recall(self, sent: Sequence[datetime]) -> None:
        for moment in sent:
            self.spend(moment)

    def earliest(self, now: datetime, parts: int) -> datetime | None:  # noqa: ARG002
        self._mistrust(now)
        if len(self.sent) < self.limit.parts:
            return now
        return max(now, self.sent[-self.limit.parts] + self.limit.window)

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        used = sum(moment > now - self.limit.window for moment in self.sent)
        return f"{self.limit.name} {used}/{self.limit.parts}"

    def spend(self, now: datetime) -> None:
        self._mistrust(now)
        # After a small step back the order is kept by counting the part a little late.
        self.sent.append(max(now, self.sent[-1]) if self.sent else now)
        while len(self.sent) > self.limit.parts and self.sent[0] <= now - self.limit.window:
            self.sent.popleft()

    def give_back(self, moment: datetime) -> None:
        if moment in self.sent:
            self.sent.remove(moment)

    def _mistrust(self, now: datetime) -> None:
        """Take moments more than a window ahead of ``now`` for just now."""
        ahead = 0
        while self.sent and self.sent[-1] > now + self.limit.window:
            self.sent.pop()
            ahead += 1
        self.sent.extend([max(now, self.sent[-1]) if self.sent else now] * ahead)


class _GapMeter(_PaceMeter):
    """A gap is a pace of one part; only its words differ."""

    def __init__(self, limit: Gap) -> None:
        super().__init__(Pace(1, limit.apart, limit.name))

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        return f"{self.limit.name} {self.limit.window.total_seconds():g} s"


@dataclass(slots=True)
class _DailyMeter:
    """Parts by calendar day, a few days of them."""

    limit: Daily
    counts: dict[date, int] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        return self.limit.zone

    def recall(self, sent: Sequence[datetime]) -> None:
        # All of it counts, also what steps back have spread over many days; so nothing is dropped.
        self.counts = dict(Counter(map(self._day, sent)))

    def earliest(self, now: datetime, parts: int) -> datetime | None:
        if parts > self.limit.parts:
            return None
        today = self._day(now)
        self._mistrust(today)
        day = today
        while self._used(day) + parts > self.limit.parts:
            day += DAY
        return now if day == today else midnight(day, self.limit.zone)

    def binding(self, now: datetime, parts: int) -> str:
        use = f"{self.limit.name} {self._used(self._day(now))}/{self.limit.parts}"
        return use if parts == 1 else f"{use} for {parts} parts"

    def spend(self, now: datetime) -> None:
        today = self._day(now)
        self._mistrust(today)
        self._count(today, 1)
        while len(self.counts) > DAYS_KEPT:
            del self.counts[min(self.counts)]

    def give_back(self, moment: datetime) -> None:
        day = self._day(moment)
        if self.counts.get(day):
            self.counts[day] -= 1

    def _used(self, day: date) -> int:
        """Return what counts on ``day``: a later day's parts too, sent before a step back."""
        return sum(count for each, count in self.counts.items() if each >= day)

    def _mistrust(self, today: date) -> None:
        """Take days beyond tomorrow for today."""
        for day in [day for day in self.counts if day > today + DAY]:
            self._count(today, self.counts.pop(day))

    def _count(self, day: date, parts: int) -> None:
        self.counts[day] = self.counts.get(day, 0) + parts

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.limit.zone).date()


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of ``day`` in ``zone``, in UTC.

    Where summer time skips midnight, a local 00:00 that is read with the offset from before the
    change is the very moment of the change (PEP 495); where midnight comes twice, the first counts.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


METERS: Final[Mapping[type[Any], Callable[[Any], Meter]]] = {
    Pace: _PaceMeter,
    Daily: _DailyMeter,
    Gap: _GapMeter,
}


def _require(*, positive: bool) -> None:
    if not positive:
        raise ValueError("a limit that allows nothing would hold a message for ever")
