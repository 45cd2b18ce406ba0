"""What a line hears from its modem: taken into the store, then let go of."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.inbox import Inbox
from appliance.lines.alarms import WITHIN, RestartAlarm, StorageAlarm
from appliance.lines.standing import Standing
from appliance.modem.driver import Modem
from appliance.modem.values import (
    Arrival,
    CallArrived,
    DeliverArrived,
    LateReference,
    ReportArrived,
    Stored,
)
from appliance.store import Store

logger = logging.getLogger(__name__)

MOST_LATER: Final = 1_000
"""Arrivals kept in mind that could not be stored: more than the memories of a modem hold."""


class Hearing:
    """Listens to one started modem.

    Args:
        modem: the modem.
        standing: whose is what comes; kept up to date here.
        slot: where the modem sits.
        store: where incidents are noted.
        inbox: takes what comes.
        clock: tells when.
        reported: called at each report.
        late: takes an answer to AT+CMGS that came after it was given up.
        news: called when ``standing`` has changed.

    """

    def __init__(
        self,
        modem: Modem,
        standing: Standing,
        *,
        slot: str,
        store: Store,
        inbox: Inbox,
        clock: Clock,
        reported: Callable[[], None],
        late: Callable[[int], Awaitable[None]],
        news: Callable[[], None],
    ) -> None:
        self._modem, self._standing, self._slot = modem, standing, slot
        self._inbox, self._clock = inbox, clock
        self._reported, self._late, self._news = reported, late, news
        self._later: deque[Arrival] = deque(maxlen=MOST_LATER)  # it is not settled
        self._alarm = StorageAlarm(store, clock, slot)
        self._restarts = RestartAlarm(store, clock, slot)

    async def run(self) -> None:
        """Take what comes until the modem fails.

        Raises:
            ModemError: it did, and everything from it was taken.

        """
        while True:
            arrival = await self._modem.next_arrival()
            stored = await self._store(arrival)
            if stored and not isinstance(arrival, LateReference | CallArrived):
                await self._modem.settle(arrival)

    async def look(self) -> None:
        """Take what could not be stored when it came, and judge what the modem's memories hold."""
        later = tuple(self._later)
        self._later.clear()
        for arrival in later:
            kept = isinstance(getattr(arrival, "place", None), Stored)
            if await self._store(arrival) and kept:  # a word for the others would be too late
                await self._modem.settle(arrival)
        try:
            await self._alarm.look(self._modem.usages, self._standing.sim_id)
            await self._restarts.look(self._modem.restarts(WITHIN), self._standing.sim_id)
        except StoreError as error:
            logger.warning("%s: %s", self._slot, error)
        if not self._modem.holds_old and self._standing.emptied():
            self._news()

    async def _store(self, arrival: Arrival) -> bool:
        """Take an arrival, or keep it in mind: nothing else hands it out a second time."""
        try:
            await self._take(arrival)
        except StoreError as error:
            logger.warning("%s: what came could not be stored: %s", self._slot, error)
            self._later.append(arrival)
            return False
        return True

    async def _take(self, arrival: Arrival) -> None:
        sim_id = self._standing.whose(arrival)
        match arrival:
            case ReportArrived(report):
                matched = await self._inbox.report(sim_id, report)
                self._reported()
                if matched and self._standing.proved(self._clock.now()):
                    self._news()
            case DeliverArrived(deliver):
                await self._inbox.inbound(sim_id, deliver)
            case CallArrived(number):
                await self._inbox.call(sim_id, number)
            case LateReference(reference):
                await self._late(reference)
            case _:
                await self._inbox.undecodable(sim_id, arrival.raw, arrival.why)
