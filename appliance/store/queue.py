"""The queue as the dispatcher reads it: what may leave, and what has begun and must go on."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, text

from appliance.lifecycle import State
from appliance.models import Attempt, Message, Part
from appliance.store.base import Base
from appliance.store.hot import execute, hot
from appliance.store.optouts import NOW
from appliance.store.tables import table_of
from appliance.store.values import Waiting

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)

COLUMNS: Final = (
    message.c.id,
    message.c.lane_id,
    message.c.not_before,
    message.c.waits_since,
    message.c.time_zone,
    message.c.network,
    message.c.bundle_id,
    message.c.bundle_ordinal,
    message.c.account_id,
    message.c.category,
    message.c.priority,
    message.c.recipient,
    message.c.recipient_key,
    message.c.recipient_suffix_key,
    message.c.text,
    message.c.data,
    message.c.udh,
    message.c.flash,
    message.c.encoding,
    message.c.parts,
    message.c.expires_at,
    message.c.language,
    message.c.wide,
    message.c.service_centre,
    message.c.protocol,
    message.c.without_validity,
    message.c.pinned_sim_id,
    message.c.revision,
    message.c.refused_by,
    message.c.refused_until,
)
"""What :func:`waiting_of` reads."""

MAY_LEAVE: Final = (
    message.c.not_before <= bindparam(NOW),
    message.c.expires_at > bindparam(NOW),
    message.c.recipient.is_not(None),
)
"""When a message may be claimed, opt-outs aside."""

OURS_TO_TAKE: Final = or_(message.c.daemon.is_(None), message.c.daemon == bindparam("worker"))
"""A line that was lost in the middle of a message goes on with it when it is back."""

# The states are written out, so that the database sees that its partial indexes fit.
_QUEUE: Final = hot(
    select(*COLUMNS)
    .where(text("message.state = 'queued'"), message.c.daemon.is_(None), *MAY_LEAVE)
    .order_by(message.c.priority.desc(), message.c.id)
    .limit(bindparam("most"))
)
_UNDER_WAY: Final = (
    select(*COLUMNS)
    .where(
        text("message.state = 'sending'"),
        message.c.sim_id == bindparam("sim"),
        OURS_TO_TAKE,
        *MAY_LEAVE,
    )
    .order_by(message.c.priority.desc(), message.c.id)
    .limit(bindparam("most"))
)
_TODO: Final = (
    select(part.c.ordinal)
    .where(part.c.message_id == bindparam("row"), part.c.state == State.QUEUED)
    .order_by(part.c.ordinal)
)
_USED_REFERENCE: Final = (
    select(attempt.c.concat_reference)
    .where(attempt.c.message_id == bindparam("row"), attempt.c.sim_id == bindparam("sim"))
    .order_by(attempt.c.id.desc())
    .limit(1)
)


class Queue:
    """Reading ahead; what is read may be gone when it is claimed."""

    def __init__(self, base: Base) -> None:
        self._base = base

    async def waiting(self, now: datetime, most: int) -> list[Waiting]:
        """Return what may leave by any SIM now: highest priority first, oldest first within it."""
        return await self._base.reader.run(
            lambda connection: [
                waiting_of(row, todo=tuple(range(1, row.parts + 1)), sim_id=row.pinned_sim_id)
                for row in execute(connection, _QUEUE, {NOW: now, "most": most})
            ]
        )

    async def under_way(self, sim_id: int, now: datetime, most: int) -> list[Waiting]:
        """Return the messages of which this SIM has sent some parts and must send the rest."""
        asked = {"sim": sim_id, "worker": self._base.daemon, NOW: now, "most": most}
        return await self._base.reader.run(lambda connection: _rest(connection, asked))

    async def still_to_go(self, message_id: int) -> bool:
        """Tell whether a message has parts that are to leave: not once it was cancelled."""
        return await self._base.reader.run(
            lambda connection: bool(connection.execute(_TODO, {"row": message_id}).first())
        )


def waiting_of(row: Any, **more: Any) -> Waiting:
    """Return a row of ``COLUMNS`` as a value; ``more`` are the fields that no column has."""
    return Waiting(
        message_id=row.id,
        lane_id=row.lane_id,
        due_at=row.waits_since or row.not_before,  # to step aside makes nothing younger
        time_zone=row.time_zone,
        network=row.network,
        bundle_id=row.bundle_id,
        bundle_ordinal=row.bundle_ordinal,
        account_id=row.account_id,
        category=row.category,
        priority=row.priority,
        recipient=row.recipient,
        recipient_key=row.recipient_key,
        recipient_suffix_key=row.recipient_suffix_key,
        text=row.text,
        data=row.data,
        udh=row.udh or b"",
        flash=row.flash,
        encoding=row.encoding,
        parts=row.parts,
        expires_at=row.expires_at,
        language=row.language,
        wide=row.wide,
        service_centre=row.service_centre,
        protocol=row.protocol,
        without_validity=row.without_validity,
        revision=row.revision,
        refused_by=tuple(row.refused_by or ()),
        refused_until=row.refused_until,
        **more,
    )


def _rest(connection: Connection, asked: dict[str, Any]) -> list[Waiting]:
    found, sim_id = [], asked["sim"]
    for row in connection.execute(_UNDER_WAY, asked).all():
        todo = tuple(connection.execute(_TODO, {"row": row.id}).scalars())
        if todo:
            used = connection.execute(_USED_REFERENCE, {"row": row.id, "sim": sim_id}).scalar()
            found.append(waiting_of(row, todo=todo, sim_id=sim_id, concat_reference=used))
    return found
