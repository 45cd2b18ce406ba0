"""Reports that settle nothing: the service centre has the part, and still tries.

They are shown, with the message and in its story, until a report that settles it comes.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, exists, func, select, update

from appliance.lifecycle import FINAL, Event, State
from appliance.models import Account, Attempt, History, Message, Notice, NoticeKind, Part, Report
from appliance.policy.owed import owed_on_the_way
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.changes import Change, apply
from appliance.store.ids import Ids
from appliance.store.tables import insert_of, table_of
from appliance.store.writer import Transaction
from appliance.submission import Receipts

message, part, account = table_of(Message), table_of(Part), table_of(Account)
attempt, report = table_of(Attempt), table_of(Report)

_SAID: Final = (
    update(attempt)
    .where(
        attempt.c.id == bindparam("row"),
        ~exists().where(report.c.attempt_id == attempt.c.id, report.c.event.is_not(None)),
    )
    .values(
        status=bindparam("said"),
        reported_at=bindparam("moment"),
        reference=func.coalesce(attempt.c.reference, bindparam("number")),
    )
)
_FACTS: Final = (
    select(
        part.c.state,
        part.c.message_id,
        message.c.account_id,
        message.c.receipts,
        message.c.state.label("message_state"),
        account.c.carrier,
    )
    .join(message, message.c.id == part.c.message_id)
    .join(account, account.c.id == message.c.account_id)
    .where(part.c.id == bindparam("row"))
    .with_for_update(of=(message, part))
)
_SHOW_PART: Final = (
    update(part)
    .where(part.c.id == bindparam("row"))
    .values(cause=bindparam("why"), cause_code=bindparam("number"))
)
_SHOW: Final = (
    update(message)
    .where(message.c.id == bindparam("row"))
    .values(cause=bindparam("why"), cause_code=bindparam("number"))
)


def still_trying(transaction: Transaction, row: Mapping[str, Any], chosen: Any, ids: Ids) -> None:
    """Write down that the service centre still tries to deliver the part of an attempt.

    A part that was uncertain has been sent, then. After a report that has settled it, which came
    first although it was sent later, only the report itself is kept.
    """
    said = {"row": chosen.id, "said": row["status"], "moment": row["received_at"]}
    if transaction.execute(_SAID, said | {"number": row["reference"]}).rowcount != 1:
        return
    at, cause = row["received_at"], row["cause"]
    sent = Change(chosen.part_id, Event.ACCEPT, at, attempt_id=chosen.id, only_from=State.UNCERTAIN)
    apply(transaction, [sent], ids)
    facts = transaction.execute(_FACTS, {"row": chosen.part_id}).one()
    if facts.state in FINAL:
        return
    shown = {"why": cause, "number": row["status"]}
    transaction.execute(_SHOW_PART, shown | {"row": chosen.part_id})
    if facts.message_state is facts.state:
        transaction.execute(_SHOW, shown | {"row": facts.message_id})
    step = {"id": ids.take(), "message_id": facts.message_id, "part_id": chosen.part_id}
    step |= {"attempt_id": chosen.id, "at": at, "state": facts.state, "cause": cause}
    transaction.execute(insert_of(History), step)
    transaction.topics.add(CHANGES)
    if owed_on_the_way(facts.carrier, Receipts(facts.receipts) if facts.receipts else None):
        transaction.execute(insert_of(Notice), _notice(row, facts, ids))
        transaction.topics.add((NOTICES, facts.account_id))


def _notice(row: Mapping[str, Any], facts: Any, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.take(),
        "account_id": facts.account_id,
        "kind": NoticeKind.MESSAGE,
        "message_id": facts.message_id,
        "state": facts.message_state,
        "cause": row["cause"],
        "cause_code": row["status"],
        "reported": True,
        "parts_delivered": 0,
        "created_at": row["received_at"],
        "due_at": row["received_at"],
        "tries": 0,
    }
