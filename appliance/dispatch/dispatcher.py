"""Keeps every line supplied: decides by ``policy.choosing``, reserves in memory.

A reservation is cheap, and a crash loses nothing. What goes first takes the place of what is
only reserved, and goes between the parts of a long message that is being sent.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appliance.clock import Clock
from appliance.dispatch.ahead import LOOK_AGAIN, Choosing, Lane, ReadAhead
from appliance.dispatch.blocked import Blocked
from appliance.dispatch.kept import KeptRoom
from appliance.dispatch.supplied import AHEAD, Owner, Supplied
from appliance.errors import StoreError
from appliance.lines.line import SLOW, Line
from appliance.policy.assigning import Plan, assign
from appliance.policy.bonds import Bonds
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Choice, Free, choose
from appliance.policy.shares import Shares
from appliance.policy.waits import why_waits
from appliance.store import Store
from appliance.store.bell import LANES, QUEUE, SIMS, Bell
from appliance.store.space import Space
from appliance.store.values import Waiting

logger = logging.getLogger(__name__)

MOST_RESUMED: Final = 32
"""Messages that a line has begun and is given at once to go on with."""

RESUME_AGAIN: Final = timedelta(seconds=10)
"""How often a line looks for messages that it has begun and must go on with."""

SHORTEST_SLEEP: Final = timedelta(milliseconds=10)

LONGEST_SLEEP: Final = LOOK_AGAIN
"""A clock that is set back takes with it what was to come at a time of its own."""

LONGEST_REST: Final = timedelta(seconds=10)
"""How long a line is left alone whose limits are reached: they are changed now and then."""

HELD_UP: Final = timedelta(seconds=1)
"""How often it looks whether anything may be sent at all by now."""


class Dispatcher:
    """Gives waiting messages to lines."""

    def __init__(
        self, store: Store, clock: Clock, space: Space, choosing: Choosing | None = None
    ) -> None:
        self._store, self._clock, self._space = store, clock, space
        self._choosing = choosing or Choosing()
        self._bell: Bell = store.bells.listen(QUEUE, LANES)
        self._shares, self._bonds, self._kept = Shares(), Bonds(), KeptRoom()
        self._lines = Supplied()
        self._queue = ReadAhead(store, clock, self._choosing, self._held)
        self._blocked = Blocked(
            store, self._queue, self._choosing, self._bonds, self._kept, self._free
        )
        self._news: set[int] = set()  # lanes with something new, which may go first
        self._everything = True  # may be otherwise than it was in the last round
        self._resume_at: datetime | None = None  # when a line looks for what it has begun
        self._again_at: datetime | None = None  # when something could leave that was looked at
        self._looked_at = clock.now()  # in the last round

    def nudge(self) -> None:
        """Say that a line has room."""
        self._bell.nudge()

    def again(self) -> None:
        """Say that the queue must be read again."""
        self._bell.ring(QUEUE)

    def widened(self) -> None:
        """Say that SIMs may carry more than before: what stepped aside is looked at again."""
        self._store.bells.ring([QUEUE, SIMS])

    def anew(self) -> None:
        """Decide anew about all that has not begun: other rules hold for it now."""
        for line in self._lines:
            self._take_back(line)
        self._queue.forget()
        self.widened()

    def join(self, line: Line) -> None:
        """Supply a line from now on."""
        self._lines.join(line)
        self.widened()

    def leave(self, line: Line) -> None:
        """Supply a line no more; what was reserved for it is free again."""
        self._lines.leave(line)
        self._take_back(line)
        self.again()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                logger.warning("the queue could not be read: %s", error)
                self._again_at = self._looked_at + HELD_UP
            await self._bell.wait(self._sleep())

    def explain(self, waiting: Waiting, unready: Sequence[tuple[str, str]] = ()) -> str:
        """Return why a message that may leave has not left, for people.

        ``unready`` are the modems that are not ready, each with its own cause.
        """
        now = self._clock.now()
        if self._space.short:
            return "the disk is nearly full: nothing is sent until there is room"
        if hold := self._choosing.hold(waiting, now):
            return hold.why
        for line in self._lines:
            if waiting.message_id in line.reserved.keys:
                why = line.held_by(now)
                return f"{line.free(AHEAD).name} has it" + (f": {why}" if why else "")
        lane = self._queue.lane(waiting.lane_id)
        if lane is None:
            return "it has not been looked at yet"
        if why := self._queue.closed(lane):
            return why
        candidate, choosing = self._queue.candidate(lane, waiting), self._choosing
        return why_waits(
            self._bonds.tied(candidate),
            self._free(),
            now,
            sticky=choosing.sticky(),
            unready=unready,
            zone=choosing.zone,
        )

    def held(self, waiting: Waiting) -> bool:
        """Tell whether a message may not begin now, though it might when it was read."""
        return self._choosing.hold(waiting, self._clock.now()) is not None

    def outlook(self, waiting: Waiting, now: datetime) -> Choice:
        """Return what would be decided for a message now, whatever is reserved."""
        lane = self._queue.lane(waiting.lane_id)
        if lane is None:
            return Choice(at=now)  # it has not been looked at yet
        candidate = self._bonds.tied(self._queue.candidate(lane, waiting))
        return choose(candidate, self._free(), now, sticky=self._choosing.sticky())

    # a round

    async def look(self) -> None:
        """Hear what is new, and give every line with room its next messages.

        Raises:
            StoreError: the queue could not be read.

        """
        news, everything = self._queue.hear(self._bell)
        self._news |= news
        self._everything |= everything
        now = self._clock.now()
        if now < self._looked_at:
            await self._set_back(now)
        self._looked_at = now
        if self._held_up:
            return
        if self._everything:
            self._look_at_lines()
        self._lines.wake(now)
        await self._resume(now)
        room = self._lines.room
        self._news |= await self._queue.refresh(self._bell, now, room)
        self._kept.tidy(self._queue.waits, self._held)
        if room:
            await self._supply(now)
        self._displace(now)

    def _look_at_lines(self) -> None:
        """Look at every line: it may be paused by now, or may send again."""
        self._everything = False
        self._lines.wake()
        self._resume_at = self._looked_at
        for line in self._lines:
            if line.paused is not None:
                self._take_back(line)

    def _sleep(self) -> timedelta:
        """Return how long nothing can change by itself."""
        if self._held_up:
            return HELD_UP
        times = [self._queue.next_time(), self._again_at, self._resume_at, self._lines.wakes_at]
        # What the last round left although its time had come does not wait for time alone.
        to_come = [at for at in times if at is not None and at > self._looked_at]
        soonest = min(to_come, default=self._looked_at + LONGEST_SLEEP) - self._clock.now()
        return min(max(soonest, SHORTEST_SLEEP), LONGEST_SLEEP)

    @property
    def _held_up(self) -> bool:
        return self._space.short or not self._store.tenure.holds

    async def _set_back(self, now: datetime) -> None:
        """Look at everything anew, since the clock was set back."""
        self._queue.set_back(now)
        for line in self._lines:
            line.resume_at = now
        self._everything = True
        moved = await self._store.lanes.set_back(now)
        self.widened()
        logger.warning("the clock was set back; %d messages waited for a wrong time", moved)

    async def _resume(self, now: datetime) -> None:
        """Reserve for each line the messages that it has begun and must go on with."""
        if self._resume_at is None or self._resume_at > now:
            return
        for line in self._lines:
            waits = line.paused is not None or line.probing
            if waits or line.resume_at is None or line.resume_at > now:
                continue
            line.resume_at = now + RESUME_AGAIN
            held, unwritten = self._held(), line.holds - line.reserved.keys
            for message in await self._store.dispatch.under_way(line.sim_id, now, MOST_RESUMED):
                if message.message_id in unwritten:
                    line.resume_at = now + HELD_UP
                elif message.message_id not in held and line in self._lines:
                    line.reserve(message)
        times = [line.resume_at for line in self._lines if line.resume_at is not None]
        self._resume_at = min((at for at in times if at > now), default=None)

    async def _supply(self, now: datetime) -> None:
        """Decide, and reserve what was decided."""
        queues = self._queue.queues()
        self._again_at = None
        if not queues:
            self._share(now)
            return
        lines = {line.sim_id: line for line in self._lines.able()}
        free = [line.free(AHEAD) for line in lines.values()]
        sticky = self._choosing.sticky()
        plan = assign(
            queues, free, self._shares, now, sticky=sticky, others=self._unable, bonds=self._bonds
        )
        self._again_at = plan.again_at
        self._reserve(plan, lines)
        for candidate in plan.long.values():
            if candidate.key not in self._kept:
                self._kept.keep(candidate, [(line, line.free(AHEAD)) for line in self._lines], now)
        self._rest(lines.values(), now)
        await self._blocked.heed(plan.asleep, now)

    def _rest(self, lines: Iterable[Line], now: datetime) -> None:
        """Let those rest that were given too little because they may send nothing to anybody."""
        for line in lines:
            if len(line.reserved) < AHEAD and not line.allowance.reserved:
                before = line.reserved.parts
                at = line.may_send(now, before + 1, before=before - line.reserved.begun).at
                if at is None or at > now:
                    self._lines.rest(line, min(at or now + LONGEST_REST, now + LONGEST_REST))

    def _reserve(self, plan: Plan, lines: dict[int, Line]) -> None:
        given: dict[int, list[int]] = {}
        for candidate, chosen in plan.pairs:
            lane, line = self._lane(candidate.lane), lines[chosen.sim_id]
            current = line.reserved.current
            first = current is not None and self._goes_before(candidate, current)
            line.reserve(lane.waiting[candidate.key], urgent=first)
            self._kept.given(candidate.key, line)
            given.setdefault(candidate.lane, []).append(candidate.key)
        for lane_id, keys in given.items():
            self._lane(lane_id).drop(keys)

    def _lane(self, lane_id: int) -> Lane:
        lane = self._queue.lane(lane_id)
        assert lane is not None
        return lane

    def _goes_before(self, candidate: Candidate, other: Waiting) -> bool:
        """Tell whether a message that was just chosen goes between the parts of another."""
        mine, theirs = (candidate.priority, candidate.account), (other.priority, other.account_id)
        return mine != theirs and self._shares.precedes(*mine, *theirs, counted=candidate.parts)

    def _share(self, now: datetime) -> None:
        """Let idle lines take what others have reserved: nothing waits behind a line that hangs."""
        for idle in self._lines.idle():
            busiest = self._lines.busiest()
            if busiest is None:
                return
            waiting = busiest.reserved.last if busiest.reserved.current else None
            lane = self._queue.lane(waiting.lane_id) if waiting else None
            if waiting is None or lane is None:
                return
            candidate = self._bonds.tied(self._queue.candidate(lane, waiting), itself=1)
            sticky = self._choosing.sticky()
            if busiest.handed_for(now) >= SLOW or now >= candidate.due_at + sticky:
                candidate = replace(candidate, known_sim=None)  # that SIM cannot send in time
            free = idle.free(AHEAD)
            rest = [line for line in self._lines if line is not idle]
            others = partial(_of, rest)
            found = choose(candidate, [free], now, sticky=sticky, others=others)
            if found.line is free:
                idle.reserve(busiest.reserved.take_last())
                self._bonds.tie(candidate, idle.sim_id)

    # what goes first

    def _displace(self, now: datetime) -> None:
        """Let what goes first take the place of what is only reserved for a line."""
        news, self._news = self._news, set()
        for lane_id in news:
            lane = self._queue.lane(lane_id)
            while lane is not None and lane.ahead and not lane.asleep:
                candidate = self._bonds.tied(lane.ahead[0])
                line = self._yielding(candidate, now)
                if line is None:
                    break
                self._give_back(line.reserved.take_last(), line)
                self._shares.count(candidate.priority, candidate.account, candidate.parts)
                line.reserve(lane.waiting[candidate.key], urgent=True)
                self._bonds.tie(candidate, line.sim_id)
                self._kept.given(candidate.key, line)
                lane.drop([candidate.key])

    def _yielding(self, candidate: Candidate, now: datetime) -> Line | None:
        """Return the line that should carry a message before what is reserved for it, if any."""

        def goes_before(owner: Owner) -> bool:
            return self._shares.precedes(candidate.priority, candidate.account, *owner)

        lines = {line.sim_id: line for line in self._lines.yielding(goes_before)}
        free = [_without_last(line, candidate.priority) for line in lines.values()]
        chosen = choose(candidate, free, now, sticky=self._choosing.sticky()).line
        return lines[chosen.sim_id] if chosen is not None else None

    def _take_back(self, line: Line) -> None:
        """Let what is reserved for a line go by others."""
        self._kept.free_all_of(line)
        for bundle in line.reserved.bundles:
            self._bonds.untie_bundle(bundle)
        for waiting in line.reserved.take_all():
            self._give_back(waiting, line)

    def _give_back(self, waiting: Waiting, line: Line) -> None:
        """Let a message wait again that was reserved for a line."""
        self._bonds.untie(waiting.recipient_key, line.sim_id)
        lane = self._queue.lane(waiting.lane_id)
        if lane is not None and len(waiting.todo) == waiting.parts:  # what has begun is resumed
            self._shares.count(waiting.priority, waiting.account_id, -waiting.parts)
            lane.put_back(self._queue.candidate(lane, waiting), waiting)

    def _free(self) -> list[Free]:
        return [line.free(AHEAD) for line in self._lines]

    def _unable(self, sim_id: int | None) -> Iterator[Free]:
        return _of(self._lines.unable(), sim_id)

    def _held(self) -> dict[int, int | None]:
        """Return the messages that lines have, with their lanes."""
        return {each.message_id: each.lane_id for line in self._lines for each in line.reserved}


def _without_last(line: Line, priority: int) -> Free:
    """Give a line as choosing sees it where what would yield its place first has done so.

    ``priority``: of the message to which it would.
    """
    free, last = line.free(AHEAD + 1), line.reserved.last
    if last is not None:
        free.pending -= len(last.todo)
        free.given -= len(last.todo) if last.priority >= priority else 0
    return free


def _of(lines: Iterable[Line], sim_id: int | None) -> Iterator[Free]:
    """Give lines as choosing sees them: that of one SIM, or all."""
    return (line.free(AHEAD) for line in lines if sim_id is None or line.sim_id == sim_id)
