"""Notices: what is owed to whom, and how its delivery went."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Label,
    Table,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from appliance.lifecycle import FINAL, State
from appliance.models import Call, Inbound, Incident, Message, NoticeKind, Sim
from appliance.models import Notice as NoticeRow
from appliance.notice import CallNews, InboundNews, IncidentNews, MessageNews, News, Notice
from appliance.policy.keywords import Keyword
from appliance.store import calls as call_store
from appliance.store import inbound as inbound_store
from appliance.store import incidents as incident_store
from appliance.store import messages as message_store
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.hot import execute, hot
from appliance.store.ids import public
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

notice, message = table_of(NoticeRow), table_of(Message)
inbound, incident, sim = table_of(Inbound), table_of(Incident), table_of(Sim)

call = table_of(Call)

PREFIX: Final = "n"
"""What the public id of a notice begins with: the webhook-id."""

LONGEST_START: Final = 20
"""Characters of the text that a receipt repeats (SMPP 3.4 appendix B)."""

GIVEN_BACK: Final = (
    *("source", "source_ton", "source_npi", "dest", "dest_ton", "dest_npi"),
    *("service_type", "name", "reference"),
)
"""What a receipt needs of what an ESME gave with its message."""

_OPEN: Final = text("notice.done_at IS NULL AND notice.parked_at IS NULL")

_earlier: Final = notice.alias("earlier")

WHENEVER: Final = datetime.max.replace(tzinfo=UTC)

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

CHUNK: Final = 500
"""Notices that are parked in one transaction: some milliseconds."""


def _named(table: Table, prefix: str, *names: str) -> list[Label[Any]]:
    return [table.c[name].label(f"{prefix}_{name}") for name in names]


_OWED: Final = hot(
    select(
        *_named(notice, "notice", "id", "account_id", "kind", "state", "cause", "cause_code"),
        *_named(notice, "notice", "parts_delivered", "created_at", "due_at", "tries", "reported"),
        *_named(notice, "notice", "parts_taken", "parts_form"),
        *_named(message, "message", "id", "reference", "recipient", "text", "parts"),
        *_named(message, "message", "accepted_at", "smpp"),
        *_named(inbound, "inbound", "id", "sender", "text", "data", "keyword"),
        *_named(inbound, "inbound", "sent_at", "received_at", "total", "segments"),
        *_named(inbound, "inbound", "message_class", "indication"),
        *_named(call, "call", "id", "caller", "received_at"),
        *_named(incident, "incident", "id", "kind", "slot", "sentence", "next_step", "lasting"),
        *_named(sim, "sim", "iccid", "number"),
    )
    .select_from(notice)
    .join(message, message.c.id == notice.c.message_id, isouter=True)
    .join(inbound, inbound.c.id == notice.c.inbound_id, isouter=True)
    .join(call, call.c.id == notice.c.call_id, isouter=True)
    .join(incident, incident.c.id == notice.c.incident_id, isouter=True)
    .join(
        sim,
        sim.c.id == func.coalesce(inbound.c.sim_id, call.c.sim_id, incident.c.sim_id),
        isouter=True,
    )
    .where(
        notice.c.account_id == bindparam("account"),
        _OPEN,
        notice.c.due_at <= bindparam("moment"),
        ~exists().where(  # what is told of one message is told in order
            _earlier.c.message_id == notice.c.message_id,
            _earlier.c.id < notice.c.id,
            text("earlier.done_at IS NULL AND earlier.parked_at IS NULL"),
            _earlier.c.due_at > bindparam("moment"),
        ),
    )
    .order_by(notice.c.id)
    .limit(bindparam("most"))
)
_NEXT_DUE: Final = hot(
    select(notice.c.due_at)
    .where(
        notice.c.account_id == bindparam("account"), _OPEN, notice.c.due_at > bindparam("moment")
    )
    .order_by(notice.c.due_at)
    .limit(1)
)
_WHO: Final = select(notice.c.account_id).where(_OPEN).distinct()
_DONE: Final = hot(
    update(notice)
    .where(notice.c.id == bindparam("row"))
    .values(done_at=bindparam("moment"), tries=notice.c.tries + 1)
)
_FAILED: Final = (
    update(notice)
    .where(notice.c.id == bindparam("row"))
    .values(due_at=bindparam("when"), last_error=bindparam("why"), tries=notice.c.tries + 1)
)
_PART_TAKEN: Final = (
    update(notice)
    .where(notice.c.id == bindparam("row"))
    .values(parts_taken=bindparam("many"), parts_form=bindparam("form"))
)
_PARKED: Final = (
    update(notice)
    .where(notice.c.id == bindparam("row"))
    .values(parked_at=bindparam("when"), last_error=bindparam("why"), tries=notice.c.tries + 1)
)
_PLACE: Final = tuple_(notice.c.account_id, notice.c.due_at)  # in the index of what is open
_TOO_OLD: Final = (
    select(notice.c.id, notice.c.account_id, notice.c.due_at)
    .where(
        _OPEN,
        notice.c.created_at < bindparam("before"),
        or_(notice.c.released_at.is_(None), notice.c.released_at < bindparam("before")),
        tuple_(bindparam("account"), bindparam("since", type_=notice.c.due_at.type)) <= _PLACE,
    )
    .order_by(notice.c.account_id, notice.c.due_at)
    .limit(CHUNK)
)
_EXPIRE: Final = (
    update(notice)
    .where(notice.c.id.in_(bindparam("chosen", expanding=True)), _OPEN)
    .values(parked_at=bindparam("moment"), expired=True)
)


class Owed:
    """A notice that waits, and when it may be tried (again)."""

    __slots__ = ("due_at", "notice", "subject")

    def __init__(self, notice: Notice, subject: tuple[str, int], due_at: datetime) -> None:
        self.notice = notice
        self.subject = subject  # notices of one subject go in order
        self.due_at = due_at


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is owed to an account now, in order, and when something else will be (None: never)."""

    notices: list[Owed]
    next_at: datetime | None


