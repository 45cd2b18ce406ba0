"""The gate before the intake: how fast and how much an account may hand in.

Both hold for all doors of this daemon together: an account has one bucket of tokens here,
whether it submits by SMPP or by REST. Of several daemons each has its own.

The queue is counted when it may have reached a ceiling, at most once in ``SOON``, and beside the
work every ``LATER`` while messages come; never where no ceiling is set. One daemon alone never
takes more than a ceiling allows; several may, by what the others take between two counts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

from appliance.clock import Clock
from appliance.errors import NoRoom, QueueFull, TooFast
from appliance.models import Account
from appliance.policy.queued import ALL, Queued
from appliance.policy.rate import Buckets, Rate

logger = logging.getLogger(__name__)

SOON: Final = 1.0
"""Seconds: a ceiling that seems reached is looked at again no sooner than this."""

LATER: Final = 5.0
"""Seconds: a count is made anew no later than this, if messages come."""

REST: Final = 20
"""Times as long as a count has taken nothing is counted: it costs 5 % of a core at most."""

TOLD_EVERY: Final = 60.0
"""Seconds between two log lines about one account that is held back."""

Count = Callable[[], Awaitable[Mapping[int, int]]]
"""How many messages wait now, by account."""


class Gate:
    """Lets messages pass, or says why not."""

    def __init__(self, count: Count, clock: Clock, *, burst: int = 1, ceiling: int = 0) -> None:
        """Begin with full buckets and nothing counted.

        Args:
            count: counts what waits.
            clock: tells monotonic time.
            burst: messages at once, for accounts that have a rate but no burst (from 1).
            ceiling: messages that may wait in all; 0: as many as come.

        """
        self._count, self._clock, self._burst, self._ceiling = count, clock, burst, ceiling
        self._buckets, self._queued = Buckets(), Queued()
        self._counting: asyncio.Task[None] | None = None
        self._counted_at: float | None = None  # None: never
        self._took = 0.0
        self._told: dict[int, tuple[float, int]] = {}  # when, and how often it was not told since

    def pace(self, account: Account) -> None:
        """Count a submit against its account's rate.

        Raises:
            TooFast: it is one too many just now.

        """
        if not account.submits_per_second:
            return
        rate = Rate(account.submits_per_second, account.burst or self._burst)
        wait = self._buckets.take(account.id or 0, rate, self._clock.monotonic())
        if wait:
            self._tell(account, f"more than {rate.per_second} submits in a second")
            raise TooFast(wait)

    async def enter(self, account: Account) -> None:
        """Let a message into the queue; ``leave`` must follow.

        Raises:
            QueueFull: as many of its account wait as may.
            NoRoom: as many of all accounts wait as may.
            StoreError: they could not be counted.

        """
        if account.queue_ceiling or self._ceiling:
            await self._check(account)
        self._queued.enter(account.id or 0)

    def leave(self, account: Account, *, stored: bool) -> None:
        """Say what became of a message that was let in."""
        self._queued.leave(account.id or 0, stored=stored)

    def load(self, account: Account) -> int:
        """Return how full the queue is, of the account or of all: 0-99, the worse of both."""
        shares = (100 * self._queued.bound(key) // most for key, most in self._ceilings(account))
        return min(max(shares, default=0), 99)

    def _ceilings(self, account: Account) -> Iterator[tuple[int, int]]:
        if account.queue_ceiling:
            yield account.id or 0, account.queue_ceiling
        if self._ceiling:
            yield ALL, self._ceiling

    async def _check(self, account: Account) -> None:
        age = self._age()
        if age is None or (age >= self._rest(SOON) and self._full(account) is not None):
            await asyncio.shield(self._begin_count())
        elif age >= self._rest(LATER):
            self._begin_count()
        full = self._full(account)
        if full is None:
            return
        if full == ALL:
            raise NoRoom("the queue is full")
        self._tell(account, f"{account.queue_ceiling} of its messages wait, as many as may")
        raise QueueFull(account.queue_ceiling or 0)

    def _full(self, account: Account) -> int | None:
        ceilings = self._ceilings(account)
        return next((key for key, most in ceilings if self._queued.bound(key) >= most), None)

    def _age(self) -> float | None:
        return None if self._counted_at is None else self._clock.monotonic() - self._counted_at

    def _rest(self, least: float) -> float:
        return max(least, REST * self._took)

    def _begin_count(self) -> "asyncio.Task[None]":
        if self._counting is None:
            self._counting = asyncio.create_task(self._recount())
            self._counting.add_done_callback(self._end_count)
        return self._counting

    def _end_count(self, counting: "asyncio.Task[None]") -> None:
        self._counting = None
        if not counting.cancelled() and (error := counting.exception()):
            logger.warning("the queue could not be counted: %s", error)

    async def _recount(self) -> None:
        began, mark = self._clock.monotonic(), self._queued.mark()
        found = await self._count()
        self._queued.counted(found, mark)
        self._counted_at = self._clock.monotonic()
        self._took = self._counted_at - began

    def _tell(self, account: Account, why: str) -> None:
        """Log it once in a while: whoever is held back may be so a thousand times a second."""
        now = self._clock.monotonic()
        at, silent = self._told.get(account.id or 0, (now - TOLD_EVERY, 0))
        if now - at < TOLD_EVERY:
            self._told[account.id or 0] = (at, silent + 1)
            return
        self._told[account.id or 0] = (now, 0)
        logger.info(
            "account %s is held back: %s (%d more refusals since it was last told)",
            account.id,
            why,
            silent,
            extra={"event": "account.held_back", "account": account.id, "silent": silent},
        )
