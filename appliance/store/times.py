"""Times that were written by a clock that was not set yet, put right once it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Table, bindparam, select, text, update

from appliance.models import Inbound, Message, Notice
from appliance.store.base import Base
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

CHUNK: Final = 500
"""Rows put right in one transaction."""

OPEN: Final = (
    # What counts from these times: expiry, a missing report, the policy for uncertain ones ...
    (
        table_of(Message),
        ("expires_at", "changed_at"),
        "message.state IN ('queued', 'sending', 'sent', 'uncertain')",
    ),
    # ... how long parts of an inbound message are waited for ...
    (table_of(Inbound), ("received_at",), "inbound.state = 'waiting'"),
    # ... and how long a notice is kept for an account that does not take it.
    (table_of(Notice), ("created_at",), "notice.done_at IS NULL AND notice.parked_at IS NULL"),
)
"""Tables with times that decide something later, the columns, and the rows of which they do."""


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


def _put_right_many(transaction: Transaction, items: Sequence[_Pass]) -> list[int | None]:
    return [_put_right(transaction, item) for item in items]


def _put_right(transaction: Transaction, item: _Pass) -> int | None:
    """Put some rows right; return the id to go on from, None at the end."""
    table = item.table
    found = transaction.execute(
        select(table.c.id, *(table.c[name] for name in item.columns))
        .where(table.c.id.between(item.first, item.last), text(item.condition))
        .order_by(table.c.id)
        .limit(CHUNK)
    ).all()
    if found:
        moved = update(table).where(table.c.id == bindparam("row"))
        for name in item.columns:
            moved = moved.values({name: bindparam(f"to_{name}")})
        rows = [
            {f"to_{name}": getattr(row, name) + item.step for name in item.columns}
            | {"row": row.id}
            for row in found
        ]
        transaction.execute(moved, rows)
    return found[-1].id + 1 if len(found) == CHUNK else None
