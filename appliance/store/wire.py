"""What daemons on one PostgreSQL have with each other: bells, leases, and one daemon per name.

One connection of its own, served by a thread. It holds a lock on the daemon's name, renews the
daemon's lease, and hears for what bells of other daemons ring (LISTEN). While it is lost nothing
is claimed. It must reach the server itself: a pooler that shares sessions breaks all of that.
"""

import logging
import select
import socket
import threading
import time
from asyncio import get_running_loop
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, text

from appliance.errors import NameInUse, StoreError
from appliance.store.bell import TENURE, Bells
from appliance.store.engine import session_of
from appliance.store.tenure import Tenure
from appliance.store.writer import Transaction

if TYPE_CHECKING:
    import psycopg

logger = logging.getLogger(__name__)

CHANNEL: Final = "appliance"

NAMES: Final = 0x61_70_70_6E
"""The class of the advisory locks on daemons' names."""

NAME_WITHIN: Final = timedelta(seconds=2)
"""How long a name is waited for: the server may not have seen yet that its holder is gone."""

AGAIN: Final = timedelta(seconds=1)
"""How long to wait before a lost connection is made anew."""

TOPICS_AT_ONCE: Final = 200
"""Topics in one notification, whose payload must stay below 8000 octets."""

TWICE: Final = 2

_NOTIFY: Final = text("SELECT pg_notify(:channel, :payload)")

_RENEW: Final = """
UPDATE daemon SET lease_until = clock_timestamp() + make_interval(secs => %(length)s)
WHERE id = %(daemon)s AND (lease_until IS NOT NULL OR %(anew)s)
"""
_OTHERS: Final = "SELECT 1 FROM daemon WHERE id <> %s AND lease_until > clock_timestamp() LIMIT 1"


