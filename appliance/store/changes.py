"""The one place where a part changes its state: with its history, its message and its notice.

Every verb that learns something about parts hands :class:`Change` values to :func:`apply`,
which does the rest in the verb's own transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, null, select, update

from appliance.errors import IllegalTransition
from appliance.lifecycle import FINAL, Event, State, message_state, next_state
from appliance.models import Account, History, Message, Notice, NoticeKind, Part
from appliance.policy.owed import owed
from appliance.store.among import Among
from appliance.store.bell import CHANGES, GONE, NOTICES, QUEUE
from appliance.store.hot import hot
from appliance.store.ids import Ids
from appliance.store.tables import insert_of, table_of
from appliance.store.writer import Transaction
from appliance.submission import Door, Receipts

message, part, account = table_of(Message), table_of(Part), table_of(Account)


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a part.

    ``cause`` is the sentence that says why, None if all is well. ``unclaim`` gives the
    message back to the queue: no daemon works on it any more; it waits until ``not_before``.
    ``only_from``: nothing happens to a part that is in another state by now. ``reported``: it was
    a report that said so, and ``code`` is its TP-Status.
    """

    part_id: int
    event: Event
    at: datetime
    cause: str | None = None
    code: int | None = None
    attempt_id: int | None = None
    unclaim: bool = False
    not_before: datetime | None = None
    only_from: State | None = None
    reported: bool = False


DEAD: Final = {
    State.FAILED: "another part was refused",
    State.EXPIRED: "another part expired",
    State.CANCELLED: "another part was cancelled",
}
"""States of a part that its message cannot recover from, the worst first, and what the parts
that are waiting then are told."""

WITHDRAWN: Final = "its account has cancelled it meanwhile"

_LOCK: Final = (
    select(message.c.id)
    .join(part, part.c.message_id == message.c.id)
    .where(part.c.id.in_(bindparam("parts_of", expanding=True)))
    .order_by(message.c.id)
    .with_for_update(of=message)
)
_FACTS: Final = (
    select(
        part.c.id,
        part.c.state,
        part.c.message_id,
        message.c.account_id,
        message.c.door,
        message.c.receipts,
        message.c.parts,
        message.c.state.label("message_state"),
        message.c.withdrawn_at,
        message.c.lane_id,
        account.c.carrier,
    )
    .join(message, message.c.id == part.c.message_id)
    .join(account, account.c.id == message.c.account_id)
)
_PARTS: Final = Among(_FACTS, part.c.id)
_SIBLINGS: Final = select(part.c.id, part.c.message_id, part.c.state).where(
    part.c.message_id.in_(bindparam("messages", expanding=True))
)
_MOVE_PART: Final = hot(
    update(part)
    .where(part.c.id == bindparam("row"))
    .values(
        state=bindparam("to"),
        cause=bindparam("why"),
        cause_code=bindparam("number"),
        changed_at=bindparam("moment"),
    )
)
_MOVE_MESSAGE: Final = hot(
    update(message)
    .where(message.c.id == bindparam("row"))
    .values(
        state=bindparam("to"),
        cause=bindparam("why"),
        cause_code=bindparam("number"),
        changed_at=bindparam("moment"),
    )
)
_END_MESSAGE: Final = hot(_MOVE_MESSAGE.values(daemon=None))
_GIVE_BACK: Final = hot(
    update(message)
    .where(message.c.id == bindparam("row"))
    .values(
        daemon=None,
        not_before=bindparam("when"),
        waits_since=None,
        # Whatever SIM; but what has begun goes on by its own.
        sim_id=case((message.c.state == State.QUEUED, null()), else_=message.c.sim_id),
    )
)


