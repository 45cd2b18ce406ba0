"""Incidents: what a technician should know, and who of the accounts is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, text, update

from appliance.incident import OF_A_SIM, Incident, IncidentKind
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
_OF_THE_SIM: Final = (
    _LASTS,
    incident.c.kind == bindparam("what"),
    incident.c.sim_id == bindparam("card"),
)
_LASTING: Final = select(incident.c.id).where(*_OURS).limit(1)
_END: Final = update(incident).where(*_OURS).values(ended_at=bindparam("moment"))
_END_FOR_SIM: Final = update(incident).where(*_OF_THE_SIM).values(ended_at=bindparam("moment"))
_FOLLOW: Final = (
    update(incident)
    .where(*_OF_THE_SIM)
    .values(slot=bindparam("there"), daemon=bindparam("worker"))
    .returning(incident.c.id)
)
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
    sim_id: int | None = None


class Incidents:
    """What happened to this daemon's lines and to the box."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._note: Verb[Incident, bool] = Verb("incident", self._note_many)
        self._end: Verb[_End, bool] = Verb("incident's end", self._end_many)

    async def note(self, what: Incident) -> bool:
        """Store an incident and owe its notices, in one transaction.

        Returns False if it is a lasting one that stands already: nothing is stored then, but that
        one of ``OF_A_SIM`` stands where its SIM is now.
        """
        return await self._base.writer.run(self._note, what)

    async def end(self, kind: IncidentKind, slot: str | None, at: datetime) -> bool:
        """End a lasting incident; False if none stood. Ending one twice is harmless."""
        return await self._base.writer.run(self._end, _End(kind, slot, at))

    async def end_for_sim(self, kind: IncidentKind, sim_id: int, at: datetime) -> bool:
        """End one of ``OF_A_SIM``, wherever the SIM was when it was noted; as ``end`` else."""
        return await self._base.writer.run(self._end, _End(kind, None, at, sim_id))

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
        if what.lasting and self._stands(transaction, what):
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

    def _stands(self, transaction: Transaction, what: Incident) -> bool:
        """Tell whether a lasting one stands already; what is a SIM's follows it."""
        known = {"what": what.kind.value, "worker": self._base.daemon}
        if what.kind in OF_A_SIM:
            moved = known | {"card": what.sim_id, "there": what.slot}
            return bool(transaction.execute(_FOLLOW, moved).all())
        found = transaction.execute(_LASTING, known | {"place": what.slot})
        return found.first() is not None

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
            where = {"what": end.kind.value, "moment": end.at}
            if end.sim_id is not None:
                done = transaction.execute(_END_FOR_SIM, where | {"card": end.sim_id})
            else:
                done = transaction.execute(
                    _END, where | {"worker": self._base.daemon, "place": end.slot}
                )
            ended.append(done.rowcount > 0)
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