class Wire:
    """The connection to the other daemons; with SQLite there are none, and it does nothing."""

    def __init__(self, engine: Engine, name: str, tenure: Tenure) -> None:
        self.tenure, self.bells = tenure, Bells()
        self._engine, self._name, self._daemon = engine, name, 0
        self._loop = get_running_loop()
        self._driver: Any = engine.dialect.dbapi  # psycopg; not loaded where SQLite is used
        self._connection: psycopg.Connection[Any] | None = None
        self._others = False
        self._unheard = 0  # so often the others are still to be told to look at everything
        self._closing = threading.Event()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="store-wire", daemon=True)

    @property
    def others(self) -> bool:
        """Whether another daemon worked on the database when this was last looked at."""
        return self._others

    def open(self, daemon: int) -> None:
        """Connect, take the name and a lease for a daemon, and begin to listen. Blocks.

        Raises:
            NameInUse: another daemon of this name works on the database.
            StoreError: the database cannot be reached.

        """
        if self._engine.dialect.name == "sqlite":
            return
        self._daemon = daemon
        try:
            self._connect()
            self._renew(anew=True)
        except self._driver.Error as error:
            raise StoreError(f"the database cannot be used: {type(error).__name__}") from error
        self._thread.start()

    def announce(self, transaction: Transaction) -> None:
        """Ring the bells of a transaction at the other daemons too, once it is committed."""
        if not self._others:
            return
        for payload in payloads(self._daemon, transaction.topics):
            transaction.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})

    def close(self) -> None:
        """Give name and lease back; harmless twice. Blocks."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.send(b"\0")
        if self._thread.ident is not None:
            self._thread.join()
        if self._connection is not None:
            with suppress(self._driver.Error):
                self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._drop()
        self._wake.close()
        self._woken.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                if self._connection is None:
                    self._connect()
                    self._renew()
                    self._ring(None)  # what was rung meanwhile was not heard
                self._listen(self._connection)
            except (self._driver.Error, NameInUse, OSError) as error:
                self.tenure.lost()
                self._drop()
                logger.warning("nothing is sent while the database is away: %s", _brief(error))
                self._closing.wait(AGAIN.total_seconds())

    def _connect(self) -> None:
        url = self._engine.url
        _, options = self._engine.dialect.create_connect_args(url)
        connection: psycopg.Connection[Any] = self._driver.connect(
            "", autocommit=True, **options, **session_of(url)
        )
        self._connection = connection
        within = str(int(NAME_WITHIN / timedelta(milliseconds=1)))
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [within])
        try:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", [NAMES, self._daemon])
        except self._driver.errors.LockNotAvailable:
            raise NameInUse(self._name) from None
        # What comes with the answer to a statement is given to this.
        connection.add_notify_handler(lambda said: self._heard(said.payload))
        connection.execute(f"LISTEN {CHANNEL}")

    def _listen(self, connection: "psycopg.Connection[Any] | None") -> None:
        assert connection is not None
        every = self.tenure.lease.renew_every.total_seconds()
        due = time.monotonic() + every
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        ready.register(self._woken, select.POLLIN)
        while not self._closing.is_set():
            ready.poll(max(due - time.monotonic(), 0) * 1000)
            connection.pgconn.consume_input()
            while (said := connection.pgconn.notifies()) is not None:
                self._heard(said.extra.decode())
            if self._unheard == TWICE:
                self._look_again()
            if time.monotonic() >= due:
                self._renew()
                due = time.monotonic() + every
                if self._unheard:
                    self._look_again()

    def _heard(self, payload: str) -> None:
        daemon, topics = heard(payload)
        if daemon != self._daemon:
            self._see(others=True)
            self._ring(topics or None)

    def _see(self, *, others: bool) -> None:
        """Take note whether another daemon works on the database.

        What was committed before one was seen was not announced to it: it is told to look at
        everything, and once more after the transactions that were under way just now.
        """
        if others and not self._others:
            self._unheard = TWICE
        self._others = others

    def _look_again(self) -> None:
        """Ring every bell at the other daemons."""
        assert self._connection is not None
        self._unheard -= 1
        self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(self._daemon)])

    def _renew(self, *, anew: bool = False) -> None:
        assert self._connection is not None
        asked_at = self.tenure.moment()
        row = {
            "length": self.tenure.lease.length.total_seconds(),
            "daemon": self._daemon,
            "anew": anew,
        }
        if not self._connection.execute(_RENEW, row).rowcount:
            logger.warning("another daemon has taken over: this one begins anew")
            self.tenure.begin_anew()
            self._connection.execute(_RENEW, row | {"anew": True})
        held = self.tenure.holds
        self.tenure.renewed(asked_at)
        if not held:
            self._ring([TENURE])
        others = self._connection.execute(_OTHERS, [self._daemon]).fetchone()
        self._see(others=others is not None)
        if anew:
            hello = next(payloads(self._daemon, [TENURE]))
            self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, hello])

    def _ring(self, topics: Iterable[Hashable] | None) -> None:
        """Ring these bells, None: all, on the event loop's thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody sleeps any more
            self._loop.call_soon_threadsafe(
                self.bells.ring_all if topics is None else self.bells.ring,
                *(() if topics is None else (list(topics),)),
            )

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def payloads(daemon: int, topics: Iterable[Hashable]) -> Iterator[str]:
    """Give what tells other daemons for which topics bells ring: words, the daemon's id first.

    A topic is a word, or a word and a number or id: ``queue``, ``queue/7``. The id alone means
    all of them.
    """
    words = sorted({_word(topic) for topic in topics})
    for first in range(0, len(words), TOPICS_AT_ONCE):
        yield " ".join((str(daemon), *words[first : first + TOPICS_AT_ONCE]))


def heard(payload: str) -> tuple[int, list[Hashable]]:
    """Return the daemon and the topics of a payload."""
    daemon, *words = payload.split(" ")
    return int(daemon), [_topic(word) for word in words]


def _word(topic: Hashable) -> str:
    return "/".join(map(str, topic)) if isinstance(topic, tuple) else str(topic)


def _topic(word: str) -> Hashable:
    kind, slash, which = word.partition("/")
    if not slash:
        return kind
    return kind, int(which) if which.isdigit() else which


def _brief(error: Exception) -> str:
    """Return what happened without what was in it."""
    said = str(error).splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
