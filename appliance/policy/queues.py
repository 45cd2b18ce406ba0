"""What may leave, lane by lane: sorted once and kept so, not at every choice. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.policy.candidate import Candidate


@dataclass(slots=True)
class Queue:
    """What is read ahead of one lane, what is due first in front; ``passed`` were looked at."""

    lane: int
    account: int
    priority: int
    candidates: Sequence[Candidate]
    passed: int = 0

    @property
    def head(self) -> Candidate | None:
        """The first one that was not looked at."""
        return self.candidates[self.passed] if self.passed < len(self.candidates) else None

    def anew(self) -> "Queue":
        """Return it as none of it was looked at."""
        return Queue(self.lane, self.account, self.priority, self.candidates)


class Queues:
    """Queues by priority and account; empty ones are left out."""

    def __init__(self, queues: Iterable[Queue] = ()) -> None:
        self._all: dict[int, Queue] = {}
        self._sorted: dict[int, dict[int, dict[int, Queue]]] = {}
        for queue in queues:
            self.put(queue)

    @classmethod
    def of(cls, queues: "Iterable[Queue] | Queues") -> "Queues":
        """Return queues in their order, as they are if they have one."""
        return queues if isinstance(queues, cls) else cls(queues)

    def __iter__(self) -> Iterator[Queue]:
        """Go through all of them."""
        return iter(self._all.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def put(self, queue: Queue) -> None:
        """Let a queue take the place of what there was of its lane."""
        if not queue.candidates:
            self.remove(queue.lane)
            return
        self._all[queue.lane] = queue
        accounts = self._sorted.setdefault(queue.priority, {})
        accounts.setdefault(queue.account, {})[queue.lane] = queue

    def remove(self, lane: int) -> None:
        """Leave a lane out; harmless where it is not in."""
        queue = self._all.pop(lane, None)
        if queue is None:
            return
        accounts = self._sorted[queue.priority]
        lanes = accounts[queue.account]
        del lanes[lane]
        if not lanes:
            del accounts[queue.account]
        if not accounts:
            del self._sorted[queue.priority]

    def by_priority(self) -> Sequence[tuple[int, Mapping[int, Mapping[int, Queue]]]]:
        """Return the lanes by account, of the highest priority first."""
        return sorted(self._sorted.items(), reverse=True)
