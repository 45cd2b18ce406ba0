"""Which waiting message is next, and by which SIM it leaves: a whole round of choosing. Pure.

Highest priority first; fair between accounts within it; what is due first goes first. By which
SIM one message leaves stands in ``policy.choosing``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from appliance.policy.bonds import Bonds
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import STICKY, Choice, Free, Others, choose, nobody
from appliance.policy.queues import Queue, Queues
from appliance.policy.shares import Shares


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


def assign(
    queues: Iterable[Queue] | Queues,
    lines: Sequence[Free],
    shares: Shares,
    now: datetime,
    *,
    sticky: timedelta = STICKY,
    others: Others = nobody,
    bonds: Bonds | None = None,
) -> Plan:
    """Pair messages with lines that have room, in the order in which they should leave.

    What is paired is counted, in ``shares``, ``lines`` and ``bonds``. ``others`` returns further
    lines, which can carry nothing now; they are asked for only where that matters.
    """
    plan, held = Plan(), defaultdict[int, _Held](_Held)
    bonds = bonds or Bonds()
    find = partial(choose, lines=lines, now=now, sticky=sticky, others=others)
    room = sum(max(line.room, 0) for line in lines)
    looked_at: list[Queue] = []
    for priority, accounts in Queues.of(queues).by_priority():
        shares.begin(priority, accounts)  # once: who cannot go now keeps its turn
        waiting, passing = set(accounts), dict[int, list[Queue]]()
        while waiting and room:
            account = shares.first(priority, waiting)
            if account not in passing:
                passing[account] = [queue.anew() for queue in accounts[account].values()]
                looked_at += passing[account]
            pair = _next_pair(passing[account], held, find, bonds)
            if pair is None:
                waiting.remove(account)
                continue
            room -= 1
            pair[1].take(pair[0])
            bonds.tie(pair[0], pair[1].sim_id)
            shares.count(priority, account, pair[0].parts)
            plan.pairs.append(pair)
    _conclude(plan, held, looked_at)
    return plan


def _conclude(plan: Plan, held: Mapping[int, "_Held"], looked_at: Iterable[Queue]) -> None:
    """Say in a plan what follows for what cannot leave."""
    for queue in looked_at:
        if queue.lane in held and queue.head is None and held[queue.lane].whole:
            plan.asleep[queue.lane] = held[queue.lane].at
    plan.again_at = min((each.at for each in held.values() if each.at), default=None)
    plan.long = {lane: each.long for lane, each in held.items() if each.long is not None}


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
