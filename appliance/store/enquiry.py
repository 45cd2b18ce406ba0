"""What a door that keeps ids of its own asks: what is called so, and what waits for a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, select, text

from appliance.errors import NotFound
from appliance.lifecycle import State
from appliance.models import Message, Sim
from appliance.store.base import Base
from appliance.store.ids import private, public
from appliance.store.messages import PREFIX
from appliance.store.tables import table_of

message, sim = table_of(Message), table_of(Sim)

GROUP: Final = "g"
"""What the id of several messages that were submitted together begins with."""

MOST: Final = 1000
"""Messages of one account that are looked through for one number."""

_HANDED: Final = (
    select(
        message.c.id,
        message.c.state,
        message.c.cause_code,
        message.c.changed_at,
        message.c.not_before,
        message.c.recipient,
        message.c.bundle_id,
        message.c.udh,
        message.c.smpp,
    )
    .where(message.c.account_id == bindparam("account"), message.c.recipient.is_not(None))
    .order_by(message.c.id)
    .limit(MOST)
)
_BY_ID: Final = _HANDED.where(message.c.id == bindparam("row"))
_BY_GROUP: Final = _HANDED.where(message.c.batch == bindparam("group"))
_WAITING: Final = _HANDED.where(
    message.c.recipient_key == bindparam("to_key"), text("message.state = 'queued'")
)
_SIM: Final = (
    select(sim.c.id).where(sim.c.number == bindparam("called")).order_by(sim.c.id.desc()).limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A message as it was handed to us, and what has become of it.

    Attributes:
        segment: it is one of several that its account has split itself.
        smpp: what its ESME gave with it: addresses, data_coding and the like.

    """

    id: str
    state: State
    cause_code: int | None
    changed_at: datetime
    not_before: datetime
    recipient: str
    udh: bytes = b""
    segment: bool = False
    smpp: Mapping[str, Any] = field(default_factory=dict)


class Enquiries:
    """Looks messages up by what their account knows of them."""

    def __init__(self, base: Base) -> None:
        self._base = base

    def new_group(self) -> str:
        """Return an id for several messages that are submitted together: a batch of its own."""
        return public(GROUP, self._base.ids.take())

    async def of(self, account_id: int, name: str) -> list[Handed]:
        """Return the message of an id, or all of a group, oldest first.

        Raises:
            NotFound: the account has none of that name, or its number is erased.

        """
        if name[:1].lower() == GROUP:
            given = {"account": account_id, "group": name.lower()}
            found = await self._read(_BY_GROUP, given)
        else:
            row = private("message", PREFIX, name)
            found = await self._read(_BY_ID, {"account": account_id, "row": row})
        if not found:
            raise NotFound("message", name)
        return found

    async def waiting(self, account_id: int, recipient: str) -> list[Handed]:
        """Return what of an account waits for a number (E.164), oldest first."""
        key = self._base.keys.number(recipient)
        return await self._read(_WAITING, {"account": account_id, "to_key": key})

    async def sim(self, number: str) -> int | None:
        """Return the SIM whose own number this is (E.164), None if it is none of ours."""

        def look(connection: Connection) -> int | None:
            found: int | None = connection.execute(_SIM, {"called": number}).scalar()
            return found

        return await self._base.reader.run(look)

    async def _read(self, statement: Select[Any], given: dict[str, Any]) -> list[Handed]:
        def look(connection: Connection) -> list[Handed]:
            return [_handed(row) for row in connection.execute(statement, given)]

        return await self._base.reader.run(look)


def _handed(row: Any) -> Handed:
    return Handed(
        id=public(PREFIX, row.id),
        state=row.state,
        cause_code=row.cause_code,
        changed_at=row.changed_at,
        not_before=row.not_before,
        recipient=row.recipient,
        udh=row.udh or b"",
        segment=row.bundle_id is not None,
        smpp=row.smpp or {},
    )
