"""What is known of a modem and its SIM beyond this run: whose the messages in it are, and more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from appliance.modem.values import Arrival, CallArrived, LateReference, Stored
from appliance.store.proofs import LastSeen

TELL_AGAIN: Final = timedelta(minutes=1)
"""How much older the mark of the last report must be to be moved: it is written down each time."""


@dataclass(slots=True)
class Standing:
    """How a modem and its SIM stand.

    Attributes:
        sim_id: the SIM in it.
        memory_sim_id: the SIM to which that belongs what lay in the modem's own memory when it
            was started: the former one, until all of it is taken and deleted.
        reports_proven_at: when a report that fitted last came by this modem for this SIM, to
            the minute; None: never seen.

    """

    sim_id: int
    memory_sim_id: int
    reports_proven_at: datetime | None = None

    @classmethod
    def after(cls, last: LastSeen | None, sim_id: int) -> Self:
        """Return how a modem stands that was ``last`` seen so (None: never), with this SIM."""
        if last is None:
            return cls(sim_id, sim_id)
        same = last.sim_id == sim_id
        return cls(sim_id, last.memory_sim_id, last.reports_proven_at if same else None)

    def whose(self, arrival: Arrival) -> int:
        """Return the SIM to which something belongs that came by this modem."""
        if isinstance(arrival, LateReference | CallArrived):
            return self.sim_id
        place = arrival.place
        kept = isinstance(place, Stored) and place.own and place.old
        return self.memory_sim_id if kept else self.sim_id

    def proved(self, at: datetime) -> bool:
        """Note that a report came that fitted; return whether that is news."""
        last = self.reports_proven_at
        if last is None or abs(at - last) >= TELL_AGAIN:
            self.reports_proven_at = at
        return last is None

    def emptied(self) -> bool:
        """Note that nothing is left of what lay in the memory; return whether that is news."""
        news = self.memory_sim_id != self.sim_id
        self.memory_sim_id = self.sim_id
        return news
