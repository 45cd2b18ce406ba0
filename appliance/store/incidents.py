"""Incidents: what a technician should know, and who of the accounts is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, text, update

from appliance.incident import Incident, IncidentKind
from appliance.models import Account, Daemon, Notice, NoticeKind, Sim
from appliance.models import Incident as IncidentRow
from appliance.store.base import Base
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.ids import public
from appliance.store.shown import IncidentView
from appliance.store.tables import insert_of, table_of
from appliance.store.writer import Transaction, Verb

incident, sim = table_of(IncidentRow), table_of(Sim)
account, daemon = table_of(Account), table_of(Daemon)

PREFIX: Final = "x"
"""What the public id of an incident begins with."""

_LASTS: Final = text("incident.lasting AND incident.ended_at IS NULL")

_SAME_PLACE: Final = or_(
    incident.c.slot == bindparam("place"),
    bindparam("place").is_(None) & incident.c.slot.is_(None),
)
_OURS: Final = (
    _LASTS,
    incident.c.kind == bindparam("what"),
    incident.c.daemon == bindparam("worker"),
    _SAME_PLACE,
)
_LASTING: Final = select(incident.c.id).where(*_OURS).limit(1)
_END: Final = update(incident).where(*_OURS).values(ended_at=bindparam("moment"))
_TOLD: Final = select(account.c.id).where(
    account.c.admin, account.c.revoked_at.is_(None), account.c.carrier == "webhook"
)
_SHOWN: Final = (
    select(incident, sim.c.iccid, daemon.c.name.label("daemon_name"))
    .join(daemon, daemon.c.id == incident.c.daemon)
    .join(sim, sim.c.id == incident.c.sim_id, isouter=True)
)


@dataclass(frozen=True, slots=True)
class _End:
    kind: IncidentKind
    slot: str | None
    at: datetime


class Incidents:
    """What happened to this daemon's lines and to the box."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._note: Verb[Incident, bool] = Verb("incident", self._note_many)
        self._end: Verb[_End, bool] = Verb("incident's end", self._end_many)

    async def note(self, what: Incident) -> bool:
        """Store an incident and owe its notices, in one transaction.

        Returns False, and stores nothing, if it is a lasting one that stands already.
        """
        return await self._base.writer.run(self._note, what)

    async def end(self, kind: IncidentKind, slot: str | None, at: datetime) -> bool:
        """End a lasting incident; False if none stood. Ending one twice is harmless."""
        return await self._base.writer.run(self._end, _End(kind, slot, at))

    async def shown(
        self, *, most: int = 50, before: int | None = None, lasting: bool = False
    ) -> list[IncidentView]:
        """Return incidents of all daemons, newest first; ``lasting``: only those that stand."""
        statement = _SHOWN.order_by(incident.c.id.desc()).limit(most)
        if lasting:
            statement = statement.where(_LASTS)
        if before is not None:
            statement = statement.where(incident.c.id < before)
        return await self._base.reader.run(
            lambda connection: [_view(row) for row in connection.execute(statement).mappings()]
        )

    def _note_many(self, transaction: Transaction, items: Sequence[Incident]) -> list[bool]:
        return [self._note_one(transaction, what) for what in items]

    def _note_one(self, transaction: Transaction, what: Incident) -> bool:
        execute = transaction.execute
        where = {"what": what.kind.value, "worker": self._base.daemon, "place": what.slot}
        if what.lasting and execute(_LASTING, where).first() is not None:
            return False
        number = self._base.ids.take()
        execute(
            insert(incident),
            {
                "id": number,
                "kind": what.kind.value,
                "daemon": self._base.daemon,
                "slot": what.slot,
                "sim_id": what.sim_id,
                "sentence": what.sentence,
                "next_step": what.next_step,
                "lasting": what.lasting,
                "at": what.at,
            },
        )
        for told in execute(_TOLD).scalars().all():
            self._owe(transaction, told, number, what.at)
        transaction.topics.add(CHANGES)
        return True

    def _owe(self, transaction: Transaction, account_id: int, number: int, at: datetime) -> None:
        transaction.execute(
            insert_of(Notice),
            {
                "id": self._base.ids.take(),
                "account_id": account_id,
                "kind": NoticeKind.INCIDENT,
                "incident_id": number,
                "created_at": at,
                "due_at": at,
                "parts_delivered": 0,
                "tries": 0,
            },
        )
        transaction.topics.add((NOTICES, account_id))

    def _end_many(self, transaction: Transaction, items: Sequence[_End]) -> list[bool]:
        ended = []
        for end in items:
            where = {"what": end.kind.value, "worker": self._base.daemon, "place": end.slot}
            rows = transaction.execute(_END, where | {"moment": end.at}).rowcount
            ended.append(rows > 0)
        if any(ended):
            transaction.topics.add(CHANGES)
        return ended


def _view(row: Any) -> IncidentView:
    return IncidentView(
        id=public(PREFIX, row["id"]),
        kind=row["kind"],
        daemon=row["daemon_name"],
        slot=row["slot"],
        sim=row["iccid"],
        sentence=row["sentence"],
        next_step=row["next_step"],
        lasting=row["lasting"],
        at=row["at"],
        ended_at=row["ended_at"],
    )
