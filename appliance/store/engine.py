"""The database's connections: how they are opened, and what a transaction is on each engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url

PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on the disk before it is answered
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8000",
    "PRAGMA wal_autocheckpoint = 1000",
)


CUT_OFF: Final = 20
"""Seconds after which a connection is given up whose other end is silent."""

SESSION: Final[dict[str, Any]] = {
    "connect_timeout": CUT_OFF // 2,
    "keepalives_idle": CUT_OFF // 2,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": CUT_OFF * 1000,
    # The same seen from the server: a daemon whose machine has gone holds neither locks nor name.
    "options": f"-c tcp_keepalives_idle={CUT_OFF // 2} -c tcp_keepalives_interval=5"
    f" -c tcp_keepalives_count=2 -c idle_in_transaction_session_timeout={CUT_OFF // 2}s",
}
"""How a connection to PostgreSQL is kept, unless its URL says otherwise."""

PREPARING: Final = 0x61_70_70_6C
"""The key of the lock that a daemon holds while it brings the tables up to date."""


def is_sqlite(url: str) -> bool:
    """Return whether a database URL names SQLite."""
    return make_url(url).get_backend_name() == "sqlite"


def open_engine(url: str, *, readers: int = 2) -> Engine:
    """Return the engine of a database: one writer and ``readers`` reading connections."""
    if is_sqlite(url):
        engine = create_engine(
            url,
            pool_size=readers + 1,
            max_overflow=2,
            json_serializer=_json,
            hide_parameters=True,  # they hold numbers and texts, which no log may
            connect_args={"check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # psycopg prepares a statement when it has seen it a few times; a dead connection is replaced.
    return create_engine(
        url,
        json_serializer=_json,
        pool_size=readers + 1,
        max_overflow=2,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args=session_of(make_url(url)),
    )


def _json(value: Any) -> str:
    """Return a value as JSON, in a seventh of the time that the standard library takes."""
    return to_json(value).decode()


def session_of(url: URL) -> dict[str, Any]:
    """Return how a connection to PostgreSQL is kept, without what its URL sets itself."""
    return {key: value for key, value in SESSION.items() if key not in url.query}


def writing(connection: Connection) -> Connection:
    """Mark a connection as the writer's: its transactions take SQLite's lock at their start."""
    return connection.execution_options(appliance_writes=True)


def reading(engine: Engine) -> Engine:
    """Return the engine for reads: what is read in one transaction is of one moment.

    SQLite's transactions are so anyway.
    """
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Let no other daemon prepare the same database meanwhile; SQLite's is locked as a file."""
    if engine.dialect.name == "sqlite":
        yield
        return
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": PREPARING})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": PREPARING})


def _prepare_sqlite(dbapi: Any, _record: Any) -> None:
    # The driver begins nothing by itself: with its defaults a RELEASE of a savepoint commits.
    dbapi.isolation_level = None
    for pragma in PRAGMAS:
        dbapi.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("appliance_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
