"""The database, in one place: verbs of the domain, one transaction each.

Nothing else opens a session. Verbs that change something go through one writing thread with
group commit (``writer``) and are answered after the commit; reads have threads of their own.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sqlalchemy import BigInteger, Connection, Engine, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.models import Daemon, Setting, Sim
from appliance.policy.retries import MOST_TRIES
from appliance.store.accounts import Accounts
from appliance.store.answered import Answered
from appliance.store.aside import StoodAside
from appliance.store.balances import Balances
from appliance.store.base import Base, Reader
from appliance.store.calls import Calls
from appliance.store.charges import Charges
from appliance.store.chores import Chores
from appliance.store.dispatch import Dispatch
from appliance.store.engine import alone, is_sqlite, open_engine, writing
from appliance.store.enquiry import Enquiries
from appliance.store.hot import execute, hot
from appliance.store.ids import Ids, moment_of
from appliance.store.inbound import InboundMessages, Reading
from appliance.store.incidents import Incidents
from appliance.store.keys import Keys
from appliance.store.lanes import Lanes
from appliance.store.lines import Lines, Paused, paused_of
from appliance.store.lock import DirectoryLock
from appliance.store.marks import Marks
from appliance.store.messages import Messages
from appliance.store.migrate import migrate
from appliance.store.notices import Notices
from appliance.store.optout_list import OptOuts
from appliance.store.owing import Owing
from appliance.store.pausing import Pausing
from appliance.store.ported import PortedNumbers
from appliance.store.proofs import Proof, Proofs
from appliance.store.proofs import read as read_proofs
from appliance.store.prospects import Prospects
from appliance.store.replacement import Replacements
from appliance.store.reports import Reports
from appliance.store.requests import Requests
from appliance.store.sessions import Sessions
from appliance.store.tables import table_of
from appliance.store.tenure import DEFAULT, Lease, Tenure
from appliance.store.times import Times
from appliance.store.usage import Usage
from appliance.store.views import Views
from appliance.store.whose import Whose
from appliance.store.wire import Wire
from appliance.store.withdrawal import Withdrawals
from appliance.store.writer import Writer, brief


@dataclass(frozen=True, slots=True)
class _Identity:
    daemon: int
    secret: bytes
    last_id: int
    subscribers: dict[int, str]
    paused: dict[int, Paused]
    proofs: list[Proof]


class Store:
    """Everything that is remembered, by aggregate."""

    def __init__(
        self,
        engine: Engine,
        lock: DirectoryLock,
        base: Base,
        reading: Reading,
        identity: "_Identity",
        *,
        wire: Wire,
    ) -> None:
        self._engine, self._lock, self._base, self._wire = engine, lock, base, wire
        self.bells, self.tenure, self.ways = base.bells, base.tenure, base.ways
        self.accounts = Accounts(base)
        self.messages = Messages(base)
        self.withdrawal = Withdrawals(base)
        self.replacement = Replacements(base)
        self.enquiry = Enquiries(base)
        self.dispatch = Dispatch(base)
        self.reports = Reports(base)
        self.whose = Whose()
        self.inbound = InboundMessages(base, reading, self.whose)
        self.opt_outs = OptOuts(base)
        self.calls = Calls(base, self.whose)
        self.balances = Balances(base)
        self.notices, self.owing = Notices(base), Owing(base)
        self.lanes, self.aside = Lanes(base), StoodAside(base)
        self.marks, self.ported = Marks(base), PortedNumbers(base)
        self.lines = Lines(base, identity.subscribers, identity.paused)
        self.proofs = Proofs(base, identity.proofs)
        self.requests, self.pausing = Requests(base), Pausing(base, self.accounts)
        shared = self.shared
        self.charges = Charges(base, shared=shared)
        self.sessions, self.answered = Sessions(base, shared=shared), Answered(base, shared=shared)
        self.incidents, self.chores = Incidents(base), Chores(base)
        self.views = Views(base)
        self.usage = Usage(base)
        self.prospects = Prospects(base)
        self.times = Times(base)
        self.newest = moment_of(identity.last_id)
        """When the newest row was written, as far as ids tell; 2024-01-01 if there is none."""

    @classmethod
    async def open(
        cls,
        url: str,
        directory: Path,
        *,
        daemon: str,
        clock: Clock,
        reading: Reading,
        most_tries: int = MOST_TRIES,
        lease: Lease = DEFAULT,
    ) -> Self:
        """Open a database, bring its tables up to date, and make this daemon known in it.

        Args:
            url: a SQLAlchemy URL; with SQLite ``directory`` is locked for this process.
            directory: where the lock and, with SQLite, the file and its backups are.
            daemon: this daemon's name, the same at every start.
            clock: makes the ids grow.
            reading: how inbound texts are decoded and understood.
            most_tries: after how many a part that was refused counts as failed.
            lease: how long this daemon works without word from a database that it shares.

        Raises:
            StoreLocked: another daemon uses this directory.
            NameInUse: another daemon of this name works on the database.
            StoreError: the database cannot be reached, or is damaged.

        """
        lock = DirectoryLock(directory)
        if is_sqlite(url):
            lock.take()
        engine = open_engine(url)
        wire = Wire(engine, daemon, Tenure(clock, lease, shared=not is_sqlite(url)))
        try:
            identity = await _prepared(engine, daemon, clock, wire)
        except BaseException:
            lock.free()
            raise
        base = _base(engine, identity, clock, wire, most_tries=most_tries)
        return cls(engine, lock, base, reading, identity, wire=wire)

    @property
    def shared(self) -> bool:
        """Whether other daemons may work on the same database."""
        return self._engine.dialect.name != "sqlite"

    @property
    def accompanied(self) -> bool:
        """Whether other daemons work on it now."""
        return self._wire.others

    @property
    def beat(self) -> int:
        """How many transactions have been ended: a sign of life of the writing thread."""
        return self._base.writer.beat

    @property
    def pending(self) -> int:
        """How many verbs wait for their transaction."""
        return self._base.writer.waiting

    async def close(self) -> None:
        """Write what was asked for so far, then shut the database."""
        if self.shared:
            with suppress(StoreError):
                await self.chores.leave()
        await self._base.writer.close()
        await asyncio.to_thread(self._wire.close)
        await self._base.reader.close()
        await asyncio.to_thread(self._engine.dispose)
        self._lock.free()


def _base(
    engine: Engine, identity: _Identity, clock: Clock, wire: Wire, *, most_tries: int
) -> Base:
    return Base(
        writer=Writer(engine, wire.bells, wire.announce),
        reader=Reader(engine),
        bells=wire.bells,
        ids=Ids(clock, node=identity.daemon, last=identity.last_id),
        keys=Keys(identity.secret),
        daemon=identity.daemon,
        tenure=wire.tenure,
        most_tries=most_tries,
    )


async def _prepared(engine: Engine, daemon: str, clock: Clock, wire: Wire) -> _Identity:
    try:
        return await asyncio.to_thread(_prepare, engine, daemon, clock, wire)
    except BaseException as error:
        wire.close()
        engine.dispose()
        if isinstance(error, SQLAlchemyError):
            raise StoreError(f"the database cannot be used: {brief(error)}") from error
        raise


def _prepare(engine: Engine, daemon: str, clock: Clock, wire: Wire) -> _Identity:
    with alone(engine):
        migrate(engine, clock.now())
        identity = _identify(engine, daemon, clock)
    wire.open(identity.daemon)
    return identity


def _identify(engine: Engine, daemon: str, clock: Clock) -> _Identity:
    with engine.connect() as plain:
        connection = writing(plain)
        with connection.begin():
            return _Identity(
                daemon=_register(connection, daemon, clock),
                secret=_secret(connection),
                last_id=_last_id(connection),
                subscribers=_subscribers(connection),
                paused=_paused(connection),
                proofs=read_proofs(connection),
            )


def _register(connection: Connection, name: str, clock: Clock) -> int:
    table = table_of(Daemon)
    known: int | None = connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
    now = clock.now()
    if known is not None:
        connection.execute(update(table).where(table.c.id == known).values(started_at=now))
        return known
    made = insert(table).values(name=name, started_at=now).returning(table.c.id)
    new: int = connection.execute(made).scalar_one()
    return new


def _secret(connection: Connection) -> bytes:
    table = table_of(Setting)
    known: bytes | None = connection.execute(
        select(table.c.value).where(table.c.name == "keys")
    ).scalar()
    if known is None:
        known = Keys.new_secret()
        connection.execute(insert(table).values(name="keys", value=known))
    return known


# A part's id follows its message's; the history row that comes with it is younger.
_NEWEST: Final = tuple(
    hot(select(func.max(table.c.id)))
    for table in SQLModel.metadata.sorted_tables
    if "id" in table.c and isinstance(table.c.id.type, BigInteger) and table.name != "part"
)


def _last_id(connection: Connection) -> int:
    return max(execute(connection, newest).scalar() or 0 for newest in _NEWEST)


def _subscribers(connection: Connection) -> dict[int, str]:
    sim = table_of(Sim)
    found = connection.execute(select(sim.c.id, sim.c.imsi).where(sim.c.imsi.is_not(None)))
    return {row.id: row.imsi for row in found}


def _paused(connection: Connection) -> dict[int, Paused]:
    found = connection.execute(select(table_of(Sim)))
    return {row.id: paused for row in found if (paused := paused_of(row)) is not None}
