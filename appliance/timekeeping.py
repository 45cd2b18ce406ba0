"""Whether the time can be believed: a small computer has no clock of its own that runs on.

Until it is set, the house goes by what it remembers: on from the newest moment in its store, as
fast as time passes. So nothing is ever earlier than what was before. Nothing expires meanwhile, and
what depends on the hour of the day waits.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, Literal

from appliance.clock import SystemClock, has_own_clock, is_synchronised
from appliance.errors import StoreError
from appliance.incident import Incident, IncidentKind
from appliance.store import Store
from appliance.store.bell import QUEUE

logger = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How often it is looked whether the clock was set."""

AGREES: Final = timedelta(minutes=2)
"""How far a mobile network's time may be from the machine's clock that it speaks for."""

NOT_YET: Final = "the clock is not synchronised yet"

INCIDENT: Final = (
    "The clock is not set yet: nothing expires, no marketing leaves, and times may be wrong."
)

NEXT_STEP: Final = (
    "Let the machine reach a time server; where there is none, set its clock: it is believed once"
    " a modem's network tells the same time, or with trust_clock = true under [site]."
)


class Timekeeping:
    """Decides whether the system's clock is believed, and sets the house's by it once it is.

    Args:
        store: remembers the newest moment.
        clock: the house's.
        trust: as set: true, false (only once the network has set it), or "auto".
        synchronised: tells whether the network has set the system's clock.
        own: tells whether the machine has a clock that runs without power.
        networks: returns how far the clocks of modems that a network serves are ahead of the
            house's.

    """

    def __init__(
        self,
        store: Store,
        clock: SystemClock,
        trust: Literal["auto"] | bool,
        *,
        synchronised: Callable[[], bool] = is_synchronised,
        own: Callable[[], bool] = has_own_clock,
        networks: Callable[[], Iterable[timedelta]] = tuple,
    ) -> None:
        self._store, self._clock, self._trust = store, clock, trust
        self._synchronised, self._own, self._networks = synchronised, own, networks
        self._since: int | None = None  # the first id while it goes by what it remembers

    def ask(self, networks: Callable[[], Iterable[timedelta]]) -> None:
        """Let modems that are found from now on speak for the machine's clock."""
        self._networks = networks

    def trusted(self) -> bool:
        """Tell whether the time can be believed."""
        return self._since is None

    async def begin(self) -> None:
        """Decide for the first time; before anything is done by the clock."""
        if self._believes():
            await self._end()
            return
        self._clock.run_from(max(self._clock.now(), self._store.newest))
        self._since = self._store.times.mark()
        logger.warning("%s; times are reckoned from what was last stored", NOT_YET)
        await self._store.incidents.note(
            Incident(
                kind=IncidentKind.CLOCK,
                sentence=INCIDENT,
                next_step=NEXT_STEP,
                at=self._clock.now(),
                lasting=True,
            )
        )

    async def run(self) -> None:
        """Look again and again, until the time can be believed."""
        while self._since is not None:
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
            try:
                await self.look()
            except StoreError as error:
                logger.warning("what was stored before the clock was set: %s", error)

    async def look(self) -> None:
        """Go by the system's clock if it can be believed by now.

        Raises:
            StoreError: the times of what was taken meanwhile could not be put right, not all.

        """
        if self._since is None or not self._believes():
            return
        since, until, before = self._since, self._store.times.mark(), self._clock.now()
        self._clock.follow()
        step = self._clock.now() - before
        logger.info("the clock is set; it was %.0f s off", step.total_seconds())
        self._since = None
        if step > timedelta():
            await self._store.times.put_right(since, until, step)
        await self._end()
        self._store.bells.ring([QUEUE])

    def _believes(self) -> bool:
        if self._trust is True or self._synchronised():
            return True
        if self._trust != "auto" or self._clock.system() < self._store.newest:
            return False
        return self._own() or self._confirmed()

    def _confirmed(self) -> bool:
        """Tell whether a mobile network tells the time that the machine's clock shows."""
        step = self._clock.system() - self._clock.now()
        return any(abs(ahead - step) <= AGREES for ahead in self._networks())

    async def _end(self) -> None:
        await self._store.incidents.end(IncidentKind.CLOCK, None, self._clock.now())
