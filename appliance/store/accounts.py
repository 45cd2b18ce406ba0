"""Accounts and their credentials. Keys and passwords are shown once and stored as hashes."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, update

from appliance import credentials
from appliance.errors import NameTaken, NotFound, Unauthorised
from appliance.models import Account, ApiKey
from appliance.store.account_secrets import HINT, Secrets
from appliance.store.base import Base
from appliance.store.bell import ACCOUNTS
from appliance.store.tables import insert_of, table_of
from appliance.store.writer import Transaction, Verb

account, api_key = table_of(Account), table_of(ApiKey)

LOCAL: Final = "local"
"""The account that this box itself sends as; it has no credentials and is not listed."""

CACHED: Final = 5.0
"""Seconds that a key found good is believed without asking again: how long another daemon's
revocation may take to be noticed here. Our own is noticed at once."""

_BY_KEY: Final = (
    select(account)
    .join(api_key, api_key.c.account_id == account.c.id)
    .where(
        api_key.c.key_hash == bindparam("hashed"),
        api_key.c.revoked_at.is_(None),
        account.c.revoked_at.is_(None),
    )
)
_BY_SYSTEM_ID: Final = select(account).where(
    account.c.system_id == bindparam("name"), account.c.revoked_at.is_(None)
)
_BY_NAME: Final = select(account).where(account.c.name == bindparam("called"))
_BY_ID: Final = select(account).where(account.c.id == bindparam("row"))
_ALL: Final = select(account).order_by(account.c.id)
_NO_DEFAULT: Final = update(account).where(account.c.is_default).values(is_default=False)
_REVOKE: Final = (
    update(account)
    .where(account.c.name == bindparam("called"), account.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("moment"), is_default=False)
)
_SET: Final = update(account).where(
    account.c.name == bindparam("called"), account.c.revoked_at.is_(None)
)
_REVOKE_KEYS: Final = (
    update(api_key)
    .where(
        api_key.c.account_id.in_(select(account.c.id).where(account.c.name == bindparam("called"))),
        api_key.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("moment"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account as the admin wants it."""

    name: str
    webhook_url: str | None = None
    is_default: bool | None = None  # None: if there is none; True: instead of the one there is
    local: bool = False  # for the command line on this box: no credentials
    admin: bool = False  # may speak to lines, and is told of incidents


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new account with its credentials, which are never shown again."""

    account_id: int
    name: str
    api_key: str | None
    system_id: str | None
    password: str | None
    webhook_secret: str | None


class Accounts:
    """Who is allowed in; ``secrets`` exchanges what they are known by."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self.secrets = Secrets(base, self.doubt)
        self._add: Verb[_Prepared, int] = Verb("add account", _add_many)
        self._revoke: Verb[tuple[str, datetime], int] = Verb("revoke account", _revoke_many)
        self._set: Verb[_Set, Account] = Verb("set for account", _set_many)
        self._by_key: dict[str, tuple[float, Account]] = {}
        self._last_read: dict[int, Account] = {}

    async def add(self, new: NewAccount, now: datetime) -> Issued:
        """Store a new account and return it with its fresh credentials.

        Raises:
            NameTaken: there is one of that name.

        """
        prepared = await asyncio.to_thread(_prepare, new, now)
        account_id = await self._base.writer.run(self._add, prepared)
        issued = prepared.issued
        return Issued(
            account_id=account_id,
            name=new.name,
            api_key=issued["api_key"],
            system_id=issued["system_id"],
            password=issued["password"],
            webhook_secret=issued["webhook_secret"],
        )

    async def revoke(self, name: str, now: datetime) -> int:
        """End an account: its keys and binds open nothing any more. Return its id.

        Raises:
            NotFound: there is none of that name, or it is revoked already.

        """
        account_id = await self._base.writer.run(self._revoke, (name, now))
        self._by_key = {}  # a look-up under way still writes to the one before
        return account_id

    async def set(self, name: str, key: str, value: Any) -> Account:
        """Set one thing of an account; it holds at once. Return the account.

        ``key`` and ``value`` are as ``account_settings`` makes them.

        Raises:
            NotFound: there is none of that name, or it is revoked.

        """
        found = await self._base.writer.run(self._set, _Set(name, key, value))
        self._by_key = {}
        return self._read(found)

    def doubt(self) -> None:
        """Believe no key any more without asking again: an account was changed elsewhere."""
        self._by_key = {}

    def current(self, known: Account) -> Account:
        """Return an account as it was last read, by whomever: a session outlives a setting."""
        return self._last_read.get(known.id or 0, known)

    def _read(self, found: Account) -> Account:
        self._last_read[found.id or 0] = found
        return found

    async def all(self) -> list[Account]:
        """Return every account, oldest first, revoked ones too."""
        found = await self._base.reader.run(
            lambda connection: [_account(row) for row in connection.execute(_ALL).mappings()]
        )
        return [self._read(one) for one in found]

    async def by_id(self, account_id: int) -> Account | None:
        """Return one account, None if there is none."""
        return await self._one(_BY_ID, {"row": account_id})

    async def by_system_id(self, system_id: str) -> Account | None:
        """Return the account that binds by this name, None if there is none or it is revoked."""
        found = await self._one(_BY_SYSTEM_ID, {"name": system_id})
        return self._read(found) if found else None

    async def by_name(self, name: str) -> Account | None:
        """Return one account, None if there is none."""
        return await self._one(_BY_NAME, {"called": name})

    async def local(self, now: datetime) -> Account:
        """Return the account that this box itself sends as, made at its first use."""
        if found := await self.by_name(LOCAL):
            return found
        with suppress(NameTaken):  # two first messages at once
            await self.add(NewAccount(name=LOCAL, local=True), now)
        found = await self.by_name(LOCAL)
        assert found is not None
        return found

    async def authenticate_key(self, key: str, monotonic: float) -> Account:
        """Return the account of an API key.

        Raises:
            Unauthorised: no such key, or it is revoked.

        """
        hashed, known = credentials.hash_api_key(key), self._by_key
        cached = known.get(hashed)
        if cached is not None and monotonic - cached[0] < CACHED:
            return cached[1]
        found = await self._one(_BY_KEY, {"hashed": hashed})
        if found is None:
            raise Unauthorised("the API key is unknown or revoked")
        known[hashed] = (monotonic, found)
        return found

    async def _one(self, statement: Any, parameters: dict[str, Any]) -> Account | None:
        def read(connection: Connection) -> Account | None:
            row = connection.execute(statement, parameters).mappings().first()
            return _account(row) if row is not None else None

        return await self._base.reader.run(read)


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Prepared:
    new: NewAccount
    at: datetime
    row: dict[str, Any]
    issued: dict[str, Any]


