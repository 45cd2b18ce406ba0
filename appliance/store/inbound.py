"""Inbound messages: stored once, joined, understood as STOP, routed; then the SIM may forget."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, text, update

from appliance.lifecycle import Event, State
from appliance.models import (
    Account,
    Inbound,
    InboundPart,
    InboundState,
    Message,
    Notice,
    NoticeKind,
    OptOut,
    Part,
)
from appliance.policy.keywords import Keyword
from appliance.store.base import Base
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.changes import Change, apply
from appliance.store.hot import hot
from appliance.store.optouts import lock_recipients
from appliance.store.tables import insert_of, table_of
from appliance.store.values import InboundFacts, Taken
from appliance.store.writer import Transaction, Verb

inbound, inbound_part, opt_out = table_of(Inbound), table_of(InboundPart), table_of(OptOut)
message, part, account = table_of(Message), table_of(Part), table_of(Account)

PREFIX: Final = "i"
"""What the public id of an inbound message begins with."""

TOGETHER: Final = timedelta(hours=1)
"""How far apart the service centre may stamp two parts of one message. Beyond it they are of two
messages: a reference of 8 bits comes round, and some senders have only one."""

_SEEN: Final = hot(
    select(inbound.c.id, inbound.c.state)
    .join(inbound_part, inbound_part.c.inbound_id == inbound.c.id)
    .where(inbound_part.c.fingerprint == bindparam("print"))
)
_WAITING: Final = (
    select(inbound)
    .where(
        text("inbound.state = 'waiting'"),
        inbound.c.sim_id == bindparam("sim"),
        inbound.c.sender_key == bindparam("from_key"),
        inbound.c.concat_reference == bindparam("number"),
        inbound.c.concat_wide == bindparam("wide"),
        inbound.c.total == bindparam("all"),
    )
    .order_by(inbound.c.id)
)
_COLLECT: Final = (
    update(inbound).where(inbound.c.id == bindparam("row")).values(segments=bindparam("pieces"))
)
_COMPLETE: Final = hot(
    update(inbound)
    .where(inbound.c.id == bindparam("row"))
    .values(
        state=InboundState.COMPLETE,
        segments=None,
        text=bindparam("words"),
        data=bindparam("octets"),
        keyword=bindparam("said"),
        account_id=bindparam("whose"),
    )
)
_LAST_WRITER: Final = hot(
    select(message.c.account_id)
    .join(account, account.c.id == message.c.account_id)
    .where(
        message.c.recipient_key == bindparam("from_key"),
        message.c.sim_id == bindparam("sim"),
        account.c.revoked_at.is_(None),
    )
    .order_by(message.c.id.desc())
    .limit(1)
)
_DEFAULT: Final = (
    select(account.c.id)
    .where(account.c.is_default, account.c.revoked_at.is_(None))
    .order_by(account.c.id)
    .limit(1)
)
_CARRIER: Final = hot(select(account.c.carrier).where(account.c.id == bindparam("row")))
_TO_CANCEL: Final = (
    select(part.c.id)
    .join(message, message.c.id == part.c.message_id)
    .where(
        message.c.recipient_key == bindparam("from_key"),
        message.c.state.in_((State.QUEUED, State.SENDING)),
        part.c.state == State.QUEUED,
    )
    .order_by(part.c.id)
)
_END_OPT_OUT: Final = (
    update(opt_out)
    .where(opt_out.c.recipient_key == bindparam("from_key"), text("opt_out.ended_at IS NULL"))
    .values(ended_at=bindparam("moment"))
)
_OPTED_OUT_ALREADY: Final = select(opt_out.c.id).where(
    opt_out.c.recipient_key == bindparam("from_key"),
    text("opt_out.ended_at IS NULL"),
    opt_out.c.account_id.is_(None),
    opt_out.c.category.is_(None),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the inbox reads an inbound message: given by it, since the store decides nothing.

    ``decode`` turns (encoding, language, payload) into text, None if it is none;
    ``understand`` finds the keyword in a text.
    """

    decode: Callable[[str, int, bytes], str | None]
    understand: Callable[[str], Keyword | None]


