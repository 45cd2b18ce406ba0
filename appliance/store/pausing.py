"""Pausing an account: it is let in no more and told nothing, and loses nothing, until resumed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, select, update

from appliance.errors import NotFound
from appliance.models import Account
from appliance.store.accounts import Accounts
from appliance.store.base import Base
from appliance.store.bell import ACCOUNTS, CHANGES
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

account = table_of(Account)

_LIVING: Final = (account.c.name == bindparam("called"), account.c.revoked_at.is_(None))
_MOMENT: Final = bindparam("moment", type_=account.c.paused_at.type)
_PAUSE: Final = (
    update(account)
    .where(*_LIVING)
    .values(
        paused_at=func.coalesce(account.c.paused_at, _MOMENT),
        pause_reason=bindparam("why"),
    )
)
_RESUME: Final = update(account).where(*_LIVING).values(paused_at=None, pause_reason=None)
_WHO: Final = select(account.c.id).where(*_LIVING)
_SHUT: Final = select(account.c.id).where(
    account.c.revoked_at.is_not(None) | account.c.paused_at.is_not(None)
)


@dataclass(frozen=True, slots=True)
class _Change:
    """What is to become of an account; ``at`` None: it is resumed."""

    name: str
    at: datetime | None
    why: str


class Pausing:
    """Who is kept out for a while."""

    def __init__(self, base: Base, accounts: Accounts) -> None:
        self._base, self._accounts = base, accounts
        self._change: Verb[_Change, int] = Verb("pause account", _change_many)

    async def pause(self, name: str, why: str, now: datetime) -> int:
        """Pause an account, over restarts too; return its id. One that is paused stays so.

        Raises:
            NotFound: there is none of that name, or it is revoked.

        """
        return await self._changed(_Change(name, now, why))

    async def resume(self, name: str) -> int:
        """Let a paused account in again; return its id.

        Raises:
            NotFound: there is none of that name, or it is revoked.

        """
        return await self._changed(_Change(name, None, ""))

    async def shut_out(self) -> frozenset[int]:
        """Return the accounts that are paused or revoked, by whichever daemon."""
        return await self._base.reader.run(
            lambda connection: frozenset(connection.execute(_SHUT).scalars())
        )

    async def _changed(self, change: _Change) -> int:
        account_id = await self._base.writer.run(self._change, change)
        self._accounts.doubt()
        return account_id


def _change_many(transaction: Transaction, items: Sequence[_Change]) -> list[int | NotFound]:
    results: list[int | NotFound] = []
    for item in items:
        called = {"called": item.name}
        found = transaction.execute(_WHO, called).scalar()
        if found is None:
            results.append(NotFound("account", item.name))
            continue
        if item.at is None:
            transaction.execute(_RESUME, called)
        else:
            transaction.execute(_PAUSE, called | {"moment": item.at, "why": item.why})
        transaction.topics |= {ACCOUNTS, CHANGES}
        results.append(found)
    return results
