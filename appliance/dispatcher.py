"""Keeps every line supplied: decides by ``policy.choosing``, reserves in memory.

A reservation is cheap, and a crash loses nothing. What goes first takes the place of what is
only reserved, and goes between the parts of a long message that is being sent.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from appliance.ahead import Choosing, Lane, ReadAhead
from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.line import Line
from appliance.policy.choosing import Candidate, Free, Plan, assign, choose, why_not
from appliance.policy.shares import Shares
from appliance.store import Store
from appliance.store.bell import LANES, QUEUE, Bell
from appliance.store.lanes import Hold
from appliance.store.space import Space
from appliance.store.values import Waiting

logger = logging.getLogger(__name__)

AHEAD: Final = 2
"""Messages reserved for a line besides the one in flight: its next one is always at hand."""

MOST_RESUMED: Final = 32
"""Messages that a line has begun and is given at once to go on with."""

RESUME_AGAIN: Final = timedelta(seconds=10)
"""How often a line looks for messages that it has begun and must go on with."""

ASIDE: Final = timedelta(minutes=1)
"""How long a message steps aside that no SIM may carry, so that it hides none behind it."""

SHORTEST_SLEEP: Final = timedelta(milliseconds=10)


class Dispatcher:
    """Gives waiting messages to lines."""

    def __init__(
        self, store: Store, clock: Clock, space: Space, choosing: Choosing | None = None
    ) -> None:
        self._store, self._clock, self._space = store, clock, space
        self._choosing = choosing or Choosing()
        self._bell: Bell = store.bells.listen(QUEUE, LANES)
        self._shares = Shares()
        self._lines: list[Line] = []
        self._queue = ReadAhead(store, clock, self._choosing, self._held)
        self._news: set[int] = set()  # lanes with something new, which may go first

    def nudge(self) -> None:
        """Say that a line has room."""
        self._bell.nudge()

    def again(self) -> None:
        """Say that the queue must be read again."""
        self._bell.ring(QUEUE)

    def join(self, line: Line) -> None:
        """Supply a line from now on."""
        self._lines.append(line)
        self.again()

    def leave(self, line: Line) -> None:
        """Supply a line no more; what was reserved for it is free again."""
        self._lines.remove(line)
        self._take_back(line)
        self.again()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self._round()
            except StoreError as error:
                logger.warning("the queue could not be read: %s", error)
            await self._bell.wait(self._sleep())
            self._news |= self._queue.hear(self._bell)

    def explain(self, waiting: Waiting) -> str:
        """Return why a message that may leave has not left, for people."""
        now = self._clock.now()
        for line in self._lines:
            if waiting.message_id in line.reserved.keys:
                return f"{line.free(AHEAD).name} has it"
        lane = self._queue.lane(waiting.lane_id)
        if lane is None:
            return "it has not been looked at yet"
        return self._why(self._queue.candidate(lane, waiting), now)

    # a round

    async def _round(self) -> None:
        """Give every line with room its next messages."""
        if self._space.short:
            return
        now = self._clock.now()
        for line in self._lines:
            if line.paused is not None:
                self._take_back(line)
        await self._resume(now)
        room = sum(max(AHEAD - len(line.reserved), 0) for line in self._lines)
        await self._queue.refresh(self._bell, now, room)
        if room:
            await self._supply(now)
        self._displace(now)

    def _sleep(self) -> timedelta:
        """Return how long nothing can change by itself."""
        now = self._clock.now()
        times = [*self._queue.times(now)]
        if self._queue.queues(now):
            times += [at for line in self._lines if (at := line.may_send(now).at) and at > now]
        times += [at for line in self._lines if (at := line.resume_at) is not None]
        return max(min(times) - now, SHORTEST_SLEEP)

    async def _resume(self, now: datetime) -> None:
        """Reserve for each line the messages that it has begun and must go on with."""
        for line in list(self._lines):
            if line.paused is not None or line.resume_at is None or line.resume_at > now:
                continue
            line.resume_at = now + RESUME_AGAIN
            held = self._held()
            for message in await self._store.dispatch.under_way(line.sim_id, now, MOST_RESUMED):
                if message.message_id not in held and line in self._lines:
                    line.reserve(message)

    async def _supply(self, now: datetime) -> None:
        """Decide, and reserve what was decided."""
        queues = self._queue.queues(now)
        if not queues:
            self._share(now)
            return
        free = self._free()
        plan = assign(queues, free, self._shares, now, sticky=self._choosing.sticky())
        by_sim = {line.sim_id: line for line in self._lines}
        for candidate, chosen in plan.pairs:
            self._reserve(by_sim[chosen.sim_id], candidate)
        await self._put_to_sleep(plan, free, now)

    def _reserve(self, line: Line, candidate: Candidate) -> None:
        lane = self._queue.lane(candidate.lane)
        assert lane is not None
        current = line.reserved.current
        first = current is not None and self._goes_before(candidate, current)
        line.reserve(lane.waiting[candidate.key], urgent=first)
        lane.drop([candidate.key])

    def _goes_before(self, candidate: Candidate, other: Waiting) -> bool:
        return self._shares.precedes(
            candidate.priority, candidate.account, other.priority, other.account_id
        )

    def _share(self, now: datetime) -> None:
        """Let idle lines take what others have reserved: nothing waits behind a line that hangs."""
        for idle in [line for line in self._lines if line.idle]:
            busiest = max(self._lines, key=lambda line: len(line.reserved))
            waiting = busiest.reserved.last if busiest.reserved.current else None
            lane = self._queue.lane(waiting.lane_id) if waiting else None
            if waiting is None or lane is None:
                return
            candidate = self._queue.candidate(lane, waiting)
            if choose(candidate, [idle.free(AHEAD)], now, sticky=timedelta()).line:
                idle.reserve(busiest.reserved.take_last())

    # what cannot leave

    async def _put_to_sleep(self, plan: Plan, free: list[Free], now: datetime) -> None:
        """Let lanes sleep of which nothing can leave; what hides others steps aside."""
        holds = []
        for lane_id, wakes_at in plan.asleep.items():
            lane = self._queue.lane(lane_id)
            assert lane is not None
            if lane.more and _others_could(lane, free, now):
                aside = self._aside(lane, free, now)
                lane.drop(hold.message_id for hold in aside)
                holds += aside
            else:
                lane.sleep(wakes_at)
        await self._queue.hold(holds)

    def _aside(self, lane: Lane, free: list[Free], now: datetime) -> list[Hold]:
        holds = []
        for candidate in lane.ahead:
            choice = choose(candidate, free, now, sticky=self._choosing.sticky())
            if choice.line is None and not choice.full:
                until = min(choice.at or now + ASIDE, now + ASIDE)
                holds.append(Hold(candidate.key, until, self._why(candidate, now), now))
        return holds

    def _why(self, candidate: Candidate, now: datetime) -> str:
        free = self._free()
        return "; ".join(why_not(candidate, line, now) for line in free) or "no SIM is ready"

    # what goes first

    def _displace(self, now: datetime) -> None:
        """Let what goes first take the place of what is only reserved for a line."""
        news, self._news = self._news, set()
        for lane_id in news:
            lane = self._queue.lane(lane_id)
            while lane is not None and lane.ahead and lane.awake(now):
                candidate = lane.ahead[0]
                line = self._yielding(candidate, now)
                if line is None:
                    break
                self._give_back(line.reserved.take_last())
                self._shares.count(candidate.priority, candidate.account, candidate.parts)
                line.reserve(lane.waiting[candidate.key], urgent=True)
                lane.drop([candidate.key])

    def _yielding(self, candidate: Candidate, now: datetime) -> Line | None:
        """Return the line that should carry a message before what is reserved for it, if any."""
        lines = {
            line.sim_id: line
            for line in self._lines
            if (last := line.reserved.last) is not None and self._goes_before(candidate, last)
        }
        free = [line.free(AHEAD + 1) for line in lines.values()]
        chosen = choose(candidate, free, now, sticky=self._choosing.sticky()).line
        return lines[chosen.sim_id] if chosen is not None else None

    def _take_back(self, line: Line) -> None:
        for waiting in line.reserved.take_all():
            self._give_back(waiting)

    def _give_back(self, waiting: Waiting) -> None:
        """Let a message wait again that was reserved."""
        lane = self._queue.lane(waiting.lane_id)
        if lane is not None and len(waiting.todo) == waiting.parts:  # what has begun is resumed
            self._shares.count(waiting.priority, waiting.account_id, -waiting.parts)
            lane.put_back(self._queue.candidate(lane, waiting), waiting)

    def _free(self) -> list[Free]:
        return [line.free(AHEAD) for line in self._lines]

    def _held(self) -> set[int]:
        return {number for line in self._lines for number in line.holds}


def _others_could(lane: Lane, free: list[Free], now: datetime) -> bool:
    """Tell whether some other message of a lane could leave: what hides it steps aside."""
    plain = replace(lane.ahead[0], parts=1, recipient_key=b"", only_sim=None, known_sim=None)
    groups = plain.route.groups_at(plain.due_at, now)
    return any(
        line.in_group(groups) and line.may_send(now, line.pending + 1, plain).at == now
        for line in free
    )
