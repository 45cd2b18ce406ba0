"""What was taken for the same recipients before: what caps are judged on.

It is read in accept's own transaction and under its lock, so that two messages at once cannot
both be the last one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select

from appliance.lifecycle import State
from appliance.models import Message
from appliance.policy.caps import Earlier, TooMuch
from appliance.policy.categories import Category
from appliance.store.ids import floor_of
from appliance.store.tables import table_of
from appliance.store.values import NewMessage
from appliance.store.writer import Transaction

message = table_of(Message)

_TAKEN: Final = select(
    message.c.id,
    message.c.recipient_key,
    message.c.account_id,
    message.c.category,
    message.c.text,
    message.c.accepted_at,
    func.coalesce(message.c.waits_since, message.c.not_before).label("leaves_at"),
).where(
    message.c.recipient_key.in_(bindparam("recipients", expanding=True)),
    # Few of one person are older, so an index of their own would cost more than it saves.
    or_(message.c.id >= bindparam("floor"), message.c.not_before > bindparam("since")),
    message.c.state.not_in((State.CANCELLED, State.FAILED, State.EXPIRED)),
)


class Taken:
    """The messages of some recipients, looked up once for a batch, and only if a cap asks."""

    def __init__(
        self,
        transaction: Transaction,
        items: Sequence[NewMessage],
        keys: Sequence[bytes],
        *,
        but: int | None = None,
    ) -> None:
        """``but``: the id of a message that does not count, since it is to be another."""
        reach = max((new.caps.reach for new in items), default=timedelta())
        self._rows: list[Any] = []
        self._new: list[tuple[bytes, NewMessage]] = []
        if reach:
            wanted = {key for new, key in zip(items, keys, strict=True) if new.caps.reach}
            since = items[0].at - reach
            asked = {"recipients": sorted(wanted), "floor": floor_of(since), "since": since}
            self._rows = [row for row in transaction.execute(_TAKEN, asked) if row.id != but]

    def judge(self, new: NewMessage, key: bytes) -> TooMuch | None:
        """Return what is wrong with one more message, None if nothing is; it counts from now on."""
        if not new.caps.reach:
            return None
        earlier = [
            _earlier(
                row.account_id, row.category, row.text, row.accepted_at, row.leaves_at, same=new
            )
            for row in self._rows
            if row.recipient_key == key
        ]
        earlier += [
            _earlier(
                other.account_id, other.category, other.text, other.at, other.not_before, same=new
            )
            for its_key, other in self._new
            if its_key == key
        ]
        category, leaves_at = Category(new.category), new.not_before
        found = new.caps.judge(new.account_id, category, earlier, new.at, leaves_at)
        if found is None or not found.refused:
            self._new.append((key, new))
        return found


def _earlier(
    account_id: int,
    category: str,
    text: str | None,
    at: datetime,
    leaves_at: datetime,
    *,
    same: NewMessage,
) -> Earlier:
    return Earlier(
        account_id=account_id,
        category=Category(category),
        same_text=text is not None and text == same.text,
        at=at,
        leaves_at=max(at, leaves_at),
    )
