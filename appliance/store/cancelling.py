"""Cancelling what waits for recipients who have just opted out, in the same transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select

from appliance.lifecycle import Event, State
from appliance.models import Message, Part
from appliance.policy.consent import Covered
from appliance.store.changes import Change, apply
from appliance.store.ids import Ids
from appliance.store.optouts import CAUSE
from appliance.store.tables import table_of
from appliance.store.writer import Transaction

message, part = table_of(Message), table_of(Part)

_WAITING: Final = (
    select(
        part.c.id,
        message.c.recipient_key,
        message.c.account_id,
        message.c.category,
        message.c.pinned_sim_id,
        message.c.sim_id,
        message.c.reply_to_inbound_id,
    )
    .join(message, message.c.id == part.c.message_id)
    .where(
        message.c.recipient_key.in_(bindparam("recipients", expanding=True)),
        message.c.state.in_((State.QUEUED, State.SENDING)),
        part.c.state == State.QUEUED,
    )
    .order_by(part.c.id)
)


def cancel_waiting(
    transaction: Transaction,
    covered: Mapping[bytes, Covered],
    at: datetime,
    ids: Ids,
    *,
    replies: bool = True,
) -> None:
    """Cancel what waits for recipients (by their keys) and is covered by their opt-outs.

    What may still go by another SIM is left alone. ``replies``: answers to keywords, too.
    """
    rows = transaction.execute(_WAITING, {"recipients": sorted(covered)})
    changes = [
        Change(row.id, Event.CANCEL, at, CAUSE)
        for row in rows
        if _is_covered(row, covered[row.recipient_key])
        and (replies or row.reply_to_inbound_id is None)
    ]
    apply(transaction, changes, ids)


def _is_covered(row: Any, by: Covered) -> bool:
    return (
        by.account_id in (None, row.account_id)
        and by.category in (None, row.category)
        and by.sim_id in (None, row.pinned_sim_id, row.sim_id)
    )
