"""Whether this daemon may go on with what it has claimed.

On a database that several daemons share, each has a lease, on the database's clock. Whose lease
has lapsed may have lost its work to another daemon. Since a number cannot fence a modem, a daemon
must know by itself, without asking, right before Ctrl-Z: so it keeps the end of its lease by its
own monotonic clock, counted from before it asked for it.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Final

from appliance.clock import Clock


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a daemon may work without word from the database.

    Attributes:
        length: of the lease.
        grace: how long after it another daemon takes over: longer than a modem takes to answer
            AT+CMGS, or more than necessary is taken for uncertain.

    """

    length: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=150)

    @property
    def renew_every(self) -> timedelta:
        """How often it is renewed."""
        return self.length / 6


DEFAULT: Final = Lease()


class Tenure:
    """The lease of this daemon; one that is alone on its database needs none."""

    def __init__(self, clock: Clock, lease: Lease, *, shared: bool) -> None:
        self.lease = lease
        self.epoch = 0
        """How often it was lost to another daemon: what was claimed in an earlier one is void."""
        self._clock = clock
        self._until = -inf if shared else inf

    @property
    def holds(self) -> bool:
        """Whether nobody else can have taken over what this daemon has claimed."""
        return self._clock.monotonic() < self._until

    def moment(self) -> float:
        """Return the moment from which a lease that is asked for now counts (monotonic)."""
        return self._clock.monotonic()

    def renewed(self, asked_at: float) -> None:
        """Take note of a new lease, asked for at ``asked_at`` (monotonic) or later."""
        self._until = asked_at + self.lease.length.total_seconds()

    def lost(self) -> None:
        """Take note that the database cannot be reached: nothing may be sent meanwhile."""
        self._until = -inf

    def begin_anew(self) -> None:
        """Take note that another daemon has taken over what this one had."""
        self.epoch += 1
