"""Taking messages: one transaction, answered after its commit."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import bindparam, or_, select, tuple_

from appliance.errors import OptedOut, ReferenceUsed
from appliance.lifecycle import State
from appliance.models import History, Message, Part
from appliance.store.base import Base
from appliance.store.bell import CHANGES, QUEUE
from appliance.store.ids import public
from appliance.store.optouts import Active, lock_recipients
from appliance.store.tables import insert_of, table_of
from appliance.store.values import NewMessage
from appliance.store.writer import Transaction, Verb
from appliance.submission import Accepted

message = table_of(Message)

PREFIX: Final = "m"
"""What the public id of a message begins with."""

_SAME_NAME: Final = select(
    message.c.id,
    message.c.account_id,
    message.c.reference,
    message.c.idempotency_key,
    message.c.request_hash,
    message.c.state,
    message.c.parts,
    message.c.encoding,
).where(
    or_(
        tuple_(message.c.account_id, message.c.reference).in_(
            bindparam("references", expanding=True)
        ),
        tuple_(message.c.account_id, message.c.idempotency_key).in_(
            bindparam("keys", expanding=True)
        ),
    )
)

_STORED: Final = tuple(
    field.name for field in fields(NewMessage) if field.name not in ("suffix", "at")
)


class Messages:
    """The messages an account has asked for."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._accept: Verb[NewMessage, Accepted] = Verb("accept", self._accept_many)

    async def accept(self, new: NewMessage) -> Accepted:
        """Store a message and its parts; what is returned survives a power cut.

        The same reference or idempotency key with the same request is answered as the first
        time, with the state the message has now.

        Raises:
            OptedOut: the recipient said STOP.
            ReferenceUsed: the reference or key stands for another request.
            StoreError: nothing was stored.

        """
        return await self._base.writer.run(self._accept, new)

    def fingerprint(self, *facts: object) -> bytes:
        """Return what tells one request from another under the same reference or key."""
        return self._base.keys.fingerprint(*facts)

    def _accept_many(
        self, transaction: Transaction, items: Sequence[NewMessage]
    ) -> list[Accepted | OptedOut | ReferenceUsed]:
        keys = [self._base.keys.number(new.recipient) for new in items]
        lock_recipients(transaction, keys)
        known = _Known(transaction, items)
        opt_outs = Active(transaction, keys, items[0].at)
        results: list[Accepted | OptedOut | ReferenceUsed] = []
        rows: list[dict[str, Any]] = []
        for new, key in zip(items, keys, strict=True):
            result: Accepted | OptedOut | ReferenceUsed | None = known.answer(new)
            if result is None and opt_outs.forbid(key, new.account_id, new.category):
                result = OptedOut("to", "the recipient has opted out (STOP)")
            if result is None:
                rows.append(self._row(new, key))
                result = _accepted(rows[-1], repeated=False)
                known.add(rows[-1])
            results.append(result)
        if rows:
            _insert(transaction, rows, self._base)
            transaction.topics |= {(QUEUE, row["priority"]) for row in rows} | {CHANGES}
        return results

    def _row(self, new: NewMessage, key: bytes) -> dict[str, Any]:
        return {name: getattr(new, name) for name in _STORED} | {
            "id": self._base.ids.take(1 + new.parts),  # its parts' ids follow its own
            "recipient_key": key,
            "recipient_suffix_key": self._base.keys.suffix(new.suffix),
            "state": State.QUEUED,
            "accepted_at": new.at,
            "changed_at": new.at,
        }


def _insert(transaction: Transaction, rows: Sequence[dict[str, Any]], base: Base) -> None:
    execute = transaction.execute
    execute(insert_of(Message), rows)
    execute(
        insert_of(Part),
        [
            {
                "id": row["id"] + ordinal,
                "message_id": row["id"],
                "ordinal": ordinal,
                "state": State.QUEUED,
                "changed_at": row["accepted_at"],
            }
            for row in rows
            for ordinal in range(1, row["parts"] + 1)
        ],
    )
    execute(
        insert_of(History),
        [
            {
                "id": base.ids.take(),
                "message_id": row["id"],
                "at": row["accepted_at"],
                "state": State.QUEUED,
            }
            for row in rows
        ],
    )


def _accepted(row: dict[str, Any], *, repeated: bool) -> Accepted:
    return Accepted(
        id=public(PREFIX, row["id"]),
        state=row["state"],
        parts=row["parts"],
        encoding=row["encoding"],
        repeated=repeated,
    )


class _Known:
    """The messages that carry a reference or key of this batch already."""

    def __init__(self, transaction: Transaction, items: Sequence[NewMessage]) -> None:
        self._by_name: dict[tuple[int, str, str], dict[str, Any]] = {}
        references = [(new.account_id, new.reference) for new in items if new.reference]
        keys = [(new.account_id, new.idempotency_key) for new in items if new.idempotency_key]
        if references or keys:
            found = transaction.execute(_SAME_NAME, {"references": references, "keys": keys})
            for row in found.mappings():
                self.add(dict(row))

    def add(self, row: dict[str, Any]) -> None:
        """Remember a message by its names."""
        for field in ("reference", "idempotency_key"):
            if row[field]:
                self._by_name[row["account_id"], field, row[field]] = row

    def answer(self, new: NewMessage) -> Accepted | ReferenceUsed | None:
        """Return what a repeated submission is answered, None if it is no repetition."""
        for field, value in (
            ("idempotency_key", new.idempotency_key),
            ("reference", new.reference),
        ):
            row = self._by_name.get((new.account_id, field, value)) if value else None
            if row is None:
                continue
            if row["request_hash"] != new.request_hash:
                return ReferenceUsed(field, "it stands for a different message already")
            return _accepted(row, repeated=True)
        return None
