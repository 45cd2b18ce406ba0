"""Opt-outs as a list: added by accounts and on this box, ended, looked at; each step on record."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from appliance.errors import NotFound
from appliance.models import Account, Consent, ConsentEvent, Inbound, OptOut, Sim
from appliance.policy.consent import Covered, Source
from appliance.store.base import Base
from appliance.store.cancelling import cancel_waiting
from appliance.store.consent import Entry, write_down
from appliance.store.ids import private, public
from appliance.store.optouts import NOW, STANDS, lock_recipients
from appliance.store.tables import insert_of, table_of
from appliance.store.writer import Transaction, Verb

opt_out, consent = table_of(OptOut), table_of(Consent)
inbound, account, sim = table_of(Inbound), table_of(Account), table_of(Sim)

PREFIX: Final = "o"
"""What the public id of an opt-out begins with."""

CHUNK: Final = 500
"""Opt-outs of a list that are added in one transaction."""

_SHOWN: Final = (
    select(
        opt_out,
        func.coalesce(opt_out.c.recipient, inbound.c.sender).label("number"),
        inbound.c.account_id.label("heard_by"),
        account.c.name.label("account_name"),
        sim.c.iccid,
    )
    .join(inbound, inbound.c.id == opt_out.c.inbound_id, isouter=True)
    .join(account, account.c.id == opt_out.c.account_id, isouter=True)
    .join(sim, sim.c.id == opt_out.c.sim_id, isouter=True)
)
_ACTIVE: Final = and_(
    opt_out.c.ended_at.is_(None), or_(opt_out.c.until.is_(None), opt_out.c.until > bindparam(NOW))
)
_STANDING: Final = select(opt_out).where(
    opt_out.c.recipient_key.in_(bindparam("recipients", expanding=True)),
    STANDS,
    opt_out.c.sim_id.is_(None),
)
_ONE: Final = _SHOWN.where(opt_out.c.id == bindparam("row"))
_END: Final = (
    update(opt_out)
    .where(opt_out.c.id == bindparam("row"), opt_out.c.ended_at.is_(None))
    .values(ended_at=bindparam("moment"))
)
_RECORD: Final = (
    select(consent, account.c.name.label("account_name"), sim.c.iccid, inbound.c.text)
    .join(account, account.c.id == consent.c.account_id, isouter=True)
    .join(sim, sim.c.id == consent.c.sim_id, isouter=True)
    .join(inbound, inbound.c.id == consent.c.inbound_id, isouter=True)
    .where(consent.c.recipient_key == bindparam("key"))
    .order_by(consent.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOptOut:
    """An opt-out that somebody enters.

    ``recipient`` is E.164 or a short code; ``account_id`` None: it holds for all accounts,
    ``category`` None: for all messages, ``until`` None: until it is ended.
    """

    recipient: str
    suffix: str
    account_id: int | None
    category: str | None
    until: datetime | None
    reason: str
    source: Source
    at: datetime

    @property
    def covered(self) -> Covered:
        """What it covers."""
        return Covered(account_id=self.account_id, category=self.category)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutView:
    """An opt-out as it is shown; ``number`` is None once erased."""

    id: str
    number: str | None
    account: str | None  # None: holds for all
    account_id: int | None
    category: str | None  # None: all messages
    sim: str | None  # ICCID of the only SIM that must not write; None: none may
    source: Source
    reason: str
    created_at: datetime
    until: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A line of the record; ``text`` is what was said, None if it was not said by SMS."""

    at: datetime
    event: ConsentEvent
    source: str
    reason: str
    account: str | None
    category: str | None
    sim: str | None  # that it was said to
    until: datetime | None
    text: str | None


@dataclass(frozen=True, slots=True)
class _End:
    number: int
    source: Source
    reason: str
    at: datetime


