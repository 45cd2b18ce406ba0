"""Inbound messages: stored once, joined, understood as STOP, routed; then the SIM may forget."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, text, update

from appliance.models import Inbound, InboundPart, InboundState, Notice, NoticeKind
from appliance.policy.consent import SHIPPED_RULES, KeywordRules
from appliance.policy.keywords import Keyword
from appliance.store import contacts
from appliance.store.answering import Answer
from appliance.store.base import Base
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.chores import CHUNK
from appliance.store.hot import hot
from appliance.store.obedience import Obedience
from appliance.store.optouts import lock_recipients
from appliance.store.pieces import Coding, Decode, Words, piece, words
from appliance.store.tables import insert_of, table_of
from appliance.store.values import InboundFacts, Said, Taken
from appliance.store.whose import Owner, Whose, carrier
from appliance.store.writer import Transaction, Verb

inbound, inbound_part = table_of(Inbound), table_of(InboundPart)

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
_LACKING: Final = (
    select(inbound)
    .where(
        text("inbound.state IN ('waiting', 'incomplete')"),
        inbound.c.sim_id == bindparam("sim"),
        inbound.c.sender_key == bindparam("from_key"),
        inbound.c.concat_reference == bindparam("number"),
        inbound.c.concat_wide == bindparam("wide"),
        inbound.c.total == bindparam("all"),
    )
    .order_by(inbound.c.id)
)
_COLLECT: Final = (
    update(inbound)
    .where(inbound.c.id == bindparam("row"))
    .values(
        segments=bindparam("pieces"),
        indication=bindparam("waits"),
        text=bindparam("words"),
        data=bindparam("octets"),
    )
)
_OVERDUE: Final = (
    select(inbound)
    .where(text("inbound.state = 'waiting'"), inbound.c.received_at < bindparam("before"))
    .order_by(inbound.c.id)
    .limit(CHUNK)
)
_TELL: Final = hot(
    update(inbound)
    .where(inbound.c.id == bindparam("row"))
    .values(
        state=bindparam("now"),
        segments=bindparam("pieces"),
        text=bindparam("words"),
        data=bindparam("octets"),
        keyword=bindparam("said"),
        account_id=bindparam("whose"),
    )
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the inbox reads an inbound message: given by it, since the store decides nothing.

    ``decode`` turns (encoding, language, payload) into text, None if it is none;
    ``understand`` finds the keyword in a text; ``rules`` say what it does, and ``reply`` what is
    answered to it (None: nothing at all).
    """

    decode: Decode
    understand: Callable[[str], Keyword | None]
    rules: KeywordRules = SHIPPED_RULES
    reply: Answer | None = None


