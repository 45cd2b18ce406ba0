"""What a SIM has sent, as its limits ask for it after a restart."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Connection, Executable, Float, bindparam, cast, func, select

from appliance.models import Attempt, Outcome
from appliance.policy.limits import Memory
from appliance.policy.limits.kinds import MICROS
from appliance.policy.limits.past import KEY_BYTES
from appliance.store.base import Base
from appliance.store.tables import table_of

T = TypeVar("T")

attempt = table_of(Attempt)

# No Ctrl-Z was written for what was released: it was given back.
_OURS: Final = (attempt.c.sim_id == bindparam("card"), attempt.c.outcome != Outcome.RELEASED)

_SINCE: Final = (*_OURS, attempt.c.started_at >= bindparam("since"))

_WITHIN: Final = (*_SINCE, attempt.c.started_at < bindparam("until"))

_MOMENTS: Final = select(attempt.c.started_at).where(*_SINCE).order_by(attempt.c.started_at)

_FIRST: Final = select(attempt.c.started_at).where(*_OURS).order_by(attempt.c.started_at).limit(1)

_PRICE: Final = func.coalesce(attempt.c.price, bindparam("price", type_=Float()))

_COUNT: Final = select(func.count())

# Rounded one by one, as the meters do, so that the sum is theirs.
_COST: Final = select(func.sum(cast(func.round(_PRICE * MICROS), BigInteger)))

_RECIPIENTS: Final = select(attempt.c.recipient_key, func.count()).group_by(attempt.c.recipient_key)


class Usage:
    """Reads back what limits count."""

    def __init__(self, base: Base) -> None:
        self._base = base

    async def read(self, sim_id: int, work: Callable[[Memory], T]) -> T:
        """Return what ``work`` makes of what is remembered of a SIM.

        It runs in a reading thread, and all that it asks for is of one moment.
        """
        return await self._base.reader.run(lambda connection: work(_Memory(connection, sim_id)))


class _Memory:
    """A SIM's attempts. Each bucket is read by itself: its rows lie side by side in the index."""

    def __init__(self, connection: Connection, sim_id: int) -> None:
        self._connection, self._sim_id = connection, sim_id

    def moments(self, since: datetime) -> Sequence[datetime]:
        return list(self._run(_MOMENTS, since=since).scalars())

    def counts(self, edges: Sequence[datetime]) -> Sequence[int]:
        return [rows.scalar() or 0 for rows in self._buckets(_COUNT, edges)]

    def costs(self, edges: Sequence[datetime], price: float) -> Sequence[int]:
        return [int(rows.scalar() or 0) for rows in self._buckets(_COST, edges, price=price)]

    def recipients(self, edges: Sequence[datetime]) -> Sequence[dict[bytes, int]]:
        return [
            {key[:KEY_BYTES]: count for key, count in rows}
            for rows in self._buckets(_RECIPIENTS, edges)
        ]

    def first(self) -> datetime | None:
        found: datetime | None = self._run(_FIRST).scalar()
        return found

    def _buckets(self, asked: Any, edges: Sequence[datetime], **given: Any) -> Iterator[Any]:
        for since, until in zip_longest(edges, edges[1:]):
            if until is None:
                yield self._run(asked.where(*_SINCE), since=since, **given)
            else:
                yield self._run(asked.where(*_WITHIN), since=since, until=until, **given)

    def _run(self, asked: Executable, **given: Any) -> Any:
        return self._connection.execute(asked, {"card": self._sim_id, **given})
