"""Who has to wait after wrong passwords, and how long. Pure, and bounded whatever comes.

Failures are counted for a name from an address, for an address whatever the name, and for a
name wherever from; each scope has its patience, and the longest wait holds. An address from
which a name was let in lately never waits for it, whatever others try.

What is tried while it must wait is not looked at and does not count: so the wait ends, and
a client whose password has been put right comes in by itself.

Moments are monotonic seconds.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

Key = Hashable


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures are free, and how long the wait after the next ones is.

    Attributes:
        free: failures after which nothing has to wait yet.
        first: seconds after the first that is not free; each further one doubles them.
        most: seconds that no wait exceeds.

    """

    free: int
    first: float
    most: float

    def wait(self, failures: int) -> float:
        """Return how many seconds to wait after so many failures."""
        beyond = failures - self.free
        if beyond <= 0:
            return 0.0
        return min(self.first * 2.0 ** min(beyond - 1, 64), self.most)


PAIR: Final = Patience(free=3, first=1, most=900)
"""For a name from one address."""

ADDRESS: Final = Patience(free=20, first=1, most=900)
"""For an address, whatever the names: several apps may share it."""

NAME: Final = Patience(free=50, first=1, most=30)
"""For a name from everywhere: short, because it meets an app that has moved, too."""

FORGOTTEN: Final = 3600.0
"""Seconds after which failures are forgotten if none is added."""

GOOD: Final = 24 * 3600.0
"""Seconds for which an address is known to be good."""

MOST: Final = 4096
"""What is remembered of each kind; the longest untouched is forgotten first."""


@dataclass(slots=True)
class _Failures:
    number: int
    until: float
    last: float


class _Scope:
    def __init__(self, patience: Patience, most: int) -> None:
        self._patience, self._most = patience, most
        self._known: OrderedDict[Key, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def wait(self, key: Key, now: float) -> float:
        known = self._known.get(key)
        return max(known.until - now, 0.0) if known else 0.0

    def failed(self, key: Key, now: float) -> None:
        known = self._known.pop(key, None)
        old = known is None or now - known.last >= FORGOTTEN
        number = 1 if known is None or old else known.number + 1
        self._known[key] = _Failures(number, now + self._patience.wait(number), now)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)


class Lockout:
    """Remembers wrong passwords and good addresses."""

    def __init__(self, most: int = MOST) -> None:
        """``most``: what is remembered of each kind."""
        self._most = most
        self._pairs = _Scope(PAIR, most)
        self._addresses = _Scope(ADDRESS, most)
        self._names = _Scope(NAME, most)
        self._good: OrderedDict[Key, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how much is remembered, of all kinds."""
        return len(self._good) + sum(len(scope) for scope, _ in self._scopes("", ""))

    def wait(self, name: str, address: str, now: float) -> float:
        """Return how many seconds ``name`` has to wait at ``address``; 0: it may try."""
        if self.is_good(name, address, now):
            return 0.0
        return max(scope.wait(key, now) for scope, key in self._scopes(name, address))

    def failed(self, name: str, address: str, now: float) -> None:
        """Note a wrong password. That of a good address counts for nothing."""
        if not self.is_good(name, address, now):
            for scope, key in self._scopes(name, address):
                scope.failed(key, now)

    def good(self, name: str, address: str, now: float) -> None:
        """Note that ``name`` was let in at ``address``, or has been there until now."""
        pair = name, address
        self._pairs.forget(pair)
        self._good.pop(pair, None)
        self._good[pair] = now
        if len(self._good) > self._most:
            self._good.popitem(last=False)

    def is_good(self, name: str, address: str, now: float) -> bool:
        """Tell whether ``name`` was let in at ``address`` lately."""
        since = self._good.get((name, address))
        return since is not None and now - since < GOOD

    def _scopes(self, name: str, address: str) -> Iterator[tuple[_Scope, Key]]:
        yield self._pairs, (name, address)
        yield self._addresses, address
        yield self._names, name
