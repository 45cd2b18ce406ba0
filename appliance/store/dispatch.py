"""The queue's way out: what may leave, claims, attempts, and how they ended."""

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update

from appliance.lifecycle import Event, State, next_state
from appliance.models import Attempt, ConcatCounter, Message, Outcome, Part
from appliance.policy.retries import MOST_TRIES, back_off
from appliance.store.base import Base
from appliance.store.changes import Change, apply, write_history
from appliance.store.early import settle_early
from appliance.store.hot import hot
from appliance.store.optouts import NOW, OPTED_OUT
from appliance.store.queue import MAY_LEAVE, OURS_TO_TAKE, Queue
from appliance.store.tables import insert_of, table_of
from appliance.store.values import AttemptEnd, Begin, Begun, NotBegun
from appliance.store.writer import Transaction, Verb

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)
counter = table_of(ConcatCounter)

# A message that has begun is still ours when its line went away in the middle of it.
_CLAIM: Final = hot(
    update(message)
    .where(
        message.c.id == bindparam("row"),
        or_(message.c.state == State.QUEUED, message.c.state == State.SENDING),
        or_(message.c.sim_id.is_(None), message.c.sim_id == bindparam("sim")),
        OURS_TO_TAKE,
        *MAY_LEAVE,
        ~OPTED_OUT,
    )
    .values(
        sim_id=bindparam("sim"),
        daemon=bindparam("worker"),
        lease_until=bindparam("lease"),
        state=next_state(State.QUEUED, Event.CLAIM),
        cause=None,
        cause_code=None,
        changed_at=bindparam(NOW),
    )
)
_STILL_ALLOWED: Final = hot(
    select(message.c.id)
    .where(
        message.c.id == bindparam("row"),
        message.c.sim_id == bindparam("sim"),
        message.c.daemon == bindparam("worker"),
        message.c.expires_at > bindparam(NOW),
        ~OPTED_OUT,
    )
    .with_for_update(of=message)
)
_TAKE_PART: Final = hot(
    update(part)
    .where(part.c.id == bindparam("row"), part.c.state == State.QUEUED)
    .values(
        state=next_state(State.QUEUED, Event.CLAIM),
        cause=None,
        cause_code=None,
        changed_at=bindparam(NOW),
    )
)
_WHY_NOT: Final = select(
    message.c.state,
    message.c.expires_at,
    message.c.not_before,
    OPTED_OUT.label("opted_out"),
).where(message.c.id == bindparam("row"))
_WAITING_PARTS: Final = select(part.c.id).where(
    part.c.message_id == bindparam("row"), part.c.state == State.QUEUED
)
_GIVE_UP_CLAIM: Final = (
    update(message)
    .where(
        message.c.id == bindparam("row"),
        message.c.sim_id == bindparam("sim"),
        message.c.daemon == bindparam("worker"),
    )
    .values(daemon=None, lease_until=None)
)
_LAST_CONCAT: Final = select(counter.c.last).where(
    counter.c.sim_id == bindparam("sim"), counter.c.recipient_key == bindparam("recipient")
)
_NEXT_CONCAT: Final = (
    update(counter)
    .where(counter.c.sim_id == bindparam("sim"), counter.c.recipient_key == bindparam("recipient"))
    .values(last=bindparam("number"))
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
    Outcome.UNCERTAIN: frozenset({Outcome.SENT}),
}
"""How an attempt may end, by what is known of it."""

_OUTCOMES: Final = select(attempt.c.id, attempt.c.outcome).where(
    attempt.c.id.in_(bindparam("attempts", expanding=True))
)
_TRIES: Final = select(attempt.c.id).where(
    attempt.c.part_id == bindparam("row"), attempt.c.outcome == Outcome.REFUSED
)


