"""Who is bound at the other daemons, and what the accounts that are bound are owed.

Each daemon tells in one row who is bound at it, and only while there are others to read it. What
stands in the row of a daemon that does not live is not shown.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, delete, func, insert, select, text

from appliance.models import Daemon, DaemonSessions, Notice
from appliance.sessions import Owed, SessionView
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

daemon, told, notice = table_of(Daemon), table_of(DaemonSessions), table_of(Notice)

SESSIONS: Final = TypeAdapter(list[SessionView])

_OTHERS: Final = (
    select(told.c.sessions)
    .join(daemon, daemon.c.id == told.c.daemon)
    .where(told.c.daemon != bindparam("worker"), daemon.c.lease_until > func.clock_timestamp())
    .order_by(told.c.daemon)
)
_FORGET: Final = delete(told).where(told.c.daemon == bindparam("worker"))

_WHOSE: Final = notice.c.account_id.in_(bindparam("whose", expanding=True))

# The conditions are written out, so that the partial indexes fit.
_QUEUED: Final = (
    select(notice.c.account_id, func.count())
    .where(text("notice.done_at IS NULL AND notice.parked_at IS NULL"), _WHOSE)
    .group_by(notice.c.account_id)
)
_PARKED: Final = (
    select(notice.c.account_id, func.count())
    .where(text("notice.parked_at IS NOT NULL"), _WHOSE)
    .group_by(notice.c.account_id)
)


class Sessions:
    """Who is bound elsewhere."""

    def __init__(self, base: Base, *, shared: bool) -> None:
        self._base, self._shared = base, shared
        self._tell: Verb[tuple[Sequence[SessionView], datetime], None] = Verb(
            "tell sessions", self._tell_many
        )

    async def tell(self, here: Sequence[SessionView], at: datetime) -> None:
        """Let the other daemons know who is bound at this one."""
        await self._base.writer.run(self._tell, (here, at))

    async def others(self) -> list[SessionView]:
        """Return who is bound at the other daemons that live, as they have last told."""
        if not self._shared:
            return []
        worker = {"worker": self._base.daemon}
        rows = await self._base.reader.run(
            lambda connection: list(connection.execute(_OTHERS, worker).scalars())
        )
        return [view for row in rows for view in _read(row)]

    async def owed(self, accounts: Collection[int]) -> Mapping[int, Owed]:
        """Return what these accounts are owed."""
        whose = {"whose": list(accounts)}

        def read(connection: Connection) -> Mapping[int, Owed]:
            queued = {row[0]: row[1] for row in connection.execute(_QUEUED, whose)}
            parked = {row[0]: row[1] for row in connection.execute(_PARKED, whose)}
            return {
                each: Owed(queued=queued.get(each, 0), parked=parked.get(each, 0))
                for each in accounts
            }

        return await self._base.reader.run(read) if accounts else {}

    def _tell_many(
        self, transaction: Transaction, items: Sequence[tuple[Sequence[SessionView], datetime]]
    ) -> list[None]:
        here, at = items[-1]
        transaction.execute(_FORGET, {"worker": self._base.daemon})
        row = {
            "daemon": self._base.daemon,
            "sessions": SESSIONS.dump_python(list(here), mode="json"),
            "told_at": at,
        }
        transaction.execute(insert(told), row)
        transaction.topics.add(CHANGES)
        return [None] * len(items)


def _read(row: Any) -> list[SessionView]:
    try:
        return SESSIONS.validate_python(row)
    except ValidationError:  # of a daemon that is older or newer than this one
        return []
