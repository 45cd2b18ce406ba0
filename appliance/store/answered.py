"""How far each of several daemons has answered what apps have submitted to it.

A receipt must not come before the answer to its submit, and each may come from another daemon. Ids
grow, and one daemon's are told from another's: so a daemon says up to which id all is answered,
when another one asks. Nothing is written where nobody asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, select, update

from appliance.models import Daemon
from appliance.store import messages
from appliance.store.base import Base
from appliance.store.bell import ANSWERED
from appliance.store.ids import NODE_BITS, node_of, private
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

daemon = table_of(Daemon)

_REACHED: Final = select(daemon.c.id, daemon.c.answered).where(
    daemon.c.id % (1 << NODE_BITS) == bindparam("node"),
    daemon.c.lease_until > func.clock_timestamp(),
)
_TELL: Final = (
    update(daemon).where(daemon.c.id == bindparam("worker")).values(answered=bindparam("upto"))
)


@dataclass(frozen=True, slots=True)
class Unsure:
    """A daemon that lives and has not said yet that it has answered a message."""

    daemon: int


class Answered:
    """What is answered, and where that is not known."""

    def __init__(self, base: Base, *, shared: bool) -> None:
        self._base, self._shared = base, shared
        self._node = base.daemon % (1 << NODE_BITS)
        self._known: dict[int, int] = {}  # by node: up to which id it has answered
        self._ask: Verb[int, None] = Verb("ask what is answered", _ask_many)
        self._tell: Verb[int, None] = Verb("tell what is answered", self._tell_many)

    async def by(self, message_id: str) -> Unsure | None:
        """Return the other daemon that may still owe the answer to a submit; None: none does.

        One that does not live answers nothing any more.
        """
        if not self._shared:
            return None
        number = private("message", messages.PREFIX, message_id)
        node = node_of(number)
        if node == self._node or self._known.get(node, 0) >= number:
            return None
        rows = await self._base.reader.run(
            lambda connection: connection.execute(_REACHED, {"node": node}).all()
        )
        behind = [row for row in rows if row.answered < number]
        if rows and not behind:
            self._known[node] = min(row.answered for row in rows)
        return Unsure(behind[0].id) if behind else None

    async def ask(self, who: Unsure) -> None:
        """Let another daemon tell how far it has answered."""
        await self._base.writer.run(self._ask, who.daemon)

    def now(self) -> int:
        """Return an id that no submit has yet that is not under way at this moment."""
        return self._base.ids.take()

    async def tell(self, upto: int) -> None:
        """Tell that whatever was submitted here with a smaller id is answered."""
        await self._base.writer.run(self._tell, upto)

    def _tell_many(self, transaction: Transaction, items: Sequence[int]) -> list[None]:
        row = {"worker": self._base.daemon, "upto": max(items)}
        transaction.execute(_TELL, row)
        transaction.topics.add(ANSWERED)
        return [None] * len(items)


def _ask_many(transaction: Transaction, items: Sequence[int]) -> list[None]:
    transaction.topics |= {(ANSWERED, each) for each in items}
    return [None] * len(items)
