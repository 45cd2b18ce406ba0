"""Meters that go by calendar periods: what counts is kept as one number per period.

A clock that steps back resets nothing: what was counted in a later period counts in this one too,
and what lies beyond the next period, written by a clock that was wrong, is taken for this one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Final

from appliance.policy.limits.calendar import Calendar, midnight
from appliance.policy.limits.kinds import (
    MICROS,
    Budget,
    Bundle,
    Daily,
    Monthly,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    micros,
)
from appliance.policy.limits.meters import Held, Meter
from appliance.policy.limits.past import KEY_BYTES, Memory

KEPT: Final = 3
"""Periods that a meter remembers: this one, the next, and one that a clock may step back into."""

NOTHING: Final[Mapping[date, int]] = {}

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)


class _Periods(Meter):
    """Finds periods, remembering the last one found: nearly always it is that again."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar, self.zone = calendar, calendar.zone
        self._start: date | None = None
        self._from = self._until = LONG_AGO

    def _period(self, at: datetime) -> date | None:
        """Return the period that ``at`` is in, or the next one; it becomes the last one found."""
        if not self._from <= at < self._until:
            self._find(at)
        return self._start

    def _find(self, at: datetime) -> None:
        zone, calendar = self.calendar.zone, self.calendar
        self._start = calendar.start(at.astimezone(zone).date())
        if self._start is None:
            self._from = self._until = LONG_AGO
            return
        self._from = midnight(self._start, zone)
        after = calendar.after(self._start)
        # A span has no next period; it is found anew for each moment, which is seldom.
        self._until = self._from if after is None else midnight(after, zone)

    def _open(self, at: datetime) -> date | None:
        """Return the period that ``at`` is in, None if it is in none."""
        start = self._period(at)
        return start if start is not None and at >= self._from else None

    def _edges(self, now: datetime) -> tuple[list[date], list[datetime]]:
        """Return the periods around ``now`` that count, with their first moments."""
        start, after = self._period(now), self.calendar.after
        if start is None:
            return [], []
        found = [self.calendar.before(start), start]
        while len(found) < KEPT + 1 and found[-1] is not None:
            found.append(after(found[-1]))
        starts = [each for each in found if each is not None]
        return starts, [midnight(each, self.calendar.zone) for each in starts]

    def _beyond(self, now: datetime, counted: Sequence[date]) -> Iterator[date]:
        """Yield the periods, of those counted, beyond the one after that of ``now``."""
        start = self._period(now)
        following = self.calendar.after(start) if start is not None else None
        if following is not None:
            yield from [each for each in counted if each > following]


