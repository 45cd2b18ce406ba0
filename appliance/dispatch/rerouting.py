"""Queued messages follow the rules that hold now: where routes have changed, so do their lanes."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Final

from appliance.errors import StoreError
from appliance.msisdn import country_of
from appliance.policy.categories import Category
from appliance.policy.origins import network_of
from appliance.policy.routes import Destination, Routes
from appliance.store import Store
from appliance.store.lanes import LaneFacts, LaneKey, Stray

logger = logging.getLogger(__name__)

WRITTEN: Final = "routes"
"""Under this name the store keeps which rules the lanes of queued messages were made by."""

UNDER_WAY: Final = b""
"""What it keeps while they change: whoever is interrupted begins anew, whatever the rules are."""

TRY_AGAIN: Final = timedelta(seconds=10)
"""How soon it goes on when the store has failed."""


class Rerouting:
    """Moves queued messages between lanes, some at a time, while everything else goes on."""

    def __init__(
        self,
        store: Store,
        routes: Callable[[], Routes],
        settled: Callable[[Routes], None] = lambda _routes: None,
    ) -> None:
        """``settled`` is called with the rules by which all lanes are, each time they are."""
        self._store, self._routes, self._settled = store, routes, settled
        self._wanted = asyncio.Event()
        self._wanted.set()

    def again(self) -> None:
        """Say that the rules have changed."""
        self._wanted.set()

    async def keep(self) -> None:
        """Bring lanes up to date whenever the rules have changed, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.run()
            except StoreError as error:
                logger.warning("queued messages keep their lanes until later: %s", error)
                self._wanted.set()
                await asyncio.sleep(TRY_AGAIN.total_seconds())

    async def run(self) -> int:
        """Bring all lanes up to date, if the rules have changed; return how many moved.

        Raises:
            StoreError: some did not; run again.

        """
        routes, moved = self._routes(), 0
        mark = sha256(routes.spelling.encode()).digest()
        if await self._store.marks.read(WRITTEN) != mark:
            await self._store.marks.write(WRITTEN, UNDER_WAY)
            for facts in await self._store.lanes.since(0):
                moved += await self._lane(facts, routes)
            await self._store.marks.write(WRITTEN, mark)
        if moved:
            logger.info("the routes have changed: %d queued messages go another way", moved)
        self._settled(routes)
        return moved

    async def _lane(self, facts: LaneFacts, routes: Routes) -> int:
        moved, last = 0, 0
        while strays := await self._store.lanes.strays(facts.id, last):
            last, moves = strays[-1].message_id, []
            for stray in strays:
                name = routes.of(await self._destination(stray, routes)).name
                if name != facts.key.route:
                    key = LaneKey(stray.account_id, stray.category, stray.priority, name)
                    lane_id = await self._store.lanes.of(key)
                    moves.append(self._store.lanes.move(stray.message_id, lane_id))
            await asyncio.gather(*moves)
            moved += len(moves)
        return moved

    async def _destination(self, stray: Stray, routes: Routes) -> Destination:
        recipient, operator = stray.recipient or "", None
        if routes.ask_for_operator:
            operator = await self._store.ported.operator(recipient) or network_of(recipient)
        return Destination(
            account=stray.account,
            category=Category(stray.category),
            recipient=recipient,
            country=country_of(recipient),
            operator=operator,
        )
