"""Bundles: the segments of a long message that an app has split itself.

They wait a few seconds for each other and then leave in order, by one SIM, under a reference of
ours: those of two apps never mix at the phone. Each is a message of its own, with its own fate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, text, update

from appliance.lifecycle import State
from appliance.models import Bundle, Message
from appliance.store.base import Base
from appliance.store.bell import QUEUE
from appliance.store.hot import hot
from appliance.store.ids import floor_of
from appliance.store.tables import insert_of, table_of
from appliance.store.values import NewMessage, Segment
from appliance.store.writer import Transaction

message, bundle = table_of(Message), table_of(Bundle)

YOUNG: Final = timedelta(minutes=10)
"""How long a bundle takes further segments: apps use their references again."""

WAIT: Final = timedelta(seconds=5)
"""How long segments wait for the next one to come."""

LONGEST_WAIT: Final = timedelta(seconds=30)
"""How long the first one waits, however many come in the meantime."""

WAITS: Final = "waits a few seconds for the other segments of its message"

NOT_SENT: Final = (State.CANCELLED, State.FAILED, State.EXPIRED)

_MEMBERS: Final = (
    select(
        bundle.c.id.label("bundle_id"),
        *(bundle.c[name] for name in ("account_id", "source", "recipient_key")),
        *(bundle.c[name] for name in ("reference", "total", "created_at")),
        message.c.id,
        message.c.bundle_ordinal,
        message.c.state,
        message.c.lane_id,
        message.c.not_before,
    )
    .join(bundle, bundle.c.id == message.c.bundle_id)
    .where(
        message.c.recipient_key.in_(bindparam("recipients", expanding=True)),
        message.c.id >= bindparam("floor"),
        message.c.state.not_in(NOT_SENT),
    )
    .order_by(bundle.c.id)
)
_LET_GO: Final = (
    update(message)
    .where(
        message.c.id == bindparam("row"),
        text("message.state = 'queued'"),
        message.c.daemon.is_(None),
    )
    .values(not_before=bindparam("due"), waits_since=None, cause=bindparam("why"))
)
_CLAIMED: Final = hot(
    select(bundle.c.sim_id, bundle.c.concat_reference)
    .where(bundle.c.id == bindparam("row"))
    .with_for_update()
)
_TAKE: Final = hot(
    update(bundle)
    .where(bundle.c.id == bindparam("row"))
    .values(sim_id=bindparam("sim"), concat_reference=bindparam("number"))
)
_OF_ONE: Final = select(message.c.id, message.c.bundle_ordinal, message.c.state).where(
    message.c.recipient_key == bindparam("recipient"), message.c.bundle_id == bindparam("row")
)
_POSTPONE: Final = (
    update(message)
    .where(message.c.id == bindparam("row"), text("message.state = 'queued'"))
    .where(message.c.daemon.is_(None))
    .values(not_before=bindparam("due"), waits_since=None)
)


@dataclass(slots=True)
class _Member:
    """A segment; ``row`` is what is to be stored of one that is new."""

    message_id: int
    lane_id: int | None
    not_before: datetime
    waits: bool
    row: dict[str, Any] | None = None


@dataclass(slots=True)
class _Bundle:
    id: int
    created_at: datetime
    members: dict[int, _Member] = field(default_factory=dict)  # by ordinal


_Same = tuple[int, str, bytes, int, int]


class Bundling:
    """Puts new segments to those that have come, for a batch of messages."""

    def __init__(
        self,
        transaction: Transaction,
        items: Sequence[NewMessage],
        keys: Sequence[bytes],
        base: Base,
    ) -> None:
        self._transaction, self._base = transaction, base
        self._known: dict[_Same, list[_Bundle]] = {}
        self._new: list[dict[str, Any]] = []
        self._moved: dict[int, dict[str, Any]] = {}
        wanted = sorted({key for new, key in zip(items, keys, strict=True) if new.segment})
        if wanted:
            asked = {"recipients": wanted, "floor": floor_of(items[0].at - YOUNG)}
            for row in transaction.execute(_MEMBERS, asked):
                self._learn(row)

    def put(self, new: NewMessage, row: dict[str, Any]) -> None:
        """Put a message that is about to be stored into its bundle, if it is a segment."""
        segment = new.segment
        if segment is None:
            return
        found = self._lacking(new, segment, row)
        row |= {"bundle_id": found.id, "bundle_ordinal": segment.ordinal}
        found.members[segment.ordinal] = _Member(
            row["id"], row["lane_id"], new.not_before, waits=True, row=row
        )
        self._time(found, segment.total, new)

    def write(self) -> None:
        """Write down what has come of it."""
        if self._new:
            self._transaction.execute(insert_of(Bundle), self._new)
        if self._moved:
            self._transaction.execute(_LET_GO, list(self._moved.values()))

    def _learn(self, row: Any) -> None:
        same = (row.account_id, row.source, row.recipient_key, row.reference, row.total)
        bundles = self._known.setdefault(same, [])
        if not bundles or bundles[-1].id != row.bundle_id:
            bundles.append(_Bundle(row.bundle_id, row.created_at))
        waits = row.state is State.QUEUED
        member = _Member(row.id, row.lane_id, row.not_before, waits)
        bundles[-1].members[row.bundle_ordinal] = member

    def _lacking(self, new: NewMessage, segment: Segment, row: dict[str, Any]) -> _Bundle:
        """Return the newest bundle that lacks a segment, or a new one."""
        key = row["recipient_key"]
        same = (new.account_id, segment.source, key, segment.number, segment.total)
        bundles = self._known.setdefault(same, [])
        for found in reversed(bundles):
            if segment.ordinal not in found.members and found.created_at > new.at - YOUNG:
                return found
        made = _Bundle(self._base.ids.take(), new.at)
        names = ("account_id", "source", "recipient_key", "reference", "total")
        columns = dict(zip(names, same, strict=True))
        self._new.append(columns | {"id": made.id, "created_at": new.at})
        bundles.append(made)
        return made

    def _time(self, found: _Bundle, total: int, new: NewMessage) -> None:
        """Let all that waits of a bundle leave in order: at once if it is whole, else soon."""
        due, why = new.at, None
        if len(found.members) < total:
            longest = found.created_at + LONGEST_WAIT
            due, why = max(new.at, min(new.at + WAIT, longest)), WAITS
        waiting = {n: member for n, member in found.members.items() if member.waits}
        # What is asked for later, or held, is not made earlier by those it waits with.
        later = max(member.not_before for member in waiting.values())
        if later > new.at + 2 * WAIT:
            due, why = later, new.cause
        for ordinal, member in waiting.items():
            member.not_before = due + timedelta(microseconds=ordinal)
            self._transaction.topics.add((QUEUE, member.lane_id))
            if member.row is not None:
                member.row |= {"not_before": member.not_before, "cause": why}
            else:
                row = {"row": member.message_id, "due": member.not_before, "why": why}
                self._moved[member.message_id] = row


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is known of a bundle; None where none of its segments has been sent."""

    sim_id: int | None
    concat_reference: int | None

    def free_for(self, sim_id: int) -> bool:
        """Tell whether a SIM may send a segment of it."""
        return self.sim_id in (None, sim_id)


