"""Calls to our SIMs: stored when they were hung up, and told to whom an answer would be."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select

from appliance.models import Account, Call, Notice, NoticeKind, Sim
from appliance.store.base import Base
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.ids import private, public
from appliance.store.shown import CallView
from appliance.store.tables import insert_of, table_of
from appliance.store.values import CallFacts
from appliance.store.whose import Whose, carrier
from appliance.store.writer import Transaction, Verb

call, account, sim = table_of(Call), table_of(Account), table_of(Sim)

PREFIX: Final = "c"
"""What the public id of a call begins with."""

TOLD_BY: Final = "webhook"
"""The carrier that has a form for calls; SMPP has none."""

_SHOWN: Final = (
    select(call, account.c.name, sim.c.iccid, sim.c.number)
    .join(sim, sim.c.id == call.c.sim_id)
    .join(account, account.c.id == call.c.account_id, isouter=True)
)


class Calls:
    """Who called."""

    def __init__(self, base: Base, whose: Whose) -> None:
        self._base, self._whose = base, whose
        self._take: Verb[CallFacts, int] = Verb("call", self._take_many)

    async def take(self, facts: CallFacts) -> int:
        """Store a call with its account and, in the same transaction, its notice; return its id."""
        return await self._base.writer.run(self._take, facts)

    async def shown(
        self, account_id: int | None, *, most: int = 50, before: str | None = None
    ) -> list[CallView]:
        """Return an account's calls (None: everybody's), newest first, below id ``before``.

        Raises:
            NotFound: ``before`` is no id of a call.

        """
        statement = _SHOWN.order_by(call.c.id.desc()).limit(most)
        if account_id is not None:
            statement = statement.where(call.c.account_id == account_id)
        if before is not None:
            statement = statement.where(call.c.id < private("call", PREFIX, before))
        return await self._base.reader.run(
            lambda connection: [_view(row) for row in connection.execute(statement).mappings()]
        )

    def _take_many(self, transaction: Transaction, items: Sequence[CallFacts]) -> list[int]:
        transaction.topics.add(CHANGES)
        return [self._take_one(transaction, facts) for facts in items]

    def _take_one(self, transaction: Transaction, facts: CallFacts) -> int:
        number = self._base.ids.take()
        key = self._base.keys.number(facts.caller or "")
        whose = self._whose.owner(transaction, key, facts.sim_id).told
        transaction.execute(
            insert_of(Call),
            {
                "id": number,
                "sim_id": facts.sim_id,
                "account_id": whose,
                "caller": facts.caller,
                "caller_key": key,
                "received_at": facts.received_at,
            },
        )
        if whose is not None and carrier(transaction, whose) == TOLD_BY:
            self._owe(transaction, whose, number, facts)
        return number

    def _owe(self, transaction: Transaction, whose: int, number: int, facts: CallFacts) -> None:
        transaction.execute(
            insert_of(Notice),
            {
                "id": self._base.ids.take(),
                "account_id": whose,
                "kind": NoticeKind.CALL,
                "call_id": number,
                "created_at": facts.received_at,
                "due_at": facts.received_at,
                "parts_delivered": 0,
                "tries": 0,
            },
        )
        transaction.topics.add((NOTICES, whose))


def _view(row: Any) -> CallView:
    return CallView(
        id=public(PREFIX, row["id"]),
        account=row["name"],
        sim=row["iccid"],
        number=row["number"],
        caller=row["caller"],
        received_at=row["received_at"],
    )