def apply(transaction: Transaction, changes: Sequence[Change], ids: Ids) -> None:
    """Carry out changes of state, oldest first, in the transaction of the verb.

    A change that the life cycle does not know is left out: a report about a part that was
    cancelled while it waited for its resend changes nothing. A message of which a part came
    to a bad end has no waiting parts: they are cancelled.
    """
    if not changes:
        return
    _lock_messages(transaction, changes)
    parts = _facts(transaction, changes)
    changes = [each for each in changes if each.only_from in (None, parts[each.part_id].state)]
    moves = _moves(changes, parts)
    if moves:
        _cancel_withdrawn(moves, parts)
        _cancel_rest(transaction, moves, parts)
        _write(transaction, moves, ids)
        _settle_messages(transaction, moves, parts, ids)
        transaction.topics.add(CHANGES)
        if any(_frees_its_line(move, parts) for move in moves):
            transaction.topics.add(GONE)
    _give_back(transaction, changes, parts)


@dataclass(slots=True)
class _Move:
    change: Change
    was: State
    to: State
    message_id: int


def _frees_its_line(move: _Move, parts: Mapping[int, Any]) -> bool:
    """Tell whether a part was to follow others that have left, and never will."""
    row = parts.get(move.change.part_id)
    return move.was is State.QUEUED and move.to in FINAL and row is not None and row.parts > 1


def _lock_messages(transaction: Transaction, changes: Sequence[Change]) -> None:
    """Let no other daemon change these messages before we have; SQLite has one writer."""
    if not transaction.sqlite:
        parts_of = sorted({change.part_id for change in changes})
        transaction.execute(_LOCK, {"parts_of": parts_of})


def _facts(transaction: Transaction, changes: Sequence[Change]) -> dict[int, Any]:
    parts_of = sorted({change.part_id for change in changes})
    return {row.id: row for row in _PARTS.read(transaction, parts_of)}


def _moves(changes: Sequence[Change], parts: Mapping[int, Any]) -> list[_Move]:
    states = {part_id: row.state for part_id, row in parts.items()}
    moves = []
    for change in changes:
        was = states[change.part_id]
        try:
            to = next_state(was, change.event)
        except IllegalTransition:
            continue
        if to is was:  # said again: already so
            continue
        states[change.part_id] = to
        moves.append(_Move(change, was, to, parts[change.part_id].message_id))
    return moves


def _cancel_withdrawn(moves: list[_Move], parts: Mapping[int, Any]) -> None:
    """Cancel what comes back to the queue of messages that were cancelled on the air."""
    for move in tuple(moves):
        if move.to is State.QUEUED and parts[move.change.part_id].withdrawn_at is not None:
            change = Change(move.change.part_id, Event.CANCEL, move.change.at, WITHDRAWN)
            moves.append(_Move(change, State.QUEUED, State.CANCELLED, move.message_id))


def _cancel_rest(transaction: Transaction, moves: list[_Move], parts: Mapping[int, Any]) -> None:
    """Cancel the waiting parts of long messages that cannot arrive whole any more."""
    touched = {
        move.message_id: move.change.at
        for move in moves
        if parts[move.change.part_id].parts > 1 and (move.to in DEAD or move.to is State.QUEUED)
    }
    if not touched:
        return
    siblings = transaction.execute(_SIBLINGS, {"messages": sorted(touched)}).all()
    states: dict[int, dict[int, State]] = {message_id: {} for message_id in touched}
    for row in siblings:
        states[row.message_id][row.id] = row.state
    for move in moves:
        if move.message_id in states:
            states[move.message_id][move.change.part_id] = move.to
    for message_id, by_part in states.items():
        cause = next((DEAD[state] for state in DEAD if state in by_part.values()), None)
        for part_id, state in by_part.items():
            if cause and state is State.QUEUED:
                change = Change(part_id, Event.CANCEL, touched[message_id], cause)
                moves.append(_Move(change, State.QUEUED, State.CANCELLED, message_id))


def _write(transaction: Transaction, moves: Sequence[_Move], ids: Ids) -> None:
    transaction.execute(
        _MOVE_PART,
        [
            {
                "row": move.change.part_id,
                "to": move.to,
                "why": move.change.cause,
                "number": move.change.code,
                "moment": move.change.at,
            }
            for move in moves
        ],
    )
    write_history(
        transaction,
        ((move.message_id, move.change.part_id, move.change, move.to) for move in moves),
        ids,
    )


