"""Few at a time, each address in its turn: so that a flood from one delays nobody else."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from appliance.errors import NotNow

AT_ONCE: Final = 1
"""Passwords that are checked at once: each takes a core and 12 MiB for some 30 to 150 ms."""

WAITING: Final = 128
"""How many wait for their turn in all."""

PER_ADDRESS: Final = 32
"""How many wait for their turn from one address."""


class Turns:
    """A queue that serves one address after the other. Bounded: who comes too many is sent away."""

    def __init__(
        self, at_once: int = AT_ONCE, *, waiting: int = WAITING, per_address: int = PER_ADDRESS
    ) -> None:
        self._free = at_once
        self._most, self._per_address = waiting, per_address
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Raises:
            NotNow: too many wait already, above all from this address.

        """
        await self._take(address)
        try:
            yield
        finally:
            self._give()

    async def _take(self, address: str) -> None:
        if self._free and not self._queues:
            self._free -= 1
            return
        own = self._queues.get(address, ())
        if len(own) >= self._per_address or not self._room_for(len(own)):
            raise NotNow("too many binds at once")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(address, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._unwanted(address, turn)
            raise

    def _room_for(self, own: int) -> bool:
        """Make room at the cost of the address that waits most, unless that is the one who asks."""
        if self.waiting < self._most:
            return True
        longest = max(self._queues.values(), key=len)
        if len(longest) <= own + 1:
            return False
        last = longest.pop()
        if not last.done():
            last.set_exception(NotNow("too many binds at once"))
        return True

    def _unwanted(self, address: str, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            if turn.exception() is None:  # it was given just now
                self._give()
            return
        queue = self._queues[address]
        queue.remove(turn)
        if not queue:
            del self._queues[address]

    def _give(self) -> None:
        while self._queues:
            address, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[address] = queue  # the last in turn now
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
