"""What is done by the clock: expiry, missing reports, old notices. APScheduler calls them."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from appliance.clock import Clock
from appliance.config.settings import Messages
from appliance.errors import StoreError
from appliance.incident import Incident, IncidentKind
from appliance.policy.uncertain import UncertainRules
from appliance.store import Store
from appliance.store.chores import CHUNK, TakenOver
from appliance.store.requests import Bounds
from appliance.store.values import Overdue

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=30)

WITHDRAW_EVERY: Final = timedelta(seconds=5)
"""How often it is looked for messages that are still to be cancelled."""

REQUEST_OPEN: Final = timedelta(minutes=5)
"""How long a request to a line waits for its daemon."""

REQUEST_ANSWERED: Final = timedelta(days=1)
"""How long its answer is kept: it may hold what is nobody else's business."""


class Chores:
    """The passes over what waits; each goes on until nothing is left to do."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        messages: Messages,
        uncertain: UncertainRules | None = None,
        trusted: Callable[[], bool] = lambda: True,
    ) -> None:
        """``trusted`` tells whether the time can be believed: until then nothing expires."""
        self._trusted = trusted
        self._store, self._clock, self._messages = store, clock, messages
        self._uncertain = uncertain or UncertainRules()

    def schedule(self) -> AsyncIOScheduler:
        """Return a scheduler, not yet started, that does them all ``EVERY`` so often."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            self.run, "interval", seconds=EVERY.total_seconds(), coalesce=True, max_instances=1
        )
        # By itself: a million messages that are cancelled keep nothing else from its time.
        scheduler.add_job(
            self.withdraw,
            "interval",
            seconds=WITHDRAW_EVERY.total_seconds(),
            coalesce=True,
            max_instances=1,
        )
        if self._store.shared:
            scheduler.add_job(
                self.take_over,
                "interval",
                seconds=self._store.tenure.lease.renew_every.total_seconds(),
                coalesce=True,
                max_instances=1,
            )
        return scheduler

    async def run(self) -> None:
        """Do them all once, if the time can be believed."""
        if not self._trusted():
            return
        chores, now = self._store.chores, self._clock.now()
        overdue = Overdue(
            now=now,
            no_report_before=now - self._messages.report_window,
            uncertain_before=self._uncertain.before(now),
        )
        incomplete_before = now - self._messages.incomplete_after
        try:
            await _until_done(lambda: chores.expire(now))
            await _until_done(lambda: chores.silence(overdue))
            await _until_done(lambda: chores.settle(overdue))
            await _until_done(lambda: self._store.inbound.give_up(incomplete_before, now))
            await self._store.notices.park_older(now - self._messages.keep_notices, now)
            await self._store.requests.overdue(
                Bounds(
                    now=now,
                    open_before=now - REQUEST_OPEN,
                    answered_before=now - REQUEST_ANSWERED,
                )
            )
        except StoreError as error:
            logger.warning("the chores were not finished: %s", error)

    async def take_over(self) -> None:
        """Take over from daemons on the same database that have not been heard of for long."""
        now = self._clock.now()
        try:
            for taken in await self._store.chores.take_over(now):
                logger.warning(
                    "daemon %s is lost; %d parts of it are uncertain", taken.name, taken.uncertain
                )
                await self._store.incidents.note(_lost(taken, now))
        except StoreError as error:
            logger.warning("whether a daemon is lost could not be seen: %s", error)

    async def withdraw(self) -> None:
        """Go on with the cancelling of many messages, to its end."""
        withdrawal = self._store.withdrawal
        try:
            for rest in await withdrawal.unfinished():
                while (await withdrawal.go_on(rest, self._clock.now())).rest is not None:
                    pass
        except StoreError as error:
            logger.warning("messages are still to be cancelled: %s", error)


def _lost(taken: TakenOver, now: datetime) -> Incident:
    return Incident(
        kind=IncidentKind.DAEMON_LOST,
        sentence=(
            f"The daemon {taken.name} has not been heard of for long. What was queued leaves by"
            f" others; parts that its modems had just then and that are uncertain now:"
            f" {taken.uncertain}."
        ),
        next_step="Look whether its machine runs and reaches the database.",
        at=now,
    )


async def _until_done(chore: Callable[[], Awaitable[int]]) -> None:
    while await chore() >= CHUNK:
        pass
