"""Meters that go by moments: windows, gaps, hours. And what every meter is asked.

A meter answers for a moment as if nothing more were sent until then.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import Any, Final

from appliance.policy.limits.kinds import Gap, Hours, Pace, Rolling
from appliance.policy.limits.past import Memory


@dataclass(slots=True)
class Held:
    """Room that is kept for a message that waits; ``at`` is when it is to go, None: never.

    ``priority``: it is kept from messages of the same or a lower one only.
    """

    parts: int
    recipient: bytes | None
    priority: int = 0
    at: datetime | None = None
    planned: bool = False


class Meter:
    """What one limit has counted. ``recipient`` is a keyed hash, None: one who needs no room."""

    zone: tzinfo | None = None
    """Whose clock the limit goes by; None: it goes by none."""

    def recall(self, memory: Memory, now: datetime) -> None:
        """Count what is remembered, before anything else."""

    def settle(self, now: datetime) -> None:
        """Take what lies too far ahead of ``now`` for just now: a clock was wrong."""

    def earliest(
        self, at: datetime, parts: int, recipient: bytes | None, held: Sequence[Held]
    ) -> datetime | None:
        """Return when a message of ``parts`` parts may go on: ``at``, later, or None: never."""
        raise NotImplementedError

    def after(self, at: datetime, before: int) -> datetime:  # noqa: ARG002
        """Return when a part may go, if ``before`` others (from 1) go first, at ``at``: so paced.

        What must hold a message whole counts them among its parts (``earliest``) instead.
        """
        return at

    def binding(self, now: datetime, parts: int) -> str:
        """Return the limit's name and use, as of ``now``."""
        raise NotImplementedError

    def never(self, at: datetime, parts: int) -> str:
        """Return why a message that may not go on at ``at`` never may."""
        raise NotImplementedError

    def spend(self, now: datetime, recipient: bytes | None) -> None:
        """Count one part."""

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:
        """Uncount the part spent at ``moment``, if it still counts under that moment."""


class _PaceMeter(Meter):
    """The moments of the last parts: as many as the limit allows, more only if more count."""

    def __init__(self, limit: Pace | Rolling) -> None:
        self.limit = limit
        self.sent: deque[datetime] = deque()  # oldest first

    def recall(self, memory: Memory, now: datetime) -> None:
        for moment in memory.moments(now - self.limit.window):
            self.settle(moment)
            self.spend(moment, None)

    def settle(self, now: datetime) -> None:
        """Take moments more than a window ahead of ``now`` for just now."""
        ahead = 0
        while self.sent and self.sent[-1] > now + self.limit.window:
            self.sent.pop()
            ahead += 1
        self.sent.extend([max(now, self.sent[-1]) if self.sent else now] * ahead)

    def earliest(
        self,
        at: datetime,
        parts: int,  # noqa: ARG002 - it paces them, it need not hold them
        recipient: bytes | None,  # noqa: ARG002
        held: Sequence[Held],  # noqa: ARG002
    ) -> datetime | None:
        if len(self.sent) < self.limit.parts:
            return at
        return max(at, self.sent[-self.limit.parts] + self.limit.window)

    def after(self, at: datetime, before: int) -> datetime:
        room = self.limit.parts - before
        if room <= 0:
            return at + self.limit.window
        return max(at, self.sent[-room] + self.limit.window) if len(self.sent) >= room else at

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        return f"{self.limit.name} {self._used(now)}/{self.limit.parts}"

    def never(self, at: datetime, parts: int) -> str:  # noqa: ARG002
        return f"needs {parts} parts, {self.limit.name} {self.limit.parts}"

    def spend(self, now: datetime, recipient: bytes | None) -> None:  # noqa: ARG002
        # After a small step back the order is kept by counting the part a little late.
        self.sent.append(max(now, self.sent[-1]) if self.sent else now)
        while len(self.sent) > self.limit.parts and self.sent[0] <= now - self.limit.window:
            self.sent.popleft()

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:  # noqa: ARG002
        if moment in self.sent:
            self.sent.remove(moment)

    def _used(self, now: datetime) -> int:
        return sum(moment > now - self.limit.window for moment in self.sent)