def _prepare(new: NewAccount, at: datetime) -> _Prepared:
    issued: dict[str, Any] = dict.fromkeys(("api_key", "system_id", "password", "webhook_secret"))
    row: dict[str, Any] = {
        "name": new.name,
        "created_at": at,
        "carrier": None,
        "max_binds": 4,
        "admin": new.admin,
    }
    if not new.local:
        issued["api_key"] = credentials.new_api_key()
        issued["system_id"] = credentials.new_system_id()
        issued["password"] = credentials.new_smpp_password()
        row["system_id"] = issued["system_id"]
        row["password_hash"] = credentials.hash_password(issued["password"])
        row["carrier"] = "smpp"
    if new.webhook_url:
        issued["webhook_secret"] = credentials.new_webhook_secret()
        row |= {
            "carrier": "webhook",
            "webhook_url": new.webhook_url,
            "webhook_secret": issued["webhook_secret"],
        }
    return _Prepared(new, at, row, issued)


def _add_many(transaction: Transaction, items: Sequence[_Prepared]) -> list[int | NameTaken]:
    results: list[int | NameTaken] = []
    for item in items:
        execute = transaction.execute
        if execute(_BY_NAME, {"called": item.new.name}).first() is not None:
            results.append(NameTaken(item.new.name))
            continue
        is_default = item.new.is_default
        if is_default is None:
            others = select(func.count()).where(account.c.is_default)
            is_default = not item.new.local and not execute(others).scalar()
        if is_default:
            execute(_NO_DEFAULT)
        row = item.row | {"is_default": is_default}
        account_id = execute(insert(account).returning(account.c.id), row).scalar_one()
        if key := item.issued["api_key"]:
            stored = {
                "account_id": account_id,
                "key_hash": credentials.hash_api_key(key),
                "hint": key[:HINT],
                "created_at": item.at,
            }
            execute(insert_of(ApiKey), stored)
        results.append(account_id)
        transaction.topics.add(ACCOUNTS)
    return results


def _revoke_many(
    transaction: Transaction, items: Sequence[tuple[str, datetime]]
) -> list[int | NotFound]:
    results: list[int | NotFound] = []
    for name, at in items:
        execute = transaction.execute
        found = execute(_BY_NAME, {"called": name}).first()
        if found is None or found.revoked_at is not None:
            results.append(NotFound("account", name))
            continue
        execute(_REVOKE_KEYS, {"called": name, "moment": at})
        execute(_REVOKE, {"called": name, "moment": at})
        results.append(found.id)
        transaction.topics.add(ACCOUNTS)
    return results


def _set_many(transaction: Transaction, items: Sequence[_Set]) -> list[Account | NotFound]:
    results: list[Account | NotFound] = []
    for item in items:
        called = {"called": item.name}
        changed = transaction.execute(_SET.values({item.key: item.value}), called).rowcount
        if changed != 1:
            results.append(NotFound("account", item.name))
            continue
        results.append(_account(transaction.execute(_BY_NAME, called).mappings().one()))
        transaction.topics.add(ACCOUNTS)
    return results


def _account(row: Any) -> Account:
    return Account(**row)
