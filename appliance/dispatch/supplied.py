"""The lines that messages are given to, sorted by what they have: nobody looks through all."""

from collections.abc import Callable, Iterator, Set
from datetime import datetime
from functools import partial
from itertools import count
from typing import Final

from appliance.dispatch.times import Times
from appliance.lines.line import Line

AHEAD: Final = 2
"""Messages reserved for a line besides the one in flight: its next one is always at hand."""

Owner = tuple[int, int]
"""Priority and account of a message."""


class Supplied:
    """The lines in the order in which they joined.

    A line tells when what it has changes; then it is sorted anew, at the next question.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._lines: dict[Line, int] = {}
        self._changed: set[Line] = set()
        self._room: dict[Line, int] = {}  # with room, for how many messages
        self._total = 0
        self._idle: set[Line] = set()
        self._loaded: set[Line] = set()
        self._owners: dict[Line, Owner] = {}  # whose message would yield its place first
        self._owned: dict[Owner, set[Line]] = {}
        self._rests = Times[Line]()
        self._resting: set[Line] = set()

    def __iter__(self) -> Iterator[Line]:
        """Go through all of them."""
        return iter(list(self._lines))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._lines)

    def __contains__(self, line: Line) -> bool:
        """Tell whether a line is supplied."""
        return line in self._lines

    def join(self, line: Line) -> None:
        """Supply a line from now on."""
        self._lines[line] = next(self._numbers)
        line.reserved.changed = partial(self._changed.add, line)
        self._changed.add(line)

    def leave(self, line: Line) -> None:
        """Supply a line no more."""
        del self._lines[line]
        self._changed.add(line)

    # what follows from what they have

    @property
    def room(self) -> int:
        """How many messages can be given to all."""
        self._settle()
        return self._total

    def able(self) -> list[Line]:
        """Return the lines with room that do not rest."""
        self._settle()
        return self._in_order(self._room.keys() - self._resting)

    def unable(self) -> Iterator[Line]:
        """Give the others."""
        self._settle()
        for line in self._lines:
            if line not in self._room or line in self._resting:
                yield line

    def idle(self) -> list[Line]:
        """Return the lines that have nothing to send."""
        self._settle()
        return self._in_order(self._idle)

    def busiest(self) -> Line | None:
        """Return the line for which most is reserved, None if nothing is for any."""
        self._settle()
        loaded = self._in_order(self._loaded)
        return max(loaded, key=lambda line: len(line.reserved), default=None)

    def yielding(self, to: Callable[[Owner], bool]) -> list[Line]:
        """Return the lines of which a message would yield its place, by whose message it is."""
        self._settle()
        return [line for owner, lines in self._owned.items() if to(owner) for line in lines]

    # those that may send nothing

    def rest(self, line: Line, until: datetime) -> None:
        """Leave a line alone until then: it may send nothing to anybody."""
        self._settle()
        self._resting.add(line)
        self._rests.set(line, until)

    def wake(self, now: datetime | None = None) -> None:
        """Let lines try again whose rest has ended by now; None: all."""
        if now is None:
            self._resting.clear()
            self._rests = Times()
        else:
            self._resting.difference_update(self._rests.due(now))

    @property
    def wakes_at(self) -> datetime | None:
        """When the first rest ends, None if none rests."""
        return self._rests.next()

    def _in_order(self, lines: Set[Line]) -> list[Line]:
        return sorted(lines, key=self._lines.__getitem__) if len(lines) > 1 else list(lines)

    def _settle(self) -> None:
        while self._changed:
            self._sort(self._changed.pop())

    def _sort(self, line: Line) -> None:
        self._forget(line)
        if line not in self._lines:
            return
        reserved = line.reserved
        room, last = AHEAD - len(reserved), reserved.last
        if room > 0:
            self._room[line] = room
            self._total += room
        if reserved:
            self._loaded.add(line)
        elif reserved.current is None:
            self._idle.add(line)
        if last is not None:
            owner = self._owners[line] = last.priority, last.account_id
            self._owned.setdefault(owner, set()).add(line)

    def _forget(self, line: Line) -> None:
        self._total -= self._room.pop(line, 0)
        self._loaded.discard(line)
        self._idle.discard(line)
        self._resting.discard(line)  # it may be able to send more, or has left
        self._rests.set(line, None)
        owner = self._owners.pop(line, None)
        if owner is not None:
            self._owned[owner].discard(line)
            if not self._owned[owner]:
                del self._owned[owner]
