"""What an account takes back: messages cancelled while they are not on the air.

Many are gone over in chunks, each a transaction of its own; what is left of them is a row, so that
a restart goes on with it. A message that is being sent keeps the parts that are not begun from
leaving, and is never sent again; what becomes of the others, the network tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, insert, select, update

from appliance.lifecycle import FINAL, Event, State
from appliance.models import Account, Message, Part, Withdrawal
from appliance.store.base import Base
from appliance.store.changes import Change, apply
from appliance.store.ids import private
from appliance.store.messages import PREFIX
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

message, part, rest = table_of(Message), table_of(Part), table_of(Withdrawal)
account = table_of(Account)

CHUNK: Final = 100
"""Messages gone over in one transaction: a batch of a million holds nobody up."""

LAST: Final = (1 << 63) - 1

CAUSE: Final = "cancelled by its account"

_IN_ORDER: Final = (
    select(message.c.id, message.c.state)
    .where(message.c.id > bindparam("passed"), message.c.id <= bindparam("up_to"))
    .order_by(message.c.id)
    .limit(CHUNK)
    # What is read is what is so when we have the lock: a claim has come before us, or comes after.
    .with_for_update()
)
_BY: Final[Mapping[str, Select[Any]]] = {
    "ids": _IN_ORDER.where(message.c.id.in_(bindparam("ids", expanding=True))),
    "batch": _IN_ORDER.where(message.c.batch == bindparam("batch")),
    "reference": _IN_ORDER.where(message.c.reference == bindparam("reference")),
    "recipient_key": _IN_ORDER.where(message.c.recipient_key == bindparam("recipient_key")),
}
_ANYBODYS: Final = message.c.account_id.in_(select(account.c.id))
"""Of any account: said so, a reference is looked up in the index that begins with the account."""

_NOT_BEGUN: Final = (
    select(part.c.id)
    .where(
        part.c.message_id.in_(bindparam("messages", expanding=True)), part.c.state == State.QUEUED
    )
    .order_by(part.c.id)
)
_NEVER_AGAIN: Final = (
    update(message)
    .where(message.c.id.in_(bindparam("messages", expanding=True)))
    .values(withdrawn_at=bindparam("moment"))
)
_REST: Final = select(rest).where(rest.c.id == bindparam("row")).with_for_update()
_RESTS: Final = select(rest.c.id).order_by(rest.c.id)
_GO_ON: Final = (
    update(rest)
    .where(rest.c.id == bindparam("row"))
    .values(
        passed=bindparam("passed_now"),
        cancelled=bindparam("cancelled_now"),
        on_air=bindparam("on_air_now"),
        final=bindparam("final_now"),
    )
)
_DONE: Final = delete(rest).where(rest.c.id == bindparam("row"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which messages: exactly one of these is given."""

    ids: tuple[str, ...] = ()
    batch: str | None = None
    reference: str | None = None
    to: str | None = None  # E.164


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of those that were gone over so far.

    Attributes:
        cancelled: nothing of them had left, and nothing will.
        on_air: something of them had; what had not, will not.
        final: nothing more could be changed.
        rest: names those that are still to be gone over, for ``go_on``; None: there are none.

    """

    cancelled: int = 0
    on_air: int = 0
    final: int = 0
    rest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One chunk: ``by`` is a key of ``_BY``, ``value`` what it is to be, None: as the rest says."""

    account_id: int | None
    by: str = ""
    value: Any = None
    rest: int | None = None
    at: datetime