class _PeriodMeter(_Periods):
    """Counts units per period: parts, or what they cost."""

    unit: int = 1
    """Units that a part needs."""

    def __init__(self, limit: Daily | Monthly | Bundle | Budget | RampUp, most: int) -> None:
        super().__init__(limit.calendar)
        self.counts: dict[date, int] = {}
        self._name, self._most = limit.name, most

    def recall(self, memory: Memory, now: datetime) -> None:
        starts, edges = self._edges(now)
        counts = self._counted(memory, edges)
        self.counts = {start: count for start, count in zip(starts, counts, strict=True) if count}

    def settle(self, now: datetime) -> None:
        for each in self._beyond(now, tuple(self.counts)):
            self._count(self._period(now), self.counts.pop(each))

    def earliest(
        self,
        at: datetime,
        parts: int,
        recipient: bytes | None,  # noqa: ARG002
        held: Sequence[Held],
    ) -> datetime | None:
        need = parts * self.unit
        start = self._period(at)
        if start is None or self._never_fits(need):
            return None
        kept = self._kept(held) if held else NOTHING
        if self._fits(start, need, kept):
            return max(at, self._from)
        following = self._following(start, need, kept)
        return None if following is None else max(at, midnight(following, self.calendar.zone))

    def binding(self, now: datetime, parts: int) -> str:
        start = self._period(now)
        if start is None:
            return self.never(now, parts)
        use = f"{self._title(start)} {self._use(start)}"
        return use if parts == 1 else f"{use} for {parts} parts"

    def never(self, at: datetime, parts: int) -> str:  # noqa: ARG002
        return f"needs {parts} parts, {self._name} {self._amount(self._most)}"

    def spend(self, now: datetime, recipient: bytes | None) -> None:  # noqa: ARG002
        start = self._open(now)
        if start is None:
            return
        self._count(start, self.unit)
        while len(self.counts) > KEPT:
            del self.counts[min(self.counts)]

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:  # noqa: ARG002
        start = self._open(moment)
        if start is not None and self.counts.get(start):
            self.counts[start] = max(0, self.counts[start] - self.unit)

    def _counted(self, memory: Memory, edges: Sequence[datetime]) -> Sequence[int]:
        return memory.counts(edges)

    def _cap(self, start: date) -> int | None:  # noqa: ARG002
        """Return how many units a period has; None: no limit."""
        return self._most

    def _never_fits(self, need: int) -> bool:
        return need > self._most

    def _title(self, start: date) -> str:  # noqa: ARG002
        return self._name

    def _amount(self, units: int) -> str:
        return str(units)

    def _use(self, start: date) -> str:
        cap = self._cap(start)
        used = self._amount(self._used(start))
        return used if cap is None else f"{used}/{self._amount(cap)}"

    def _used(self, start: date) -> int:
        """Return what counts in a period: a later one's too, sent before a step back."""
        used = 0
        for each, count in self.counts.items():
            if each >= start:
                used += count
        return used

    def _kept(self, held: Sequence[Held]) -> Mapping[date, int]:
        """Return how many units of each period are kept."""
        kept: Counter[date] = Counter()
        for each in held:
            start = _start_of(self.calendar, each.at) if each.at is not None else None
            if start is not None:
                kept[start] += each.parts * self.unit
        return kept

    def _fits(self, start: date, need: int, kept: Mapping[date, int]) -> bool:
        cap = self._cap(start)
        return cap is None or self._used(start) + kept.get(start, 0) + need <= cap

    def _following(self, start: date, need: int, kept: Mapping[date, int]) -> date | None:
        """Return the first later period with room; None: there is none."""
        following = self.calendar.after(start)
        while following is not None and not self._fits(following, need, kept):
            following = self.calendar.after(following)
        return following

    def _count(self, start: date | None, units: int) -> None:
        assert start is not None, "what counts is in a period"
        self.counts[start] = self.counts.get(start, 0) + units


class _BundleMeter(_PeriodMeter):
    """One period, and nothing before and after it."""

    def __init__(self, limit: Bundle) -> None:
        super().__init__(limit, limit.parts)
        self._limit = limit

    def never(self, at: datetime, parts: int) -> str:
        limit = self._limit
        ends = f"{limit.ends.day} {limit.ends:%B %Y}"
        if self._period(at) is None:
            return f"{limit.name} of {limit.parts} parts ended on {ends}"
        if parts > limit.parts:
            return super().never(at, parts)
        use = f"{limit.name} {self._use(limit.begins)}"
        return f"{use if parts == 1 else f'{use} for {parts} parts'}, until {ends}"


class _BudgetMeter(_PeriodMeter):
    """Counts money, in millionths."""

    WORDS: ClassVar = {"Days": "budget of the day", "Months": "budget of the month"}

    def __init__(self, limit: Budget) -> None:
        super().__init__(limit, micros(limit.amount))
        self.unit = micros(limit.price)
        self._price = limit.price
        self._name = self.WORDS[type(limit.calendar).__name__]

    def never(self, at: datetime, parts: int) -> str:  # noqa: ARG002
        cost = self._amount(parts * self.unit)
        return f"needs {cost} for {parts} parts, {self._name} {self._amount(self._most)}"

    def _counted(self, memory: Memory, edges: Sequence[datetime]) -> Sequence[int]:
        return memory.costs(edges, self._price)

    def _amount(self, units: int) -> str:
        return f"{units / MICROS:.4f}".rstrip("0").rstrip(".")


