"""The pool: which waiting message leaves by which line, and the lines' coming and going.

``assign`` decides and is pure. :class:`Pool` reads ahead in the queue, reserves messages for
lines in memory (a reservation is cheap; a crash loses nothing), and starts a task per modem.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.keeper import Keeper
from appliance.line import Line
from appliance.modem.discovery import Found
from appliance.policy.categories import PRIORITY
from appliance.policy.limits import Allowance
from appliance.store import Store
from appliance.store.bell import QUEUE, Bell
from appliance.store.space import Space
from appliance.store.values import Waiting

logger = logging.getLogger(__name__)

AHEAD: Final = 2
"""Messages reserved for a line besides the one in flight: its next one is always at hand."""

READ_AHEAD: Final = 4
"""Messages read from the queue per line, at least ``LEAST_READ``."""

LEAST_READ: Final = 32

LOOK_AGAIN: Final = timedelta(seconds=1)
"""How long the dispatcher sleeps at most: a bell may be missed, a table may not, and a message
whose time comes rings no bell."""

SHORTEST_SLEEP: Final = timedelta(milliseconds=10)

RESUME_AGAIN: Final = timedelta(seconds=10)
"""How often a line looks for messages that it has begun and must go on with."""

CLOSING: Final = timedelta(seconds=1)
"""How long ports may take to close at the end; one that hangs is left behind."""

FIND_AGAIN: Final = timedelta(seconds=5)
"""How often ports are looked for: reading a few names costs nothing worth mentioning."""


@dataclass(frozen=True, slots=True)
class Free:
    """A line with room for another message, as much of it as choosing needs.

    ``pending`` parts are reserved for it already, or in flight.
    """

    sim_id: int
    allowance: Allowance
    pending: int
    sent: int


def assign(
    queue: Sequence[Waiting], lines: Sequence[Free], now: datetime
) -> list[tuple[Waiting, Free]]:
    """Pair waiting messages with lines that have room, one each.

    The queue comes in its order: highest priority first, oldest first within it; of the
    lines the least used SIM first. All parts of a message go by one line, because a phone
    joins only parts that come from one sender (3GPP TS 23.040 clause 9.2.3.24.1); a message
    that has begun goes on by its own SIM.
    """
    pairs = []
    rested = sorted(lines, key=lambda line: (line.pending, line.sent))
    for message in queue:
        if not rested:
            break
        for line in rested:
            if message.sim_id not in (None, line.sim_id):
                continue
            wait = line.allowance.earliest(now, line.pending + len(message.todo))
            if wait.at == now:
                rested.remove(line)
                pairs.append((message, line))
                break
    return pairs


class Dispatcher:
    """Keeps every line supplied, without ever loading the queue."""

    def __init__(self, store: Store, clock: Clock, space: Space) -> None:
        self._store, self._clock, self._space = store, clock, space
        self._bell: Bell = store.bells.listen(QUEUE, *((QUEUE, p) for p in PRIORITY.values()))
        self._ahead: list[Waiting] = []
        self._more = True  # the queue holds more than was read
        self._stale = True  # what was read may no longer be the head of the queue
        self._lines: list[Line] = []
        self._sent: dict[int, int] = {}

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
        line.reserved.clear()
        self.again()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self._round()
            except StoreError as error:
                logger.warning("the queue could not be read: %s", error)
            woken = await self._bell.wait(self._sleep())
            self._hear(woken=woken)

    def _hear(self, *, woken: bool) -> None:
        """Find out whether the queue's head may have changed.

        A new message behind what was read ahead changes nothing; so a flood of them costs
        no reading.
        """
        news = self._bell.heard()
        behind = {(QUEUE, priority) for priority in PRIORITY.values() if self._is_behind(priority)}
        if not woken or news - behind:
            self._stale = True

    def _is_behind(self, priority: int) -> bool:
        return self._more and bool(self._ahead) and priority <= self._ahead[-1].priority

    def _sleep(self) -> timedelta:
        """Return how long nothing can change by itself: until a limited line may send again."""
        now = self._clock.now()
        waits = (line.may_send(now).at for line in self._lines)
        next_room = min(
            (at - now for at in waits if at is not None and at > now), default=LOOK_AGAIN
        )
        return max(min(next_room, LOOK_AGAIN), SHORTEST_SLEEP)

    async def _round(self) -> None:
        """Give every line with room its next message."""
        if self._space.short:
            return
        if self._stale:
            await self._resume()
        free = self._free()
        if not free:
            return
        if self._stale or (self._more and len(self._ahead) < len(free)):
            self._stale = False
            await self._read()
            free = self._free()
        by_sim = {line.sim_id: line for line in self._lines}
        for message, chosen in assign(self._ahead, free, self._clock.now()):
            self._ahead.remove(message)
            self._count(chosen.sim_id, 1)
            by_sim[chosen.sim_id].reserve(message)
        if not self._ahead:
            self._share()

    def _share(self) -> None:
        """Let idle lines take what others have reserved: nothing waits behind a line that hangs."""
        now = self._clock.now()
        for idle in [line for line in self._lines if line.idle]:
            busiest = max(self._lines, key=lambda line: len(line.reserved))
            message = busiest.reserved[-1] if busiest.current and busiest.reserved else None
            if message is None or message.sim_id is not None:
                return
            if idle.may_send(now, len(message.todo)).at == now:
                busiest.reserved.pop()
                self._count(busiest.sim_id, -1)
                self._count(idle.sim_id, 1)
                idle.reserve(message)

    def _count(self, sim_id: int, more: int) -> None:
        self._sent[sim_id] = self._sent.get(sim_id, 0) + more

    async def _read(self) -> None:
        """Read the head of the queue, without what is reserved or in flight already."""
        held = self._held()
        most = max(LEAST_READ, READ_AHEAD * len(self._lines)) + len(held)
        found = await self._store.dispatch.waiting(self._clock.now(), most)
        self._more = len(found) == most
        held |= self._held()  # what ended while we read still waits in what we read
        self._ahead = [message for message in found if message.message_id not in held]

    async def _resume(self) -> None:
        """Reserve for each line the messages that it has begun and must go on with."""
        now = self._clock.now()
        for line in list(self._lines):
            if line.resume_at is None or line.resume_at > now:
                continue
            line.resume_at = now + RESUME_AGAIN
            held = self._held()
            for message in await self._store.dispatch.under_way(line.sim_id, now, LEAST_READ):
                if message.message_id not in held and line in self._lines:
                    line.reserve(message)

    def _free(self) -> list[Free]:
        now = self._clock.now()
        return [
            Free(line.sim_id, line.allowance, line.pending, self._sent.get(line.sim_id, 0))
            for line in self._lines
            if len(line.reserved) < AHEAD and line.may_send(now).at == now
        ]

    def _held(self) -> set[int]:
        held = {message.message_id for line in self._lines for message in line.reserved}
        return held | {line.current.message_id for line in self._lines if line.current is not None}


class Pool:
    """All modems of this daemon: found, kept, supplied, stopped."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        find: Callable[[], Sequence[Found]],
        keep: Callable[[Found], Keeper],
    ) -> None:
        self._dispatcher, self._find, self._keep = dispatcher, find, keep
        self._keepers: dict[str, tuple[Keeper, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Keep what is found, and look for more, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dispatcher.run())
            while True:
                for found in await asyncio.to_thread(self._find):
                    if found.slot not in self._keepers:
                        logger.info("modem found at %s (%s)", found.port, found.slot)
                        keeper = self._keep(found)
                        self._keepers[found.slot] = keeper, group.create_task(keeper.run())
                    else:
                        self._keepers[found.slot][0].moved(found.port)
                await asyncio.sleep(FIND_AGAIN.total_seconds())

    async def stop(self, patience: timedelta) -> None:
        """Send nothing more, and wait up to ``patience`` for the answers in flight."""
        tasks = [task for _, task in self._keepers.values()]
        for keeper, _ in self._keepers.values():
            keeper.stop()
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=patience.total_seconds())
        closing = [asyncio.create_task(keeper.close()) for keeper, _ in self._keepers.values()]
        await asyncio.wait(closing, timeout=CLOSING.total_seconds())
        for task in (*closing, *tasks):
            task.cancel()
