"""Lanes: what the dispatcher reads ahead per, so that one blocked campaign hides nobody.

A lane is one account's messages of a category and priority that take the same route. Its index
holds what is queued by when it is due; reading the head of a lane costs the same however long
the queue is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Boolean,
    Connection,
    bindparam,
    case,
    func,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from appliance.models import Account, Bundle, Contact, Lane, Message, Part
from appliance.policy.waits import STANDS_ASIDE
from appliance.store.base import Base
from appliance.store.bell import CHANGES, LANES, QUEUE
from appliance.store.hot import execute, hot
from appliance.store.ids import private
from appliance.store.messages import PREFIX
from appliance.store.optouts import NOW
from appliance.store.queue import COLUMNS, MAY_LEAVE, waiting_of
from appliance.store.tables import table_of
from appliance.store.times import set_back_many
from appliance.store.values import Waiting
from appliance.store.writer import Transaction, Verb

message, lane, account = table_of(Message), table_of(Lane), table_of(Account)
contact, bundle, part = table_of(Contact), table_of(Bundle), table_of(Part)

CHUNK: Final = 500
"""Messages that change lanes in one transaction."""

_QUEUED: Final = text("message.state = 'queued'")

WITH_BONDS: Final = (
    select(
        *COLUMNS,
        contact.c.sim_id.label("known_sim_id"),
        bundle.c.sim_id.label("bundle_sim_id"),
        bundle.c.concat_reference.label("bundle_reference"),
    )
    .join(contact, contact.c.recipient_key == message.c.recipient_key, isouter=True)
    .join(bundle, bundle.c.id == message.c.bundle_id, isouter=True)
)
_AHEAD: Final = hot(
    WITH_BONDS.where(
        message.c.lane_id == bindparam("lane"), _QUEUED, message.c.daemon.is_(None), *MAY_LEAVE
    )
    .order_by(message.c.not_before, message.c.id)
    .limit(bindparam("most"))
)
_ONE: Final = WITH_BONDS.add_columns(
    message.c.cause,
    select(part.c.cause)
    .where(part.c.message_id == message.c.id, part.c.cause.is_not(None))
    .order_by(part.c.id)
    .limit(1)
    .correlate(message)
    .scalar_subquery()
    .label("refusal"),
).where(message.c.id == bindparam("row"), _QUEUED, message.c.recipient.is_not(None))
_NEXT_DUE: Final = hot(
    select(message.c.not_before)
    .where(message.c.lane_id == bindparam("lane"), _QUEUED, message.c.not_before > bindparam(NOW))
    .order_by(message.c.not_before)
    .limit(1)
)
_SINCE: Final = (
    select(lane, account.c.name.label("account"))
    .join(account, account.c.id == lane.c.account_id)
    .where(lane.c.id > bindparam("last"))
    .order_by(lane.c.id)
)
_SAME: Final = select(lane.c.id).where(
    lane.c.account_id == bindparam("whose"),
    lane.c.category == bindparam("kind"),
    lane.c.priority == bindparam("level"),
    lane.c.sim_group == bindparam("way"),
)
_MAKE: Final = {
    # Another daemon may make the same lane at this moment: whoever is later reads the other's.
    "sqlite": sqlite.insert(lane).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(lane).on_conflict_do_nothing(),
}
_STRAYS: Final = (
    select(message.c.id.label("message_id"), message.c.account_id, message.c.category)
    .add_columns(account.c.name.label("account"))
    .add_columns(message.c.priority, message.c.recipient, message.c.recipient_key)
    .join(account, account.c.id == message.c.account_id)
    .where(_QUEUED, message.c.lane_id == bindparam("lane"), message.c.id > bindparam("last"))
    .order_by(message.c.id)
    .limit(CHUNK)
)
_MOVE: Final = (
    update(message)
    .where(message.c.id == bindparam("row"), _QUEUED)
    .values(lane_id=bindparam("to_lane"))
)
_HOLD: Final = (
    update(message)
    .where(
        message.c.id == bindparam("row"),
        _QUEUED,
        message.c.daemon.is_(None),
        message.c.not_before < bindparam("until"),
    )
    .values(
        not_before=bindparam("until"),
        # To step aside makes it no younger; the day of a recipient begins when it begins.
        waits_since=case(
            (
                bindparam("aside", type_=Boolean),
                func.coalesce(message.c.waits_since, message.c.not_before),
            ),
            else_=null(),
        ),
        cause=bindparam("why"),
        changed_at=bindparam("moment"),
    )
)
_DUE: Final = select(
    lane.c.id,
    select(func.min(message.c.not_before))
    .where(message.c.lane_id == lane.c.id, _QUEUED)
    .correlate(lane)
    .scalar_subquery()
    .label("due_at"),
)
_BY_LANE: Final = (
    select(message.c.lane_id, func.count().label("waiting"))
    .where(_QUEUED)
    .group_by(message.c.lane_id)
    .subquery()
)
_QUEUED_IN: Final = select(lane.c.account_id, _BY_LANE.c.waiting).join(
    _BY_LANE, _BY_LANE.c.lane_id == lane.c.id
)
_IN_LANE: Final = select(func.count()).where(message.c.lane_id == bindparam("lane"), _QUEUED)


class LaneKey(NamedTuple):
    """What makes a lane; a tuple, since it is made and looked up for each submit."""

    account_id: int
    category: str
    priority: int
    route: str


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """A lane; ``account`` is the account's name."""

    id: int
    account: str
    key: LaneKey


