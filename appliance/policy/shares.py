"""Whose turn it is: accounts get equal shares of what leaves at one priority. Pure."""

from collections.abc import Collection, Iterable
from typing import Final

LONGEST_MEMORY: Final = 1_000
"""Accounts that are remembered per priority; one that was not served for long starts anew."""


class Shares:
    """How many parts each account was served, by priority.

    An account that comes anew, or again after a pause, starts where the least served of those
    that wait stands: it is neither made to wait for what others had before, nor may it catch
    up on what it did not ask for.
    """

    def __init__(self) -> None:
        self._served: dict[int, dict[int, float]] = {}
        self._floor: dict[int, float] = {}

    def order(self, priority: int, accounts: Iterable[int]) -> list[int]:
        """Return all accounts that wait at a priority, the least served first."""
        waiting = sorted(set(accounts))
        served = self._served.setdefault(priority, {})
        floor = self._floor.get(priority, 0.0)
        for account in waiting:
            served[account] = max(served.get(account, floor), floor)
        if waiting:
            self._floor[priority] = min(served[account] for account in waiting)
        if len(served) > LONGEST_MEMORY:
            self._served[priority] = {account: served[account] for account in waiting}
        return sorted(waiting, key=lambda account: (served[account], account))

    def first(self, priority: int, accounts: Collection[int]) -> int:
        """Return the least served of some of the accounts that were last put in ``order``.

        The others keep their turn: they only cannot use it just now.
        """
        served = self._served[priority]
        return min(accounts, key=lambda account: (served[account], account))

    def count(self, priority: int, account: int, parts: int) -> None:
        """Count parts as served; a negative number gives them back."""
        served = self._served.setdefault(priority, {})
        served[account] = served.get(account, self._floor.get(priority, 0.0)) + parts

    def precedes(self, priority: int, account: int, other_priority: int, other: int) -> bool:
        """Tell whether a message of one account goes before one of another that has its turn."""
        if priority != other_priority:
            return priority > other_priority
        served = self._served.get(priority, {})
        floor = self._floor.get(priority, 0.0)
        return max(served.get(account, floor), floor) < max(served.get(other, floor), floor)
