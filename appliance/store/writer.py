"""Group commit: one thread writes; verbs that arrive while it syncs share the next transaction.

On an SD card a sync costs tens of milliseconds, whatever was written. So the thread takes all
verbs that wait, hands like ones together to one function (which makes few statements of many
rows), commits once, and answers all of them. A verb is answered after the commit, never before.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Engine, Executable
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from appliance.errors import ApplianceError, StoreClosed, StoreError
from appliance.store.bell import Bells
from appliance.store.engine import writing
from appliance.store.hot import Parameters, execute

logger = logging.getLogger(__name__)

A = TypeVar("A")
R = TypeVar("R")

LARGEST_BATCH: Final = 256
"""Verbs in one transaction: keeps it within some ten milliseconds."""

RETRIES: Final = 5
"""How often a transaction that lost a race (40001, 40P01) is run again as a whole."""

LOST_RACE: Final = {"40001", "40P01"}

LINGER: Final = 0.003
"""Seconds for which a patient verb waits for another one, to share its commit."""


@dataclass(slots=True)
class Transaction:
    """What a verb works with: the connection, and the bells to ring once it is committed."""

    connection: Connection
    topics: set[Hashable] = field(default_factory=set)

    def execute(
        self,
        statement: Executable,
        parameters: Parameters | Sequence[Parameters] = MappingProxyType({}),
    ) -> Any:
        """Execute a statement, the short way if it is marked as hot."""
        return execute(self.connection, statement, parameters)

    @property
    def sqlite(self) -> bool:
        """Whether the database is SQLite, which has one writer and needs no locks of ours."""
        return self.connection.dialect.name == "sqlite"


@dataclass(frozen=True, slots=True)
class Verb(Generic[A, R]):
    """A verb of the domain over many like items.

    ``run`` returns one result per item, in order. A result that is an exception fails its
    own item only; one that is raised rolls the transaction back, and its members are then
    run one by one. If the commit itself fails, all members fail: it may have come through,
    so that nothing is run a second time. ``urgent`` ones (claims, outcomes) go first: modems
    wait for them. Nobody waits for ``patient`` ones: they go with whatever comes next.
    """

    name: str
    run: Callable[[Transaction, Sequence[A]], Sequence[R | ApplianceError]]
    urgent: bool = False
    patient: bool = False


@dataclass(slots=True)
class _Job:
    verb: Verb[Any, Any]
    item: Any
    answer: "asyncio.Future[Any]"
    result: Any = None


class Writer:
    """The thread that writes. Everything that changes the database goes through it."""

    def __init__(
        self,
        engine: Engine,
        bells: Bells,
        announce: Callable[[Transaction], None] | None = None,
    ) -> None:
        """``announce`` tells other processes what rings, at the end of each transaction."""
        self._engine, self._announce = engine, announce
        self._bells = bells
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lingering: list[_Job] = []
        self._hurry: asyncio.TimerHandle | None = None
        self._soon = False
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._beat = 0
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def beat(self) -> int:
        """How many transactions have been ended; the watchdog compares it with jobs waiting."""
        return self._beat

    @property
    def waiting(self) -> int:
        """How many verbs wait for their transaction."""
        return self._jobs.qsize() + len(self._lingering)

    async def run(self, verb: Verb[A, R], item: A) -> R:
        """Run one item of a verb; return its result after the commit.

        Raises:
            StoreClosed: the store is shut.
            StoreError: the database failed; nothing of it was stored, unless it failed while
                it was committing: then nobody can tell.

        """
        if self._closed:
            raise StoreClosed(verb.name)
        answer: asyncio.Future[R] = self._loop.create_future()
        self._lingering.append(_Job(verb, item, answer))
        if verb.patient:
            self._hurry = self._hurry or self._loop.call_later(LINGER, self._hand_over)
        elif verb.urgent:
            self._hand_over()
        else:
            self._hand_over_soon()
        return await answer  # a caller that gives up does not stop the verb: nobody is answered

    async def close(self) -> None:
        """Write what was asked for so far, then end the thread."""
        self._closed = True
        self._hand_over()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over_soon(self) -> None:
        """Give the thread what comes in this round of the event loop, all of it at once.

        Woken by the first, it would take Python's lock from the loop that makes the others.
        """
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give the thread what lingers, in the order in which it came."""
        self._soon = False
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None
        for job in self._lingering:
            self._jobs.put(job)
        self._lingering.clear()

    def _work(self) -> None:
        connection: Connection | None = None
        while (first := self._jobs.get()) is not None:
            batch, last = self._gather(first)
            try:
                connection = connection or writing(self._engine.connect())
            except SQLAlchemyError as error:
                self._refuse(batch, error)
            else:
                self._commit(connection, batch)
            if last:
                break
        if connection is not None:
            connection.close()

    def _refuse(self, batch: list[_Job], error: SQLAlchemyError) -> None:
        """Answer verbs for which there is no database."""
        logger.error("%d verbs failed: %s", len(batch), brief(error))
        for job in batch:
            job.result = StoreError(f"{job.verb.name}: {brief(error)}")
        self._done(batch, set())

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < LARGEST_BATCH:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return batch, False
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, connection: Connection, batch: list[_Job]) -> None:
        ordered = sorted(batch, key=lambda job: not job.verb.urgent)
        transaction = Transaction(connection)
        try:
            self._together(transaction, ordered)
        except _CommitFailed as error:
            logger.error("a transaction of %d verbs failed: %s", len(batch), error)  # noqa: TRY400
            for job in ordered:
                job.result = StoreError(f"{job.verb.name}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever a verb raises, its neighbours go on
            logger.info("a transaction of %d verbs is run singly: %s", len(batch), brief(error))
            self._singly(transaction, ordered)
        self._done(ordered, transaction.topics)

    def _done(self, jobs: list[_Job], topics: set[Hashable]) -> None:
        self._beat += 1
        self._loop.call_soon_threadsafe(self._answer, jobs, topics)

    def _together(self, transaction: Transaction, jobs: list[_Job]) -> None:
        for left in range(RETRIES, -1, -1):
            try:
                _transact(transaction, jobs, self._announce)
            except DBAPIError as error:
                if not (left and _lost_race(error)):
                    raise
            else:
                return

    def _singly(self, transaction: Transaction, jobs: list[_Job]) -> None:
        for job in jobs:
            try:
                self._together(transaction, [job])
            except ApplianceError as error:
                job.result = error
            except SQLAlchemyError as error:
                logger.error("%s failed: %s", job.verb.name, brief(error))  # noqa: TRY400 - texts
                job.result = StoreError(f"{job.verb.name}: {brief(error)}")
            except Exception as error:
                logger.exception("%s failed", job.verb.name)
                job.result = StoreError(f"{job.verb.name}: {type(error).__name__}")

    def _answer(self, jobs: list[_Job], topics: set[Hashable]) -> None:
        for job in jobs:
            if job.answer.cancelled():
                continue
            if isinstance(job.result, BaseException):
                job.answer.set_exception(job.result)
                job.answer.exception()  # a caller that gave up is not to be complained about
            else:
                job.answer.set_result(job.result)
        self._bells.ring(topics)


class _CommitFailed(StoreError):
    """The commit failed: perhaps after the database had done it, as when a connection breaks."""


def _transact(
    transaction: Transaction, jobs: list[_Job], announce: Callable[[Transaction], None] | None
) -> None:
    committing = False
    try:
        with transaction.connection.begin():
            for like in _runs(jobs):
                results = like[0].verb.run(transaction, [job.item for job in like])
                for job, result in zip(like, results, strict=True):
                    job.result = result
            if announce is not None:
                announce(transaction)
            committing = True
    except DBAPIError as error:
        if not committing or _lost_race(error):
            raise
        raise _CommitFailed(f"the commit failed: {brief(error)}") from error


def _runs(jobs: list[_Job]) -> list[list[_Job]]:
    """Put neighbours of the same verb together, keeping the order."""
    runs: list[list[_Job]] = []
    for job in jobs:
        if runs and runs[-1][0].verb is job.verb:
            runs[-1].append(job)
        else:
            runs.append([job])
    return runs


def _lost_race(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in LOST_RACE


def brief(error: Exception) -> str:
    """Return what happened without the statement's values, which hold numbers and texts."""
    if isinstance(error, DBAPIError):
        return f"{type(error.orig).__name__}: {error.orig}".splitlines()[0]
    return f"{type(error).__name__}"