class _RollingMeter(_PaceMeter):
    """A window that a message must fit whole; what others wait for counts as sent when planned."""

    def earliest(
        self,
        at: datetime,
        parts: int,
        recipient: bytes | None,  # noqa: ARG002
        held: Sequence[Held],
    ) -> datetime | None:
        if parts > self.limit.parts:
            return None
        taken: Sequence[datetime] = self.sent
        if held:
            kept = (each.at for each in held for _ in range(each.parts) if each.at is not None)
            taken = sorted((*self.sent, *kept))
        room = self.limit.parts - parts
        if len(taken) <= room:
            return at
        return max(at, taken[-room - 1] + self.limit.window)

    def binding(self, now: datetime, parts: int) -> str:
        return _for(f"{self.limit.name} {self._used(now)}/{self.limit.parts}", parts)


class _GapMeter(Meter):
    """The moments of the last parts, as far as one of them may be given back."""

    def __init__(self, limit: Gap) -> None:
        self._limit = limit
        self._last = _PaceMeter(Pace(1, limit.longest, limit.name))

    @property
    def sent(self) -> Sequence[datetime]:
        """The moments that are remembered."""
        return self._last.sent

    def recall(self, memory: Memory, now: datetime) -> None:
        self._last.recall(memory, now)

    def settle(self, now: datetime) -> None:
        self._last.settle(now)

    def earliest(
        self,
        at: datetime,
        parts: int,  # noqa: ARG002
        recipient: bytes | None,  # noqa: ARG002
        held: Sequence[Held],  # noqa: ARG002
    ) -> datetime | None:
        sent = self._last.sent
        if not sent:
            return at
        limit, last = self._limit, sent[-1]
        gap = limit.apart
        if limit.jitter:
            gap += limit.jitter * _chance(limit.seed, last)
        return max(at, last + gap)

    def after(self, at: datetime, before: int) -> datetime:
        return at + before * self._limit.apart

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        limit = self._limit
        least, most = limit.apart.total_seconds(), limit.longest.total_seconds()
        return f"{limit.name} {least:g}{'' if least == most else f'-{most:g}'} s"

    def spend(self, now: datetime, recipient: bytes | None) -> None:
        self._last.spend(now, recipient)

    def give_back(self, moment: datetime, recipient: bytes | None) -> None:
        self._last.give_back(moment, recipient)


class _HoursMeter(Meter):
    """Open or not; it counts nothing. The last stretch that was found shut is remembered."""

    def __init__(self, limit: Hours) -> None:
        self._limit, self.zone = limit, limit.zone
        self._shut: tuple[datetime, datetime] | None = None  # from, until

    def earliest(
        self,
        at: datetime,
        parts: int,  # noqa: ARG002
        recipient: bytes | None,  # noqa: ARG002
        held: Sequence[Held],  # noqa: ARG002
    ) -> datetime | None:
        if self._shut is not None and self._shut[0] <= at < self._shut[1]:
            return self._shut[1]
        opens = self._limit.week.opens(at, self._limit.zone)
        if opens > at:
            self._shut = at, opens
        return opens

    def binding(self, now: datetime, parts: int) -> str:  # noqa: ARG002
        return f"{self._limit.name} {self._limit.week.words}"


def _chance(seed: str, moment: datetime) -> float:
    """Return a number from 0 up to 1 that looks drawn, always the same for a part."""
    drawn = blake2b(f"{seed} {moment.timestamp():.6f}".encode(), digest_size=4).digest()
    return int.from_bytes(drawn) / 2**32


def _for(use: str, parts: int) -> str:
    return use if parts == 1 else f"{use} for {parts} parts"


BY_MOMENTS: Final[Mapping[type[Any], Callable[[Any], Meter]]] = {
    Pace: _PaceMeter,
    Rolling: _RollingMeter,
    Gap: _GapMeter,
    Hours: _HoursMeter,
}
