"""What every aggregate's file works with."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from appliance.errors import StoreClosed, StoreError
from appliance.policy.retries import MOST_TRIES
from appliance.store.bell import Bells
from appliance.store.engine import reading
from appliance.store.ids import Ids
from appliance.store.keys import Keys
from appliance.store.tenure import Tenure
from appliance.store.ways import Ways
from appliance.store.writer import Writer

R = TypeVar("R")


class Reader:
    """Reads have threads and connections of their own: a slow page delays no modem."""

    def __init__(self, engine: Engine, threads: int = 2) -> None:
        self._engine = reading(engine)
        self._closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="store-reader")

    async def run(self, work: Callable[[Connection], R]) -> R:
        """Run ``work`` in a transaction that sees one moment of the database.

        Raises:
            StoreClosed: the store is shut.
            StoreError: the database failed.

        """
        if self._closed:
            raise StoreClosed("a read")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    async def close(self) -> None:
        """Wait for the reads under way."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    def _read(self, work: Callable[[Connection], R]) -> R:
        try:
            with self._engine.connect() as connection, connection.begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise StoreError(f"a read failed: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class Base:
    """The hands of an aggregate: who writes, who reads, who rings, and how rows are named.

    ``most_tries``: after so many a part counts as failed. ``ways``: where routes lead.
    """

    writer: Writer
    reader: Reader
    bells: Bells
    ids: Ids
    keys: Keys
    daemon: int
    tenure: Tenure
    most_tries: int = MOST_TRIES
    ways: Ways = field(default_factory=Ways)