class Notices:
    """What we owe the accounts."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._done: Verb[tuple[int, datetime], None] = Verb("notice done", _done_many)
        self._failed: Verb[tuple[int, datetime, str], None] = Verb("notice failed", _failed_many)
        self._part: Verb[tuple[int, int, str], None] = Verb("part of a notice taken", _part_many)
        self._parked: Verb[tuple[int, datetime, str], None] = Verb("notice parked", _parked_many)
        self._old: Verb[tuple[Sequence[int], datetime], int] = Verb("notices too old", _old_many)

    async def creditors(self) -> list[int]:
        """Return the accounts that are owed something."""
        return await self._base.reader.run(
            lambda connection: list(connection.execute(_WHO).scalars())
        )

    async def owed(self, account_id: int, most: int) -> list[Owed]:
        """Return the oldest open notices of an account, at most ``most``, in order."""
        return (await self.due(account_id, most, WHENEVER)).notices

    async def due(self, account_id: int, most: int, now: datetime) -> Agenda:
        """Return the oldest open notices that may go now, and when there will be others.

        A notice that has to wait holds up the later ones of its message, and no others.
        """
        asked = {"account": account_id, "most": most, "moment": now}
        return await self._base.reader.run(lambda connection: _read(connection, asked))

    async def done(self, notice_id: int, at: datetime) -> None:
        """Note that the other side has acknowledged it."""
        await self._base.writer.run(self._done, (notice_id, at))

    async def failed(self, notice_id: int, why: str, due_at: datetime) -> None:
        """Note that it could not be handed over; it is tried again at ``due_at``."""
        await self._base.writer.run(self._failed, (notice_id, due_at, why))

    async def part_taken(self, notice_id: int, parts: int, form: str) -> None:
        """Note that the first ``parts`` of what carries it are acknowledged; ``form``: how cut."""
        await self._base.writer.run(self._part, (notice_id, parts, form))

    async def parked(self, notice_id: int, why: str, at: datetime) -> None:
        """Keep and show what the other side refused for good; it is not tried again."""
        await self._base.writer.run(self._parked, (notice_id, at, why))

    async def park_older(self, before: datetime, now: datetime) -> int:
        """Park as expired what nobody took in its time since it was made, or released.

        It is kept and shown; what the last try failed of stays with it. Returns how many. They
        are looked for beside the writer, which has a few at a time: there may be millions.
        """
        asked: dict[str, Any] = {"before": before, "account": 0, "since": EARLIEST}
        parked, found = 0, CHUNK
        while found == CHUNK:
            rows = await self._base.reader.run(partial(_too_old, asked=asked))
            if rows:
                chosen = sorted(row.id for row in rows)
                parked += await self._base.writer.run(self._old, (chosen, now))
                asked |= {"account": rows[-1].account_id, "since": rows[-1].due_at}
            found = len(rows)
        return parked


def _done_many(transaction: Transaction, items: Sequence[tuple[int, datetime]]) -> list[None]:
    rows = [{"row": row, "moment": at} for row, at in items]
    transaction.execute(_DONE, rows)
    transaction.topics.add(CHANGES)
    return [None] * len(items)


def _failed_many(
    transaction: Transaction, items: Sequence[tuple[int, datetime, str]]
) -> list[None]:
    rows = [{"row": row, "when": due_at, "why": why} for row, due_at, why in items]
    transaction.execute(_FAILED, rows)
    return [None] * len(items)


def _part_many(transaction: Transaction, items: Sequence[tuple[int, int, str]]) -> list[None]:
    rows = [{"row": row, "many": many, "form": form} for row, many, form in items]
    transaction.execute(_PART_TAKEN, rows)
    return [None] * len(items)


def _parked_many(
    transaction: Transaction, items: Sequence[tuple[int, datetime, str]]
) -> list[None]:
    rows = [{"row": row, "when": at, "why": why} for row, at, why in items]
    transaction.execute(_PARKED, rows)
    transaction.topics.add(CHANGES)
    return [None] * len(items)


def _old_many(
    transaction: Transaction, items: Sequence[tuple[Sequence[int], datetime]]
) -> list[int]:
    transaction.topics.add(CHANGES)
    return [
        transaction.execute(_EXPIRE, {"chosen": chosen, "moment": now}).rowcount
        for chosen, now in items
    ]


def _too_old(connection: Connection, asked: dict[str, Any]) -> Sequence[Any]:
    return connection.execute(_TOO_OLD, asked).all()


def _read(connection: Connection, asked: dict[str, Any]) -> Agenda:
    notices = [_owed(row) for row in execute(connection, _OWED, asked)]
    return Agenda(notices, execute(connection, _NEXT_DUE, asked).scalar())


def _owed(row: Any) -> Owed:
    number, kind = row.notice_id, row.notice_kind
    subject = (kind.value, getattr(row, f"{kind.value}_id"))
    value = Notice(
        id=number,
        public_id=public(PREFIX, number),
        account_id=row.notice_account_id,
        tries=row.notice_tries,
        created_at=row.notice_created_at,
        news=_NEWS[kind](row),
        parts_taken=row.notice_parts_taken,
        parts_form=row.notice_parts_form or "",
    )
    return Owed(value, subject, row.notice_due_at)


def _message_news(row: Any) -> MessageNews:
    state = row.notice_state
    return MessageNews(
        message_id=public(message_store.PREFIX, row.message_id),
        reference=row.message_reference,
        state=state,
        final=state in FINAL or state is State.NO_REPORT,
        cause=row.notice_cause,
        cause_code=row.notice_cause_code,
        reported=row.notice_reported,
        recipient=row.message_recipient,
        text_start=(row.message_text or "")[:LONGEST_START],
        parts=row.message_parts,
        parts_delivered=row.notice_parts_delivered,
        accepted_at=row.message_accepted_at,
        changed_at=row.notice_created_at,
        **_smpp(row.message_smpp or {}),
    )


def _smpp(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a receipt needs of what the ESME gave with a message."""
    return {f"smpp_{name}": given[name] for name in GIVEN_BACK if name in given}


