"""Messages that say something else now, or leave at another time: while nothing of them has left.

A claim names the revision that it has read, so that what was replaced is not sent as it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, exists, select, update

from appliance.errors import NotFound, TooLate, TooOften
from appliance.lifecycle import State
from appliance.models import Attempt, History, Message, Outcome, Part
from appliance.policy.categories import Category
from appliance.store.base import Base
from appliance.store.bell import CHANGES, QUEUE
from appliance.store.earlier import Taken
from appliance.store.ids import private, public
from appliance.store.messages import PREFIX, whom_of
from appliance.store.optouts import lock_recipients
from appliance.store.tables import insert_of, table_of
from appliance.store.values import NewMessage
from appliance.store.writer import Transaction, Verb
from appliance.submission import Accepted, Door, Receipts, Submission, WhenUncertain

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)

REPLACED: Final = (
    *("text", "data", "udh", "encoding", "language", "wide", "parts", "flash", "smpp"),
    *("not_before", "expires_at", "receipts", "cause"),
)
"""What of a message can become another."""

_ON_AIR: Final = (Outcome.SENDING, Outcome.SENT, Outcome.UNCERTAIN)

_KNOWN: Final = select(message).where(message.c.id == bindparam("row"))
_REPLACE: Final = (
    update(message)
    .where(
        message.c.id == bindparam("row"),
        message.c.state == State.QUEUED,
        message.c.revision == bindparam("seen"),
        ~exists()
        .where(attempt.c.part_id == part.c.id, attempt.c.outcome.in_(_ON_AIR))
        .where(part.c.message_id == message.c.id),
    )
    .values(
        {name: bindparam(f"new_{name}") for name in REPLACED}
        | {"revision": bindparam("next"), "changed_at": bindparam("moment"), "waits_since": None}
    )
)
_WHAT_IS_LEFT: Final = select(message.c.state, message.c.revision, message.c.lane_id).where(
    message.c.id == bindparam("row")
)
_PARTS: Final = select(part.c.ordinal).where(part.c.message_id == bindparam("row"))
_FEWER: Final = delete(part).where(
    part.c.message_id == bindparam("row"), part.c.ordinal > bindparam("most")
)
_AFRESH: Final = (
    update(part)
    .where(part.c.message_id == bindparam("row"))
    .values(cause=None, cause_code=None, changed_at=bindparam("moment"))
)


@dataclass(frozen=True, slots=True)
class Replaceable:
    """A message as it was asked for, and as often as it was replaced since."""

    message_id: int
    revision: int
    asked: Submission


@dataclass(frozen=True, slots=True)
class Replacing:
    """What a message is to be from now on."""

    known: Replaceable
    new: NewMessage


class Replacements:
    """Messages that their accounts have thought better of."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._replace: Verb[Replacing, Accepted] = Verb("replace", self._replace_many)

    async def known(self, account_id: int, name: str) -> Replaceable:
        """Return a message of an account as it was asked for.

        Raises:
            NotFound: there is none of that name, or its number is erased.

        """
        number = private("message", PREFIX, name)
        row = await self._base.reader.run(
            lambda connection: connection.execute(_KNOWN, {"row": number}).mappings().first()
        )
        if row is None or row["account_id"] != account_id or row["recipient"] is None:
            raise NotFound("message", name)
        return Replaceable(row["id"], row["revision"], _asked({**row}))

    async def replace(self, known: Replaceable, new: NewMessage) -> Accepted:
        """Let a message be another, under the same id.

        Raises:
            TooLate: something of it has left, or its fate is known, or it was replaced meanwhile.
            TooOften: its recipient is written to often enough then, or has been told just that.
            StoreError: nothing was changed.

        """
        return await self._base.writer.run(self._replace, Replacing(known, new))

    def _replace_many(
        self, transaction: Transaction, items: Sequence[Replacing]
    ) -> list[Accepted | TooLate | TooOften]:
        return [self._one(transaction, item) for item in items]

    def _one(self, transaction: Transaction, item: Replacing) -> Accepted | TooLate | TooOften:
        row, new = item.known.message_id, item.new
        whom = whom_of(self._base, new)
        lock_recipients(transaction, [whom.suffix_key])
        found = Taken(transaction, [new], [whom.key], but=row).judge(new, whom.key)
        if found is not None and found.refused and self._still_there(transaction, item.known):
            return TooOften(found.field, found.why)
        given = {f"new_{name}": getattr(new, name) for name in REPLACED}
        seen = item.known.revision
        given |= {"row": row, "seen": seen, "next": seen + 1, "moment": new.at}
        replaced = transaction.execute(_REPLACE, given).rowcount == 1
        left = transaction.execute(_WHAT_IS_LEFT, {"row": row}).first()
        if not replaced:
            return _too_late(left, seen)
        before = self._split(transaction, row, new)
        history = {"id": self._base.ids.take(), "message_id": row, "at": new.at}
        cause = f"replaced by its account: {_parts(new.parts)}, before {_parts(before)}"
        history |= {"state": State.QUEUED, "cause": cause}
        transaction.execute(insert_of(History), history)
        transaction.topics |= {QUEUE, (QUEUE, left.lane_id), CHANGES}
        return Accepted(
            id=public(PREFIX, row),
            state=State.QUEUED,
            parts=new.parts,
            encoding=new.encoding,
            warnings=(found.why,) if found is not None else (),
        )

    @staticmethod
    def _still_there(transaction: Transaction, known: Replaceable) -> bool:
        """Tell whether a message is as it was read; if not, it is too late for all else."""
        left = transaction.execute(_WHAT_IS_LEFT, {"row": known.message_id}).first()
        return left is not None and (left.state, left.revision) == (State.QUEUED, known.revision)

    def _split(self, transaction: Transaction, row: int, new: NewMessage) -> int:
        """Let the message have as many parts as it needs now; return how many it had."""
        before = len(transaction.execute(_PARTS, {"row": row}).all())
        transaction.execute(_FEWER, {"row": row, "most": new.parts})
        transaction.execute(_AFRESH, {"row": row, "moment": new.at})
        more = [
            {
                "id": row + ordinal,
                "message_id": row,
                "ordinal": ordinal,
                "state": State.QUEUED,
                "changed_at": new.at,
            }
            for ordinal in range(before + 1, new.parts + 1)
        ]
        if more:
            transaction.execute(insert_of(Part), more)
        return before


