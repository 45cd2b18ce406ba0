"""Requests to lines: what somebody asks of one, and what the daemon that owns it answered.

What is asked of this daemon's own lines never touches the disk: PINs, codes and texts are kept in
memory until the request is taken. Only those for another daemon stand in their rows until then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Connection, bindparam, insert, null, select, text, update

from appliance.errors import StoreError
from appliance.models import Request, RequestState
from appliance.store.base import Base
from appliance.store.bell import REQUESTS
from appliance.store.ids import private, public
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

request = table_of(Request)

PREFIX: Final = "r"
"""What the public id of a request begins with."""

CUT_SHORT: Final = "the daemon stopped while it was carried out; whether it came through is unknown"

NOT_BEGUN: Final = "the daemon stopped before it was carried out"

NOBODY: Final = "nobody carried it out in time: the daemon that has this line does not run"

_OPEN: Final = text("request.state = 'open'")  # written out: the partial index fits

_GET: Final = select(request).where(request.c.id == bindparam("row"))
_OURS: Final = (
    select(request)
    .where(_OPEN, request.c.daemon == bindparam("worker"))
    .order_by(request.c.id)
    .with_for_update()
)
_TAKE: Final = (
    update(request)
    .where(request.c.id == bindparam("row"))
    .values(state=RequestState.TAKEN, taken_at=bindparam("moment"), arguments=null())
)
_FINISH: Final = (
    update(request)
    .where(request.c.id == bindparam("row"), request.c.state == RequestState.TAKEN)
    .values(
        state=bindparam("to"),
        answer=bindparam("said", type_=JSON(none_as_null=True)),
        error=bindparam("why"),
        ended_at=bindparam("moment"),
    )
)
_FAIL: Final = update(request).values(
    state=RequestState.FAILED,
    error=bindparam("why"),
    ended_at=bindparam("moment"),
    arguments=null(),
)
_FAIL_TAKEN: Final = _FAIL.where(
    request.c.state == RequestState.TAKEN, request.c.daemon == bindparam("worker")
)
_FAIL_FORGOTTEN: Final = _FAIL.where(
    _OPEN, request.c.daemon == bindparam("worker"), request.c.arguments.is_(null())
)
_FAIL_OLD: Final = _FAIL.where(_OPEN, request.c.created_at < bindparam("before"))
_FORGET: Final = (
    update(request)
    .where(request.c.answer.is_not(null()), request.c.ended_at < bindparam("before"))
    .values(answer=null())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """What somebody asks of the line at ``slot`` of ``daemon``; ``account_id`` None: this box."""

    daemon: int
    slot: str
    kind: str
    arguments: Mapping[str, Any]
    account_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRequest:
    """A request that this daemon carries out now; nobody else can read its arguments any more."""

    id: int
    slot: str
    kind: str
    arguments: Mapping[str, Any]
    account_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a request ended: with an answer, or with the sentence that says why not."""

    id: int
    at: datetime
    answer: Mapping[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request as who asked sees it; ``local``: it is for a line of this daemon."""

    id: str
    line: str
    kind: str
    state: RequestState
    answer: dict[str, Any] | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None
    account_id: int | None
    local: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected."""
        return self.ended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What has waited too long: open since before one moment, answered before another."""

    now: datetime
    open_before: datetime
    answered_before: datetime


class Requests:
    """What is asked of lines."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._arguments: dict[int, Mapping[str, Any]] = {}  # of requests to our own lines
        self._open: Verb[tuple[int, NewRequest], None] = Verb("request", self._open_many)
        self._take: Verb[datetime, list[TakenRequest]] = Verb("take requests", self._take_many)
        self._finish: Verb[Finished, None] = Verb("request done", _finish_many)
        self._recover: Verb[datetime, None] = Verb("recover requests", self._recover_many)
        self._overdue: Verb[Bounds, None] = Verb("overdue requests", _overdue_many)

    @property
    def daemon(self) -> int:
        """The id of this daemon itself: what is asked of its lines is taken at once."""
        return self._base.daemon

    async def open(self, new: NewRequest) -> str:
        """Store what is asked; return its public id."""
        number, own = self._base.ids.take(), new.daemon == self._base.daemon
        if own:
            self._arguments[number] = new.arguments
        try:
            await self._base.writer.run(self._open, (number, new))
        except StoreError:
            self._arguments.pop(number, None)
            raise
        return public(PREFIX, number)

    async def take(self, at: datetime) -> list[TakenRequest]:
        """Return what is asked of this daemon's lines and nobody has taken, oldest first."""
        taken = await self._base.writer.run(self._take, at)
        for each in taken:
            self._arguments.pop(each.id, None)
        return taken

    async def finish(self, finished: Finished) -> None:
        """Write down how a request ended that was taken; one that has ended stays as it is."""
        await self._base.writer.run(self._finish, finished)

    async def get(self, name: str) -> RequestView | None:
        """Return a request by its public id, None if there is none.

        Raises:
            NotFound: ``name`` is no id of a request at all.

        """
        row = private("request", PREFIX, name)
        return await self._base.reader.run(lambda connection: self._read(connection, row))

    async def recover(self, now: datetime) -> None:
        """Take up after a stop: what was being carried out has failed and is never repeated.

        Neither a PIN nor an order by USSD may be given twice. What was asked of this daemon's
        lines from within it, and not taken, has failed too: its arguments are gone.
        """
        await self._base.writer.run(self._recover, now)

    async def overdue(self, bounds: Bounds) -> None:
        """Fail what nobody took, whoever should have, and forget old answers."""
        await self._base.writer.run(self._overdue, bounds)

    def _open_many(
        self, transaction: Transaction, items: Sequence[tuple[int, NewRequest]]
    ) -> list[None]:
        for number, new in items:
            row = {
                "id": number,
                "daemon": new.daemon,
                "slot": new.slot,
                "kind": new.kind,
                "account_id": new.account_id,
                "state": RequestState.OPEN,
                "created_at": new.at,
            }
            if new.daemon != self._base.daemon:
                row["arguments"] = dict(new.arguments)
            transaction.execute(insert(request), row)
            transaction.topics.add((REQUESTS, new.daemon))
        return [None] * len(items)

    def _take_many(
        self, transaction: Transaction, items: Sequence[datetime]
    ) -> list[list[TakenRequest]]:
        found = transaction.execute(_OURS, {"worker": self._base.daemon}).all()
        for row in found:
            transaction.execute(_TAKE, {"row": row.id, "moment": items[0]})
        taken = [
            TakenRequest(
                id=row.id,
                slot=row.slot,
                kind=row.kind,
                arguments=self._arguments.get(row.id) or row.arguments or {},
                account_id=row.account_id,
            )
            for row in found
        ]
        return [taken, *([] for _ in items[1:])]

    def _recover_many(self, transaction: Transaction, items: Sequence[datetime]) -> list[None]:
        ours = {"worker": self._base.daemon, "moment": items[-1]}
        transaction.execute(_FAIL_TAKEN, ours | {"why": CUT_SHORT})
        transaction.execute(_FAIL_FORGOTTEN, ours | {"why": NOT_BEGUN})
        return [None] * len(items)

    def _read(self, connection: Connection, number: int) -> RequestView | None:
        row = connection.execute(_GET, {"row": number}).first()
        if row is None:
            return None
        return RequestView(
            id=public(PREFIX, row.id),
            line=row.slot,
            kind=row.kind,
            state=row.state,
            answer=row.answer,
            error=row.error,
            created_at=row.created_at,
            ended_at=row.ended_at,
            account_id=row.account_id,
            local=row.daemon == self._base.daemon,
        )


def _finish_many(transaction: Transaction, items: Sequence[Finished]) -> list[None]:
    for one in items:
        row = {
            "row": one.id,
            "to": RequestState.DONE if one.error is None else RequestState.FAILED,
            "said": dict(one.answer) if one.answer is not None else None,
            "why": one.error,
            "moment": one.at,
        }
        transaction.execute(_FINISH, row)
        transaction.topics.add((REQUESTS, public(PREFIX, one.id)))
    return [None] * len(items)


def _overdue_many(transaction: Transaction, items: Sequence[Bounds]) -> list[None]:
    bounds = items[-1]
    old = {"before": bounds.open_before, "moment": bounds.now, "why": NOBODY}
    transaction.execute(_FAIL_OLD, old)
    transaction.execute(_FORGET, {"before": bounds.answered_before})
    return [None] * len(items)
