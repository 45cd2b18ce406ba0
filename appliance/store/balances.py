"""Balances: what each SIM was last told to have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select, update

from appliance.models import Sim
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

sim = table_of(Sim)

_NOTE: Final = (
    update(sim)
    .where(sim.c.id == bindparam("row"))
    .values(
        balance=bindparam("amount"), balance_text=bindparam("words"), balance_at=bindparam("moment")
    )
)
_KNOWN: Final = select(sim.c.balance, sim.c.balance_text, sim.c.balance_at).where(
    sim.c.id == bindparam("row")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an operator said of a SIM.

    ``amount`` is in the contract's currency, None if nothing says where it stands in ``text``,
    the operator's own words. ``at`` None: it never said anything.
    """

    sim_id: int
    amount: float | None
    text: str | None
    at: datetime | None


class Balances:
    """What the SIMs have left."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._note: Verb[Balance, None] = Verb("balance", _note_many)

    async def note(self, balance: Balance) -> None:
        """Store what was said; it takes the place of what was said before."""
        await self._base.writer.run(self._note, balance)

    async def of(self, sim_id: int) -> Balance:
        """Return what was said last."""
        row = await self._base.reader.run(
            lambda connection: connection.execute(_KNOWN, {"row": sim_id}).one()
        )
        return Balance(sim_id=sim_id, amount=row.balance, text=row.balance_text, at=row.balance_at)


def _note_many(transaction: Transaction, items: Sequence[Balance]) -> list[None]:
    for item in items:
        # U+0000 is no text in PostgreSQL.
        words = item.text.replace("\0", "\N{REPLACEMENT CHARACTER}") if item.text else item.text
        transaction.execute(
            _NOTE, {"row": item.sim_id, "amount": item.amount, "words": words, "moment": item.at}
        )
    transaction.topics.add(CHANGES)
    return [None] * len(items)
