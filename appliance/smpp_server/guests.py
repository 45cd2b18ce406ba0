"""How many connections there may be, and which goes when there are too many. Pure.

One that is not bound is a stranger. Where there are too many strangers the one that has waited
longest goes, because who means to bind does so at once: so newcomers get in however many
idle ones somebody opens, and those cost no more than their number allows.
"""

from collections.abc import Callable


class Guest:
    """A connection, from the moment it is taken.

    Attributes:
        place: where it comes from.
        idle: tells whether it may be sent away: it does not even try to bind.
        leave: closes it.

    """

    __slots__ = ("idle", "leave", "place")

    def __init__(self, place: str, leave: Callable[[], object]) -> None:
        self.place = place
        self.idle: Callable[[], bool] = lambda: True
        self.leave = leave


class Guests:
    """All connections: those that are bound, and the strangers of each place, oldest first."""

    def __init__(self, most: int, most_strangers: int) -> None:
        """``most``: connections in all; ``most_strangers``: of one place that are not bound."""
        self._most, self._most_strangers = most, most_strangers
        self._bound: set[Guest] = set()
        self._strangers: dict[str, dict[Guest, None]] = {}
        self._count = 0  # of strangers

    def __len__(self) -> int:
        return len(self._bound) + self._count

    @property
    def strangers(self) -> int:
        """How many are not bound."""
        return self._count

    def come(self, guest: Guest) -> bool:
        """Count a newcomer in, if need be at the cost of a stranger; False: there is no room."""
        own = self._strangers.get(guest.place, {})
        if len(own) >= self._most_strangers:
            if not self._dismiss(own):
                return False
        elif len(self) >= self._most:
            crowd = max(self._strangers.values(), key=len, default={})
            if not self._dismiss(crowd):
                return False
        self._strangers.setdefault(guest.place, {})[guest] = None
        self._count += 1
        return True

    def bound(self, guest: Guest) -> None:
        """Note that it is a stranger no more."""
        if self._forget(guest):
            self._bound.add(guest)

    def gone(self, guest: Guest) -> None:
        """Count it out; one that is not counted is none the worse."""
        self._forget(guest)
        self._bound.discard(guest)

    def _dismiss(self, crowd: dict[Guest, None]) -> bool:
        guest = next((one for one in crowd if one.idle()), None)
        if guest is None:
            return False
        self._forget(guest)
        guest.leave()
        return True

    def _forget(self, guest: Guest) -> bool:
        own = self._strangers.get(guest.place, {})
        if guest not in own:
            return False
        del own[guest]
        self._count -= 1
        if not own:
            del self._strangers[guest.place]
        return True
