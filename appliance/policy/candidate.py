"""A message as choosing sees it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from appliance.policy.routes import Destination, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A message that is due.

    Attributes:
        key: names it.
        lane: what it is read ahead in.
        parts: that still have to go.
        recipient_key: keyed hash of the recipient.
        due_at: since when it could leave.
        only_sim: the one SIM that may carry it: it has begun there, or is pinned; None: any.
        known_sim: the SIM that the recipient last heard from; None: it knows none.
        bundle: what an app has split itself, and it is a segment of; None: nothing.
        refused_by: SIMs that it was tried by in vain; they try again from ``refused_until`` on.
        stopped: they were told STOP by its recipient instead, and do not try again.

    """

    key: int
    lane: int
    account: int
    priority: int
    parts: int
    recipient_key: bytes
    due_at: datetime
    to: Destination
    route: Route
    only_sim: int | None = None
    known_sim: int | None = None
    bundle: int | None = None
    refused_by: frozenset[int] = frozenset()
    refused_until: datetime | None = None
    stopped: bool = False

    def rests_until(self, sim_id: int, now: datetime) -> datetime | None:
        """Return until when a SIM is not to try it again; None: it may now."""
        until = self.refused_until if sim_id in self.refused_by else None
        return until if until is not None and until > now else None
