"""Who is bound, whose turn it is to carry a notice, and what must be answered before it."""

import asyncio
from collections import deque
from typing import Generic, Protocol, TypeVar

from appliance.errors import NobodyThere


class Underway:
    """Submits whose answer is not yet written, in the order in which they came.

    A receipt must never come before the answer to its submit_sm, whichever bind of the account
    carries it, and while that answer is not written its id is known to nobody here. So a receipt
    waits for all submits that were begun before it; the order holds whatever the store does.
    """

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, None] = {}  # tickets, oldest first
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def begin(self) -> int:
        """Return a ticket for a submit that is under way from now on."""
        self._last += 1
        self._open[self._last] = None
        return self._last

    def end(self, ticket: int) -> None:
        """Say that the answer to this submit is written, or will never be."""
        self._open.pop(ticket, None)
        oldest = next(iter(self._open), self._last + 1)
        while self._waiting and self._waiting[0][0] < oldest:
            _, waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)

    def settling(self) -> asyncio.Future[None] | None:
        """Return what is done when every submit that is under way now has ended; None: none is."""
        if not self._open:
            return None
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append((self._last, waiting))
        return waiting

    async def settled(self) -> None:
        """Wait until every submit that is under way now has ended."""
        if waiting := self.settling():
            await waiting


class Bound(Protocol):
    """A connection as the register of binds sees it."""

    @property
    def account_id(self) -> int:
        """Return whose it is."""
        ...

    @property
    def receives(self) -> bool:
        """Tell whether it takes deliver_sm at all."""
        ...

    @property
    def has_room(self) -> bool:
        """Tell whether it takes one more now."""
        ...


B = TypeVar("B", bound=Bound)


class Binds(Generic[B]):
    """The bound connections of each account; the one that carried last is the last in turn."""

    def __init__(self) -> None:
        self._of: dict[int, list[B]] = {}
        self._changes: dict[int, asyncio.Future[None]] = {}

    def of(self, account_id: int) -> tuple[B, ...]:
        """Return the account's connections, of every type of bind."""
        return tuple(self._of.get(account_id, ()))

    def add(self, connection: B) -> None:
        """Count a connection in."""
        self._of.setdefault(connection.account_id, []).append(connection)
        self.changed(connection.account_id)

    def remove(self, connection: B) -> None:
        """Count a connection out; one that is not counted is none the worse."""
        left = [one for one in self.of(connection.account_id) if one is not connection]
        if left:
            self._of[connection.account_id] = left
        else:
            self._of.pop(connection.account_id, None)
        self.changed(connection.account_id)

    async def next(self, account_id: int) -> B:
        """Return the next receiver in turn that has room, waiting for room if none has.

        Raises:
            NobodyThere: the account has no bind that receives.

        """
        while True:
            receivers = [one for one in self.of(account_id) if one.receives]
            if not receivers:
                raise NobodyThere("no receiver is bound")
            if found := next((one for one in receivers if one.has_room), None):
                turns = self._of[account_id]
                turns.append(turns.pop(turns.index(found)))
                return found
            await self.change(account_id)

    async def room_on(self, connection: B) -> None:
        """Wait until a connection has room, or takes no deliver_sm any more."""
        while connection.receives and not connection.has_room:
            await self.change(connection.account_id)

    def changed(self, account_id: int) -> None:
        """Wake whoever waits: there may be room, or nobody is left."""
        change = self._changes.pop(account_id, None)
        if change and not change.done():
            change.set_result(None)

    async def change(self, account_id: int) -> None:
        """Wait until something has changed about an account's connections."""
        change = self._changes.get(account_id)
        if change is None:
            change = asyncio.get_running_loop().create_future()
            self._changes[account_id] = change
        await asyncio.shield(change)  # one who gives up waiting takes nothing from the others
