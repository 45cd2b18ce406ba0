"""How attempts end, as their modems have answered, and what follows for their parts."""

from collections.abc import Mapping, Sequence, Set
from typing import Final

from sqlalchemy import bindparam, exists, select, text, update

from appliance.lifecycle import Event
from appliance.models import Attempt, Message, Outcome
from appliance.policy.retries import Refusal, Retry, retry
from appliance.store import bundles
from appliance.store.among import Among
from appliance.store.base import Base
from appliance.store.changes import Change, apply
from appliance.store.early import settle_early
from appliance.store.hot import hot
from appliance.store.queue import Queue
from appliance.store.tables import table_of
from appliance.store.values import AttemptEnd, Begin
from appliance.store.writer import Transaction, Verb

message, attempt = table_of(Message), table_of(Attempt)

_WITHOUT_VALIDITY: Final = (
    update(message).where(message.c.id == bindparam("row")).values(without_validity=True)
)
_END: Final = hot(
    update(attempt)
    .where(attempt.c.id == bindparam("row"))
    .values(
        outcome=bindparam("ended"),
        reference=bindparam("number"),
        code=bindparam("error"),
        cause=bindparam("why"),
        answered_at=bindparam("moment"),
    )
)
MAY_END: Final[Mapping[Outcome, Set[Outcome]]] = {
    Outcome.SENDING: frozenset(Outcome) - {Outcome.SENDING},
    Outcome.UNCERTAIN: frozenset({Outcome.SENT, Outcome.RELEASED}),
}
"""How an attempt may end, by what is known of it: who has it may know more than who took over."""
_another: Final = attempt.alias("another")
_OUTCOMES: Final = select(
    attempt.c.id,
    attempt.c.outcome,
    exists()
    .where(
        _another.c.part_id == attempt.c.part_id,
        _another.c.id != attempt.c.id,
        text("another.outcome IN ('sending', 'sent', 'uncertain')"),
    )
    .label("again"),
)
_ENDING: Final = Among(_OUTCOMES, attempt.c.id)
_BEGUN: Final = select(attempt.c.id).where(
    attempt.c.part_id == bindparam("row"),
    attempt.c.sim_id == bindparam("sim"),
    attempt.c.daemon == bindparam("worker"),
    attempt.c.started_at == bindparam("moment"),
    attempt.c.outcome == Outcome.SENDING,
)
_LOCK: Final = select(message.c.id).where(message.c.id == bindparam("row")).with_for_update()
_TRIES: Final = (
    select(attempt.c.sim_id, attempt.c.code)
    .where(
        attempt.c.part_id == bindparam("row"),
        attempt.c.outcome.in_((Outcome.REFUSED, Outcome.UNCERTAIN)),
    )
    .order_by(attempt.c.id)
)
AVOID: Final = (
    update(message)
    .where(message.c.id == bindparam("row"))
    .values(refused_by=bindparam("sims"), refused_until=bindparam("until"))
)
"""Remembers which SIMs are not to carry a message for a while."""