def _too_late(left: Any, seen: int) -> TooLate:
    if left is not None and left.state is State.QUEUED:
        meanwhile = left.revision != seen
        return TooLate("it was replaced meanwhile" if meanwhile else "it may be on the air")
    return TooLate(f"it is {left.state.value} by now" if left is not None else "it is gone")


def _parts(count: int) -> str:
    return "1 part" if count == 1 else f"{count} parts"


def _asked(row: Mapping[str, Any]) -> Submission:
    addresses = row["smpp"] or {}
    return Submission(
        to=row["recipient"],
        text=row["text"],
        data=row["data"],
        udh=row["udh"] or b"",
        flash=row["flash"],
        service_centre=row["service_centre"],
        category=Category(row["category"]),
        priority=row["priority"],
        reference=row["reference"],
        idempotency_key=row["idempotency_key"],
        not_before=row["waits_since"] or row["not_before"],
        expires_at=row["expires_at"],
        receipts=Receipts(row["receipts"]) if row["receipts"] is not None else None,
        when_uncertain=WhenUncertain(row["when_uncertain"]),
        time_zone=row["time_zone"],
        batch=row["batch"],
        protocol=row["protocol"],
        only_sim=row["pinned_sim_id"],
        door=Door(row["door"]),
        **{f"smpp_{name}": value for name, value in addresses.items()},
    )
