"""What was read ahead of each lane: a few messages, so that the queue itself is never loaded."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from appliance.clock import Clock
from appliance.dispatch.times import Times
from appliance.policy.candidate import Candidate
from appliance.policy.categories import Category
from appliance.policy.choosing import STICKY
from appliance.policy.queues import Queue, Queues
from appliance.policy.routes import Destination, Routes
from appliance.store import Store
from appliance.store.bell import QUEUE, Bell
from appliance.store.lanes import Hold, LaneFacts
from appliance.store.values import Waiting

LEAST_READ: Final = 32
"""Messages read ahead of a lane, at least."""

MOST_FRESH: Final = 256
"""Messages read ahead at most, besides those that lines have: a reading takes milliseconds."""

LOOK_AGAIN: Final = timedelta(seconds=30)
"""How long lanes go unlooked at, at most: a bell may be missed, a table may not."""

LOOK_AMONG_MANY: Final = timedelta(seconds=1)
"""The same where other daemons work on the database, whose bells do not ring here."""


NO_ROUTES: Final = Routes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """What is set for choosing. Everything is asked anew, since settings change.

    Attributes:
        routes: the site's rules.
        moving: whether lanes do not follow these rules yet, so that a lane's name tells no route.
        sticky: how long a message waits for the SIM that its recipient knows.
        country: of a recipient (E.164), None: none.
        operator: the recipient's network, asked only where a route needs it.
        hold: why a message may not leave now though it is due, None if it may: quiet hours.
        closed: why nothing of a category leaves just now; '' if it does.
        zone: the site's, in which people are told times; it changes with a restart only.

    """

    routes: Callable[[], Routes] = lambda: NO_ROUTES
    moving: Callable[[], bool] = lambda: False
    sticky: Callable[[], timedelta] = lambda: STICKY
    country: Callable[[str], str | None] = lambda _recipient: None
    operator: Callable[[str], str | None] = lambda _recipient: None
    hold: Callable[[Waiting, datetime], Hold | None] = lambda _waiting, _now: None
    closed: Callable[[str], str] = lambda _category: ""
    zone: tzinfo = UTC


@dataclass(slots=True, eq=False)
class Lane:
    """A lane as far as it was read ahead.

    Attributes:
        changed: takes every lane that changes, so that nobody looks through all of them.
        ahead: what waits, what is due first in front; ``waiting`` has the messages themselves.
        stale: it must be read anew.
        more: the table holds more of it than was read.
        next_due: when something that is not due yet will be; None: nothing is known of.
        asleep: nothing of it can leave, whatever line has room, until ``wakes_at``; None: not
            by time alone.
        deaf: nor can anything that comes anew.
        put_aside: messages that stepped aside, so that they hide none behind them.
        short_by: by how many messages ahead it is found that more must be read; None: it is not.

    """

    facts: LaneFacts
    changed: "set[Lane]"
    ahead: list[Candidate] = field(default_factory=list)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    stale: bool = True
    more: bool = True
    next_due: datetime | None = None
    asleep: bool = False
    wakes_at: datetime | None = None
    deaf: bool = False
    put_aside: int = 0
    short_by: int | None = None

    def hear(self) -> None:
        """Take note that something in it is new."""
        self.more = True
        self.stale |= not self.ahead
        if not self.deaf:
            self.stale |= self.asleep
            self.asleep = False
        self.changed.add(self)

    def doubt(self) -> None:
        """Look at it anew, whatever is known of it."""
        self.stale, self.asleep, self.put_aside = True, False, 0
        self.changed.add(self)

    def come_due(self, now: datetime) -> None:
        """Wake, or be read anew, as far as the time for that has come."""
        if self.asleep and self.wakes_at is not None and self.wakes_at <= now:
            self.asleep = False
        if self.next_due is not None and self.next_due <= now:
            self.stale, self.next_due = True, None
            self.asleep &= self.deaf  # it is as new as what has just come
        self.changed.add(self)

    def sleep(self, until: datetime | None, *, deaf: bool) -> None:
        """Let it be left alone until then."""
        self.asleep, self.wakes_at, self.deaf = True, until, deaf
        self.changed.add(self)

    def drop(self, keys: Iterable[int]) -> None:
        """Forget messages that were given to lines, or were put aside."""
        gone = set(keys)
        self.ahead = [candidate for candidate in self.ahead if candidate.key not in gone]
        for key in gone:
            self.waiting.pop(key, None)
        self.changed.add(self)

    def put_back(self, candidate: Candidate, waiting: Waiting) -> None:
        """Let a message wait here again."""
        if candidate.key not in self.waiting:
            self.waiting[candidate.key] = waiting
            self.ahead.append(candidate)
            self.ahead.sort(key=lambda each: (each.due_at, each.key))
            self.asleep = False
            self.changed.add(self)


class ReadAhead:
    """The lanes of all accounts, and what is known of their heads."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        choosing: Choosing,
        held: Callable[[], Mapping[int, int | None]],
    ) -> None:
        """``held`` tells the messages that lines have, with their lanes.

        The table shows them as queued still.
        """
        self._store, self._clock, self._choosing, self._held = store, clock, choosing, held
        self._lanes: dict[int, Lane] = {}
        self._categories: set[str] = set()
        self._new_lanes = True
        self._look_at = clock.now()
        # What follows from the lanes, brought up to date for those that have changed.
        self._changed: set[Lane] = set()
        self._queues = Queues()  # of those that are awake
        self._stale: set[Lane] = set()
        self._short: dict[int, set[Lane]] = {}  # with more to be read, by how much is ahead
        self._times = Times[tuple[Lane, str]]()

    def hear(self, bell: Bell) -> tuple[set[int], bool]:
        """Take what a bell rang for; return the lanes with something new, and whether all have."""
        news, everything = set(), False
        for topic in bell.heard():
            if topic == QUEUE:
                everything = True
                for lane in self._lanes.values():
                    lane.doubt()
            elif isinstance(topic, tuple) and topic[1] in self._lanes:
                self._lanes[topic[1]].hear()
                news.add(topic[1])
            else:
                self._new_lanes = True
        return news, everything

    def lane(self, lane_id: int | None) -> Lane | None:
        """Return a lane, None if it is not known (yet)."""
        return self._lanes.get(lane_id) if lane_id is not None else None

    def waits(self, candidate: Candidate) -> bool:
        """Tell whether a message is among what was read ahead."""
        lane = self._lanes.get(candidate.lane)
        return lane is not None and candidate.key in lane.waiting

    def queues(self) -> Queues:
        """Return what may leave, lane by lane."""
        self._settle()
        closed = {each for each in self._categories if self._choosing.closed(each)}
        if not closed:
            return self._queues
        return Queues(
            queue
            for queue in self._queues
            if self._lanes[queue.lane].facts.key.category not in closed
        )

    def closed(self, lane: Lane) -> str:
        """Return why nothing of a lane leaves just now; '' if it does."""
        return self._choosing.closed(lane.facts.key.category)

    def next_time(self) -> datetime:
        """Return the first moment at which something here changes by itself."""
        self._settle()
        return min(self._look_at, self._times.next() or self._look_at)

    def set_back(self, now: datetime) -> None:
        """Look at everything anew: ``now`` is earlier than it was."""
        self._look_at = now
        for lane in self._lanes.values():
            lane.doubt()

    def forget(self) -> None:
        """Let everything be read anew before it is decided about."""
        for lane in self._lanes.values():
            lane.drop(tuple(lane.waiting))
            lane.doubt()

    async def refresh(self, bell: Bell, now: datetime, room: int) -> set[int]:
        """Read what must be read for lines with room for so many; new lanes ring ``bell``.

        Return the lanes that were not known before.
        """
        new: set[int] = set()
        if self._new_lanes or now >= self._look_at:
            new = await self._learn(bell)
        if now >= self._look_at:
            await self._look_again(now)
        self._settle()
        for lane, _ in self._times.due(now):
            lane.come_due(now)
        self._settle()
        wanted = [lane for lane in self._wanted(room) if not self.closed(lane)]
        if wanted:
            await self._read(wanted, now, room)
        return new

    def _wanted(self, room: int) -> set[Lane]:
        """Return the lanes that must be read for lines with room for so many."""
        wanted = set(self._stale)
        for ahead in range(room):
            wanted.update(self._short.get(ahead, ()))
        return wanted

    def _settle(self) -> None:
        """Bring up to date what follows from the lanes that have changed."""
        while self._changed:
            self._sort(self._changed.pop())

    def _sort(self, lane: Lane) -> None:
        facts = lane.facts
        if lane.asleep:
            self._queues.remove(facts.id)
        else:
            key = facts.key
            self._queues.put(Queue(facts.id, key.account_id, key.priority, lane.ahead))
        if lane.stale and not lane.asleep:
            self._stale.add(lane)
        else:
            self._stale.discard(lane)
        short_by = len(lane.ahead) if lane.more and not lane.asleep else None
        if short_by != lane.short_by:
            if lane.short_by is not None:
                self._short[lane.short_by].discard(lane)
            if short_by is not None:
                self._short.setdefault(short_by, set()).add(lane)
            lane.short_by = short_by
        self._times.set((lane, "due"), lane.next_due)
        self._times.set((lane, "wakes"), lane.wakes_at if lane.asleep else None)

    async def _learn(self, bell: Bell) -> set[int]:
        self._new_lanes = False
        found = await self._store.lanes.since(max(self._lanes, default=0))
        for facts in found:
            self._lanes[facts.id] = lane = Lane(facts, self._changed)
            self._changed.add(lane)
            self._categories.add(facts.key.category)
            self._store.bells.join(bell, (QUEUE, facts.id))
        return {facts.id for facts in found}

    async def _look_again(self, now: datetime) -> None:
        """Look at the tables, which other daemons change too."""
        self._look_at = now + (LOOK_AMONG_MANY if self._store.shared else LOOK_AGAIN)
        for lane_id, due_at in (await self._store.lanes.due()).items():
            lane = self._lanes.get(lane_id)
            if lane is not None and not lane.ahead:
                lane.next_due = due_at
                self._changed.add(lane)

    async def _read(self, wanted: Sequence[Lane], now: datetime, room: int) -> None:
        held = self._held()
        had = Counter(held.values())
        most = {each.facts.id: _most(each, had[each.facts.id], room) for each in wanted}
        heads = await self._store.lanes.heads(list(most.items()), now)
        held = {**held, **self._held()}  # what ended while we read still waits in what we read
        for lane in wanted:
            head = heads[lane.facts.id]
            found = [each for each in head.waiting if each.message_id not in held]
            lane.stale, lane.more = False, len(head.waiting) == most[lane.facts.id]
            lane.next_due = head.next_due
            free = await self._without_held(found, now)
            lane.waiting = {each.message_id: each for each in free}
            lane.ahead = [self.candidate(lane, each) for each in free]
            self._changed.add(lane)

    async def _without_held(self, found: list[Waiting], now: datetime) -> list[Waiting]:
        """Let what may not leave now wait, and return the rest."""
        holds = {each.message_id: self._choosing.hold(each, now) for each in found}
        await self.hold([hold for hold in holds.values() if hold is not None])
        return [each for each in found if holds[each.message_id] is None]

    async def hold(self, holds: list[Hold]) -> None:
        """Let messages wait until later."""
        if holds:
            await asyncio.gather(*(self._store.lanes.hold(hold) for hold in holds))

    def _operator(self, waiting: Waiting) -> str | None:
        return waiting.network or self._choosing.operator(waiting.recipient)

    def candidate(self, lane: Lane, waiting: Waiting) -> Candidate:
        """Return a message as choosing sees it."""
        key = lane.facts.key
        routes = self._choosing.routes()
        named = key.route in routes and not self._choosing.moving()
        route = routes.named(key.route) if named else None
        asked = route.on_net if route is not None else routes.ask_for_operator
        to = Destination(
            account=lane.facts.account,
            category=Category(key.category),
            recipient=waiting.recipient,
            country=self._choosing.country(waiting.recipient),
            operator=self._operator(waiting) if asked else None,
        )
        return Candidate(
            key=waiting.message_id,
            lane=lane.facts.id,
            account=key.account_id,
            priority=key.priority,
            parts=len(waiting.todo),
            recipient_key=waiting.recipient_key,
            due_at=waiting.due_at or self._clock.now(),
            to=to,
            # One that was taken away, and whose messages are not moved yet, is looked for anew.
            route=route or routes.of(to),
            only_sim=waiting.sim_id,
            known_sim=waiting.known_sim_id,
            bundle=waiting.bundle_id,
            refused_by=frozenset(waiting.refused_by),
            refused_until=waiting.refused_until,
            stopped=(waiting.refused_until or self._clock.now()) >= waiting.expires_at,
        )


def _most(lane: Lane, held: int, room: int) -> int:
    """Return how many messages of a lane are read of which lines have ``held``.

    Those are read too; as many new ones, so that they are not read often, and more where they
    step aside.
    """
    fresh = MOST_FRESH if lane.put_aside else min(max(LEAST_READ, held), MOST_FRESH)
    return fresh + room + held
