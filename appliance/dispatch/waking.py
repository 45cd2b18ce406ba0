"""What stepped aside for others of its lane is looked at again when a SIM may carry more.

A SIM that joins, is resumed, or is set otherwise rings for it. So nobody waits out a time that
was set while things were worse.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.policy.choosing import Choice
from appliance.store import Store
from appliance.store.aside import Aside, LetGo
from appliance.store.bell import SIMS, Bell
from appliance.store.values import Waiting

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How often it is looked where other daemons make messages step aside that our SIMs may carry."""

EAGER: Final = 10
"""Readings of what stands aside, of a hundred messages each, that follow each other at once ..."""

PAUSE: Final = timedelta(milliseconds=50)
"""... and how long each of the next ones waits: a modem that comes and goes rings again and again,
and a million messages take many looks."""

ASIDE: Final = timedelta(minutes=1)
"""How long a message steps aside that no SIM may carry, so that it hides none behind it ..."""

MANY_ASIDE: Final = 1_000
"""... and as much longer for each so many of its lane, so that stepping aside costs little ..."""

LONGEST_ASIDE: Final = timedelta(minutes=30)
"""... up to this, which is what one waits at most for a moment that is known."""


def stands_aside_until(at: datetime | None, before: int, now: datetime) -> datetime:
    """Return until when a message steps aside.

    Args:
        at: when it could leave as things are now; None: not by time alone.
        before: so many of its lane have stepped aside.
        now: the moment.

    """
    if at is not None:
        return min(at, now + LONGEST_ASIDE)
    return now + min(ASIDE * (1 + before // MANY_ASIDE), LONGEST_ASIDE)


class Waking:
    """Lets go what stands aside; ``outlook`` tells what would be decided for a message."""

    def __init__(
        self, store: Store, clock: Clock, outlook: Callable[[Waiting, datetime], Choice]
    ) -> None:
        self._store, self._clock, self._outlook = store, clock, outlook
        self._bell: Bell = store.bells.listen(SIMS)

    async def run(self) -> None:
        """Look whenever it rings, until cancelled."""
        while True:
            await self._bell.wait(LOOK_AGAIN if self._store.shared else None)
            try:
                await self.look()
            except StoreError as error:
                logger.warning("what stepped aside could not be looked at: %s", error)

    async def look(self) -> int:
        """Look at all that stands aside, some at a time; return how many are let go at once."""
        gone, last, readings = 0, 0, 0
        while those := await self._store.aside.those(self._clock.now(), last):
            last, now = those[-1].waiting.message_id, self._clock.now()
            found = (self._looked_at(each, now) for each in those)
            sooner = [each for each in found if each is not None]
            if sooner:
                await self._store.aside.let_go(sooner)
            gone += sum(each.now for each in sooner)
            readings += 1
            if readings >= EAGER:
                await asyncio.sleep(PAUSE.total_seconds())
        return gone

    def _looked_at(self, aside: Aside, now: datetime) -> LetGo | None:
        """Return how a message goes on, None if no sooner than it was to."""
        choice = self._outlook(aside.waiting, now)
        may = choice.line is not None or choice.full  # it may go, and lacks nothing but its turn
        at = now if may else choice.at
        return LetGo(aside.waiting, at, at <= now) if at is not None and at < aside.until else None
