"""What a line has to say of its messages, on its way into the store."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from appliance.errors import StoreError
from appliance.store import Store
from appliance.store.values import AttemptEnd

logger = logging.getLogger(__name__)

WRITE_AGAIN: Final = timedelta(seconds=1)
"""How long to wait before an outcome is written again that the store did not take."""


class Record:
    """Outcomes on their way into the store. Nobody waits for them, and none is given up.

    The writer keeps the order: the beginning of a line's next part is committed after the
    outcome of this one, and before anything of that part is on the air.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._under_way: set[asyncio.Task[None]] = set()

    def end(self, end: AttemptEnd) -> None:
        """Have an outcome written down."""
        task = asyncio.create_task(self._write(end))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def written(self) -> None:
        """Wait until every outcome is written down."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _write(self, end: AttemptEnd) -> None:
        """Write, however often it takes."""
        while True:
            try:
                return await self._store.dispatch.end(end)
            except StoreError as error:
                logger.warning("attempt %d could not be written yet: %s", end.attempt_id, error)
                await asyncio.sleep(WRITE_AGAIN.total_seconds())