class _RampUpMeter(_PeriodMeter):
    """A cap that rises with the days since the first part; a day of the past has the first one."""

    def __init__(self, limit: RampUp) -> None:
        super().__init__(limit, max(limit.steps))
        self._steps = limit.steps
        self._first: date | None = None

    def recall(self, memory: Memory, now: datetime) -> None:
        super().recall(memory, now)
        first = memory.first()
        self._first = first.astimezone(self.calendar.zone).date() if first else None

    def spend(self, now: datetime, recipient: bytes | None) -> None:
        super().spend(now, recipient)
        if self._first is None:
            self._first = self._period(now)

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:
        super().give_back(moment, recipient)
        if self._first is not None and self.counts.get(self._first) == 0:
            self._first = min((day for day, count in self.counts.items() if count), default=None)

    def never(self, at: datetime, parts: int) -> str:  # noqa: ARG002
        return f"needs {parts} parts, {self._name} begins with {self._steps[0]}"

    def _step(self, start: date) -> int:
        return max(0, (start - self._first).days) if self._first is not None else 0

    def _cap(self, start: date) -> int | None:
        step = self._step(start)
        return self._steps[step] if step < len(self._steps) else None

    def _never_fits(self, need: int) -> bool:
        """Tell whether waiting is in vain: the days count from the first part on."""
        return self._first is None and need > self._steps[0]

    def _title(self, start: date) -> str:
        return f"{self._name} day {self._step(start) + 1}:"


class _RecipientsMeter(_Periods):
    """Who was written to in each period, and how often."""

    def __init__(self, limit: RecipientsDaily | RecipientsMonthly) -> None:
        super().__init__(limit.calendar)
        self.counts: dict[date, dict[bytes, int]] = {}
        self._name, self._most = limit.name, limit.recipients

    def recall(self, memory: Memory, now: datetime) -> None:
        starts, edges = self._edges(now)
        found = memory.recipients(edges)
        self.counts = {start: known for start, known in zip(starts, found, strict=True) if known}

    def settle(self, now: datetime) -> None:
        for each in self._beyond(now, tuple(self.counts)):
            for key, count in self.counts.pop(each).items():
                self._count(self._period(now), key, count)

    def earliest(
        self,
        at: datetime,
        parts: int,  # noqa: ARG002
        recipient: bytes | None,
        held: Sequence[Held],
    ) -> datetime | None:
        if recipient is None:
            return at
        key, start = recipient[:KEY_BYTES], self._period(at)
        while start is not None and not self._fits(start, key, held):
            start = self.calendar.after(start)
        assert start is not None, "days and months never end"
        return max(at, midnight(start, self.calendar.zone)) if start != self._start else at

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        start = self._period(now)
        used = len(self._known(start)) if start is not None else 0
        return f"{self._name} {used}/{self._most}"

    def spend(self, now: datetime, recipient: bytes | None) -> None:
        if recipient is None:
            return
        self._count(self._open(now), recipient[:KEY_BYTES], 1)
        while len(self.counts) > KEPT:
            del self.counts[min(self.counts)]

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:
        start = self._open(moment)
        known = self.counts.get(start) if start is not None else None
        if recipient is None or not known:
            return
        key = recipient[:KEY_BYTES]
        if known.get(key, 0) > 1:
            known[key] -= 1
        else:
            known.pop(key, None)

    def _fits(self, start: date, key: bytes, held: Sequence[Held]) -> bool:
        known = self._known(start)
        if key in known:
            return True
        awaited = {
            each.recipient[:KEY_BYTES]
            for each in held
            if each.recipient is not None
            and each.at is not None
            and _start_of(self.calendar, each.at) == start
        }
        return key in awaited or len(known) + len(awaited.difference(known)) < self._most

    def _known(self, start: date) -> dict[bytes, int]:
        """Return who counts in a period: those of later ones too, written to before a step back."""
        counting = [known for each, known in self.counts.items() if each >= start]
        if len(counting) == 1:
            return counting[0]
        return {key: count for known in counting for key, count in known.items()}

    def _count(self, start: date | None, key: bytes, parts: int) -> None:
        assert start is not None, "days and months never end"
        known = self.counts.setdefault(start, {})
        known[key] = known.get(key, 0) + parts


def _start_of(calendar: Calendar, at: datetime) -> date | None:
    return calendar.start(at.astimezone(calendar.zone).date())


BY_PERIODS: Final[Mapping[type[Any], Callable[[Any], Meter]]] = {
    Daily: lambda limit: _PeriodMeter(limit, limit.parts),
    Monthly: lambda limit: _PeriodMeter(limit, limit.parts),
    RecipientsDaily: _RecipientsMeter,
    RecipientsMonthly: _RecipientsMeter,
    Budget: _BudgetMeter,
    Bundle: _BundleMeter,
    RampUp: _RampUpMeter,
}
