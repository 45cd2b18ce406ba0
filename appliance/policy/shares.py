"""Whose turn it is: accounts get equal shares of what leaves at one priority. Pure."""

from collections.abc import Collection
from math import inf
from typing import Final

LONGEST_MEMORY: Final = 1_000
"""Accounts that are remembered per priority; one that was not served for long starts anew."""


class Shares:
    """How many parts each account was served, by priority.

    An account that comes anew, or again after a pause, starts one part before the least served
    of those that wait: its first message goes before what is only reserved for others, also
    where one of them has had its turn but could not use it. It is neither made to wait for what
    others had before, nor may it catch up on what it did not ask for.
    """

    def __init__(self) -> None:
        self._served: dict[int, dict[int, float]] = {}
        self._floor: dict[int, float] = {}

    def begin(self, priority: int, accounts: Collection[int]) -> None:
        """Begin a round: all ``accounts`` wait at a priority; who comes anew gets its place."""
        if not accounts:
            return
        served = self._served.setdefault(priority, {})
        start = self._start(priority)
        for account in accounts:
            if served.get(account, -inf) < start:
                served[account] = start
        least = min(map(served.__getitem__, accounts))
        self._floor[priority] = max(self._floor.get(priority, 0.0), least)
        if len(served) > LONGEST_MEMORY + len(accounts):
            self._served[priority] = {account: served[account] for account in accounts}

    def order(self, priority: int, accounts: Collection[int]) -> list[int]:
        """Begin a round; return all accounts that wait at a priority, the least served first."""
        self.begin(priority, accounts)
        served = self._served[priority]
        return sorted(accounts, key=lambda account: (served[account], account))

    def first(self, priority: int, accounts: Collection[int]) -> int:
        """Return the least served of some of the accounts for which the round has begun.

        The others keep their turn: they only cannot use it just now.
        """
        served = self._served[priority]
        least = min(map(served.__getitem__, accounts))
        return min(account for account in accounts if served[account] == least)

    def count(self, priority: int, account: int, parts: int) -> None:
        """Count parts as served; a negative number gives them back."""
        served = self._served.setdefault(priority, {})
        served[account] = self._place(priority, account) + parts

    def precedes(
        self, priority: int, account: int, other_priority: int, other: int, *, counted: int = 0
    ) -> bool:
        """Tell whether a message of one account goes before one of another that has its turn.

        ``counted`` parts of it count as served already.
        """
        if priority != other_priority:
            return priority > other_priority
        return self._place(priority, account) - counted < self._place(priority, other)

    def _place(self, priority: int, account: int) -> float:
        """Return what an account counts as served; little of it at least, wherever it was."""
        start = self._start(priority)
        return max(self._served.get(priority, {}).get(account, start), start)

    def _start(self, priority: int) -> float:
        return self._floor.get(priority, 0.0) - 1
