"""What has stepped aside for others of its lane, and is let go when a SIM may carry it after all.

An index holds these messages alone: where there are none, looking for them costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, text, update

from appliance.models import Message
from appliance.policy.waits import STANDS_ASIDE
from appliance.store.base import Base
from appliance.store.bell import CHANGES, QUEUE
from appliance.store.lanes import WITH_BONDS, with_bonds
from appliance.store.optouts import NOW
from appliance.store.tables import table_of
from appliance.store.values import Waiting
from appliance.store.writer import Transaction, Verb

message = table_of(Message)

CHUNK: Final = 100
"""Messages looked at at once: deciding about them takes some ten milliseconds."""

_ASIDE: Final = text("message.state = 'queued' AND message.waits_since IS NOT NULL")
"""Written out, so that the database sees that its partial index fits."""

_THOSE: Final = (
    WITH_BONDS.where(
        _ASIDE,
        message.c.daemon.is_(None),
        message.c.recipient.is_not(None),
        message.c.not_before > bindparam(NOW),
        message.c.id > bindparam("last"),
    )
    .order_by(message.c.id)
    .limit(CHUNK)
)
_STILL: Final = (
    message.c.id == bindparam("row"),
    _ASIDE,
    message.c.daemon.is_(None),
    message.c.not_before > bindparam("due"),
)
_LET_GO: Final = (
    update(message)
    .where(*_STILL)
    .values(not_before=message.c.waits_since, waits_since=None, cause=None)
)
_SOONER: Final = update(message).where(*_STILL).values(not_before=bindparam("due"))


MOST_AT_ONCE: Final = 1_000
"""Messages that step aside in one transaction, by what their numbers have in common."""

_MAY_STEP: Final = (
    text("message.state = 'queued'"),
    message.c.daemon.is_(None),
    message.c.pinned_sim_id.is_(None),
)
_FIRST: Final = (
    select(message.c.id)
    .where(
        *_MAY_STEP,
        message.c.lane_id == bindparam("lane"),
        message.c.not_before <= bindparam(NOW),
    )
    .order_by(message.c.not_before, message.c.id)
    .limit(MOST_AT_ONCE)
)
# The lane is named in the inner statement only: named outside too, SQLite would read all of it.
_STEP: Final = (
    update(message)
    .where(*_MAY_STEP, message.c.id.in_(_FIRST))
    .where(func.substr(message.c.recipient, 1, bindparam("digits")) == bindparam("beginning"))
    .values(
        not_before=bindparam("until"),
        waits_since=func.coalesce(message.c.waits_since, message.c.not_before),
        cause=STANDS_ASIDE,
        changed_at=bindparam(NOW),
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers with this ``beginning`` step aside in a lane until then; ``now`` is the moment."""

    lane_id: int
    beginning: str
    until: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Aside:
    """A message that steps aside until ``until``."""

    waiting: Waiting
    until: datetime


@dataclass(frozen=True, slots=True)
class LetGo:
    """A message that is to be looked at again at ``due``; ``now``: at once, in its old place."""

    waiting: Waiting
    due: datetime
    now: bool


class StoodAside:
    """The messages that stepped aside, of all lanes."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._step: Verb[Step, int] = Verb("step aside", _step_many)
        self._let_go: Verb[Sequence[LetGo], None] = Verb("let go what stood aside", _let_go_many)

    async def those(self, now: datetime, last: int) -> list[Aside]:
        """Return those with ids above ``last`` that still do at ``now``: ``CHUNK`` at most."""

        def look(connection: Connection) -> list[Aside]:
            rows = connection.execute(_THOSE, {NOW: now, "last": last})
            return [Aside(with_bonds(row), row.not_before) for row in rows]

        return await self._base.reader.run(look)

    async def step(self, step: Step) -> int:
        """Let messages of a lane step aside for the others; return how many did.

        Of the first ``MOST_AT_ONCE`` that are due, those to numbers with one beginning.
        """
        return await self._base.writer.run(self._step, step)

    async def let_go(self, those: Sequence[LetGo]) -> None:
        """Let messages be looked at again; what is under way by now is left alone."""
        await self._base.writer.run(self._let_go, those)


def _step_many(transaction: Transaction, items: Sequence[Step]) -> list[int]:
    moved = []
    for step in items:
        asked = {"lane": step.lane_id, "until": step.until, NOW: step.now}
        asked |= {"beginning": step.beginning, "digits": len(step.beginning)}
        moved.append(transaction.execute(_STEP, asked).rowcount)
        transaction.topics.add(CHANGES)
    return moved


def _let_go_many(transaction: Transaction, items: Sequence[Sequence[LetGo]]) -> list[None]:
    for those in items:
        for statement, at_once in ((_LET_GO, True), (_SOONER, False)):
            rows = [
                {"row": each.waiting.message_id, "due": each.due}
                for each in those
                if each.now is at_once
            ]
            if rows:
                transaction.execute(statement, rows)
        transaction.topics |= {(QUEUE, each.waiting.lane_id) for each in those} | {CHANGES}
    return [None] * len(items)
