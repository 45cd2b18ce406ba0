"""Moments at which something is to be looked at: the next one is found without a search."""

from collections.abc import Hashable
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SPARE: Final = 64
"""Entries that are out of date, besides as many as count, before they are cleared away."""


class Times(Generic[K]):
    """One moment for each key."""

    def __init__(self) -> None:
        self._at: dict[K, datetime] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._order = count()  # keys need not be comparable

    def set(self, key: K, at: datetime | None) -> None:
        """Note when a key is to be looked at, in place of what was noted; None: never."""
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heappush(self._heap, (at, next(self._order), key))
            if len(self._heap) > 2 * len(self._at) + SPARE:
                self._heap = [(at, next(self._order), key) for key, at in self._at.items()]
                heapify(self._heap)

    def next(self) -> datetime | None:
        """Return the first moment, None if nothing is to be looked at."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._at.get(key) == at:
                return at
            heappop(self._heap)
        return None

    def due(self, now: datetime) -> list[K]:
        """Return what is to be looked at by now, and forget it."""
        found = []
        while (at := self.next()) is not None and at <= now:
            _, _, key = heappop(self._heap)
            del self._at[key]
            found.append(key)
        return found
