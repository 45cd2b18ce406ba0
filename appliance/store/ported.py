"""Numbers that have moved to another operator, as imported: they overrule what a prefix tells."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select

from appliance.models import Ported as PortedRow
from appliance.store.base import Base
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

ported = table_of(PortedRow)

CHUNK: Final = 500
"""Numbers written in one transaction."""

_ONE: Final = select(ported.c.operator).where(ported.c.number_key == bindparam("number"))
_FORGET: Final = delete(ported).where(ported.c.number_key.in_(bindparam("numbers", expanding=True)))
_HOW_MANY: Final = select(func.count()).select_from(ported)

Moved = tuple[tuple[str, str], ...]


class PortedNumbers:
    """Which operator a number belongs to by now. Only keyed hashes of numbers are kept."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._learn: Verb[Moved, int] = Verb("ported numbers", self._learn_many)

    async def operator(self, number: str) -> str | None:
        """Return a number's operator, None if it was not imported. ``number`` is E.164."""
        asked = {"number": self._base.keys.number(number)}
        found: str | None = await self._base.reader.run(
            lambda connection: connection.execute(_ONE, asked).scalar()
        )
        return found

    async def learn(self, moved: Iterable[tuple[str, str]]) -> int:
        """Take numbers (E.164) with their operators; one without operator is forgotten.

        Returns how many were taken. What is known already is overwritten.
        """
        rows, taken = list(moved), 0
        for start in range(0, len(rows), CHUNK):
            taken += await self._base.writer.run(self._learn, tuple(rows[start : start + CHUNK]))
        return taken

    async def count(self) -> int:
        """Return how many numbers are known."""
        return await self._base.reader.run(
            lambda connection: int(connection.execute(_HOW_MANY).scalar_one())
        )

    def _learn_many(self, transaction: Transaction, items: Sequence[Moved]) -> list[int]:
        for moved in items:
            by_key = {self._base.keys.number(number): operator for number, operator in moved}
            transaction.execute(_FORGET, {"numbers": sorted(by_key)})
            rows = [
                {"number_key": key, "operator": operator}
                for key, operator in by_key.items()
                if operator
            ]
            if rows:
                transaction.execute(insert(ported), rows)
        return [len(moved) for moved in items]
