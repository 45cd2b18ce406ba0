"""A real store on each engine, and the few facts its tests are told with."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlmodel import SQLModel

from appliance.clock import ManualClock
from appliance.inbox import reading
from appliance.models import Account
from appliance.store import Store
from appliance.store.accounts import NewAccount
from appliance.store.engine import open_engine
from appliance.store.inbound import Reading
from appliance.store.lines import SeenSim
from appliance.store.migrate import migrate
from appliance.store.values import NewMessage
from appliance.submission import Accepted
from tests.postgres import Cluster

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

ALICE = "+4915123456789"

SHIPPED = reading({})

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate(engine, START)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "appliance.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_cluster: Cluster) -> Iterator[str]:
    with postgres_cluster.database() as url:
        _migrate(url)
        yield url


def _wiping() -> str:
    """Return what empties all tables and lets their ids begin at 1 again."""
    tables = list(reversed(SQLModel.metadata.sorted_tables))
    deletes = [f"DELETE FROM {table.name}" for table in tables]
    restarts = [
        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)"
        for table in tables
        if "id" in table.c
    ]
    return "; ".join(deletes + restarts)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give each engine with empty tables, made once: migrating is tested by itself."""
    if request.param == "postgresql":
        url = request.getfixturevalue("migrated_postgres")
        yield url
        # Cheaper than another database.
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(_wiping())
    else:
        file = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "appliance.db")
        yield f"sqlite:///{file}"


@pytest.fixture
async def open_store(url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[OpenStore]:
    stores = []

    async def open_one(
        daemon: str = "box", directory: Path | None = None, how: Reading = SHIPPED
    ) -> Store:
        store = await Store.open(
            url, directory or tmp_path, daemon=daemon, clock=clock, reading=how
        )
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


@pytest.fixture
async def account(store: Store, clock: ManualClock) -> Account:
    # Without credentials: they cost time, and are tested by themselves.
    new = NewAccount(name="shop", webhook_url="http://127.0.0.1:1/", local=True, is_default=True)
    issued = await store.accounts.add(new, clock.now())
    found = await store.accounts.by_id(issued.account_id)
    assert found is not None
    return found


@pytest.fixture
async def sim(store: Store, clock: ManualClock) -> int:
    return await store.lines.saw(
        SeenSim(
            iccid="89490200001234567890",
            imsi="262021234567890",
            number="+4915100000001",
            simulated=False,
            at=clock.now(),
        )
    )


class World:
    """Shorthand for what a test does to a store."""

    def __init__(self, store: Store, account: Account, sim: int, clock: ManualClock) -> None:
        self.store, self.account, self.sim, self.clock = store, account, sim, clock

    def new(self, **given: object) -> NewMessage:
        now = self.clock.now()
        fields: dict[str, object] = {
            "account_id": self.account.id,
            "door": "rest",
            "category": "transactional",
            "priority": 1,
            "reference": None,
            "idempotency_key": None,
            "request_hash": b"request",
            "recipient": ALICE,
            "suffix": "23456789",
            "text": "Hello",
            "data": None,
            "udh": None,
            "flash": False,
            "encoding": "gsm7",
            "parts": 1,
            "not_before": now,
            "expires_at": now + timedelta(days=3),
            "receipts": None,
            "when_uncertain": "hold",
            "smpp": None,
            "at": now,
        }
        return NewMessage(**(fields | given))  # type: ignore[arg-type]

    async def accept(self, **given: object) -> Accepted:
        return await self.store.messages.accept(self.new(**given))


@pytest.fixture
async def world(store: Store, account: Account, sim: int, clock: ManualClock) -> World:
    return World(store, account, sim, clock)
