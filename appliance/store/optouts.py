"""Opt-outs: the condition that stands in the claim, and the lock that makes it a guarantee."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select, text

from appliance.models import Message, OptOut
from appliance.store.tables import table_of
from appliance.store.writer import Transaction

message, opt_out = table_of(Message), table_of(OptOut)

NOW: Final = "now"
"""The parameter that a statement with :data:`OPTED_OUT` in it must be given."""

_ACTIVE: Final = and_(
    text("opt_out.ended_at IS NULL"),
    or_(opt_out.c.until.is_(None), opt_out.c.until > bindparam(NOW)),
)

OPTED_OUT: Final[ColumnElement[bool]] = exists(
    select(1)
    .select_from(opt_out)
    .where(
        opt_out.c.recipient_key == message.c.recipient_key,
        _ACTIVE,
        or_(opt_out.c.account_id.is_(None), opt_out.c.account_id == message.c.account_id),
        or_(opt_out.c.category.is_(None), opt_out.c.category == message.c.category),
    )
    .correlate(message)
)
"""Whether a message's recipient said STOP, as a condition over the ``message`` table."""

_OF: Final = select(opt_out.c.recipient_key, opt_out.c.account_id, opt_out.c.category).where(
    opt_out.c.recipient_key.in_(bindparam("recipients", expanding=True)), _ACTIVE
)

_LOCK: Final = text(
    "SELECT pg_advisory_xact_lock(k)"
    " FROM (SELECT unnest(CAST(:keys AS bigint[])) AS k ORDER BY 1) AS sorted"
)


def lock_recipients(transaction: Transaction, recipients: Iterable[bytes]) -> None:
    """Let no accept and no STOP of the same recipient run side by side.

    Between several daemons a message could else be stored while its recipient's STOP is,
    each not seeing the other. SQLite has one writer and needs none of it.
    """
    if transaction.sqlite:
        return
    keys = sorted({int.from_bytes(key[:8], "big", signed=True) for key in recipients})
    transaction.execute(_LOCK, {"keys": keys})


class Active:
    """The opt-outs of some recipients, looked up once."""

    def __init__(
        self, transaction: Transaction, recipients: Sequence[bytes], now: datetime
    ) -> None:
        rows = transaction.execute(_OF, {"recipients": sorted(set(recipients)), NOW: now})
        self._rows: list[Any] = list(rows)

    def forbid(self, recipient_key: bytes, account_id: int, category: str) -> bool:
        """Return whether this account must not write to this recipient (in this category)."""
        return any(
            row.recipient_key == recipient_key
            and row.account_id in (None, account_id)
            and row.category in (None, category)
            for row in self._rows
        )