class Withdrawals:
    """Messages taken back by their accounts."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._chunk: Verb[_Asked, Withdrawn] = Verb("cancel", self._chunk_many)

    async def cancel(self, account_id: int | None, selection: Selection, at: datetime) -> Withdrawn:
        """Cancel messages of an account (None: of any) that are there now: the first ``CHUNK``.

        If there are more, they are remembered until ``go_on`` was through with them.

        Raises:
            NotFound: an id is none at all.

        """
        numbers = [private("message", PREFIX, name) for name in selection.ids]
        found = Withdrawn()
        if not numbers:
            return await self._run(_Asked(account_id=account_id, at=at, **self._by(selection)))
        for first in range(0, len(numbers), CHUNK):
            some = numbers[first : first + CHUNK]
            chunk = _Asked(account_id=account_id, by="ids", value=some, at=at)
            found = _sum(found, await self._run(chunk))
        return found

    async def go_on(self, rest_id: int, at: datetime) -> Withdrawn:
        """Go over the next ``CHUNK`` of a rest; return what became of all so far."""
        return await self._run(_Asked(account_id=None, rest=rest_id, at=at))

    async def unfinished(self) -> list[int]:
        """Return the rests that are to be gone on with, also those of the last run."""
        return await self._base.reader.run(
            lambda connection: list(connection.execute(_RESTS).scalars())
        )

    async def _run(self, asked: _Asked) -> Withdrawn:
        return await self._base.writer.run(self._chunk, asked)

    def _by(self, selection: Selection) -> dict[str, Any]:
        if selection.batch is not None:
            return {"by": "batch", "value": selection.batch}
        if selection.reference is not None:
            return {"by": "reference", "value": selection.reference}
        return {"by": "recipient_key", "value": self._base.keys.number(selection.to or "")}

    def _chunk_many(self, transaction: Transaction, items: Sequence[_Asked]) -> list[Withdrawn]:
        return [self._go_over(transaction, item) for item in items]

    def _go_over(self, transaction: Transaction, asked: _Asked) -> Withdrawn:
        if asked.rest is None:
            row = self._fresh(asked)
        elif known := transaction.execute(_REST, {"row": asked.rest}).mappings().first():
            row = dict(known)
        else:
            return Withdrawn()  # somebody else has gone over the last of it
        found = self._cancel(transaction, row, asked)
        total = _sum(Withdrawn(row["cancelled"], row["on_air"], row["final"]), found[0])
        return self._remember(transaction, row, total, found[1], known=asked.rest is not None)

    def _fresh(self, asked: _Asked) -> dict[str, Any]:
        row_id = self._base.ids.take()
        row: dict[str, Any] = {"id": row_id, "account_id": asked.account_id}
        row |= {"batch": None, "recipient_key": None}
        up_to = row_id if asked.by in row else LAST  # what is named by itself may be new
        row |= {"passed": 0, "up_to": up_to, "at": asked.at}
        row |= {"cancelled": 0, "on_air": 0, "final": 0}
        return row | ({asked.by: asked.value} if asked.by in row else {})

    def _cancel(
        self, transaction: Transaction, row: Mapping[str, Any], asked: _Asked
    ) -> tuple[Withdrawn, int | None]:
        """Cancel the next chunk; return what became of it, and its last message if it was full."""
        by = asked.by or ("batch" if row["batch"] is not None else "recipient_key")
        statement = _BY[by]
        if row["account_id"] is not None:
            statement = statement.where(message.c.account_id == row["account_id"])
        elif by == "reference":
            statement = statement.where(_ANYBODYS)
        given = {by: asked.value if asked.by else row[by]}
        bounds = {"passed": row["passed"], "up_to": row["up_to"]}
        found = transaction.execute(statement, given | bounds).all()
        waiting = [each.id for each in found if each.state is State.QUEUED]
        open_ = [each.id for each in found if each.state not in FINAL]
        under_way = sorted({*open_} - {*waiting})
        if under_way:
            transaction.execute(_NEVER_AGAIN, {"messages": under_way, "moment": row["at"]})
        if open_:
            parts = transaction.execute(_NOT_BEGUN, {"messages": open_}).scalars()
            changes = [
                Change(each, Event.CANCEL, asked.at, CAUSE, only_from=State.QUEUED)
                for each in parts
            ]
            apply(transaction, changes, self._base.ids)
        counts = Withdrawn(len(waiting), len(under_way), len(found) - len(open_))
        full = len(found) == CHUNK and by != "ids"
        return counts, found[-1].id if full else None

    def _remember(
        self,
        transaction: Transaction,
        row: dict[str, Any],
        total: Withdrawn,
        passed: int | None,
        *,
        known: bool,
    ) -> Withdrawn:
        """Keep what is still to be gone over, or forget it if it was the last of it."""
        counts = {"cancelled": total.cancelled, "on_air": total.on_air, "final": total.final}
        if passed is None:
            if known:
                transaction.execute(_DONE, {"row": row["id"]})
            return total
        if known:
            now = {f"{name}_now": count for name, count in counts.items()}
            transaction.execute(_GO_ON, now | {"row": row["id"], "passed_now": passed})
        else:
            transaction.execute(insert(rest), row | counts | {"passed": passed})
        return Withdrawn(total.cancelled, total.on_air, total.final, row["id"])


def _sum(one: Withdrawn, other: Withdrawn) -> Withdrawn:
    return Withdrawn(
        one.cancelled + other.cancelled, one.on_air + other.on_air, one.final + other.final
    )