def _inbound_news(row: Any) -> InboundNews:
    return InboundNews(
        inbound_id=public(inbound_store.PREFIX, row.inbound_id),
        sender=row.inbound_sender,
        sim_number=row.sim_number,
        sim=row.sim_iccid,
        text=row.inbound_text,
        data=row.inbound_data,
        sent_at=row.inbound_sent_at or row.inbound_received_at,
        received_at=row.inbound_received_at,
        opt_out=row.inbound_keyword == Keyword.STOP,
        missing=row.inbound_total - len(row.inbound_segments) if row.inbound_segments else 0,
        message_class=row.inbound_message_class,
        indication=row.inbound_indication,
    )


def _call_news(row: Any) -> CallNews:
    return CallNews(
        call_id=public(call_store.PREFIX, row.call_id),
        caller=row.call_caller,
        sim_number=row.sim_number,
        sim=row.sim_iccid,
        received_at=row.call_received_at,
    )


def _incident_news(row: Any) -> IncidentNews:
    return IncidentNews(
        incident_id=public(incident_store.PREFIX, row.incident_id),
        kind=row.incident_kind,
        slot=row.incident_slot,
        sim=row.sim_iccid,
        sentence=row.incident_sentence,
        next_step=row.incident_next_step,
        lasting=row.incident_lasting,
        at=row.notice_created_at,
    )


_NEWS: Final[Mapping[NoticeKind, Callable[[Any], News]]] = {
    NoticeKind.MESSAGE: _message_news,
    NoticeKind.INBOUND: _inbound_news,
    NoticeKind.CALL: _call_news,
    NoticeKind.INCIDENT: _incident_news,
}
"""What a notice tells, by its kind."""
