"""What one SIM may still send: all its meters together, and the room that is kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from appliance.policy.limits.kinds import Limit
from appliance.policy.limits.meters import BY_MOMENTS, Held, Meter
from appliance.policy.limits.past import Memory, Past, Sent
from appliance.policy.limits.periods import BY_PERIODS
from appliance.policy.limits.wait import Wait

ROUNDS: Final = 100
"""How often meters are asked until they agree; hours that never meet never do."""

KEPT_FOR_OTHERS: Final = "room is kept for messages that have waited longer"

GOES_FIRST: Final = "busy with what goes first"

METERS: Final[Mapping[type[Any], Callable[[Any], Meter]]] = {**BY_MOMENTS, **BY_PERIODS}
"""By kind of limit."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """Meters that have counted what is remembered, and the moments counted since a certain one."""

    meters: tuple[Meter, ...]
    moments: Sequence[datetime] = ()


def recollect(
    limits: Iterable[Limit], memory: Memory, now: datetime, since: datetime | None = None
) -> Recollection:
    """Return meters for ``limits`` that have counted what is remembered, as of ``now``.

    ``since`` is what :meth:`Allowance.watch` returned; None: nobody watches.
    """
    # In this order: what is written down in between may count twice, but is not left out.
    moments = () if since is None else tuple(memory.moments(since))
    meters = tuple(METERS[type(limit)](limit) for limit in limits)
    for meter in meters:
        meter.recall(memory, now)
    return Recollection(meters, moments)


@dataclass(slots=True)
class _Step:
    """A part that was spent, perhaps not written down yet."""

    at: datetime
    recipient: bytes | None
    given_back: bool = False


class Allowance:
    """What one SIM may still send.

    It reads no clock: ``now`` is an argument, aware. Where it steps back, what was counted
    keeps counting: a moment up to a window ahead counts as it stands, and one further ahead,
    written by a clock that was wrong, as if it had just happened. So a step back resets nothing,
    and a wrong date does not close a SIM for years.

    A message too long for the room that is left may have room kept (``reserve``): short ones
    cannot starve it.

    Attributes:
        price: what a part costs, to be written down with it; None: not known.

    """

    def __init__(
        self,
        limits: Iterable[Limit] = (),
        sent: Iterable[datetime | Sent] = (),
        *,
        now: datetime | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        """Start with what is known to be sent, in any order, as of ``now``.

        ``now`` None: as of the newest of them. ``zone`` is the site's, in which reasons say a
        time; a calendar limit says it in its own.
        """
        parts = [each if isinstance(each, Sent) else Sent(each) for each in sent]
        newest = max((part.at for part in parts), default=None)
        as_of = now or newest
        meters = tuple(METERS[type(limit)](limit) for limit in limits)
        if as_of is not None:
            for meter in meters:
                meter.recall(Past(parts), as_of)
        self.price: float | None = None
        self._zone = zone
        self._meters: Sequence[Meter] = meters
        self._kept: dict[int, Held] = {}  # by message, the highest first, then as they came
        self._seen: datetime | None = None  # when meters were settled
        self._last: _Step | None = None
        self._watched: list[_Step] | None = None

    def earliest(
        self,
        now: datetime,
        parts: int = 1,
        recipient: bytes | None = None,
        *,
        message_id: int | None = None,
        priority: int = 0,
        before: int = 0,
    ) -> Wait:
        """Return when a message of which ``parts`` (from 1) parts are left may go on, and why not.

        Args:
            now: the moment asked about.
            parts: that are left.
            recipient: keyed hash of whom they go to; None: one who needs no room.
            message_id: the message, if room may be kept for it: that is not in its way, nor is
                what was kept later for others.
            priority: of the message: what is kept for lower ones is not in its way, so that a
                one-time password goes today although a long advertisement is to go tomorrow.
            before: how many of ``parts`` are of others, which go first: what paces parts paces
                these too.

        """
        self._settle(now)
        wait = self._kept_in_mind(now, parts, recipient, message_id, priority)
        if not before or wait.at != now:
            return wait
        at = max((meter.after(now, before) for meter in self._meters), default=now)
        return wait if at == now else Wait(at, GOES_FIRST, self._zone, now)

    def _kept_in_mind(
        self,
        now: datetime,
        parts: int,
        recipient: bytes | None,
        message_id: int | None,
        priority: int,
    ) -> Wait:
        """Return when a message may go on as far as what is sent and what is kept are concerned."""
        if not self._kept:
            return self._find(now, parts, recipient, ())
        wait = self._find(now, parts, recipient, self._in_the_way(now, message_id, priority))
        if wait.binding and wait.at != self._find(now, parts, recipient, ()).at:
            wait = replace(wait, binding=f"{wait.binding} ({KEPT_FOR_OTHERS})")
        return wait

    def reserve(
        self, message_id: int, parts: int, recipient: bytes | None = None, priority: int = 0
    ) -> None:
        """Keep room for a message that waits, in the first period that can hold it.

        The room is closed to others of the same or a lower priority, save what pace, gap and hours
        say; it shrinks with each part that is spent on the message. What a higher one takes of it
        is found anew, later if need be. Keeping it twice changes nothing.
        """
        if message_id in self._kept:
            return
        kept = [*self._kept.items(), (message_id, Held(parts, recipient, priority))]
        self._kept = dict(sorted(kept, key=lambda each: -each[1].priority))
        for each in self._kept.values():
            if each.priority < priority:
                each.planned = False  # it goes after this one

    def unreserve(self, message_id: int) -> None:
        """Keep room for a message no more: it is gone, or goes another way."""
        self._kept.pop(message_id, None)

    @property
    def reserved(self) -> Sequence[int]:
        """The messages that room is kept for."""
        return tuple(self._kept)

    def spend(
        self, now: datetime, recipient: bytes | None = None, *, message_id: int | None = None
    ) -> None:
        """Count one part as sent at ``now``, whether or not there was room for it."""
        self._settle(now)
        for meter in self._meters:
            meter.spend(now, recipient)
        self._last = _Step(now, recipient)
        if self._watched is not None:
            self._watched.append(self._last)
        if message_id in self._kept:
            self._kept[message_id].parts -= 1
            if self._kept[message_id].parts == 0:
                del self._kept[message_id]
        else:
            for each in self._kept.values():
                each.planned = False  # a higher one may have taken of its room

    def give_back(self, moment: datetime, recipient: bytes | None = None) -> None:
        """Uncount the part spent at ``moment``: only if no Ctrl-Z was written for it.

        A moment that no longer counts is ignored: then nothing is to be given back.
        """
        for meter in self._meters:
            meter.give_back(moment, recipient)
        for step in (self._last, *(self._watched or ())):
            if step is not None and step.at == moment and not step.given_back:
                step.given_back = True
                return

    def watch(self, now: datetime) -> datetime:
        """Remember what is spent from now on, for ``exchange``; return since when it matters.

        The part spent last is remembered too: it may not be written down yet.
        """
        self._watched = [self._last] if self._last is not None else []
        return min([now, *(step.at for step in self._watched)])

    def unwatch(self) -> None:
        """Remember no more what is spent: what ``watch`` was for came to nothing."""
        self._watched = None

    def exchange(self, recollection: Recollection) -> None:
        """Go on with other limits, which have counted what is remembered; see ``watch``.

        What was spent meanwhile and is not remembered yet is counted besides.
        """
        watched, self._watched = self._watched or (), None
        self._meters, self._seen = recollection.meters, None
        written = Counter(recollection.moments)
        for step in watched:
            known = written[step.at] > 0
            written[step.at] -= known
            for meter in self._meters:
                if known and step.given_back:
                    meter.give_back(step.at, step.recipient)
                elif not known and not step.given_back:
                    meter.spend(step.at, step.recipient)
        for each in self._kept.values():
            each.planned = False

    def _settle(self, now: datetime) -> None:
        """Let meters look again at what is ahead of ``now``, if the clock has stepped back."""
        if self._seen is None or now < self._seen:
            for meter in self._meters:
                meter.settle(now)
        self._seen = now

    def _find(
        self, now: datetime, parts: int, recipient: bytes | None, held: Sequence[Held]
    ) -> Wait:
        """Return the first moment that all meters agree on."""
        at = now
        because: list[Meter] = []  # what holds now, then what does when that has ended ...
        for _ in range(ROUNDS):
            latest, binding = at, None
            for meter in self._meters:
                found = meter.earliest(at, parts, recipient, held)
                if found is None:
                    why = [*_words(because[:1], now, parts), meter.never(at, parts)]
                    return Wait(None, ", then ".join(why), self._zone, now)
                if found > latest:
                    latest, binding = found, meter
            if binding is None:
                break
            at = latest
            because.append(binding)
        else:
            words = _words(dict.fromkeys(because[-2:]), now, parts)
            return Wait(None, f"no moment suits both {' and '.join(words)}", self._zone, now)
        if not because:
            return Wait(now)
        ends = dict.fromkeys((because[0], because[-1]))
        zone = because[-1].zone or self._zone
        return Wait(at, ", then ".join(_words(ends, now, parts)), zone, now)

    def _in_the_way(self, now: datetime, message_id: int | None, priority: int) -> Sequence[Held]:
        """Return the room that is kept from a message: from one that has its own, what is older."""
        kept: list[Held] = []
        for each_id, each in self._kept.items():
            if each_id != message_id and each.priority < priority:
                break
            if not each.planned or each_id == message_id:
                each.at = self._find(now, each.parts, each.recipient, kept).at
                each.planned = True
            elif each.at is not None:
                each.at = max(each.at, now)
            if each_id == message_id:
                break
            if each.at is not None:
                kept.append(each)
        return kept


def _words(meters: Iterable[Meter], now: datetime, parts: int) -> Sequence[str]:
    return [meter.binding(now, parts) for meter in meters]
