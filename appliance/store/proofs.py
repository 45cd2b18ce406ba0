"""What was proved: of models, whether reports outlive a restart; of lines, that reports come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from appliance.models import Line, ModelProof
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

line, proof = table_of(Line), table_of(ModelProof)

_SAME: Final = (
    proof.c.maker == bindparam("by"),
    proof.c.model == bindparam("named"),
    proof.c.revision == bindparam("version"),
    proof.c.way == bindparam("how"),
)
_KNOWN: Final = select(proof.c.id).where(*_SAME)
_AGAIN: Final = (
    update(proof)
    .where(proof.c.id == bindparam("row"))
    .values(survived=bindparam("good"), proved_at=bindparam("moment"))
)
_ALL: Final = select(proof).order_by(proof.c.id)
_LAST: Final = (
    select(line.c.sim_id, line.c.memory_sim_id, line.c.reports_proven_at)
    .where(
        line.c.daemon == bindparam("worker"),
        line.c.imei == bindparam("device"),
        line.c.memory_sim_id.is_not(None),  # else another modem sat there when it was written
    )
    # Cheap clones tell one IMEI: the one that sat here comes first.
    .order_by((line.c.slot == bindparam("place")).desc(), line.c.changed_at.desc())
    .limit(1)
)

Model = tuple[str, str, str]
"""Maker, model and revision, as the modem tells them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a self-test has shown of a model; ``way`` as in ``LineFacts.reports``."""

    maker: str
    model: str
    revision: str
    way: str
    survived: bool
    proved_at: datetime

    @property
    def of(self) -> Model:
        """Of which model."""
        return self.maker, self.model, self.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """How a modem was last seen.

    ``memory_sim_id`` is the SIM to which what lies in the modem's own memory belongs;
    ``reports_proven_at`` is when a report last came by it for ``sim_id``.
    """

    sim_id: int | None
    memory_sim_id: int
    reports_proven_at: datetime | None


class Proofs:
    """Proofs of models, in memory as well, since a modem that starts cannot wait."""

    def __init__(self, base: Base, known: Iterable[Proof]) -> None:
        """Begin with what was proved before: ``read``."""
        self._base = base
        self._known: dict[Model, dict[str, bool]] = {}
        for each in known:
            self._remember(each)
        self._save: Verb[Proof, None] = Verb("proof", self._save_many)

    def of(self, maker: str, model: str, revision: str) -> Mapping[str, bool]:
        """Return for each way of reports that was tried on a model if it outlives a restart."""
        return dict(self._known.get((maker, model, revision), {}))

    async def save(self, new: Proof) -> None:
        """Store what a self-test has shown; it takes the place of what one showed before."""
        await self._base.writer.run(self._save, new)
        self._remember(new)

    async def last_seen(self, imei: str, slot: str) -> LastSeen | None:
        """Return how this daemon last saw a modem, None if it never did (or it has no IMEI)."""
        asked = {"worker": self._base.daemon, "device": imei, "place": slot}
        row = await self._base.reader.run(
            lambda connection: connection.execute(_LAST, asked).first() if imei else None
        )
        if row is None:
            return None
        return LastSeen(
            sim_id=row.sim_id,
            memory_sim_id=row.memory_sim_id,
            reports_proven_at=row.reports_proven_at,
        )

    def _remember(self, new: Proof) -> None:
        self._known.setdefault(new.of, {})[new.way] = new.survived

    def _save_many(self, transaction: Transaction, items: Sequence[Proof]) -> list[None]:
        for new in items:
            same = {
                "by": new.maker,
                "named": new.model,
                "version": new.revision,
                "how": new.way,
            }
            known = transaction.execute(_KNOWN, same).scalar()
            if known is None:
                transaction.execute(insert(proof), asdict(new))
            else:
                again = {"row": known, "good": new.survived, "moment": new.proved_at}
                transaction.execute(_AGAIN, again)
        transaction.topics.add(CHANGES)
        return [None] * len(items)


def read(connection: Connection) -> list[Proof]:
    """Return everything that was proved."""
    return [
        Proof(
            maker=row.maker,
            model=row.model,
            revision=row.revision,
            way=row.way,
            survived=row.survived,
            proved_at=row.proved_at,
        )
        for row in connection.execute(_ALL)
    ]