class InboundMessages:
    """What came to our SIMs."""

    def __init__(self, base: Base, reading: Reading) -> None:
        self._base = base
        self._reading = reading
        self._take: Verb[InboundFacts, Taken] = Verb("inbound", self._take_many, urgent=True)

    async def take(self, facts: InboundFacts) -> Taken:
        """Store one inbound part; a second reading of it is harmless.

        When its message is whole: its account, its keyword, the opt-out with the cancelling
        of what waits for that number, and the notice, in the same transaction.
        """
        return await self._base.writer.run(self._take, facts)

    def _take_many(self, transaction: Transaction, items: Sequence[InboundFacts]) -> list[Taken]:
        keys = [self._base.keys.number(facts.sender or "") for facts in items]
        lock_recipients(transaction, keys)
        return [
            self._take_one(transaction, facts, key) for facts, key in zip(items, keys, strict=True)
        ]

    def _take_one(self, transaction: Transaction, facts: InboundFacts, key: bytes) -> Taken:
        print_ = self._base.keys.fingerprint("inbound", facts.sim_id, *facts.fingerprint)
        seen = transaction.execute(_SEEN, {"print": print_}).first()
        if seen is not None:
            complete = seen.state is InboundState.COMPLETE
            return Taken(inbound_id=seen.id, new=False, complete=complete)
        row, pieces = self._collect(transaction, facts, key)
        transaction.execute(
            insert_of(InboundPart),
            {
                "id": self._base.ids.take(),
                "inbound_id": row["id"],
                "fingerprint": print_,
                "ordinal": facts.ordinal,
                "received_at": facts.received_at,
            },
        )
        transaction.topics.add(CHANGES)
        complete = facts.raw is None and len(pieces) == facts.total
        if complete:
            payload = b"".join(bytes.fromhex(pieces[str(n + 1)]) for n in range(facts.total))
            self._complete(transaction, row, payload, facts)
        return Taken(inbound_id=row["id"], new=True, complete=complete)

    def _collect(
        self, transaction: Transaction, facts: InboundFacts, key: bytes
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Put a part to the message it belongs to, or begin one. Return it and what is there."""
        execute = transaction.execute
        piece = {str(facts.ordinal): facts.payload.hex()}
        if facts.total > 1:
            waiting = execute(
                _WAITING,
                {
                    "sim": facts.sim_id,
                    "from_key": key,
                    "number": facts.concat_reference,
                    "wide": facts.concat_wide,
                    "all": facts.total,
                },
            )
            if found := _nearest(waiting.mappings(), facts):
                pieces = found["segments"] | piece
                execute(_COLLECT, {"row": found["id"], "pieces": pieces})
                return found, pieces
        row = self._row(facts, key, piece)
        execute(insert_of(Inbound), row)
        return row, piece

    def _row(self, facts: InboundFacts, key: bytes, piece: dict[str, str]) -> dict[str, Any]:
        undecodable = facts.raw is not None
        return {
            "id": self._base.ids.take(),
            "sim_id": facts.sim_id,
            "state": InboundState.UNDECODABLE if undecodable else InboundState.WAITING,
            "sender": facts.sender,
            "sender_key": key,
            "encoding": facts.encoding,
            "language": facts.language,
            "udh": facts.udh or None,
            "raw": facts.raw,
            "concat_reference": facts.concat_reference,
            "concat_wide": facts.concat_wide,
            "total": facts.total,
            "segments": None if undecodable else piece,
            "sent_at": facts.sent_at,
            "received_at": facts.received_at,
        }

    def _complete(
        self, transaction: Transaction, row: dict[str, Any], payload: bytes, facts: InboundFacts
    ) -> None:
        execute = transaction.execute
        words = self._reading.decode(row["encoding"], row["language"], payload)
        said = self._reading.understand(words) if words is not None else None
        whose = self._whose(transaction, row)
        execute(
            _COMPLETE,
            {
                "row": row["id"],
                "words": words,
                "octets": payload if words is None else None,
                "said": said,
                "whose": whose,
            },
        )
        if said is not None and facts.sender:
            self._obey(transaction, said, row, facts.received_at)
        if whose is not None:
            self._owe(transaction, whose, row["id"], facts.received_at)

    def _whose(self, transaction: Transaction, row: dict[str, Any]) -> int | None:
        """Return the account that wrote to this number last by this SIM, else the default one."""
        wrote = {"from_key": row["sender_key"], "sim": row["sim_id"]}
        last: int | None = transaction.execute(_LAST_WRITER, wrote).scalar()
        if last is not None:
            return last
        default: int | None = transaction.execute(_DEFAULT).scalar()
        return default

    def _obey(
        self, transaction: Transaction, said: Keyword, row: dict[str, Any], at: datetime
    ) -> None:
        execute = transaction.execute
        key = {"from_key": row["sender_key"]}
        if said is Keyword.START:
            execute(_END_OPT_OUT, key | {"moment": at})
            return
        if said is not Keyword.STOP:
            return
        if execute(_OPTED_OUT_ALREADY, key).first() is None:
            execute(
                insert_of(OptOut),
                {
                    "id": self._base.ids.take(),
                    "recipient_key": row["sender_key"],
                    "sim_id": row["sim_id"],
                    "inbound_id": row["id"],
                    "reason": "STOP by SMS",
                    "created_at": at,
                },
            )
        waiting = execute(_TO_CANCEL, key).scalars().all()
        cause = "the recipient has opted out (STOP)"
        changes = [Change(part_id, Event.CANCEL, at, cause) for part_id in waiting]
        apply(transaction, changes, self._base.ids)

    def _owe(self, transaction: Transaction, whose: int, inbound_id: int, at: datetime) -> None:
        execute = transaction.execute
        if execute(_CARRIER, {"row": whose}).scalar() is None:
            return
        execute(
            insert_of(Notice),
            {
                "id": self._base.ids.take(),
                "account_id": whose,
                "kind": NoticeKind.INBOUND,
                "inbound_id": inbound_id,
                "created_at": at,
                "due_at": at,
                "parts_delivered": 0,
                "tries": 0,
            },
        )
        transaction.topics.add((NOTICES, whose))


def _nearest(waiting: Iterable[Mapping[str, Any]], facts: InboundFacts) -> dict[str, Any] | None:
    """Return the message that lacks this part and was sent at about the same time."""
    lacking = [row for row in waiting if str(facts.ordinal) not in row["segments"]]
    near = [(_apart(row, facts), row["id"], row) for row in lacking]
    apart, _, row = min(near, default=(TOGETHER, 0, None))
    return dict(row) if row is not None and apart < TOGETHER else None


def _apart(row: Mapping[str, Any], facts: InboundFacts) -> timedelta:
    """Return the time between two stamps; none where one of them cannot be read."""
    if row["sent_at"] is None or facts.sent_at is None:
        return timedelta()
    stamped: datetime = row["sent_at"]
    return abs(facts.sent_at - stamped)
