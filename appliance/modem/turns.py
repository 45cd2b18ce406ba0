"""Who may speak on a port next: one at a time, the urgent first, chores in the gaps."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import IntEnum
from typing import Final

GRACE: Final = 0.005  # seconds after a part in which the next part goes before any chore


class Rank(IntEnum):
    """Why somebody wants to speak."""

    URGENT = 0  # an acknowledgement the network waits for
    SEND = 1
    CHORE = 2  # reading, deleting, looking after health


Turn = asyncio.Future[None]


class Turns:
    """A queue for one port. Sending goes ahead of chores until these have waited ``patience``.

    So that parts follow each other without a gap, and still what arrives is read every now
    and then: several at a time, which costs fewer commands than one by one.
    """

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience.total_seconds()
        self._held = False
        self._queues: dict[Rank, deque[tuple[float, Turn]]] = {rank: deque() for rank in Rank}
        self._grace: asyncio.TimerHandle | None = None

    @property
    def held(self) -> bool:
        """Whether somebody speaks on the port now."""
        return self._held

    def wanted(self, rank: Rank) -> bool:
        """Say whether somebody of that rank waits."""
        return any(not turn.done() for _, turn in self._queues[rank])

    @asynccontextmanager
    async def turn(self, rank: Rank) -> AsyncIterator[None]:
        """Wait for the port and hold it. What is written inside is not interleaved."""
        await self._take(rank)
        try:
            yield
        finally:
            self._release(rank)

    async def _take(self, rank: Rank) -> None:
        if not self._held and (self._grace is None or rank is not Rank.CHORE):
            self._end_grace()
            self._held = True
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._queues[rank].append((loop.time(), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(rank)  # it was handed over at the same moment
            raise

    def _release(self, rank: Rank) -> None:
        self._held = False
        if rank is Rank.SEND and not self._somebody_before_chores():
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(GRACE, self._hand_over)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the port to whoever is next."""
        self._end_grace()
        while queue := self._next():
            _, turn = queue.popleft()
            if not turn.done():
                self._held = True
                turn.set_result(None)
                return

    def _end_grace(self) -> None:
        if self._grace:
            self._grace.cancel()
            self._grace = None

    def _somebody_before_chores(self) -> bool:
        queue = self._next()
        if queue is None or queue is not self._queues[Rank.CHORE]:
            return queue is not None
        return self._overdue()

    def _overdue(self) -> bool:
        chores = self._queues[Rank.CHORE]
        waited = asyncio.get_running_loop().time() - chores[0][0] if chores else 0.0
        return bool(chores) and waited >= self._patience

    def _next(self) -> deque[tuple[float, Turn]] | None:
        if self._overdue() and not self._queues[Rank.URGENT]:
            return self._queues[Rank.CHORE]
        return next((self._queues[rank] for rank in Rank if self._queues[rank]), None)