def claimed(transaction: Transaction, bundle_id: int) -> Claimed:
    """Return which SIM sends a bundle; nobody changes that until the transaction has ended."""
    row = transaction.execute(_CLAIMED, {"row": bundle_id}).first()
    return Claimed(row.sim_id, row.concat_reference) if row else Claimed(None, None)


def take(transaction: Transaction, bundle_id: int, sim_id: int, number: int) -> None:
    """Let a SIM send all segments of a bundle, under the reference ``number``."""
    transaction.execute(_TAKE, {"row": bundle_id, "sim": sim_id, "number": number})


def released(
    transaction: Transaction, bundle_id: int, recipient_key: bytes, until: datetime
) -> None:
    """Let those that wait of a bundle wait with the one that was not sent, so that none overtakes.

    If none was sent at all, any SIM may send it.
    """
    asked = {"row": bundle_id, "recipient": recipient_key}
    members = transaction.execute(_OF_ONE, asked).all()
    if all(member.state in (State.QUEUED, *NOT_SENT) for member in members):
        transaction.execute(_TAKE, {"row": bundle_id, "sim": None, "number": None})
    waiting = [
        {"row": each.id, "due": until + timedelta(microseconds=each.bundle_ordinal)}
        for each in members
        if each.state is State.QUEUED
    ]
    if waiting:
        transaction.execute(_POSTPONE, waiting)
