"""What time does to parts: at start, at expiry, and when nothing more is heard of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Interval,
    Select,
    TextClause,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from appliance.lifecycle import Event, State
from appliance.models import Account, Attempt, Daemon, Line, Message, Outcome, Part
from appliance.policy.categories import Category
from appliance.policy.retries import given_up
from appliance.store.base import Base
from appliance.store.bell import NOTICES, QUEUE
from appliance.store.changes import Change, apply
from appliance.store.early import Settling
from appliance.store.tables import table_of
from appliance.store.values import Overdue
from appliance.store.writer import Transaction, Verb
from appliance.submission import WhenUncertain

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)
line, daemon, account = table_of(Line), table_of(Daemon), table_of(Account)

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
    .values(daemon=None)
)
_UNSEEN: Final = (
    update(line)
    .where(line.c.daemon == bindparam("worker"))
    .values(state="no_answer", cause=bindparam("why"), next_step=bindparam("then"))
)
_UNSENT: Final = (
    update(message)
    .where(text("message.state = 'queued'"), message.c.sim_id.is_not(None))
    .values(sim_id=None)
)


_LAPSED: Final = (
    select(daemon.c.id, daemon.c.name)
    .where(
        daemon.c.id != bindparam("worker"),
        daemon.c.lease_until < func.clock_timestamp() - bindparam("grace", type_=Interval()),
    )
    .with_for_update(skip_locked=True)
)
_END_LEASE: Final = (
    update(daemon).where(daemon.c.id == bindparam("worker")).values(lease_until=None)
)
_FREE_NOTICES: Final = (
    update(account)
    .where(account.c.notices_by == bindparam("worker"))
    .values(notices_by=None)
    .returning(account.c.id)
)

UNSEEN: Final = {
    "why": "not found since the daemon started",
    "then": "Plug it in, or take its port out of the configuration.",
}

LAPSED: Final = {
    "why": "its daemon has not been heard of for long",
    "then": "Look whether the machine runs that it is plugged into.",
}


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
_UNCERTAIN_FOR_LONG: Final = or_(
    *(
        and_(message.c.category == each.value, message.c.changed_at < bindparam(each.value))
        for each in Category
    )
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
    _some(
        State.UNCERTAIN,
        text("message.state = 'uncertain' AND message.when_uncertain <> 'hold'"),
        _UNCERTAIN_FOR_LONG,
    ),
)
_TRIES: Final = (
    select(attempt.c.part_id, func.count().label("tries"))
    .where(
        attempt.c.part_id.in_(bindparam("parts", expanding=True)),
        attempt.c.outcome.in_((Outcome.REFUSED, Outcome.UNCERTAIN)),
    )
    .group_by(attempt.c.part_id)
)

SETTLED: Final = {
    WhenUncertain.RESEND: (Event.RELEASE, "no word of it came; it is sent again, as set"),
    WhenUncertain.FAIL: (Event.REFUSE, "no word of it came; it counts as failed, as set"),
}


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A daemon that another one took over from, and how many parts are uncertain since."""

    name: str
    uncertain: int


class Chores:
    """Passes over what waits. Each returns how many parts it changed; under CHUNK: done."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._recover: Verb[datetime, int] = Verb("recover", self._recover_many)
        self._take_over: Verb[datetime, list[TakenOver]] = Verb("take over", self._take_over_many)
        self._leave: Verb[None, None] = Verb("leave", self._leave_many)
        self._expire: Verb[datetime, int] = Verb("expire", self._expire_many)
        self._silence: Verb[Overdue, int] = Verb("no report", self._silence_many)
        self._settle: Verb[Overdue, int] = Verb("settle uncertain", self._settle_many)

    async def recover(self, now: datetime) -> int:
        """Take up after a stop: what was in flight is uncertain, what was only claimed is free.

        Returns how many parts are uncertain now. None after an orderly stop.
        """
        return await self._base.writer.run(self._recover, now)

    async def take_over(self, now: datetime) -> list[TakenOver]:
        """Take over from daemons whose leases lapsed long ago; return what there was.

        What they only had claimed is free for every daemon that has its SIM; what their modems
        had is uncertain; their lines are shown as gone. One that comes back begins anew.
        """
        return await self._base.writer.run(self._take_over, now)

    async def leave(self) -> None:
        """Give back what this daemon has claimed, at its end: other daemons need not wait."""
        await self._base.writer.run(self._leave, None)

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
        worker, now = {"worker": self._base.daemon}, items[-1]
        lost = self._lose(transaction, worker, now, "the daemon stopped while the modem had it")
        transaction.execute(_UNSEEN, worker | UNSEEN)
        transaction.execute(_UNSENT)
        return [lost] * len(items)

    def _lose(
        self, transaction: Transaction, worker: dict[str, int], now: datetime, why: str
    ) -> int:
        """Free what a daemon had; what its modems had is uncertain. Return how many parts are."""
        execute = transaction.execute
        rows = execute(_IN_FLIGHT, worker).all()
        if rows:
            execute(_LOST, [{"row": row.id, "why": why, "moment": now} for row in rows])
            changes = [Change(row.part_id, Event.LOSE, now, why, None, row.id) for row in rows]
            apply(transaction, changes, self._base.ids)
            settling = Settling(transaction, self._base.ids)
            for sim_id, suffix in {(row.sim_id, row.recipient_suffix_key) for row in rows}:
                settling.look_again(sim_id, suffix)
            settling.finish()
        execute(_LET_GO, worker)
        transaction.topics.add(QUEUE)
        return len(rows)

    def _take_over_many(
        self, transaction: Transaction, items: Sequence[datetime]
    ) -> list[list[TakenOver]]:
        now, found = items[-1], []
        asked = {"worker": self._base.daemon, "grace": self._base.tenure.lease.grace}
        for row in transaction.execute(_LAPSED, asked).all():
            worker = {"worker": row.id}
            lost = self._lose(
                transaction, worker, now, "its daemon was lost while the modem had it"
            )
            transaction.execute(_UNSEEN, worker | LAPSED)
            self._end_lease(transaction, worker)
            found.append(TakenOver(row.name, lost))
        return [found, *([] for _ in items[1:])]

    def _leave_many(self, transaction: Transaction, items: Sequence[None]) -> list[None]:
        worker = {"worker": self._base.daemon}
        transaction.execute(_LET_GO, worker)
        self._end_lease(transaction, worker)
        transaction.topics.add(QUEUE)
        return [None] * len(items)

    def _end_lease(self, transaction: Transaction, worker: dict[str, int]) -> None:
        transaction.execute(_END_LEASE, worker)
        freed = transaction.execute(_FREE_NOTICES, worker).scalars().all()
        transaction.topics |= {(NOTICES, account_id) for account_id in freed}

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
        overdue, changes = items[-1], []
        before = {each.value: moment for each, moment in overdue.uncertain_before.items()}
        rows = transaction.execute(_UNCERTAIN, before).all()
        tries = _tries(transaction, [row.id for row in rows])
        for row in rows:
            event, cause = SETTLED[WhenUncertain(row.when_uncertain)]
            if event is Event.RELEASE and tries[row.id] >= self._base.most_tries:
                event, cause = Event.REFUSE, f"no word of it came; {given_up(tries[row.id])}"
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


def _tries(transaction: Transaction, parts: Sequence[int]) -> dict[int, int]:
    """Return how often each part was handed to a SIM in vain, or nobody knows whether it was."""
    found = transaction.execute(_TRIES, {"parts": parts}) if parts else ()
    return {row.part_id: row.tries for row in found}
