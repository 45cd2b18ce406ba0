"""What is to be sent, by which SIMs, and what is to come of it: values of ``policy.plan``. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from appliance.policy.contract import Contract
from appliance.policy.limits import Limit, Memory, Past
from appliance.policy.routes import ANY_WAY, Destination, Route

FURTHEST: Final = timedelta(days=366)
"""How far a forecast looks ahead."""

NOTHING: Final = Past()

NO_CONTRACT: Final = Contract()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSim:
    """A SIM that sends.

    Attributes:
        name: what people call it.
        contract: what it may send.
        memory: what it has sent.
        per_part: how long a part takes, from the first byte to the modem's answer.
        network: its own, as a word.

    """

    sim_id: int
    name: str
    contract: Contract = NO_CONTRACT
    memory: Memory = NOTHING
    per_part: timedelta = timedelta(seconds=4)
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages that are alike, to different recipients.

    Attributes:
        messages: how many.
        parts: of each.
        account: its id, as choosing shares among accounts.
        due_at: when they may leave.
        expires_at: when those that have not left are dropped; None: never.
        opens: from when on one may leave that is looked at at a moment: quiet hours.
        only_sim: the one SIM that may carry them; None: any.

    """

    messages: int
    due_at: datetime
    to: Destination
    parts: int = 1
    account: int = 0
    priority: int = 1
    route: Route = ANY_WAY
    expires_at: datetime | None = None
    opens: Callable[[datetime], datetime] = field(default=lambda now: now)
    only_sim: int | None = None


@dataclass(slots=True, kw_only=True)
class Share:
    """What one SIM does of it.

    Attributes:
        busy: how long it sends.
        held: how long a limit keeps it from what it could send.
        cost: of its parts, in the contract's currency.
        until: when its last part is gone; None: it sends none.

    """

    sim: PlannedSim
    parts: int = 0
    busy: timedelta = timedelta()
    held: dict[Limit, timedelta] = field(default_factory=dict)
    cost: float = 0.0
    until: datetime | None = None

    def idle(self, total: timedelta) -> timedelta:
        """Return how long it has nothing to send, of the whole time."""
        return max(total - self.busy - sum(self.held.values(), timedelta()), timedelta())


@dataclass(slots=True, kw_only=True)
class Fate:
    """What becomes of a batch.

    Attributes:
        left: messages that leave.
        expired: that expire first.
        stuck: that no SIM ever sends (within ``FURTHEST``), and ``why``.
        done_at: when the last one is gone; None: none leaves.

    """

    batch: Batch
    left: int = 0
    expired: int = 0
    stuck: int = 0
    why: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come, by SIM and by batch, in the order given.

    ``ended_at`` is when nothing is left to wait for: all has left, expired, or never will.
    """

    start: datetime
    ended_at: datetime
    shares: Sequence[Share]
    fates: Sequence[Fate]

    @property
    def done_at(self) -> datetime | None:
        """When the last message is gone; None: none leaves."""
        return max((fate.done_at for fate in self.fates if fate.done_at), default=None)

    @property
    def total(self) -> timedelta:
        """How long it takes."""
        return self.ended_at - self.start
