"""Passwords and keys of accounts: only on the Unix socket, and for the command line."""

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from appliance.api.answers import Answer
from appliance.api.doors import CurrentDoors
from appliance.api.schemas import RotateRequest
from appliance.errors import NotFound
from appliance.store import Store
from appliance.store.accounts import LOCAL

router = APIRouter(prefix="/accounts/{name}")


class NewPassword(Answer):
    """A new SMPP password, which is never shown again."""

    system_id: str
    password: str
    old_until: AwareDatetime | None = Field(description="Until when the old one opens, too.")


class NewKey(Answer):
    """A new API key, which is never shown again."""

    api_key: str


class Key(Answer):
    """An API key that opens."""

    hint: str = Field(description="How it begins.")
    created_at: AwareDatetime


@router.post("/password")
async def rotate_password(name: str, body: RotateRequest, doors: CurrentDoors) -> NewPassword:
    """Give an account a new SMPP password; with ``keep_hours`` 0 its sessions end, too."""
    password, account_id = await rotate(doors.store, name, body.keep_hours, doors.clock.now())
    if password.old_until is None:
        doors.drop(account_id)
    return password


@router.get("/keys")
async def list_keys(name: str, doors: CurrentDoors) -> list[Key]:
    """List the API keys that open for an account."""
    return await keys_of(doors.store, name)


@router.post("/keys", status_code=201)
async def add_key(name: str, doors: CurrentDoors) -> NewKey:
    """Give an account one more API key."""
    return await add(doors.store, name, doors.clock.now())


@router.delete("/keys/{key}", status_code=204)
async def revoke_key(name: str, key: str, doors: CurrentDoors) -> None:
    """End a key of an account: it is called by how it begins, or whole."""
    await end(doors.store, name, key, doors.clock.now())


async def rotate(
    store: Store, name: str, keep_hours: float, now: datetime
) -> tuple[NewPassword, int]:
    """Give an account a new SMPP password; return it, and the account's id.

    Raises:
        NotFound: there is no such account, it is revoked, or it has no SMPP.

    """
    rotated = await store.accounts.secrets.rotate(name, timedelta(hours=keep_hours), now)
    return NewPassword.model_validate(rotated), rotated.account_id


async def keys_of(store: Store, name: str) -> list[Key]:
    """Return the keys that open for an account.

    Raises:
        NotFound: there is no such account.

    """
    _refuse_local(name)
    if await store.accounts.by_name(name) is None:
        raise NotFound("account", name)
    return [Key.model_validate(one) for one in await store.accounts.secrets.keys(name)]


async def add(store: Store, name: str, now: datetime) -> NewKey:
    """Give an account one more API key.

    Raises:
        NotFound: there is no such account, or it is revoked.

    """
    _refuse_local(name)
    return NewKey(api_key=await store.accounts.secrets.add_key(name, now))


async def end(store: Store, name: str, key: str, now: datetime) -> Key:
    """End a key; return what it was.

    Raises:
        NotFound: the account has no such key.
        BadField: several begin like that.

    """
    return Key.model_validate(await store.accounts.secrets.revoke_key(name, key, now))


def _refuse_local(name: str) -> None:
    """Say that there is no such account: the command line itself needs no key."""
    if name == LOCAL:
        raise NotFound("account", name)