@dataclass(frozen=True, slots=True)
class Head:
    """What of a lane may leave now, in order, and when more of it is due (None: never)."""

    waiting: list[Waiting]
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class Explained:
    """A message that waits: why, as far as it was written down.

    ``cause`` is what holds it, ``refusal`` what came of an earlier try; None: nothing.
    """

    waiting: Waiting
    cause: str | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """A message that is not to leave before ``until``, and why: a sentence."""

    message_id: int
    until: datetime
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stray:
    """A queued message whose lane may have to change."""

    message_id: int
    account_id: int
    account: str
    category: str
    priority: int
    recipient: str | None
    recipient_key: bytes


class Lanes:
    """The lanes of all accounts."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._ids: dict[LaneKey, int] = {}
        self._make: Verb[LaneKey, int] = Verb("lane", _make_many)
        self._hold: Verb[Hold, None] = Verb("hold", _hold_many)
        self._move: Verb[tuple[int, int], None] = Verb("message changes its lane", _move_many)
        self._set_back: Verb[tuple[datetime, int], tuple[int, int | None]] = Verb(
            "clock set back", set_back_many
        )

    async def of(self, key: LaneKey) -> int:
        """Return the id of a lane; one that is new is stored."""
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = await self._base.writer.run(self._make, key)
        return known

    async def since(self, last: int) -> list[LaneFacts]:
        """Return the lanes with ids above ``last``, also those that other daemons have made."""
        return await self._base.reader.run(
            lambda connection: [_facts(row) for row in connection.execute(_SINCE, {"last": last})]
        )

    async def heads(self, lanes: Sequence[tuple[int, int]], now: datetime) -> dict[int, Head]:
        """Return the heads of several lanes, given as (id, how many messages at most)."""
        return await self._base.reader.run(
            lambda connection: {
                number: _head(connection, number, most, now) for number, most in lanes
            }
        )

    async def explained(self, name: str) -> Explained | None:
        """Return a message by its public id with what is known of its waiting; None: it does not.

        Raises:
            NotFound: ``name`` is no message id at all.

        """
        number = private("message", PREFIX, name)

        def look(connection: Connection) -> Explained | None:
            row = connection.execute(_ONE, {"row": number}).first()
            return Explained(with_bonds(row), row.cause, row.refusal) if row is not None else None

        return await self._base.reader.run(look)

    async def due(self) -> dict[int, datetime]:
        """Return when the first message of each lane is due; empty lanes are left out."""
        return await self._base.reader.run(
            lambda connection: {
                row.id: row.due_at for row in connection.execute(_DUE) if row.due_at is not None
            }
        )

    async def hold(self, hold: Hold) -> None:
        """Let a queued message wait, and say why; one that is under way by now is left alone."""
        await self._base.writer.run(self._hold, hold)

    async def set_back(self, now: datetime) -> int:
        """Let leave what would have by a clock that was ahead of ``now``; return how many do.

        What was asked for at a time of its own waits for that.
        """
        moved, last = 0, 0
        while True:
            some, reached = await self._base.writer.run(self._set_back, (now, last))
            moved += some
            if reached is None:
                return moved
            last = reached

    async def strays(self, lane_id: int, last: int) -> list[Stray]:
        """Return queued messages of a lane with ids above ``last``: ``CHUNK`` of them at most."""
        asked = {"lane": lane_id, "last": last}
        return await self._base.reader.run(
            lambda connection: [
                Stray(**row) for row in connection.execute(_STRAYS, asked).mappings()
            ]
        )

    async def move(self, message_id: int, lane_id: int) -> None:
        """Let a queued message go on in another lane."""
        await self._base.writer.run(self._move, (message_id, lane_id))

    async def queued(self) -> dict[int, int]:
        """Return how many messages wait, by account; takes as long as there are messages."""
        found: dict[int, int] = {}
        for account_id, waiting in await self._base.reader.run(
            lambda connection: connection.execute(_QUEUED_IN).all()
        ):
            found[account_id] = found.get(account_id, 0) + waiting
        return found

    async def length(self, lane_id: int) -> int:
        """Return how many messages are queued in a lane; takes as long as it has messages."""
        return await self._base.reader.run(
            lambda connection: int(connection.execute(_IN_LANE, {"lane": lane_id}).scalar_one())
        )


def lane_of(transaction: Transaction, key: LaneKey) -> int:
    """Return the id of a lane within another verb's transaction; one that is new is stored."""
    return _make_many(transaction, [key])[0]


