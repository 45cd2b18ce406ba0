"""What time does to parts: at start, at expiry, and when nothing more is heard of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    TextClause,
    bindparam,
    exists,
    or_,
    select,
    text,
    update,
)

from appliance.lifecycle import Event, State
from appliance.models import Attempt, Line, Message, Outcome, Part
from appliance.store.base import Base
from appliance.store.bell import QUEUE
from appliance.store.changes import Change, apply
from appliance.store.early import settle_waiting
from appliance.store.tables import table_of
from appliance.store.values import Overdue
from appliance.store.writer import Transaction, Verb
from appliance.submission import WhenUncertain

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)
line = table_of(Line)

CHUNK: Final = 100
"""Messages changed in one transaction, each with all its parts: a pass over a long list holds
nobody up, and no message is left half done."""

_IN_FLIGHT: Final = select(
    attempt.c.id, attempt.c.part_id, attempt.c.sim_id, attempt.c.recipient_suffix_key
).where(text("attempt.outcome = 'sending'"), attempt.c.daemon == bindparam("worker"))
_LOST: Final = (
    update(attempt)
    .where(attempt.c.id == bindparam("row"))
    .values(outcome=Outcome.UNCERTAIN, cause=bindparam("why"), answered_at=bindparam("moment"))
)
_LET_GO: Final = (
    update(message)
    .where(text("message.state = 'sending'"), message.c.daemon == bindparam("worker"))
    .values(daemon=None, lease_until=None)
)
_UNSEEN: Final = (
    update(line)
    .where(line.c.daemon == bindparam("worker"))
    .values(
        state="no_answer",
        cause="not found since the daemon started",
        next_step="Plug it in, or take its port out of the configuration.",
    )
)
_UNSENT: Final = (
    update(message)
    .where(text("message.state = 'queued'"), message.c.sim_id.is_not(None))
    .values(sim_id=None)
)


def _some(state: State, *conditions: ColumnElement[bool] | TextClause) -> Select[Any]:
    """Select some messages that fulfil the conditions and have a part in ``state``."""
    has_one = exists().where(part.c.message_id == message.c.id, part.c.state == state)
    return select(message.c.id).where(*conditions, has_one).limit(CHUNK)


def _parts(state: State, *messages: Select[Any]) -> Select[Any]:
    """Select the parts in ``state`` of ``messages``."""
    chosen = [part.c.message_id.in_(each) for each in messages]
    return (
        select(part.c.id, message.c.when_uncertain)
        .join(message, message.c.id == part.c.message_id)
        .where(or_(*chosen), part.c.state == state)
        .order_by(part.c.id)
    )


_TOO_LATE: Final = message.c.expires_at <= bindparam("moment")
_LONG_OPEN: Final = (
    text("message.state IN ('sent', 'uncertain')"),
    message.c.changed_at < bindparam("before"),
)
# One look each, so that both find their partial index.
_EXPIRED: Final = _parts(
    State.QUEUED,
    _some(State.QUEUED, text("message.state = 'queued'"), _TOO_LATE),
    _some(State.QUEUED, text("message.state = 'sending'"), _TOO_LATE),
)
_UNREPORTED: Final = _parts(State.SENT, _some(State.SENT, *_LONG_OPEN))
_UNCERTAIN: Final = _parts(
    State.UNCERTAIN,
    _some(State.UNCERTAIN, *_LONG_OPEN, message.c.when_uncertain != WhenUncertain.HOLD),
)

SETTLED: Final = {
    WhenUncertain.RESEND: (Event.RELEASE, "no word of it came; it is sent again, as set"),
    WhenUncertain.FAIL: (Event.REFUSE, "no word of it came; it counts as failed, as set"),
}


class Chores:
    """Passes over what waits. Each returns how many parts it changed; under CHUNK: done."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._recover: Verb[datetime, int] = Verb("recover", self._recover_many)
        self._expire: Verb[datetime, int] = Verb("expire", self._expire_many)
        self._silence: Verb[Overdue, int] = Verb("no report", self._silence_many)
        self._settle: Verb[Overdue, int] = Verb("settle uncertain", self._settle_many)

    async def recover(self, now: datetime) -> int:
        """Take up after a stop: what was in flight is uncertain, what was only claimed is free.

        Returns how many parts are uncertain now. None after an orderly stop.
        """
        return await self._base.writer.run(self._recover, now)

    async def expire(self, now: datetime) -> int:
        """Let expire what has waited beyond its time."""
        return await self._base.writer.run(self._expire, now)

    async def silence(self, overdue: Overdue) -> int:
        """Mark parts whose report has not come in its time."""
        return await self._base.writer.run(self._silence, overdue)

    async def settle(self, overdue: Overdue) -> int:
        """Do with long uncertain parts what their messages' policy says."""
        return await self._base.writer.run(self._settle, overdue)

    def _recover_many(self, transaction: Transaction, items: Sequence[datetime]) -> list[int]:
        now, execute = items[-1], transaction.execute
        ours = {"worker": self._base.daemon}
        rows = execute(_IN_FLIGHT, ours).all()
        why = "the daemon stopped while the modem had it"
        if rows:
            execute(_LOST, [{"row": row.id, "why": why, "moment": now} for row in rows])
            changes = [Change(row.part_id, Event.LOSE, now, why, None, row.id) for row in rows]
            apply(transaction, changes, self._base.ids)
            for sim_id, suffix in {(row.sim_id, row.recipient_suffix_key) for row in rows}:
                settle_waiting(transaction, sim_id, suffix, self._base.ids)
        execute(_LET_GO, ours)
        execute(_UNSEEN, ours)
        execute(_UNSENT)
        transaction.topics.add(QUEUE)
        return [len(rows)] * len(items)

    def _expire_many(self, transaction: Transaction, items: Sequence[datetime]) -> list[int]:
        now = items[-1]
        rows = transaction.execute(_EXPIRED, {"moment": now}).all()
        cause = "its time was up before a SIM could send it"
        changes = [Change(row.id, Event.EXPIRE, now, cause, only_from=State.QUEUED) for row in rows]
        return self._apply(transaction, changes, len(items))

    def _silence_many(self, transaction: Transaction, items: Sequence[Overdue]) -> list[int]:
        overdue = items[-1]
        bounds = {"before": overdue.no_report_before}
        rows = transaction.execute(_UNREPORTED, bounds).all()
        cause = "no report came in its time"
        changes = [Change(row.id, Event.SILENCE, overdue.now, cause) for row in rows]
        return self._apply(transaction, changes, len(items))

    def _settle_many(self, transaction: Transaction, items: Sequence[Overdue]) -> list[int]:
        overdue = items[-1]
        bounds = {"before": overdue.uncertain_before}
        changes = []
        for row in transaction.execute(_UNCERTAIN, bounds).all():
            event, cause = SETTLED[WhenUncertain(row.when_uncertain)]
            change = Change(
                row.id,
                event,
                overdue.now,
                cause,
                unclaim=event is Event.RELEASE,
                only_from=State.UNCERTAIN,
            )
            changes.append(change)
        return self._apply(transaction, changes, len(items))

    def _apply(self, transaction: Transaction, changes: Sequence[Change], items: int) -> list[int]:
        apply(transaction, changes, self._base.ids)
        return [len(changes)] * items