class OptOuts:
    """All opt-outs there are and were."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._add: Verb[Sequence[NewOptOut], list[tuple[str, bool]]] = Verb(
            "opt-outs", self._add_many
        )
        self._end: Verb[_End, None] = Verb("opt-out's end", self._end_many)

    async def add(self, new: Sequence[NewOptOut]) -> list[tuple[str, bool]]:
        """Add ``CHUNK`` opt-outs at most, and cancel what waits for them; in one transaction.

        Returns for each its public id, and whether it is new: one that covers it may stand already.
        """
        assert len(new) <= CHUNK
        return await self._base.writer.run(self._add, new)

    async def end(self, name: str, source: Source, reason: str, at: datetime) -> None:
        """End an opt-out; one that has ended stays as it is.

        Raises:
            NotFound: there is none of that id.

        """
        number = private("opt-out", PREFIX, name)
        await self._base.writer.run(self._end, _End(number, source, reason, at))

    async def get(self, account_id: int | None, name: str) -> OptOutView:
        """Return an opt-out that concerns an account (None: any).

        Raises:
            NotFound: there is none.

        """
        number = private("opt-out", PREFIX, name)

        def read(connection: Connection) -> OptOutView | None:
            row = connection.execute(_ONE, {"row": number}).mappings().first()
            mine = row is not None and account_id in (None, row["account_id"], row["heard_by"])
            return _view(row) if mine else None

        found = await self._base.reader.run(read)
        if found is None:
            raise NotFound("opt-out", name)
        return found

    async def record(self, account_id: int | None, name: str) -> list[RecordView]:
        """Return all that was said of the number of an opt-out, oldest first.

        An account (None: any) is told what concerns it.
        """
        number = private("opt-out", PREFIX, name)
        key = select(opt_out.c.recipient_key).where(opt_out.c.id == number)
        statement = _RECORD
        if account_id is not None:
            statement = statement.where(
                or_(consent.c.account_id == account_id, inbound.c.account_id == account_id)
            )

        def read(connection: Connection) -> list[RecordView]:
            found = {"key": connection.execute(key).scalar()}
            return [_line(row) for row in connection.execute(statement, found).mappings()]

        return await self._base.reader.run(read)

    async def shown(
        self,
        account_id: int | None,
        now: datetime,
        *,
        ended: bool = False,
        most: int = 50,
        before: str | None = None,
    ) -> list[OptOutView]:
        """Return opt-outs that concern an account (None: all), newest first, below id ``before``.

        These are its own, and those of people who have answered it. ``ended``: those that are over
        too.
        """
        statement = _SHOWN.order_by(opt_out.c.id.desc()).limit(most)
        if account_id is not None:
            statement = statement.where(
                or_(opt_out.c.account_id == account_id, inbound.c.account_id == account_id)
            )
        if not ended:
            statement = statement.where(_ACTIVE)
        if before is not None:
            statement = statement.where(opt_out.c.id < private("opt-out", PREFIX, before))
        given = {} if ended else {NOW: now}
        return await self._base.reader.run(
            lambda connection: [
                _view(row) for row in connection.execute(statement, given).mappings()
            ]
        )

    def _add_many(
        self, transaction: Transaction, items: Sequence[Sequence[NewOptOut]]
    ) -> list[list[tuple[str, bool]]]:
        every = [new for chunk in items for new in chunk]
        lock_recipients(transaction, {self._base.keys.suffix(new.suffix) for new in every})
        return [self._add_chunk(transaction, chunk) for chunk in items]

    def _add_chunk(
        self, transaction: Transaction, chunk: Sequence[NewOptOut]
    ) -> list[tuple[str, bool]]:
        keys = [self._base.keys.number(new.recipient) for new in chunk]
        found = transaction.execute(_STANDING, {"recipients": sorted(set(keys))}).mappings()
        standing: dict[bytes, list[Any]] = {}
        for row in found:
            standing.setdefault(row["recipient_key"], []).append(row)
        results, rows, entries = [], [], []
        for new, key in zip(chunk, keys, strict=True):
            known = next((row for row in standing.get(key, ()) if _covers(row, new)), None)
            if known is None:
                row = self._row(new, key)
                rows.append(row)
                entries.append(_entry(row, new))
                standing.setdefault(key, []).append(row)
            results.append((public(PREFIX, (known or row)["id"]), known is None))
        if rows:
            transaction.execute(insert_of(OptOut), rows)
            write_down(transaction, entries, self._base.ids)
        self._cancel(transaction, zip(chunk, keys, strict=True))
        return results

    def _row(self, new: NewOptOut, key: bytes) -> dict[str, Any]:
        return {
            "id": self._base.ids.take(),
            "recipient": new.recipient,
            "recipient_key": key,
            "account_id": new.account_id,
            "category": new.category,
            "reason": new.reason,
            "source": new.source.value,
            "created_at": new.at,
            "until": new.until,
        }

    def _cancel(self, transaction: Transaction, new: Iterable[tuple[NewOptOut, bytes]]) -> None:
        """Cancel what waits, by what covers it: a recipient may be named several times."""
        by_cover: dict[Covered, dict[bytes, Covered]] = {}
        at = None
        for each, key in new:
            by_cover.setdefault(each.covered, {})[key] = each.covered
            at = each.at
        for covered in by_cover.values():
            assert at is not None
            cancel_waiting(transaction, covered, at, self._base.ids)

    def _end_many(self, transaction: Transaction, items: Sequence[_End]) -> list[NotFound | None]:
        results: list[NotFound | None] = []
        for end in items:
            row = transaction.execute(_ONE, {"row": end.number}).mappings().first()
            if row is None:
                results.append(NotFound("opt-out", public(PREFIX, end.number)))
                continue
            results.append(None)
            ended = transaction.execute(_END, {"row": end.number, "moment": end.at}).rowcount
            if ended:
                write_down(transaction, [_ended(row, end)], self._base.ids)
        return results


def _covers(row: Any, new: NewOptOut) -> bool:
    """Tell whether what stands makes another one needless: as long, and for the same account."""
    lasts = row["until"] is None or (new.until is not None and row["until"] >= new.until)
    return lasts and row["account_id"] == new.account_id and row["category"] in (None, new.category)


def _entry(row: dict[str, Any], new: NewOptOut) -> Entry:
    imported = new.source is Source.IMPORT
    return Entry(
        recipient_key=row["recipient_key"],
        event=ConsentEvent.IMPORTED if imported else ConsentEvent.OPTED_OUT,
        source=new.source,
        reason=new.reason,
        at=new.at,
        account_id=new.account_id,
        category=new.category,
        opt_out_id=row["id"],
        until=new.until,
    )


def _ended(row: Any, end: _End) -> Entry:
    return Entry(
        recipient_key=row["recipient_key"],
        event=ConsentEvent.ENDED,
        source=end.source,
        reason=end.reason,
        at=end.at,
        account_id=row["account_id"],
        category=row["category"],
        sim_id=row["sim_id"],
        opt_out_id=end.number,
    )


def _view(row: Any) -> OptOutView:
    return OptOutView(
        id=public(PREFIX, row["id"]),
        number=row["number"],
        account=row["account_name"],
        account_id=row["account_id"],
        category=row["category"],
        sim=row["iccid"],
        source=Source(row["source"]),
        reason=row["reason"],
        created_at=row["created_at"],
        until=row["until"],
        ended_at=row["ended_at"],
    )


def _line(row: Any) -> RecordView:
    return RecordView(
        at=row["at"],
        event=row["event"],
        source=row["source"],
        reason=row["reason"],
        account=row["account_name"],
        category=row["category"],
        sim=row["iccid"],
        until=row["until"],
        text=row["text"],
    )