def _make_many(transaction: Transaction, items: Sequence[LaneKey]) -> list[int]:
    made = []
    for key in items:
        row = {"whose": key.account_id, "kind": key.category}
        row |= {"level": key.priority, "way": key.route}
        known = transaction.execute(_SAME, row).scalar()
        if known is None:
            values = {
                "account_id": key.account_id,
                "category": key.category,
                "priority": key.priority,
                "sim_group": key.route,
            }
            transaction.execute(_MAKE[transaction.connection.dialect.name], values)
            known = transaction.execute(_SAME, row).scalar_one()
            transaction.topics.add(LANES)
        made.append(known)
    return made


def _hold_many(transaction: Transaction, items: Sequence[Hold]) -> list[None]:
    rows = [
        {"row": hold.message_id, "until": hold.until, "why": hold.why, "moment": hold.at}
        | {"aside": hold.why == STANDS_ASIDE}
        for hold in items
    ]
    transaction.execute(_HOLD, rows)
    transaction.topics.add(CHANGES)
    return [None] * len(items)


def _move_many(transaction: Transaction, items: Sequence[tuple[int, int]]) -> list[None]:
    transaction.execute(_MOVE, [{"row": row, "to_lane": to} for row, to in items])
    transaction.topics |= {(QUEUE, to) for _, to in items}
    return [None] * len(items)


def _facts(row: Any) -> LaneFacts:
    key = LaneKey(row.account_id, row.category, row.priority, row.sim_group)
    return LaneFacts(row.id, row.account, key)


def with_bonds(row: Any) -> Waiting:
    """Return a row of ``WITH_BONDS`` as a value."""
    return waiting_of(
        row,
        todo=tuple(range(1, row.parts + 1)),
        sim_id=row.pinned_sim_id or row.bundle_sim_id,
        known_sim_id=row.known_sim_id,
        concat_reference=row.bundle_reference,
    )


def _head(connection: Connection, number: int, most: int, now: datetime) -> Head:
    asked = {"lane": number, NOW: now, "most": most}
    waiting = [with_bonds(row) for row in execute(connection, _AHEAD, asked)]
    due = None
    if len(waiting) < most:
        due = execute(connection, _NEXT_DUE, {"lane": number, NOW: now}).scalar()
    return Head(waiting, due)
