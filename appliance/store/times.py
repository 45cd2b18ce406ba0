"""Times that were written by a clock that was not set yet, put right once it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Table, bindparam, or_, select, text, update

from appliance.models import Inbound, Message, Notice
from appliance.store.base import Base
from appliance.store.bell import QUEUE
from appliance.store.optouts import NOW
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

message = table_of(Message)

CHUNK: Final = 500
"""Rows put right in one transaction."""

SHORT: Final = timedelta(minutes=1)
"""What waits by itself waits no longer than this, or long enough to stand."""

OPEN: Final = (
    # What counts from these times: expiry, a missing report, the policy for uncertain ones; when
    # a message was due, from which a route's next group and stickiness count ...
    (
        message,
        ("expires_at", "changed_at", "not_before", "waits_since"),
        "message.state IN ('queued', 'sending', 'sent', 'uncertain')",
    ),
    # ... how long parts of an inbound message are waited for ...
    (table_of(Inbound), ("received_at",), "inbound.state = 'waiting'"),
    # ... and how long a notice is kept for an account that does not take it.
    (table_of(Notice), ("created_at",), "notice.done_at IS NULL AND notice.parked_at IS NULL"),
)
"""Tables with times that decide something later, the columns, and the rows of which they do."""

BESIDES: Final[Mapping[Table, tuple[str, ...]]] = {message: ("accepted_at", "cause")}
"""What must be known of a row besides, to tell whether a time moves."""


def waits_by_itself(row: Any) -> timedelta | None:
    """Return how long a message waits from when that was written, by its own doing.

    None: until a time that was asked for, or that stands whatever the clock said.
    """
    wait: timedelta = row.not_before - max(row.accepted_at, row.changed_at)
    return max(wait, timedelta()) if wait <= (SHORT if row.cause else timedelta()) else None


MOVES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "not_before": lambda row: waits_by_itself(row) is not None,
    "waits_since": lambda row: row.waits_since is not None,
}
"""When a time moves with the clock; those that are not named always do."""


_QUEUED: Final = text("message.state = 'queued'")

_FROM_AHEAD: Final = (
    select(message.c.id, message.c.not_before, message.c.cause)
    .add_columns(message.c.accepted_at, message.c.changed_at)
    .where(
        _QUEUED,
        message.c.daemon.is_(None),
        message.c.not_before > bindparam(NOW),
        or_(message.c.changed_at > bindparam(NOW), message.c.accepted_at > bindparam(NOW)),
        message.c.id > bindparam("last"),
    )
    .order_by(message.c.id)
    .limit(CHUNK)
)
_DUE_AT: Final = (
    update(message)
    .where(message.c.id == bindparam("row"), _QUEUED, message.c.daemon.is_(None))
    .values(not_before=bindparam("due"), waits_since=None)
)


@dataclass(frozen=True, slots=True)
class _Pass:
    table: Table
    columns: tuple[str, ...]
    condition: str
    first: int
    last: int
    step: timedelta


class Times:
    """The times of what is open."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._put_right: Verb[_Pass, int | None] = Verb("put times right", _put_right_many)

    def mark(self) -> int:
        """Return an id: later rows have greater ones."""
        return self._base.ids.take()

    async def put_right(self, since: int, until: int, step: timedelta) -> None:
        """Move what was written between two marks by ``step``, as far as it decides something."""
        for table, columns, condition in OPEN:
            first: int | None = since
            while first is not None:
                part = _Pass(table, columns, condition, first, until, step)
                first = await self._base.writer.run(self._put_right, part)


def set_back_many(
    transaction: Transaction, items: Sequence[tuple[datetime, int]]
) -> list[tuple[int, int | None]]:
    """Let leave what waits by itself for a clock that was ahead, given (now, last id seen).

    Return of each how many do, and the id to go on from; None: that was all.
    """
    results = []
    for now, last in items:
        rows = transaction.execute(_FROM_AHEAD, {NOW: now, "last": last}).all()
        waits = [(row.id, waits_by_itself(row)) for row in rows]
        moved = [{"row": row, "due": now + wait} for row, wait in waits if wait is not None]
        if moved:
            transaction.execute(_DUE_AT, moved)
            transaction.topics.add(QUEUE)
        results.append((len(moved), rows[-1].id if len(rows) == CHUNK else None))
    return results


def _put_right_many(transaction: Transaction, items: Sequence[_Pass]) -> list[int | None]:
    return [_put_right(transaction, item) for item in items]


def _put_right(transaction: Transaction, item: _Pass) -> int | None:
    """Put some rows right; return the id to go on from, None at the end."""
    table = item.table
    found = transaction.execute(
        select(*(table.c[name] for name in ("id", *item.columns, *BESIDES.get(table, ()))))
        .where(table.c.id.between(item.first, item.last), text(item.condition))
        .order_by(table.c.id)
        .limit(CHUNK)
    ).all()
    if found:
        moved = update(table).where(table.c.id == bindparam("row"))
        for name in item.columns:
            moved = moved.values({name: bindparam(f"to_{name}")})
        rows = [
            {f"to_{name}": _moved(row, name, item.step) for name in item.columns} | {"row": row.id}
            for row in found
        ]
        transaction.execute(moved, rows)
    return found[-1].id + 1 if len(found) == CHUNK else None


def _moved(row: Any, name: str, step: timedelta) -> Any:
    """Return what a time is when the clock has made a step."""
    at = getattr(row, name)
    return at + step if name not in MOVES or MOVES[name](row) else at
