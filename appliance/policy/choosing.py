"""Which waiting message leaves by which SIM: the whole decision, from values alone. Pure.

Highest priority first; fair between accounts within it; what is due first goes first. Of the
SIMs that may carry a message, the one that its recipient knows; else one of the recipient's own
network where the route asks for that; else the cheapest, and of these the least used.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from appliance.policy.limits import Wait
from appliance.policy.routes import EVERY_SIM, Destination, Route, same_network
from appliance.policy.shares import Shares

STICKY: Final = timedelta(seconds=60)
"""How long a message waits for the SIM that its recipient knows, if nothing else is set."""


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


MaySend = Callable[[datetime, int, bytes], Wait]
"""When a SIM may send so many parts to a recipient, and what holds it until then."""


@dataclass(slots=True, kw_only=True)
class Free:
    """A line, as much of it as choosing needs; ``take`` keeps its load up to date.

    Attributes:
        name: what people call the SIM.
        groups: that it is in; every SIM is in ``EVERY_SIM`` besides.
        may_send: what its limits say, what is reserved for it included.
        refuses: why it may not carry a message at all; '' if it may.
        room: messages that it can be given now, besides those it has.
        pending: parts that it has or is given already.
        sent: parts it has carried, for sharing evenly.
        weight: its share among equal SIMs.
        price: of a part.
        network: its own, as a word.

    """

    sim_id: int
    name: str = ""
    groups: frozenset[str] = frozenset()
    may_send: MaySend
    refuses: Callable[[Destination], str] = field(default=lambda _to: "")
    room: int = 1
    pending: int = 0
    sent: float = 0
    weight: float = 1.0
    price: float = 0.0
    network: str | None = None

    def in_group(self, groups: Sequence[str]) -> bool:
        """Tell whether one of ``groups`` is its own."""
        return EVERY_SIM in groups or not self.groups.isdisjoint(groups)

    def take(self, candidate: Candidate) -> None:
        """Count a message that it is given."""
        self.room -= 1
        self.pending += candidate.parts
        self.sent += candidate.parts / self.weight


@dataclass(frozen=True, slots=True)
class Choice:
    """What is decided for one message now.

    Attributes:
        line: that should carry it; None: none can now.
        at: when looking again is worth it, as far as time alone can change something; None:
            it depends on a line having room, or on a person.
        full: some line may send it and only has no room just now.

    """

    line: Free | None = None
    at: datetime | None = None
    full: bool = False


@dataclass(slots=True)
class Plan:
    """What a round has decided.

    Attributes:
        pairs: message and line, in the order in which they should leave.
        asleep: lanes of which nothing given can leave whatever has room, with the moment
            from which that may change (None: not by time alone).

    """

    pairs: list[tuple[Candidate, Free]] = field(default_factory=list)
    asleep: dict[int, datetime | None] = field(default_factory=dict)


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


def assign(
    queues: Iterable[Queue],
    lines: Sequence[Free],
    shares: Shares,
    now: datetime,
    *,
    sticky: timedelta = STICKY,
) -> Plan:
    """Pair messages with lines that have room, in the order in which they should leave.

    What is paired is counted, in ``shares`` and in ``lines``.
    """
    plan, held = Plan(), defaultdict[int, _Held](_Held)
    by_priority: dict[int, dict[int, list[Queue]]] = {}
    queues = [queue for queue in queues if queue.head is not None]
    for queue in queues:
        by_priority.setdefault(queue.priority, {}).setdefault(queue.account, []).append(queue)
    for priority in sorted(by_priority, reverse=True):
        waiting = by_priority[priority]
        while waiting and any(line.room > 0 for line in lines):
            account = shares.order(priority, waiting)[0]
            pair = _next_pair(waiting[account], lines, held, now, sticky)
            if pair is None:
                del waiting[account]
                continue
            pair[1].take(pair[0])
            shares.count(priority, account, pair[0].parts)
            plan.pairs.append(pair)
    for queue in queues:
        if queue.head is None and held[queue.lane].whole:
            plan.asleep[queue.lane] = held[queue.lane].at
    return plan


def _next_pair(
    queues: list[Queue],
    lines: Sequence[Free],
    held: dict[int, "_Held"],
    now: datetime,
    sticky: timedelta,
) -> tuple[Candidate, Free] | None:
    """Return the first message of an account that a line can carry now, and that line."""
    while queue := _first(queues):
        candidate = queue.candidates[queue.passed]
        queue.passed += 1
        choice = choose(candidate, lines, now, sticky=sticky)
        held[queue.lane].add(choice)
        if choice.line is not None:
            return candidate, choice.line
    return None


def _first(queues: list[Queue]) -> Queue | None:
    """Return the lane whose head is due first, None if none has one."""
    heads = [(head.due_at, head.key, queue) for queue in queues if (head := queue.head)]
    return min(heads, key=lambda each: each[:2])[2] if heads else None


@dataclass(slots=True)
class _Held:
    """What was decided of a lane's messages; ``whole``: none of them can leave, whatever has room.

    ``at`` is when that may change.
    """

    whole: bool = True
    at: datetime | None = None

    def add(self, choice: Choice) -> None:
        self.whole &= not choice.full and choice.line is None
        if choice.at is not None:
            self.at = choice.at if self.at is None else min(self.at, choice.at)


def choose(
    candidate: Candidate, lines: Sequence[Free], now: datetime, *, sticky: timedelta = STICKY
) -> Choice:
    """Return by which line a message should go now, or when that should be asked again."""
    may = [line for line in lines if not why_never(candidate, line, now)]
    known = next((line for line in may if line.sim_id == candidate.known_sim), None)
    if known is not None and candidate.only_sim is None:
        choice = _by(candidate, known, now)
        until = candidate.due_at + sticky
        if choice.line is not None or (choice.full and now < until):
            return choice
        if choice.at is not None and choice.at <= until:
            return choice
    times = [candidate.route.widens_at(candidate.due_at, now)]
    full = False
    for line in sorted(may, key=lambda line: _rank(candidate, line)):
        choice = _by(candidate, line, now)
        if choice.line is not None:
            return choice
        full |= choice.full
        times.append(choice.at)
    return Choice(at=min((at for at in times if at is not None), default=None), full=full)


def why_never(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a line may not carry a message, whatever its limits; '' if it may."""
    if candidate.only_sim is not None:
        return "" if candidate.only_sim == line.sim_id else "it belongs to another SIM"
    if not line.in_group(candidate.route.groups_at(candidate.due_at, now)):
        return f"route {candidate.route.name} does not lead to it now"
    return line.refuses(candidate.to)


def why_not(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a message does not leave by a line now, with the line's name."""
    why = why_never(candidate, line, now)
    if not why:
        parts = line.pending + candidate.parts
        why = line.may_send(now, parts, candidate.recipient_key).reason
    return f"{line.name}: {why or 'busy with what goes first'}"


def _by(candidate: Candidate, line: Free, now: datetime) -> Choice:
    """Return whether one line can carry a message now, or when it could."""
    at = line.may_send(now, line.pending + candidate.parts, candidate.recipient_key).at
    if at != now:
        return Choice(at=at)
    return Choice(line=line) if line.room > 0 else Choice(full=True)


def _rank(candidate: Candidate, line: Free) -> tuple[bool, float, int, float]:
    off_net = candidate.route.on_net and not same_network(candidate.to.operator, line.network or "")
    return off_net, line.price, line.pending, line.sent
