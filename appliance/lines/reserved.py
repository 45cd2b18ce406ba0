"""What a line is to send next, in order, and what it is sending."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.store.values import Waiting


@dataclass(slots=True)
class UnderWay:
    """A message that a line is sending; ``left`` parts of it are not begun."""

    waiting: Waiting
    left: int


class Reserved:
    """Messages reserved for a line. The urgent ones go between the parts of a long message, too.

    Attributes:
        changed: called when a message comes or goes.

    """

    def __init__(self) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._queue: deque[Waiting] = deque()
        self._urgent: set[int] = set()
        self._under_way: list[UnderWay] = []  # an urgent one lies on the one that it interrupts

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._queue)

    @property
    def current(self) -> Waiting | None:
        """What is being sent just now."""
        return self._under_way[-1].waiting if self._under_way else None

    @property
    def last(self) -> Waiting | None:
        """What would yield its place first: the last one that may go by another line."""
        last = self._queue[-1] if self._queue else None
        movable = last is not None and last.sim_id is None and last.bundle_id is None
        return last if movable else None

    @property
    def interrupts(self) -> bool:
        """Whether the next one goes between the parts of what is being sent."""
        return bool(self._queue) and self._queue[0].message_id in self._urgent

    def __iter__(self) -> Iterator[Waiting]:
        """Go through all that the line has."""
        yield from self._queue
        for each in self._under_way:
            yield each.waiting

    @property
    def keys(self) -> set[int]:
        """The ids of all that the line has."""
        return {waiting.message_id for waiting in self}

    @property
    def bundles(self) -> set[int]:
        """The bundles of which it has segments."""
        waiting = {waiting.bundle_id for waiting in self._queue}
        return {bundle for bundle in waiting if bundle is not None}

    @property
    def parts(self) -> int:
        """How many parts are not begun of all that the line has."""
        parts = 0
        for each in self._under_way:
            parts += each.left
        for waiting in self._queue:
            parts += len(waiting.todo)
        return parts

    @property
    def begun(self) -> int:
        """How many parts are left of what is begun."""
        return sum(each.left for each in self._under_way if each.left < len(each.waiting.todo))

    def behind(self, priority: int) -> int:
        """Return how many of these parts do not go before a message of a priority.

        They are those of lower priority, and the rest of what is begun, which it goes between.
        """
        parts = self.begun
        for waiting in self._queue:
            if waiting.priority < priority:
                parts += len(waiting.todo)
        return parts

    def ahead_of(self, priority: int) -> int:
        """Return how many of these parts go before a message of a priority."""
        return self.parts - self.behind(priority)

    def add(self, waiting: Waiting, *, urgent: bool = False) -> None:
        """Let a message be sent after the others.

        ``urgent``: before those that are not, and before urgent ones of a lower priority.
        """
        self.changed()
        if not urgent:
            self._queue.append(waiting)
            return
        place = sum(
            each.message_id in self._urgent and each.priority >= waiting.priority
            for each in self._queue
        )
        self._queue.insert(place, waiting)
        self._urgent.add(waiting.message_id)

    def next(self) -> Waiting | None:
        """Take the next one, None if there is none."""
        return self._taken(self._queue.popleft()) if self._queue else None

    def take_last(self) -> Waiting:
        """Take ``last``, for another line or to wait again."""
        return self._taken(self._queue.pop())

    def take_all(self) -> list[Waiting]:
        """Take all that wait."""
        taken = [self._taken(waiting) for waiting in self._queue]
        self._queue.clear()
        return taken

    @contextmanager
    def sending(self, waiting: Waiting) -> Iterator[UnderWay]:
        """Count a message as being sent."""
        under_way = UnderWay(waiting, len(waiting.todo))
        self._under_way.append(under_way)
        self.changed()
        try:
            yield under_way
        finally:
            self._under_way.remove(under_way)
            self.changed()

    def _taken(self, waiting: Waiting) -> Waiting:
        self._urgent.discard(waiting.message_id)
        self.changed()
        return waiting
