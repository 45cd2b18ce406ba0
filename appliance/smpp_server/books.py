"""What the SMPP door writes down of notices on their way, and reads of other daemons' answers."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from appliance.errors import StoreClosed, StoreError
from appliance.notice import MessageNews, Notice
from appliance.outbox import Outbox
from appliance.store import Store
from appliance.store.bell import ANSWERED

logger: Final = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(seconds=1)
"""How often it is asked again where no answer came: its daemon may have lost its lease."""


class StoredBooks:
    """The books as the store keeps them."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store, self._outbox = store, outbox

    async def part_taken(self, notice: Notice, parts: int, form: str) -> None:
        """Write down that the first parts of a notice are taken.

        Raises:
            StoreClosed: it could not be written any more.

        """
        await self._outbox.part_taken(notice, parts, form)

    async def answered(self, notice: Notice) -> None:
        """Wait until no other daemon owes the answer to the submit that a receipt tells of.

        Raises:
            StoreClosed: nobody can tell any more.

        """
        if not isinstance(notice.news, MessageNews):
            return
        bell = self._store.bells.listen(ANSWERED)
        try:
            while not await self._is_answered(notice.news.message_id):
                await bell.wait(LOOK_AGAIN)
        finally:
            self._store.bells.forget(ANSWERED, bell)

    async def _is_answered(self, message_id: str) -> bool:
        answered = self._store.answered
        try:
            unsure = await answered.by(message_id)
            if unsure is not None:
                await answered.ask(unsure)
        except StoreClosed:
            raise
        except StoreError as error:
            logger.warning("whether a submit is answered could not be seen: %s", error)
            return False
        return unsure is None

    async def tell(self, settled: Callable[[], Awaitable[None]]) -> None:
        """Tell other daemons who ask how far all is answered here, until cancelled.

        ``settled`` waits until what is under way now is answered.
        """
        bell = self._store.bells.listen((ANSWERED, self._store.requests.daemon))
        while True:
            await bell.wait()
            try:
                upto = self._store.answered.now()
                await settled()
                await self._store.answered.tell(upto)
            except StoreClosed:
                return
            except StoreError as error:
                logger.warning("what is answered could not be told: %s", error)
