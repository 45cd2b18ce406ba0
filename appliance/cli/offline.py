"""Accounts while no daemon runs: in the database itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from appliance.api import account_secrets, account_settings, local, sessions
from appliance.api.schemas import AccountRequest
from appliance.cli.ends import NotAllowed, Unusable
from appliance.clock import SystemClock
from appliance.config.reading import Config
from appliance.store import Store
from appliance.store.inbound import Reading

T = TypeVar("T")

NO_READING = Reading(decode=lambda *_: None, understand=lambda _: None)
"""No inbound message is read here."""


def all_accounts(config: Config) -> list[dict[str, Any]]:
    """Return the accounts, oldest first."""
    return [entry.model_dump(mode="json") for entry in _in_the_store(config, local.listed)]


def add_account(config: Config, new: AccountRequest) -> dict[str, Any]:
    """Make an account; return it with its secrets."""
    now = SystemClock().now()
    issued = _in_the_store(config, lambda store: local.add(store, new, now))
    return issued.model_dump(mode="json")


def revoke_account(config: Config, name: str) -> None:
    """End an account."""
    now = SystemClock().now()
    _in_the_store(config, lambda store: local.revoke(store, name, now))


def pause_account(config: Config, name: str, reason: str) -> None:
    """Keep an account out until it is resumed."""
    now = SystemClock().now()
    _in_the_store(config, lambda store: sessions.paused(store, name, reason, now))


def resume_account(config: Config, name: str) -> None:
    """Let a paused account in again."""
    _in_the_store(config, lambda store: sessions.resumed(store, name))


def settings_of(config: Config, name: str) -> list[dict[str, Any]]:
    """Return what is set for an account, and what can be."""
    found = _in_the_store(config, lambda store: account_settings.settings_of(store, name))
    return [setting.model_dump(mode="json") for setting in found]


def change_setting(config: Config, name: str, key: str, value: str) -> dict[str, Any]:
    """Set one thing for an account; return it as it is now."""
    changed = _in_the_store(config, lambda store: account_settings.set_one(store, name, key, value))
    return changed.model_dump(mode="json")


def rotate_password(config: Config, name: str, keep_hours: float) -> dict[str, Any]:
    """Give an account a new SMPP password, and return it."""
    now = SystemClock().now()
    made, _ = _in_the_store(
        config, lambda store: account_secrets.rotate(store, name, keep_hours, now)
    )
    return made.model_dump(mode="json")


def keys_of(config: Config, name: str) -> list[dict[str, Any]]:
    """Return the keys that open for an account."""
    found = _in_the_store(config, lambda store: account_secrets.keys_of(store, name))
    return [key.model_dump(mode="json") for key in found]


def add_key(config: Config, name: str) -> dict[str, Any]:
    """Give an account one more API key, and return it."""
    now = SystemClock().now()
    made = _in_the_store(config, lambda store: account_secrets.add(store, name, now))
    return made.model_dump(mode="json")


def revoke_key(config: Config, name: str, key: str) -> None:
    """End a key of an account."""
    now = SystemClock().now()
    _in_the_store(config, lambda store: account_secrets.end(store, name, key, now))


def _in_the_store(config: Config, work: Callable[[Store], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _opened(config) as store:
            return await work(store)

    return asyncio.run(run())


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Store]:
    """Open the database as the daemon would; with SQLite nobody else may have it then."""
    directory = config.storage.data
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await Store.open(
            config.storage.database_url,
            directory,
            daemon=config.storage.daemon_name,
            clock=SystemClock(),
            reading=NO_READING,
        )
    except PermissionError:
        raise NotAllowed(directory) from None
    except OSError as error:
        raise Unusable(directory, error.strerror or str(error)) from None
    try:
        yield store
    finally:
        await store.close()