def write_history(
    transaction: Transaction, steps: Iterable[tuple[int, int, Change, State]], ids: Ids
) -> None:
    """Record (message, part, change, state after it), one row each."""
    transaction.execute(
        insert_of(History),
        [
            {
                "id": ids.take(),
                "message_id": message_id,
                "part_id": part_id,
                "attempt_id": change.attempt_id,
                "at": change.at,
                "event": change.event,
                "state": state,
                "cause": change.cause,
            }
            for message_id, part_id, change, state in steps
        ],
    )


def _settle_messages(
    transaction: Transaction, moves: Sequence[_Move], parts: Mapping[int, Any], ids: Ids
) -> None:
    """Bring each message's copy of the state up to date, and write down what is owed."""
    by_message: dict[int, list[_Move]] = {}
    for move in moves:
        by_message.setdefault(move.message_id, []).append(move)
    facts = {row.message_id: row for row in parts.values()}
    states = _states(transaction, by_message, facts)
    writes: dict[Any, list[dict[str, Any]]] = {
        _MOVE_MESSAGE: [],
        _END_MESSAGE: [],
        insert_of(Notice): [],
    }
    for message_id, mine in by_message.items():
        row, state = facts[message_id], message_state(states[message_id])
        if state is not row.message_state:
            moved = _message_move(message_id, state, mine)
            under_way = state in (State.SENDING, State.QUEUED)
            writes[_MOVE_MESSAGE if under_way else _END_MESSAGE].append(moved)
            if owed(row.carrier, Door(row.door), _wish(row.receipts), state, row.message_state):
                delivered = states[message_id].count(State.DELIVERED)
                notice = _notice(row, moved, delivered, ids)
                notice["reported"] = _deciding(mine, state).change.reported
                writes[insert_of(Notice)].append(notice)
                transaction.topics.add((NOTICES, row.account_id))
    for statement, rows in writes.items():
        if rows:
            transaction.execute(statement, rows)


def _give_back(
    transaction: Transaction, changes: Sequence[Change], parts: Mapping[int, Any]
) -> None:
    """Let go of messages, also of those whose part a report has settled meanwhile."""
    rows = [
        {"row": parts[change.part_id].message_id, "when": change.not_before or change.at}
        for change in changes
        if change.unclaim
    ]
    if rows:
        transaction.execute(_GIVE_BACK, rows)
        given = {parts[change.part_id].lane_id for change in changes if change.unclaim}
        transaction.topics |= {(QUEUE, lane_id) for lane_id in given}


def _states(
    transaction: Transaction, by_message: Mapping[int, list[_Move]], facts: Mapping[int, Any]
) -> dict[int, list[State]]:
    states = {message_id: [mine[-1].to] for message_id, mine in by_message.items()}
    if several := sorted(row for row in by_message if facts[row].parts > 1):
        for message_id in several:
            states[message_id] = []
        for row in transaction.execute(_SIBLINGS, {"messages": several}):
            states[row.message_id].append(row.state)
    return states


def _deciding(moves: Sequence[_Move], state: State) -> _Move:
    """Return what made a message what it is, and says why: a refused part, not those it took."""
    return next((move for move in moves if move.to is state), moves[-1])


def _message_move(message_id: int, state: State, moves: Sequence[_Move]) -> dict[str, Any]:
    deciding = _deciding(moves, state)
    return {
        "row": message_id,
        "to": state,
        "why": deciding.change.cause,
        "number": deciding.change.code,
        "moment": deciding.change.at,
    }


def _notice(row: Any, move: Mapping[str, Any], delivered: int, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.take(),
        "account_id": row.account_id,
        "kind": NoticeKind.MESSAGE,
        "message_id": row.message_id,
        "state": move["to"],
        "cause": move["why"],
        "cause_code": move["number"],
        "parts_delivered": delivered,
        "created_at": move["moment"],
        "due_at": move["moment"],
        "tries": 0,
    }


def _wish(receipts: str | None) -> Receipts | None:
    return Receipts(receipts) if receipts is not None else None
