"""When so many messages will have left: the decisions that run, by a clock that jumps. Pure.

``assign`` chooses and ``Allowance`` counts, as in the daemon; only sending is pretended: a part
takes as long as its SIM's parts took so far. What a forecast leaves out: that recipients keep
the SIM they know (for a minute at most), failures, and that an OTP may go between the parts of a
long message.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count, islice
from typing import Final

from appliance.policy.assigning import assign
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free, why_never, why_not
from appliance.policy.contract import Eligible
from appliance.policy.forecast import FURTHEST, Batch, Fate, Forecast, PlannedSim, Share
from appliance.policy.limits import Allowance, Limit, Wait, recollect
from appliance.policy.queues import Queue
from appliance.policy.routes import Destination
from appliance.policy.shares import Shares

AT_A_TIME: Final = 4
"""Lines that are supplied at once: choosing for many costs the square of their number."""


def foresee(sims: Iterable[PlannedSim], batches: Iterable[Batch], start: datetime) -> Forecast:
    """Return when ``batches`` will have left by ``sims``, from ``start`` (aware) on."""
    return _Run(list(sims), list(batches), start).forecast()


class _Line:
    """A SIM at work. ``version`` tells a wake-up that was overtaken."""

    def __init__(self, sim: PlannedSim, start: datetime) -> None:
        limits, contract = sim.contract.limits, sim.contract
        self.share = Share(sim=sim)
        self.allowance = Allowance(limits)
        self.allowance.exchange(recollect(limits, sim.memory, start))
        self.free = Free(
            sim_id=sim.sim_id,
            name=sim.name,
            groups=frozenset({contract.group} if contract.group else ()),
            may_send=lambda at, parts, of: self.allowance.earliest(at, parts, of.recipient_key),
            refuses=_refuses(contract.eligible),
            weight=contract.weight,
            price=contract.price or 0.0,
            network=sim.network,
        )
        self.version = 0
        self.current: _Lane | None = None
        self._candidate: Candidate | None = None
        self._todo = 0
        self._held: tuple[Limit, datetime] | None = None
        # The longest name first: "budget of the day" begins with "budget" too.
        self._names = sorted(
            ((limit.name, limit) for limit in limits), key=lambda each: -len(each[0])
        )

    @property
    def busy(self) -> bool:
        return self.current is not None

    def take(self, lane: "_Lane", candidate: Candidate) -> None:
        self.current, self._candidate, self._todo = lane, candidate, candidate.parts

    def go_on(self, now: datetime) -> datetime | None:
        """Send the next part of a message, or wait for it; None: there is none, or never."""
        self.release(now)
        if self._todo == 0:
            self._finish(now)
            return None
        assert self._candidate is not None
        wait = self.allowance.earliest(now, self._todo, self._candidate.recipient_key)
        if wait.at != now:
            self.hold(wait, now)
            return wait.at
        return self.send(now)

    def send(self, now: datetime) -> datetime:
        """Send the next part; return when it is gone."""
        assert self._candidate is not None
        self.allowance.spend(now, self._candidate.recipient_key)
        self._todo -= 1
        share, sim = self.share, self.share.sim
        share.parts += 1
        share.busy += sim.per_part
        share.cost += sim.contract.price or 0.0
        share.until = now + sim.per_part
        return share.until

    def hold(self, wait: Wait, now: datetime) -> None:
        """Note which limit holds it from now on: the last one where several follow each other."""
        binding = wait.binding.rpartition(", then ")[2]
        limit = next((each for name, each in self._names if binding.startswith(name)), None)
        self._held = (limit, now) if limit is not None else None

    def release(self, now: datetime) -> None:
        """Count how long it was held."""
        if self._held is not None:
            limit, since = self._held
            held = self.share.held
            held[limit] = held.get(limit, timedelta()) + (now - since)
            self._held = None

    def _finish(self, now: datetime) -> None:
        assert self.current is not None
        fate = self.current.fate
        fate.left += 1
        fate.done_at = now
        self.current = None
        self.free.room, self.free.pending = 1, 0


class _Lane:
    """What is left of a batch."""

    def __init__(self, number: int, batch: Batch, total: int, lanes: int) -> None:
        self.number, self.batch, self.fate = number, batch, Fate(batch=batch)
        self.left = batch.messages
        self.lines: list[_Line] = []  # that may carry it at some time
        self.opens_at = self._due_at = batch.due_at
        self._made = 0
        self._ahead: deque[Candidate] = deque()
        # Batches of one account that are due at one time go side by side, as if they were mixed.
        self._step, self._lanes = total / max(batch.messages, 1), lanes

    def ahead(self, most: int) -> list[Candidate]:
        """Return its next messages, so many at most."""
        while len(self._ahead) < min(most, self.left):
            self._ahead.append(self._make())
        return list(islice(self._ahead, most))

    def drop(self, candidate: Candidate) -> None:
        """Forget one that is taken."""
        self._ahead.remove(candidate)
        self.left -= 1

    def open(self, now: datetime) -> bool:
        """Tell whether its messages may leave now; those that are too old are dropped."""
        batch = self.batch
        if batch.expires_at is not None and batch.expires_at <= now:
            self.fate.expired += self.left
            self.left = 0
        if self.left == 0 or self.opens_at > now:
            return False
        self.opens_at = batch.opens(now)
        if self.opens_at > now:
            self._grow_younger()
        return self.opens_at <= now

    def _grow_younger(self) -> None:
        """Let what waited begin to do so when quiet hours end, as the store has it."""
        self._due_at = self.opens_at
        self._ahead = deque(replace(each, due_at=self._due_at) for each in self._ahead)

    def _make(self) -> Candidate:
        batch = self.batch
        key = int(self._made * self._step) * self._lanes + self.number
        self._made += 1
        return Candidate(
            key=key,
            lane=self.number,
            account=batch.account,
            priority=batch.priority,
            parts=batch.parts,
            recipient_key=key.to_bytes(8),
            due_at=self._due_at,
            to=batch.to,
            route=batch.route,
            only_sim=batch.only_sim,
        )


def _refuses(eligible: Eligible) -> Callable[[Destination], str]:
    if eligible == Eligible():
        return lambda _to: ""
    return lambda to: eligible.why_not(to.category, to.account, to.recipient, to.country)


def _pieces(free: Sequence[Free]) -> Iterator[Sequence[Free]]:
    for at in range(0, len(free), AT_A_TIME):
        yield free[at : at + AT_A_TIME]


class _Run:
    """One simulation: from one moment at which something changes to the next."""

    def __init__(
        self, sims: Sequence[PlannedSim], batches: Sequence[Batch], start: datetime
    ) -> None:
        self._start, self._end = start, start + FURTHEST
        self._lines = [_Line(sim, start) for sim in sims]
        total = sum(batch.messages for batch in batches)
        self._lanes = [
            _Lane(number, batch, total, len(batches)) for number, batch in enumerate(batches)
        ]
        for lane in self._lanes:
            for candidate in lane.ahead(1):
                last = max(candidate.due_at, start) + FURTHEST
                lane.lines = [
                    line for line in self._lines if not why_never(candidate, line.free, last)
                ]
        self._shares = Shares()
        self._order = count()
        self._events: list[tuple[datetime, int, int, _Line | None]] = []

    def forecast(self) -> Forecast:
        """Let time pass until nothing more happens."""
        for lane in self._lanes:
            self._wake(max(lane.batch.due_at, self._start))
            self._wake(lane.batch.expires_at)
        now = self._start
        while self._events and self._events[0][0] <= self._end and self._unsettled:
            now = self._events[0][0]
            awake = self._rouse(now)
            if awake:
                self._supply(awake, now)
        self._give_up(now)
        return Forecast(
            self._start,
            now,
            [line.share for line in self._lines],
            [lane.fate for lane in self._lanes],
        )

    @property
    def _unsettled(self) -> bool:
        return any(lane.left for lane in self._lanes) or any(line.busy for line in self._lines)

    def _wake(self, at: datetime | None, line: _Line | None = None) -> None:
        """Look at a line then (None: at all that send nothing); None: never."""
        if at is not None:
            version = line.version if line is not None else 0
            heappush(self._events, (at, next(self._order), version, line))

    def _rouse(self, now: datetime) -> dict[int, _Line]:
        """Let go on what goes on now; return the lines that may take a message."""
        awake: dict[int, _Line] = {}
        while self._events and self._events[0][0] == now:
            _, _, version, line = heappop(self._events)
            if line is None:
                awake |= {each.free.sim_id: each for each in self._lines if not each.busy}
            elif version == line.version:
                self._go_on(line, now)
                if not line.busy:
                    awake[line.free.sim_id] = line
        return awake

    def _go_on(self, line: _Line, now: datetime) -> None:
        if line.busy:
            self._wake(line.go_on(now), line)

    def _supply(self, awake: dict[int, _Line], now: datetime) -> None:
        """Give lines their next messages, as the dispatcher does."""
        lanes = [lane for lane in self._lanes if lane.left and self._opens(lane, now)]
        for line in awake.values():
            line.version += 1
            line.release(now)
        able = [line.free for line in awake.values() if self._able(line, lanes, now)]
        # What each message would choose first goes first.
        able.sort(key=lambda free: (free.price, free.sent))
        on_net = any(lane.batch.route.on_net for lane in lanes)
        for some in [able] if on_net else _pieces(able):
            lanes = [lane for lane in lanes if lane.left]
            queues = [
                Queue(lane.number, lane.batch.account, lane.batch.priority, lane.ahead(len(some)))
                for lane in lanes
            ]
            plan = assign(queues, some, self._shares, now)
            for candidate, chosen in plan.pairs:
                lane, line = self._lanes[candidate.lane], awake[chosen.sim_id]
                lane.drop(candidate)
                line.take(lane, candidate)
                self._wake(line.send(now), line)

    def _opens(self, lane: _Lane, now: datetime) -> bool:
        """Tell whether messages of a lane may leave; if only later, look again then."""
        before = lane.opens_at
        if lane.open(now):
            return True
        if lane.left and lane.opens_at > max(before, now):
            self._wake(lane.opens_at)
        return False

    def _able(self, line: _Line, lanes: Sequence[_Lane], now: datetime) -> bool:
        """Tell whether something may leave by a line now; if only later, look again then."""
        waits: dict[int, Wait] = {}  # by parts: to limits, messages of equal length are equal
        for lane in lanes:
            if line not in lane.lines:
                continue
            (candidate,) = lane.ahead(1)
            if why_never(candidate, line.free, now):
                self._wake(candidate.route.widens_at(candidate.due_at, now), line)
            elif candidate.parts not in waits:
                wait = line.free.may_send(now, candidate.parts, candidate)
                if wait.at == now:
                    return True
                waits[candidate.parts] = wait
        later = [wait for wait in waits.values() if wait.at is not None]
        if later:
            first = min(later, key=lambda wait: wait.at or self._end)
            line.hold(first, now)
            self._wake(first.at, line)
        return False

    def _give_up(self, now: datetime) -> None:
        """Say of what is left that it never leaves, and why."""
        for line in self._lines:
            line.release(now)
        for lane in self._lanes:
            lane.open(self._end)  # what waits may expire
            lane.fate.stuck = lane.batch.messages - lane.fate.left - lane.fate.expired
            if lane.fate.stuck:
                lane.fate.why = self._why(lane, now)

    def _why(self, lane: _Lane, now: datetime) -> str:
        if not self._lines:
            return "there is no SIM"
        if not lane.ahead(1):
            return "it is begun, and its SIM may not go on with it"
        return "; ".join(why_not(lane.ahead(1)[0], line.free, now) for line in self._lines)
