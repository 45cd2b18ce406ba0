"""How many messages wait, per account and in all: never less than there are. Pure.

Counting a queue takes as long as it is, so it is not counted for each message. What was taken
since the last count is added to it; what has left since is not subtracted. So the number told is
right or too high, and a ceiling that it does not reach is not reached.

Other daemons on the same database, and messages that come back to the queue, are seen with the
next count only.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

ALL: Final = 0
"""The key of all accounts together; accounts are counted from 1."""


class Queued:
    """The bounds. A message is ``entered`` before it is stored, and ``left`` to itself after."""

    def __init__(self) -> None:
        self._counted: Mapping[int, int] = {}
        self._taken: Counter[int] = Counter()
        self._under_way: Counter[int] = Counter()  # of those taken: not known to be stored
        self._in_count: Mapping[int, int] = {}  # of those taken: what the count has seen

    def bound(self, key: int) -> int:
        """Return how many messages of an account wait at most."""
        return self._counted.get(key, 0) + self._taken[key] - self._in_count.get(key, 0)

    def enter(self, account: int) -> None:
        """Count a message that is going to be stored."""
        for key in (account, ALL):
            self._taken[key] += 1
            self._under_way[key] += 1

    def leave(self, account: int, *, stored: bool) -> None:
        """Say what became of it; ``stored``: a count that begins from now on sees it."""
        for key in (account, ALL):
            self._under_way[key] -= 1
            self._taken[key] -= not stored

    def mark(self) -> Mapping[int, int]:
        """Return what a count that begins now will see for sure."""
        return {key: count - self._under_way[key] for key, count in self._taken.items()}

    def counted(self, found: Mapping[int, int], mark: Mapping[int, int]) -> None:
        """Take a count by accounts; ``mark`` was asked for before it began."""
        self._counted = {**found, ALL: sum(found.values())}
        self._in_count = mark