class Dispatch(Queue):
    """What the pool asks of the store."""

    def __init__(self, base: Base) -> None:
        super().__init__(base)
        self._begin: Verb[Begin, Begun | NotBegun] = Verb("begin", self._begin_many, urgent=True)
        self._end: Verb[AttemptEnd, None] = Verb("end", self._end_many, urgent=True)

    async def begin(self, begin: Begin) -> Begun | NotBegun:
        """Write down that a part is handed to a SIM; before its PDU is, and with it the claim.

        The first part of a message takes the message too, by one condition that checks state,
        time, expiry and opt-out: two lines can never take one message, and nobody is written
        to after STOP. Later parts are checked against a STOP that came meanwhile.
        """
        return await self._base.writer.run(self._begin, begin)

    async def end(self, end: AttemptEnd) -> None:
        """Write down what became of an attempt; twice is harmless.

        An attempt that is uncertain may still turn out to be sent: a late answer of its modem.
        """
        await self._base.writer.run(self._end, end)

    def _begin_many(
        self, transaction: Transaction, items: Sequence[Begin]
    ) -> list[Begun | NotBegun]:
        results: list[Begun | NotBegun] = []
        rows, steps = [], []
        for item in items:
            if not self._take(transaction, item):
                results.append(self._explain(transaction, item))
                continue
            row = self._attempt(transaction, item)
            rows.append(row)
            change = Change(row["part_id"], Event.CLAIM, item.at, attempt_id=row["id"])
            steps.append((item.waiting.message_id, row["part_id"], change, State.SENDING))
            results.append(Begun(row["id"], row["concat_reference"]))
        if rows:
            transaction.execute(insert_of(Attempt), rows)
            write_history(transaction, steps, self._base.ids)
        return results

    def _take(self, transaction: Transaction, item: Begin) -> bool:
        execute = transaction.execute
        row = item.waiting.message_id
        ours = {"row": row, "sim": item.sim_id, "worker": self._base.daemon, NOW: item.at}
        if item.first:
            if execute(_CLAIM, ours | {"lease": item.lease_until}).rowcount != 1:
                return False
        elif execute(_STILL_ALLOWED, ours).first() is None:
            execute(_GIVE_UP_CLAIM, ours)
            return False
        taken = {"row": item.waiting.part_id(item.ordinal), NOW: item.at}
        return bool(execute(_TAKE_PART, taken).rowcount == 1)

    def _attempt(self, transaction: Transaction, item: Begin) -> dict[str, Any]:
        waiting = item.waiting
        reference = item.concat_reference
        if waiting.parts > 1 and reference is None:
            reference = waiting.concat_reference
            if reference is None:
                reference = _next_concat(transaction, item.sim_id, waiting.recipient_key)
        return {
            "id": self._base.ids.take(),
            "part_id": waiting.part_id(item.ordinal),
            "message_id": waiting.message_id,
            "sim_id": item.sim_id,
            "daemon": self._base.daemon,
            "recipient_key": waiting.recipient_key,
            "recipient_suffix_key": waiting.recipient_suffix_key,
            "concat_reference": reference,
            "outcome": Outcome.SENDING,
            "started_at": item.at,
        }

    def _explain(self, transaction: Transaction, item: Begin) -> NotBegun:
        """Say why a message is not to be sent; cancel what its recipient no longer wants."""
        execute = transaction.execute
        identity = {"row": item.waiting.message_id}
        row = execute(_WHY_NOT, identity | {NOW: item.at}).first()
        if row is None:
            return NotBegun("it is gone")
        if row.opted_out:
            waiting = execute(_WAITING_PARTS, identity).scalars().all()
            cause = "the recipient has opted out (STOP)"
            apply(
                transaction,
                [Change(part_id, Event.CANCEL, item.at, cause) for part_id in waiting],
                self._base.ids,
            )
            return NotBegun(cause)
        if row.expires_at <= item.at:
            return NotBegun("its time is up")
        if row.not_before > item.at:
            return NotBegun("its time has not come")
        return NotBegun(f"it is {row.state} by now")

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
            apply(transaction, [self._change(transaction, end) for end in news], self._base.ids)
            settle_early(transaction, news, self._base.ids)
        return [None] * len(items)

    def _change(self, transaction: Transaction, end: AttemptEnd) -> Change:
        part_id = end.begin.waiting.part_id(end.begin.ordinal)
        event, cause, not_before = end.event, end.cause, end.not_before or end.at
        if event is Event.RELEASE and end.outcome is Outcome.REFUSED:
            tries = len(transaction.execute(_TRIES, {"row": part_id}).all())
            not_before = max(not_before, end.at + back_off(tries))
            if tries >= MOST_TRIES:
                event, cause = Event.REFUSE, f"{cause}; given up after {tries} tries"
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


def _news(transaction: Transaction, ends: Sequence[AttemptEnd]) -> list[AttemptEnd]:
    """Return the ends of attempts that have not ended that way, or another way, before."""
    ids = sorted({end.attempt_id for end in ends})
    rows = transaction.execute(_OUTCOMES, {"attempts": ids})
    known: dict[int, Outcome] = {row.id: row.outcome for row in rows}
    news = []
    for end in ends:
        if end.outcome in MAY_END.get(known[end.attempt_id], ()):
            known[end.attempt_id] = end.outcome
            news.append(end)
    return news


def _next_concat(transaction: Transaction, sim_id: int, recipient_key: bytes) -> int:
    """Return the next concatenation reference (0-255) of a SIM to a recipient."""
    execute = transaction.execute
    identity = {"sim": sim_id, "recipient": recipient_key}
    last = execute(_LAST_CONCAT, identity).scalar()
    number = 0 if last is None else (last + 1) % 256
    if last is None:
        row = {"sim_id": sim_id, "recipient_key": recipient_key, "last": number}
        execute(insert(counter), row)
    else:
        execute(_NEXT_CONCAT, identity | {"number": number})
    return number
