"""What the accounts are owed, as people see it: what waits, what is parked, and its release."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, exists, func, or_, select, text, update

from appliance.lifecycle import State
from appliance.models import Account, NoticeKind
from appliance.models import Notice as NoticeRow
from appliance.store import calls, inbound, incidents, messages
from appliance.store.base import Base
from appliance.store.bell import CHANGES, NOTICES
from appliance.store.chores import CHUNK
from appliance.store.ids import private, public
from appliance.store.notices import PREFIX
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

notice, account = table_of(NoticeRow), table_of(Account)


class Standing(StrEnum):
    """How it is with a notice that its account has not taken."""

    WAITING = "waiting"  # it is tried, or nobody is there to take it
    REFUSED = "refused"  # parked: refused for good
    EXPIRED = "expired"  # parked: nobody took it in its time


_OPEN: Final = text("notice.done_at IS NULL AND notice.parked_at IS NULL")
_PARKED: Final = text("notice.parked_at IS NOT NULL AND notice.done_at IS NULL")
_IN: Final = {
    Standing.WAITING: (_OPEN,),
    Standing.REFUSED: (_PARKED, notice.c.expired.is_(False)),
    Standing.EXPIRED: (_PARKED, notice.c.expired.is_(True)),
}
_SUBJECTS: Final = {
    NoticeKind.MESSAGE: messages.PREFIX,
    NoticeKind.INBOUND: inbound.PREFIX,
    NoticeKind.CALL: calls.PREFIX,
    NoticeKind.INCIDENT: incidents.PREFIX,
}
_SHOWN: Final = (
    select(notice, account.c.name)
    .join(account, account.c.id == notice.c.account_id)
    .order_by(notice.c.id.desc())
)
_COUNTED: Final = (
    select(
        account.c.name,
        notice.c.parked_at.is_not(None).label("parked"),
        notice.c.expired,
        func.count().label("many"),
        func.min(notice.c.created_at).label("oldest"),
    )
    .join(account, account.c.id == notice.c.account_id)
    .where(or_(_OPEN, _PARKED))
    .group_by(account.c.name, notice.c.parked_at.is_not(None), notice.c.expired)
)
_later: Final = notice.alias("later")
_OVERTAKEN: Final = exists().where(
    _later.c.message_id == notice.c.message_id,
    _later.c.id > notice.c.id,
    _later.c.done_at.is_not(None),
)
_RELEASABLE: Final = (
    select(notice.c.id)
    .where(_PARKED, notice.c.account_id == bindparam("account"), ~_OVERTAKEN)
    .order_by(notice.c.id)
    .limit(CHUNK)
)
_RELEASE: Final = (
    update(notice)
    .where(notice.c.id.in_(bindparam("chosen", expanding=True)))
    .values(
        parked_at=None,
        expired=False,
        tries=0,
        parts_taken=0,  # whoever took some of them has long thrown them away
        due_at=bindparam("moment"),
        released_at=bindparam("moment"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice that its account has not taken; ``about`` is the id of what it tells of."""

    id: str
    account: str
    kind: NoticeKind
    about: str
    state: State | None  # of the message it tells of
    standing: Standing
    tries: int
    last_error: str | None
    created_at: datetime
    due_at: datetime  # when it is tried next, while it waits
    parked_at: datetime | None


@dataclass(slots=True)
class OwedCount:
    """How much of each standing an account is owed, and since when the oldest one waits."""

    account: str
    waiting: int = 0
    refused: int = 0
    expired: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    account_id: int
    notices: tuple[int, ...] | None
    at: datetime


class Owing:
    """What the accounts have not taken yet."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._release: Verb[_Wish, int] = Verb("notices released", self._release_many)

    async def shown(
        self,
        account_id: int | None,
        *,
        standing: Standing | None = None,
        most: int = 50,
        before: str | None = None,
    ) -> list[NoticeView]:
        """Return an account's notices (None: everybody's), newest first, below id ``before``.

        Raises:
            NotFound: ``before`` is no id of a notice.

        """
        wanted = _IN[standing] if standing else (or_(_OPEN, _PARKED),)
        statement = _SHOWN.where(*wanted).limit(most)
        if account_id is not None:
            statement = statement.where(notice.c.account_id == account_id)
        if before is not None:
            statement = statement.where(notice.c.id < private("notice", PREFIX, before))
        return await self._base.reader.run(
            lambda connection: [_view(row) for row in connection.execute(statement)]
        )

    async def counts(self) -> list[OwedCount]:
        """Return how much is owed to the accounts that are owed something, by name."""
        rows = await self._base.reader.run(lambda connection: connection.execute(_COUNTED).all())
        found: dict[str, OwedCount] = {}
        for row in rows:
            one = found.setdefault(row.name, OwedCount(row.name))
            standing = _standing(parked=row.parked, expired=row.expired)
            setattr(one, standing.value, getattr(one, standing.value) + row.many)
            if standing is Standing.WAITING:
                one.oldest = min(filter(None, (one.oldest, row.oldest)))
        return [found[name] for name in sorted(found)]

    async def release(
        self, account_id: int, now: datetime, notices: Sequence[str] | None = None
    ) -> int:
        """Let parked notices of an account go again, as if they were new; None: all of them.

        What tells of a message of which the account has taken later news stays where it is: it
        would come out of order. Returns how many were released.

        Raises:
            NotFound: one of these is no id of a notice.

        """
        chosen = None if notices is None else tuple(private("notice", PREFIX, x) for x in notices)
        released, many = 0, CHUNK
        while many == CHUNK:
            wish = _Wish(account_id, chosen, now)
            many = await self._base.writer.run(self._release, wish)
            released += many
        return released

    def _release_many(self, transaction: Transaction, items: Sequence[_Wish]) -> list[int]:
        return [self._release_some(transaction, wish) for wish in items]

    def _release_some(self, transaction: Transaction, wish: _Wish) -> int:
        wanted = _RELEASABLE
        if wish.notices is not None:
            wanted = wanted.where(notice.c.id.in_(wish.notices))
        chosen = transaction.execute(wanted, {"account": wish.account_id}).scalars().all()
        if chosen:
            transaction.execute(_RELEASE, {"chosen": chosen, "moment": wish.at})
            transaction.topics |= {CHANGES, (NOTICES, wish.account_id)}
        return len(chosen)


def _standing(*, parked: bool, expired: bool) -> Standing:
    if not parked:
        return Standing.WAITING
    return Standing.EXPIRED if expired else Standing.REFUSED


def _view(row: Any) -> NoticeView:
    return NoticeView(
        id=public(PREFIX, row.id),
        account=row.name,
        kind=row.kind,
        about=public(_SUBJECTS[row.kind], getattr(row, f"{row.kind.value}_id")),
        state=row.state,
        standing=_standing(parked=row.parked_at is not None, expired=row.expired),
        tries=row.tries,
        last_error=row.last_error,
        created_at=row.created_at,
        due_at=row.due_at,
        parked_at=row.parked_at,
    )
