"""What is done by the clock: expiry, missing reports, old notices. APScheduler calls them."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.settings import Messages
from appliance.store import Store
from appliance.store.chores import CHUNK
from appliance.store.values import Overdue

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=30)


class Chores:
    """The passes over what waits; each goes on until nothing is left to do."""

    def __init__(self, store: Store, clock: Clock, messages: Messages) -> None:
        self._store, self._clock, self._messages = store, clock, messages

    def schedule(self) -> AsyncIOScheduler:
        """Return a scheduler, not yet started, that does them all ``EVERY`` so often."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            self.run, "interval", seconds=EVERY.total_seconds(), coalesce=True, max_instances=1
        )
        return scheduler

    async def run(self) -> None:
        """Do them all once."""
        chores, now = self._store.chores, self._clock.now()
        overdue = Overdue(
            now=now,
            no_report_before=now - self._messages.report_window,
            uncertain_before=now - self._messages.uncertain_after,
        )
        try:
            await _until_done(lambda: chores.expire(now))
            await _until_done(lambda: chores.silence(overdue))
            await _until_done(lambda: chores.settle(overdue))
            await self._store.notices.park_older(now - self._messages.keep_notices, now)
        except StoreError as error:
            logger.warning("the chores were not finished: %s", error)


async def _until_done(chore: Callable[[], Awaitable[int]]) -> None:
    while await chore() >= CHUNK:
        pass
