"""Bells that wake sleepers. The tables are the truth; a bell only says: look again."""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import timedelta
from typing import Final

QUEUE: Final = "queue"  # something may be sent; ("queue", lane's id): a new message in it
SIMS: Final = "sims"  # a SIM may carry more than before, or other messages
GONE: Final = "gone"  # what of a message has not left yet never will
LANES: Final = "lanes"  # there is another lane
CHANGES: Final = "changes"  # the page shows something that is no longer so
ACCOUNTS: Final = "accounts"  # there is another account, or one less
REQUESTS: Final = "requests"  # (…, daemon's id): something is asked of it; (…, request's id): done
ANSWERED: Final = "answered"  # (…, daemon's id): it is to tell how far; else one has told
TENURE: Final = "tenure"  # this daemon may work again after it might not, or another one begins to
NOTICES: Final = "notices"  # an account is owed something; ("notices", account id) says which


class Bell:
    """One bell; whoever waits for it is woken by the next ring."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._news: set[Hashable] = set()

    def ring(self, topic: Hashable = None) -> None:
        """Wake whoever waits, or let the next one who waits go on at once: look again."""
        self._news.add(topic)
        self._rung.set()

    def nudge(self) -> None:
        """Wake whoever waits, who need not look at the tables for it."""
        self._rung.set()

    def heard(self) -> set[Hashable]:
        """Return for which topics it rang (not only nudged) since this was last asked."""
        news, self._news = self._news, set()
        return news

    async def wait(self, timeout: timedelta | None = None) -> bool:  # noqa: ASYNC109
        """Wait for a ring or nudge; False if none came within ``timeout`` (None: for ever)."""
        if not self._rung.is_set():
            try:
                async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                    await self._rung.wait()
            except TimeoutError:
                return False
        self._rung.clear()
        return True


class Bells:
    """The bells of a store, by topic. Each listener has one of its own."""

    def __init__(self) -> None:
        self._listeners: dict[Hashable, list[Bell]] = defaultdict(list)

    def listen(self, *topics: Hashable) -> Bell:
        """Return a new bell that rings whenever one of ``topics`` does."""
        bell = Bell()
        self.join(bell, *topics)
        return bell

    def join(self, bell: Bell, *topics: Hashable) -> None:
        """Let a bell ring for further topics."""
        for topic in topics:
            self._listeners[topic].append(bell)

    def forget(self, topic: Hashable, bell: Bell) -> None:
        """Take a bell down."""
        self._listeners[topic].remove(bell)
        if not self._listeners[topic]:
            del self._listeners[topic]

    def ring_all(self) -> None:
        """Ring every bell: much may have happened. Only on the event loop's thread."""
        self.ring(list(self._listeners))

    def ring(self, topics: Iterable[Hashable]) -> None:
        """Ring the bells of these topics. Only on the event loop's thread."""
        for topic in topics:
            for bell in self._listeners.get(topic, ()):
                bell.ring(topic)
