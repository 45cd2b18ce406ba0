"""Room that is kept on lines for long messages, so that short ones cannot starve them."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime

from appliance.lines.line import Line
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free, why_never


class KeptRoom:
    """By message: the line on which room is kept for it."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[Line, Candidate]] = {}

    def __contains__(self, key: int) -> bool:
        """Tell whether room is kept for a message."""
        return key in self._lines

    def keep(self, candidate: Candidate, lines: Iterable[tuple[Line, Free]], now: datetime) -> None:
        """Keep room for a message where it could go first, if short ones could go before it."""
        if candidate.key in self._lines:
            return
        found = [
            (at, number, line)
            for number, (line, free) in enumerate(lines)
            if not why_never(candidate, free, now)
            and (at := free.may_send(now, free.pending + candidate.parts, candidate).at)
            and (one := free.may_send(now, free.pending + 1, candidate).at)
            and one < at
        ]
        if found:
            line = min(found, key=lambda each: each[:2])[2]
            line.allowance.reserve(
                candidate.key, candidate.parts, candidate.recipient_key, candidate.priority
            )
            self._lines[candidate.key] = line, candidate

    def given(self, key: int, line: Line) -> None:
        """Take note that a line carries a message: room elsewhere is free again."""
        if key in self._lines and self._lines[key][0] is not line:
            self.free(key)

    def free(self, key: int) -> None:
        """Keep no room for a message any more."""
        line, _ = self._lines.pop(key)
        line.allowance.unreserve(key)

    def free_all_of(self, line: Line) -> None:
        """Keep no room on a line any more."""
        for key in [key for key, (where, _) in self._lines.items() if where is line]:
            self.free(key)

    def tidy(self, waits: Callable[[Candidate], bool], held: Callable[[], Container[int]]) -> None:
        """Keep no room for what neither ``waits`` nor is ``held`` by a line: it is gone."""
        gone = [each for _, each in self._lines.values() if not waits(each)]
        if gone:
            there = held()
            for candidate in gone:
                if candidate.key not in there:
                    self.free(candidate.key)
