"""A real store on SQLite, for tests of the rooms around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from appliance.clock import Clock
from appliance.inbox import reading
from appliance.models import Account
from appliance.policy.consent import KeywordRules
from appliance.store import Store
from appliance.store.accounts import NewAccount
from appliance.store.engine import open_engine
from appliance.store.lines import SeenSim
from appliance.store.migrate import migrate

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@cache
def _tables() -> bytes:
    """Make the tables once; every test gets a copy of the file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "appliance.db"
        engine = open_engine(f"sqlite:///{file}")
        migrate(engine, START)
        engine.dispose()
        return file.read_bytes()


def sqlite_url(folder: Path) -> str:
    """Return the URL of the database in ``folder``, made at the first call."""
    file = folder / "appliance.db"
    if not file.exists():
        file.write_bytes(_tables())
    return f"sqlite:///{file}"


@asynccontextmanager
async def opened(
    folder: Path, clock: Clock, keywords: KeywordRules | None = None
) -> AsyncIterator[Store]:
    """Open the store in ``folder``, which obeys as ``keywords`` say; it is closed at the end."""
    how = reading({}, keywords) if keywords else reading({})
    store = await Store.open(sqlite_url(folder), folder, daemon="box", clock=clock, reading=how)
    try:
        yield store
    finally:
        await store.close()


async def add_account(store: Store, clock: Clock, name: str = "shop", **given: object) -> Account:
    """Add an account that is told by webhook, unless ``given`` says otherwise."""
    first = not await store.accounts.all()
    # Without credentials, unless asked for: they cost time.
    wanted = {"webhook_url": "http://127.0.0.1:1/", "local": True, "is_default": first} | given
    issued = await store.accounts.add(NewAccount(name=name, **wanted), clock.now())
    found = await store.accounts.by_id(issued.account_id)
    assert found is not None
    return found


async def add_sim(store: Store, clock: Clock, iccid: str = "89490200001234567890") -> int:
    """Add a SIM that the pool has seen."""
    return await store.lines.saw(
        SeenSim(iccid=iccid, imsi=None, number="+4915100000001", simulated=False, at=clock.now())
    )
