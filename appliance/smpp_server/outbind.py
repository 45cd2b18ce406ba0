"""Calling an app for which something waits and that binds only when it is called (SMPP outbind)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.clock import Clock
from appliance.models import Account
from appliance.smpp_server.connection import Connection

logger: Final = logging.getLogger(__name__)

WAITS: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
)
"""How long to wait after the first, second … call in vain; the last one repeats."""

AT_ONCE: Final = 4
"""Calls that may wait for their answer at once."""

CONNECT: Final = 10.0
"""Seconds that a connection may take."""


def wait_after(vain: int, waits: tuple[timedelta, ...]) -> timedelta:
    """Return how long to wait after the n-th call in vain (from 1)."""
    return waits[min(vain, len(waits)) - 1]


class Caller:
    """Calls accounts, each one at a time, with back-off.

    It does not know what waits: after a call in vain it lets the notices look again, and they ask
    for the next one if they still find nobody.
    """

    def __init__(
        self,
        make: Callable[[], Connection],
        system_id: str,
        wake: Callable[[int], object],
        clock: Clock,
        waits: tuple[timedelta, ...] = WAITS,
    ) -> None:
        """``wake`` is called with an account's id when its notices shall look again."""
        self._make, self._system_id, self._wake, self._clock = make, system_id, wake, clock
        self._waits = waits
        self._few = asyncio.Semaphore(AT_ONCE)
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._vain: dict[int, int] = {}  # calls in vain since the last that was not

    def want(self, account: Account) -> None:
        """Call an account that asks for it, unless that is under way."""
        account_id = account.id or 0
        if not account.outbind or account.paused_at is not None:
            return
        if account_id not in self._calls:
            call = asyncio.get_running_loop().create_task(self._call(account, account.outbind))
            self._calls[account_id] = call

    async def stop(self) -> None:
        """Call nobody any more. Sessions that calls have led to go on."""
        calls = tuple(self._calls.values())
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._calls.clear()

    async def _call(self, account: Account, target: str) -> None:
        account_id = account.id or 0
        if await self._served(account, target):
            self._vain.pop(account_id, None)
        else:
            vain = self._vain[account_id] = self._vain.get(account_id, 0) + 1
            await asyncio.sleep(wait_after(vain, self._waits).total_seconds())
        del self._calls[account_id]
        self._wake(account_id)

    async def _served(self, account: Account, target: str) -> bool:
        """Call, and wait for the end of what came of it; False if that was nothing, or short."""
        async with self._few:
            connection = await self._receiver(account, target)
        if connection is None:
            return False
        since = self._clock.monotonic()
        await connection.ended.wait()
        return self._clock.monotonic() - since >= self._waits[0].total_seconds()

    async def _receiver(self, account: Account, target: str) -> Connection | None:
        """Return the connection on which the account has bound a receiver, None if it has not."""
        host, _, port = target.rpartition(":")
        connection = self._make()
        connection.call(self._system_id)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT):
                await loop.create_connection(lambda: connection, host.strip("[]"), int(port))
        except (OSError, UnicodeError) as error:  # a name may be none that can be looked up
            why = getattr(error, "strerror", None) or type(error).__name__
            logger.info("account %s cannot be called at %s: %s", account.name, target, why)
            return None
        await connection.decided.wait()  # the timer for its bind sees to that
        if connection.receives and connection.account_id == account.id:
            return connection
        logger.info("account %s was called at %s and bound no receiver", account.name, target)
        connection.leave()
        return None
