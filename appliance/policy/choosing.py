"""Which waiting message leaves by which SIM: the whole decision, from values alone. Pure.

Highest priority first; fair between accounts within it; what is due first goes first. Of the
SIMs that may carry a message, the one that its recipient knows; else one of the recipient's own
network where the route asks for that; else the cheapest, and of these the least used.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appliance.policy.bonds import Bonds
from appliance.policy.candidate import Candidate
from appliance.policy.limits import Wait
from appliance.policy.routes import EVERY_SIM, Destination, same_network
from appliance.policy.shares import Shares

REFUSED: Final = "it has tried this message in vain"

STICKY: Final = timedelta(seconds=60)
"""How long a message waits for the SIM that its recipient knows, if nothing else is set."""


MaySend = Callable[[datetime, int, Candidate], Wait]
"""When a SIM may send so many parts, a message's among them, and what holds it until then."""


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


Others = Callable[[], Sequence[Free]]


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
        again_at: when something that was looked at could leave; None: not by time alone.
        long: by lane, the first message of several parts that waits for limits.

    """

    pairs: list[tuple[Candidate, Free]] = field(default_factory=list)
    asleep: dict[int, datetime | None] = field(default_factory=dict)
    again_at: datetime | None = None
    long: dict[int, Candidate] = field(default_factory=dict)


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
    others: Others = tuple,
    bonds: Bonds | None = None,
) -> Plan:
    """Pair messages with lines that have room, in the order in which they should leave.

    What is paired is counted, in ``shares``, ``lines`` and ``bonds``. ``others`` returns further
    lines, which have no room; they are asked for only where that matters.
    """
    plan, held = Plan(), defaultdict[int, _Held](_Held)
    bonds = bonds or Bonds()
    find = partial(choose, lines=lines, now=now, sticky=sticky, others=others)
    queues = [queue for queue in queues if queue.head is not None]
    for priority, waiting in _by_priority(queues):
        shares.order(priority, waiting)  # once: who cannot go now keeps its turn
        while waiting and any(line.room > 0 for line in lines):
            account = shares.first(priority, waiting)
            pair = _next_pair(waiting[account], held, find, bonds)
            if pair is None:
                del waiting[account]
                continue
            pair[1].take(pair[0])
            bonds.tie(pair[0], pair[1].sim_id)
            shares.count(priority, account, pair[0].parts)
            plan.pairs.append(pair)
    for queue in queues:
        if queue.lane in held and queue.head is None and held[queue.lane].whole:
            plan.asleep[queue.lane] = held[queue.lane].at
    plan.again_at = min((each.at for each in held.values() if each.at), default=None)
    plan.long = {lane: each.long for lane, each in held.items() if each.long is not None}
    return plan


def _by_priority(queues: Iterable[Queue]) -> list[tuple[int, dict[int, list[Queue]]]]:
    """Return the lanes by account, of the highest priority first."""
    found: dict[int, dict[int, list[Queue]]] = {}
    for queue in queues:
        found.setdefault(queue.priority, {}).setdefault(queue.account, []).append(queue)
    return sorted(found.items(), reverse=True)


def _next_pair(
    queues: list[Queue], held: dict[int, "_Held"], find: Callable[[Candidate], Choice], bonds: Bonds
) -> tuple[Candidate, Free] | None:
    """Return the first message of an account that a line can carry now, and that line."""
    while queue := _first(queues):
        candidate = bonds.tied(queue.candidates[queue.passed])
        queue.passed += 1
        choice = find(candidate)
        held[queue.lane].add(candidate, choice)
        if choice.line is not None:
            return candidate, choice.line
    return None


def _first(queues: list[Queue]) -> Queue | None:
    """Return the lane whose head is due first, None if none has one."""
    if len(queues) == 1:
        return queues[0] if queues[0].head is not None else None
    heads = [(head.due_at, head.key, queue) for queue in queues if (head := queue.head)]
    return min(heads, key=lambda each: each[:2])[2] if heads else None


@dataclass(slots=True)
class _Held:
    """What was decided of a lane's messages; ``whole``: none of them can leave, whatever has room.

    ``at`` is when that may change, ``long`` the first one of several parts that waits for limits.
    """

    whole: bool = True
    at: datetime | None = None
    long: Candidate | None = None

    def add(self, candidate: Candidate, choice: Choice) -> None:
        self.whole &= not choice.full and choice.line is None
        if self.long is None and choice.line is None and candidate.parts > 1:
            self.long = candidate if choice.at is not None else None
        if choice.at is not None:
            self.at = choice.at if self.at is None else min(self.at, choice.at)


def choose(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta = STICKY,
    others: Others = tuple,
) -> Choice:
    """Return by which line a message should go now, or when that should be asked again."""
    known = waits_for(candidate, lines, now, sticky=sticky, others=others)
    if known is not None:
        return _by(candidate, known, now)
    times = [candidate.route.widens_at(candidate.due_at, now)]
    full = False
    for line in _ranked(candidate, lines, now):
        choice = _by(candidate, line, now)
        if choice.line is not None:
            return choice
        full |= choice.full
        times.append(choice.at)
    for line in others():
        if full:
            break  # one that may is enough to be waited for
        if not why_never(candidate, line, now):
            choice = _by(candidate, line, now)
            full = choice.full
            times.append(choice.at)
    return Choice(at=min((at for at in times if at is not None), default=None), full=full)


def waits_for(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta = STICKY,
    others: Others = tuple,
) -> Free | None:
    """Return the line of the SIM that a recipient knows, if its message goes by that or waits.

    It waits as long as that SIM can send soon; not where it was refused by it, and not at all
    where ``sticky`` is nothing.
    """
    if not sticky or candidate.known_sim is None or candidate.only_sim is not None:
        return None
    known = next((line for line in lines if line.sim_id == candidate.known_sim), None)
    if known is None:
        known = next((line for line in others() if line.sim_id == candidate.known_sim), None)
    if known is None or why_never(candidate, known, now):
        return None
    if candidate.rests_until(known.sim_id, now):
        return None
    choice, until = _by(candidate, known, now), candidate.due_at + sticky
    soon = choice.at is not None and choice.at <= until
    return known if choice.line is not None or soon or (choice.full and now < until) else None


def _ranked(candidate: Candidate, lines: Sequence[Free], now: datetime) -> list[Free]:
    """Return the lines that may carry a message, the best first."""
    may = [line for line in lines if not why_never(candidate, line, now)]
    return sorted(may, key=lambda line: _rank(candidate, line)) if len(may) > 1 else may


def why_never(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a line may not carry a message, whatever its limits; '' if it may."""
    if candidate.only_sim is not None:
        return "" if candidate.only_sim == line.sim_id else "it belongs to another SIM"
    if not line.in_group(candidate.route.groups_at(candidate.due_at, now)):
        return f"route {candidate.route.name} does not lead to it now"
    return line.refuses(candidate.to)


def why_not(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a message does not leave by a line now, with the line's name."""
    return f"{line.name}: {why_not_by(candidate, line, now)}"


def why_not_by(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a message does not leave by a line now."""
    why = why_never(candidate, line, now) or _wait(candidate, line, now).reason
    return why or "busy with what goes first"


def _wait(candidate: Candidate, line: Free, now: datetime) -> Wait:
    """Return when a line may send a message, as far as it and its limits are concerned."""
    if until := candidate.rests_until(line.sim_id, now):
        return Wait(until, REFUSED)
    return line.may_send(now, line.pending + candidate.parts, candidate)


def _by(candidate: Candidate, line: Free, now: datetime) -> Choice:
    """Return whether one line can carry a message now, or when it could."""
    at = _wait(candidate, line, now).at
    if at != now:
        return Choice(at=at)
    return Choice(line=line) if line.room > 0 else Choice(full=True)


def _rank(candidate: Candidate, line: Free) -> tuple[bool, float, int, float]:
    off_net = candidate.route.on_net and not same_network(candidate.to.operator, line.network or "")
    return off_net, line.price, line.pending, line.sent
