"""Queued messages follow the rules that hold now: where routes have changed, so do their lanes."""

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from appliance.msisdn import country_of
from appliance.policy.categories import Category
from appliance.policy.origins import network_of
from appliance.policy.routes import Destination, Routes
from appliance.store import Store
from appliance.store.lanes import LaneFacts, LaneKey, Stray

logger = logging.getLogger(__name__)

WRITTEN: Final = "routes"
"""Under this name the store keeps which rules the lanes of queued messages were made by."""


class Rerouting:
    """Moves queued messages between lanes, some at a time, while everything else goes on."""

    def __init__(self, store: Store, routes: Callable[[], Routes]) -> None:
        self._store, self._routes = store, routes

    async def run(self) -> int:
        """Bring all lanes up to date, if the rules have changed; return how many moved."""
        routes = self._routes()
        mark = sha256(routes.spelling.encode()).digest()
        if await self._store.marks.read(WRITTEN) == mark:
            return 0
        moved = 0
        for facts in await self._store.lanes.since(0):
            moved += await self._lane(facts, routes)
        await self._store.marks.write(WRITTEN, mark)
        if moved:
            logger.info("the routes have changed: %d queued messages go another way", moved)
        return moved

    async def _lane(self, facts: LaneFacts, routes: Routes) -> int:
        moved, last = 0, 0
        while strays := await self._store.lanes.strays(facts.id, last):
            last = strays[-1].message_id
            for stray in strays:
                name = routes.of(await self._destination(stray, routes)).name
                if name != facts.key.route:
                    key = LaneKey(stray.account_id, stray.category, stray.priority, name)
                    await self._store.lanes.move(stray.message_id, await self._store.lanes.of(key))
                    moved += 1
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
