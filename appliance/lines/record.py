"""What a line has to say of its messages, on its way into the store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from appliance.errors import StoreClosed, StoreError
from appliance.store import Store
from appliance.store.values import AttemptEnd, Begin

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
        self._under_way: dict[asyncio.Task[None], int] = {}

    @property
    def unwritten(self) -> set[int]:
        """The messages of which the store does not know the latest yet: nobody may go on there."""
        return set(self._under_way.values())

    def end(self, end: AttemptEnd, then: Callable[[], None]) -> None:
        """Have an outcome written down; ``then`` is called when it is."""
        self._keep(end.begin, lambda: self._store.dispatch.end(end), then)

    def undo(self, begin: Begin, then: Callable[[], None]) -> None:
        """Have a beginning taken back of which the store did not say whether it is there."""
        self._keep(begin, lambda: self._store.dispatch.undo(begin), then)

    def _keep(
        self, begin: Begin, write: Callable[[], Awaitable[None]], then: Callable[[], None]
    ) -> None:
        message_id = begin.waiting.message_id
        task = asyncio.create_task(self._write(message_id, write))
        self._under_way[task] = message_id

        def written(_task: asyncio.Task[None]) -> None:
            del self._under_way[task]
            then()

        task.add_done_callback(written)

    async def written(self) -> None:
        """Wait until every outcome is written down."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _write(self, message_id: int, write: Callable[[], Awaitable[None]]) -> None:
        """Write, however often it takes."""
        while True:
            try:
                return await write()
            except StoreClosed:
                logger.warning("what became of message %d could not be written", message_id)
                return None
            except StoreError as error:
                logger.warning(
                    "what became of message %d is not written yet: %s", message_id, error
                )
                await asyncio.sleep(WRITE_AGAIN.total_seconds())