class InboundMessages:
    """What came to our SIMs."""

    def __init__(self, base: Base, reading: Reading, whose: Whose) -> None:
        self._base, self._whose = base, whose
        self._reading = reading
        self._obedience = Obedience(base, reading.rules, reading.reply)
        self._take: Verb[InboundFacts, Taken] = Verb("inbound", self._take_many, urgent=True)
        self._give_up: Verb[tuple[datetime, datetime], int] = Verb("incomplete", self._give_up_many)

    def exchange(self, reading: Reading) -> None:
        """Read what comes from now on otherwise, and obey it otherwise."""
        self._reading = reading
        self._obedience = Obedience(self._base, reading.rules, reading.reply)

    async def take(self, facts: InboundFacts) -> Taken:
        """Store one inbound part; a second reading of it is harmless.

        When its message is whole: its account, its keyword, the opt-out with the cancelling
        of what waits for that number, and the notice, in the same transaction.
        """
        return await self._base.writer.run(self._take, facts)

    async def give_up(self, before: datetime, now: datetime) -> int:
        """Tell of messages whose parts are missing since ``before``: what there is of them.

        A part that comes later still completes them, and then they are told once more, whole.
        Only a whole message can be a STOP. Returns how many; under CHUNK: all.
        """
        return await self._base.writer.run(self._give_up, (before, now))

    def _take_many(self, transaction: Transaction, items: Sequence[InboundFacts]) -> list[Taken]:
        keys = [self._base.keys.number(facts.sender or "") for facts in items]
        suffixes = [self._base.keys.suffix(facts.suffix) for facts in items]
        lock_recipients(transaction, [*keys, *suffixes])
        return [
            self._take_one(transaction, facts, key) for facts, key in zip(items, keys, strict=True)
        ]

    def _take_one(self, transaction: Transaction, facts: InboundFacts, key: bytes) -> Taken:
        print_ = self._base.keys.fingerprint("inbound", facts.sim_id, *facts.fingerprint)
        seen = transaction.execute(_SEEN, {"print": print_}).first()
        if seen is not None:
            complete = seen.state is InboundState.COMPLETE
            return Taken(inbound_id=seen.id, new=False, complete=complete)
        row = self._collect(transaction, facts, key)
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
        if facts.sender and facts.sender.startswith("+"):  # a name cannot be written to
            contacts.heard(transaction, key, facts.sim_id, facts.received_at)
        transaction.topics.add(CHANGES)
        complete = facts.raw is None and len(row["segments"]) == facts.total
        if complete:
            self._complete(transaction, row, facts)
        return Taken(inbound_id=row["id"], new=True, complete=complete)

    def _collect(self, transaction: Transaction, facts: InboundFacts, key: bytes) -> dict[str, Any]:
        """Put a part to the message it belongs to, or begin one. Return that with its parts."""
        execute = transaction.execute
        if facts.total > 1:
            lacking = execute(
                _LACKING,
                {
                    "sim": facts.sim_id,
                    "from_key": key,
                    "number": facts.concat_reference,
                    "wide": facts.concat_wide,
                    "all": facts.total,
                },
            )
            if found := _nearest(lacking.mappings(), facts):
                return self._add(transaction, found, facts)
        row = self._row(facts, key)
        execute(insert_of(Inbound), row)
        return row

    def _add(
        self, transaction: Transaction, row: dict[str, Any], facts: InboundFacts
    ) -> dict[str, Any]:
        row["segments"] = row["segments"] | {str(facts.ordinal): piece(facts)}
        row["indication"] = row["indication"] or facts.indication
        told = row["state"] is InboundState.INCOMPLETE
        so_far = self._words(row) if told else Words(None, None)
        transaction.execute(
            _COLLECT,
            {
                "row": row["id"],
                "pieces": row["segments"],
                "waits": row["indication"],
                "words": so_far.text,
                "octets": so_far.data,
            },
        )
        return row

    def _row(self, facts: InboundFacts, key: bytes) -> dict[str, Any]:
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
            "message_class": facts.message_class,
            "indication": facts.indication,
            "concat_reference": facts.concat_reference,
            "concat_wide": facts.concat_wide,
            "total": facts.total,
            "segments": None if undecodable else {str(facts.ordinal): piece(facts)},
            "sent_at": facts.sent_at,
            "received_at": facts.received_at,
        }

    def _words(self, row: Mapping[str, Any]) -> Words:
        first = Coding(row["encoding"], row["language"])
        return words(row["segments"], row["total"], first, self._reading.decode)

    def _complete(self, transaction: Transaction, row: dict[str, Any], facts: InboundFacts) -> None:
        words, at = self._words(row), facts.received_at
        keyword = self._reading.understand(words.text) if words.text is not None else None
        row |= {"state": InboundState.COMPLETE, "segments": None, "keyword": keyword}
        whose = self._tell(transaction, row, words, at)
        if keyword is None or not row["sender"]:
            return
        said = Said(
            keyword=keyword,
            inbound_id=row["id"],
            sender=row["sender"],
            suffix=facts.suffix,
            loose=facts.loose,
            sim_id=row["sim_id"],
            account_id=whose.meant,
            at=at,
        )
        self._obedience.obey(transaction, said)

    def _give_up_many(
        self, transaction: Transaction, items: Sequence[tuple[datetime, datetime]]
    ) -> list[int]:
        before, now = items[-1]
        found = transaction.execute(_OVERDUE, {"before": before}).mappings()
        keys = {row["sender_key"] for row in found}
        lock_recipients(transaction, sorted(keys))
        found = transaction.execute(_OVERDUE, {"before": before}).mappings()
        rows = [dict(row) for row in found if row["sender_key"] in keys]
        for row in rows:
            row["state"] = InboundState.INCOMPLETE
            self._tell(transaction, row, self._words(row), now)
        transaction.topics.add(CHANGES)
        return [len(rows)] * len(items)

    def _tell(
        self, transaction: Transaction, row: Mapping[str, Any], said: Words, at: datetime
    ) -> Owner:
        """Give a message to its account, as it is, owe the notice of it, and return whose it is."""
        owner = self._whose.owner(transaction, row["sender_key"], row["sim_id"], said.text)
        whose = owner.told
        transaction.execute(
            _TELL,
            {
                "row": row["id"],
                "now": row["state"],
                "pieces": row["segments"],
                "words": said.text,
                "octets": said.data,
                "said": row["keyword"],
                "whose": whose,
            },
        )
        if whose is None or carrier(transaction, whose) is None:
            return owner
        notice = {
            "id": self._base.ids.take(),
            "account_id": whose,
            "kind": NoticeKind.INBOUND,
            "inbound_id": row["id"],
            "created_at": at,
            "due_at": at,
            "parts_delivered": 0,
            "tries": 0,
        }
        transaction.execute(insert_of(Notice), notice)
        transaction.topics.add((NOTICES, whose))
        return owner


def _nearest(lacking: Iterable[Mapping[str, Any]], facts: InboundFacts) -> dict[str, Any] | None:
    """Return the message that lacks this part and was sent at about the same time."""
    fitting = [row for row in lacking if str(facts.ordinal) not in row["segments"]]
    near = [(_apart(row, facts), row["id"], row) for row in fitting]
    apart, _, row = min(near, default=(TOGETHER, 0, None))
    return dict(row) if row is not None and apart < TOGETHER else None


def _apart(row: Mapping[str, Any], facts: InboundFacts) -> timedelta:
    """Return the time between two stamps; none where one of them cannot be read."""
    if row["sent_at"] is None or facts.sent_at is None:
        return timedelta()
    stamped: datetime = row["sent_at"]
    return abs(facts.sent_at - stamped)
