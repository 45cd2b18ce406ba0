"""Passwords and API keys exchanged while the old ones still open: nobody is shut out meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update

from appliance import credentials
from appliance.errors import BadField, NotFound
from appliance.models import Account, ApiKey
from appliance.store.base import Base
from appliance.store.bell import ACCOUNTS
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

account, api_key = table_of(Account), table_of(ApiKey)

HINT: Final = 7
"""Characters of a key that stay visible, to tell keys apart."""

_LIVING: Final = select(account).where(
    account.c.name == bindparam("called"), account.c.revoked_at.is_(None)
)
_KEYS: Final = (
    select(api_key)
    .join(account, account.c.id == api_key.c.account_id)
    .where(account.c.name == bindparam("called"), api_key.c.revoked_at.is_(None))
    .order_by(api_key.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """An account's new password, which is never shown again.

    ``old_until``: until when the one before opens, too; None: no longer.
    """

    account_id: int
    system_id: str
    password: str
    old_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """An API key that opens: how it begins, and since when there is one."""

    hint: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Rotation:
    name: str
    password: str
    hashed: str
    old_until: datetime | None


@dataclass(frozen=True, slots=True)
class _NewKey:
    name: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _EndOfKey:
    name: str
    beginning: str
    at: datetime


class Secrets:
    """What accounts are known by, and how it is exchanged."""

    def __init__(self, base: Base, doubt: Callable[[], None]) -> None:
        """``doubt`` is called when a key may have become worthless."""
        self._base, self._doubt = base, doubt
        self._rotate: Verb[_Rotation, Rotated] = Verb("rotate password", _rotate_many)
        self._add: Verb[_NewKey, str] = Verb("add key", _add_many)
        self._end: Verb[_EndOfKey, KeyView] = Verb("revoke key", _end_many)

    async def rotate(self, name: str, keep: timedelta, now: datetime) -> Rotated:
        """Give an account a new SMPP password; the one it has opens until ``keep`` is over.

        Two are valid at most: one that was kept before this ends now.

        Raises:
            NotFound: there is no such account, it is revoked, or it has no SMPP.

        """
        password = credentials.new_smpp_password()
        hashed = await asyncio.to_thread(credentials.hash_password, password)
        until = now + keep if keep else None
        return await self._base.writer.run(self._rotate, _Rotation(name, password, hashed, until))

    async def add_key(self, name: str, now: datetime) -> str:
        """Give an account one more API key, and return it: it is never shown again.

        Raises:
            NotFound: there is no such account, or it is revoked.

        """
        new = _NewKey(name, credentials.new_api_key(), now)
        return await self._base.writer.run(self._add, new)

    async def revoke_key(self, name: str, beginning: str, now: datetime) -> KeyView:
        """End the one key of an account that begins like that, or is that; return what it was.

        Raises:
            NotFound: the account has no such key.
            BadField: several of its keys begin like that.

        """
        ended = await self._base.writer.run(self._end, _EndOfKey(name, beginning, now))
        self._doubt()
        return ended

    async def keys(self, name: str) -> list[KeyView]:
        """Return the keys that open for an account, oldest first."""
        return await self._base.reader.run(
            lambda connection: [
                _view(row) for row in connection.execute(_KEYS, {"called": name}).mappings()
            ]
        )


def _rotate_many(transaction: Transaction, items: Sequence[_Rotation]) -> list[Rotated | NotFound]:
    results: list[Rotated | NotFound] = []
    for item in items:
        found = transaction.execute(_LIVING, {"called": item.name}).first()
        if found is None or found.system_id is None:
            results.append(NotFound("account", item.name))
            continue
        kept = found.password_hash if item.old_until else None
        values = {
            "password_hash": item.hashed,
            "old_password_hash": kept,
            "old_password_until": item.old_until,
        }
        transaction.execute(update(account).where(account.c.id == found.id).values(values))
        results.append(
            Rotated(
                account_id=found.id,
                system_id=found.system_id,
                password=item.password,
                old_until=item.old_until,
            )
        )
        transaction.topics.add(ACCOUNTS)
    return results


def _add_many(transaction: Transaction, items: Sequence[_NewKey]) -> list[str | NotFound]:
    results: list[str | NotFound] = []
    for item in items:
        found = transaction.execute(_LIVING, {"called": item.name}).first()
        if found is None:
            results.append(NotFound("account", item.name))
            continue
        row = {
            "account_id": found.id,
            "key_hash": credentials.hash_api_key(item.key),
            "hint": item.key[:HINT],
            "created_at": item.at,
        }
        transaction.execute(insert(api_key), row)
        results.append(item.key)
    return results


def _end_many(
    transaction: Transaction, items: Sequence[_EndOfKey]
) -> list[KeyView | NotFound | BadField]:
    results: list[KeyView | NotFound | BadField] = []
    for item in items:
        keys = transaction.execute(_KEYS, {"called": item.name}).mappings().all()
        fitting = [key for key in keys if _fits(key, item.beginning)]
        if len(fitting) > 1:
            results.append(BadField("key", "several begin like that: give the whole key"))
            continue
        if not fitting:
            results.append(NotFound("key", item.beginning[:HINT]))
            continue
        (key,) = fitting
        ends = update(api_key).where(api_key.c.id == key["id"]).values(revoked_at=item.at)
        transaction.execute(ends)
        results.append(_view(key))
    return results


def _fits(key: Any, beginning: str) -> bool:
    if len(beginning) > HINT:
        return bool(key["key_hash"] == credentials.hash_api_key(beginning))
    return bool(key["hint"] == beginning)


def _view(row: Any) -> KeyView:
    return KeyView(hint=row["hint"], created_at=row["created_at"])
