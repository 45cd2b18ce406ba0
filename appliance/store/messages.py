"""Taking messages: one transaction, answered after its commit."""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, tuple_

from appliance.errors import OptedOut, ReferenceUsed, TooOften
from appliance.lifecycle import State
from appliance.models import History, Message, Part
from appliance.store.base import Base
from appliance.store.bell import CHANGES, QUEUE
from appliance.store.bundles import Bundling
from appliance.store.earlier import Taken
from appliance.store.ids import public
from appliance.store.optouts import Active, Verdict, Whom, lock_recipients
from appliance.store.tables import insert_of, table_of
from appliance.store.values import NewMessage
from appliance.store.writer import LARGEST_BATCH, Transaction, Verb
from appliance.submission import Accepted

message = table_of(Message)

MOST_PARTS: Final = 255
"""Parts that one message can have (23.040 clause 9.2.3.24.1)."""

BEHIND: Final = 4 * LARGEST_BATCH
"""Verbs that wait, of all doors and lines, when the store has as much to do as it should."""

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
    field.name
    for field in fields(NewMessage)
    if field.name not in ("suffix", "at", "caps", "segment")
)

_stored: Final = attrgetter(*_STORED)


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
            TooOften: the recipient was written to often enough.
            ReferenceUsed: the reference or key stands for another request.
            StoreError: nothing was stored.

        """
        return await self._base.writer.run(self._accept, new)

    @property
    def load(self) -> int:
        """How far the store is behind: 99 where ``BEHIND`` verbs or more wait for a commit."""
        return min(100 * self._base.writer.waiting // BEHIND, 99)

    async def repeated(self, new: NewMessage) -> Accepted | None:
        """Return what a repetition of a request that is stored is answered, None if it is none.

        Raises:
            ReferenceUsed: the reference or key stands for another request.

        """

        def look(connection: Connection) -> Accepted | ReferenceUsed | None:
            return _Known(connection, [new]).answer(new)

        found = await self._base.reader.run(look)
        if isinstance(found, ReferenceUsed):
            raise found
        return found

    def fingerprint(self, *facts: object) -> bytes:
        """Return what tells one request from another under the same reference or key."""
        return self._base.keys.fingerprint(*facts)

    def _accept_many(
        self, transaction: Transaction, items: Sequence[NewMessage]
    ) -> list[Accepted | OptedOut | ReferenceUsed | TooOften]:
        whom = [whom_of(self._base, new) for new in items]
        lock_recipients(transaction, (each.suffix_key for each in whom))
        known = _Known(transaction, items)
        opt_outs = Active(transaction, whom, items[0].at, self._base.ways)
        keys = [each.key for each in whom]
        taken = Taken(transaction, items, keys)
        bundling = Bundling(transaction, items, keys, self._base)
        results: list[Accepted | OptedOut | ReferenceUsed | TooOften] = []
        rows: list[dict[str, Any]] = []
        for new, to in zip(items, whom, strict=True):
            result: Accepted | OptedOut | ReferenceUsed | TooOften | None = known.answer(new)
            said = opt_outs.judge(
                to,
                new.account_id,
                new.category,
                only_sim=new.pinned_sim_id,
                lane_id=new.lane_id,
            )
            if result is None and said.why:
                result = OptedOut("to", said.why)
            warnings: tuple[str, ...] = ()
            if result is None and (found := taken.judge(new, to.key)):
                if found.refused:
                    result = TooOften(found.field, found.why)
                else:
                    warnings = (found.why,)
            if result is None:
                rows.append(row_of(self._base, new, said, to))
                bundling.put(new, rows[-1])
                result = _accepted(rows[-1], repeated=False, warnings=warnings)
                known.add(rows[-1])
            results.append(result)
        if rows:
            insert_messages(transaction, rows, self._base)
            bundling.write()
        return results


def whom_of(base: Base, new: NewMessage) -> Whom:
    """Return by what a message's recipient is looked up."""
    return Whom(base.keys.number(new.recipient), base.keys.suffix(new.suffix))


def row_of(base: Base, new: NewMessage, said: Verdict, whom: Whom | None = None) -> dict[str, Any]:
    """Return a message as it is stored; ``said``: which SIMs its recipient has opted out of."""
    key, suffix_key = whom or whom_of(base, new)
    return dict(zip(_STORED, _stored(new), strict=True)) | {
        # Its parts' ids follow its own; as many as it can be replaced by are kept free.
        "id": base.ids.take(1 + MOST_PARTS),
        "recipient_key": key,
        "recipient_suffix_key": suffix_key,
        "state": State.QUEUED,
        "refused_by": list(said.sims) or None,
        "refused_until": new.expires_at if said.sims else None,
        "bundle_id": None,
        "bundle_ordinal": None,
        "accepted_at": new.at,
        "changed_at": new.at,
    }


def insert_messages(transaction: Transaction, rows: Sequence[dict[str, Any]], base: Base) -> None:
    """Store messages with their parts, and wake who sends them."""
    execute = transaction.execute
    transaction.topics |= {(QUEUE, row["lane_id"]) for row in rows} | {CHANGES}
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
    first = base.ids.take(len(rows))
    execute(
        insert_of(History),
        [
            {
                "id": number,
                "message_id": row["id"],
                "at": row["accepted_at"],
                "state": State.QUEUED,
            }
            for number, row in enumerate(rows, first)
        ],
    )


def _accepted(row: dict[str, Any], *, repeated: bool, warnings: tuple[str, ...] = ()) -> Accepted:
    return Accepted(
        id=public(PREFIX, row["id"]),
        state=row["state"],
        parts=row["parts"],
        encoding=row["encoding"],
        repeated=repeated,
        warnings=warnings,
    )


class _Known:
    """The messages that carry a reference or key of this batch already."""

    def __init__(self, transaction: Transaction | Connection, items: Sequence[NewMessage]) -> None:
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