class Endings(Queue):
    """What becomes of attempts."""

    def __init__(self, base: Base) -> None:
        super().__init__(base)
        self._end: Verb[AttemptEnd, None] = Verb("end", self._end_many, urgent=True, patient=True)
        self._undo: Verb[Begin, None] = Verb("undo", self._undo_many, urgent=True)

    async def end(self, end: AttemptEnd) -> None:
        """Write down what became of an attempt; twice is harmless.

        An attempt that is uncertain may still turn out to be sent: a late answer of its modem.
        """
        await self._base.writer.run(self._end, end)

    async def undo(self, begin: Begin) -> None:
        """Take back a beginning of which nobody knows whether it was stored: nothing was sent."""
        await self._base.writer.run(self._undo, begin)

    def _end_many(self, transaction: Transaction, items: Sequence[AttemptEnd]) -> list[None]:
        news = _news(transaction, items)
        if news:
            rows = [
                {
                    "row": end.attempt_id,
                    "ended": end.outcome,
                    "number": end.reference,
                    "error": end.code,
                    "why": end.cause,
                    "moment": end.at,
                }
                for end in news
            ]
            transaction.execute(_END, rows)
            for end in news:
                if end.without_validity:
                    row = {"row": end.begin.waiting.message_id}
                    transaction.execute(_WITHOUT_VALIDITY, row)
            changes = [self._change(transaction, end) for end in news]
            apply(transaction, [*changes, *_unreported(news)], self._base.ids)
            _keep_in_order(transaction, news, changes)
            settle_early(transaction, news, self._base.ids)
        return [None] * len(items)

    def _undo_many(self, transaction: Transaction, items: Sequence[Begin]) -> list[None]:
        ends = []
        for begin in items:
            # A commit whose answer was lost may still be under way: its lock is waited for.
            transaction.execute(_LOCK, {"row": begin.waiting.message_id})
            who = {"sim": begin.sim_id, "worker": self._base.daemon, "moment": begin.at}
            row = {"row": begin.waiting.part_id(begin.ordinal)}
            ends += [
                AttemptEnd(
                    attempt_id=attempt_id,
                    begin=begin,
                    outcome=Outcome.RELEASED,
                    event=Event.RELEASE,
                    at=begin.at,
                    cause="the database went away before it could be sent",
                )
                for attempt_id in transaction.execute(_BEGUN, who | row).scalars()
            ]
        self._end_many(transaction, ends)
        return [None] * len(items)

    def _change(self, transaction: Transaction, end: AttemptEnd) -> Change:
        part_id = end.begin.waiting.part_id(end.begin.ordinal)
        event, cause, not_before = end.event, end.cause, end.not_before or end.at
        if event is Event.RELEASE and end.outcome is Outcome.REFUSED:
            found = self._retry(transaction, end)
            not_before = max(not_before, end.at + found.wait)
            if found.final:
                event, cause = Event.REFUSE, "; ".join(filter(None, (cause, found.why)))
        return Change(
            part_id,
            event,
            end.at,
            cause,
            end.code,
            end.attempt_id,
            unclaim=event is Event.RELEASE,
            not_before=not_before,
        )

    def _retry(self, transaction: Transaction, end: AttemptEnd) -> Retry:
        """Return what follows a refusal, and remember which SIM is not to try for a while."""
        begin, waiting = end.begin, end.begin.waiting
        rows = transaction.execute(_TRIES, {"row": waiting.part_id(begin.ordinal)})
        found = retry(
            end.again,
            [Refusal(row.sim_id, row.code) for row in rows],
            most=self._base.most_tries,
            bound=waiting.sim_id is not None or not begin.first,
        )
        if found.rest and not found.final:
            sims = sorted({*waiting.refused_by, begin.sim_id})
            row = {"row": waiting.message_id, "sims": sims, "until": end.at + found.rest}
            transaction.execute(AVOID, row)
        return found


def _unreported(ends: Sequence[AttemptEnd]) -> list[Change]:
    """Return that parts were sent of which no report was asked for: nothing more will come."""
    return [
        Change(
            end.begin.waiting.part_id(end.begin.ordinal),
            Event.SILENCE,
            end.at,
            f"sent; {end.begin.unreported}",
        )
        for end in ends
        if end.outcome is Outcome.SENT and end.begin.unreported is not None
    ]


def _news(transaction: Transaction, ends: Sequence[AttemptEnd]) -> list[AttemptEnd]:
    """Return the ends of attempts that have not ended that way, or another way, before."""
    ids = sorted({end.attempt_id for end in ends})
    rows = _ENDING.read(transaction, ids)
    known: dict[int, Outcome] = {}
    again: set[int] = set()  # their parts were handed to a SIM once more
    for row in rows:
        known[row.id] = row.outcome
        again |= {row.id} if row.again else set()
    news = []
    for end in ends:
        was = known[end.attempt_id]
        if was is Outcome.UNCERTAIN and end.event is Event.RELEASE and end.attempt_id in again:
            continue  # it would go a third time
        if end.outcome in MAY_END.get(was, ()):
            known[end.attempt_id] = end.outcome
            news.append(end)
    return news


def _keep_in_order(
    transaction: Transaction, ends: Sequence[AttemptEnd], changes: Sequence[Change]
) -> None:
    """Let the other segments wait where one goes back to the queue."""
    for end, change in zip(ends, changes, strict=True):
        waiting = end.begin.waiting
        if waiting.bundle_id is not None and change.event is Event.RELEASE:
            until = change.not_before or change.at
            bundles.released(transaction, waiting.bundle_id, waiting.recipient_key, until)
