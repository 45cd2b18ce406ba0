"""What the installation notes for itself, by name."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, select

from appliance.models import Setting
from appliance.store.base import Base
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

setting = table_of(Setting)

_READ: Final = select(setting.c.value).where(setting.c.name == bindparam("called"))
_REMOVE: Final = delete(setting).where(setting.c.name == bindparam("called"))


class Marks:
    """Small notes that outlive a restart."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._write: Verb[tuple[str, bytes], None] = Verb("mark", _write_many)

    async def read(self, name: str) -> bytes | None:
        """Return a note, None if there is none."""
        found: bytes | None = await self._base.reader.run(
            lambda connection: connection.execute(_READ, {"called": name}).scalar()
        )
        return found

    async def write(self, name: str, value: bytes) -> None:
        """Note something in place of what was there."""
        await self._base.writer.run(self._write, (name, value))

    def seal(self, *facts: str) -> bytes:
        """Return what the same facts always give here, and what tells none of them."""
        return self._base.keys.fingerprint(*facts)


def _write_many(transaction: Transaction, items: Sequence[tuple[str, bytes]]) -> list[None]:
    for name, value in items:
        transaction.execute(_REMOVE, {"called": name})
        transaction.execute(insert(setting), {"name": name, "value": value})
    return [None] * len(items)
