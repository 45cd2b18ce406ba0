"""What is set for accounts: only on the Unix socket, and for the command line."""

from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import Field

from appliance.api.answers import Answer
from appliance.api.doors import CurrentDoors
from appliance.api.schemas import Clean, Request
from appliance.config.accounts import SETTINGS, read, shown
from appliance.errors import NotFound
from appliance.models import Account
from appliance.store import Store
from appliance.store.accounts import LOCAL

router = APIRouter(prefix="/accounts/{name}/settings")


class SettingRequest(Request):
    """What something is to be set to."""

    value: Annotated[str, Field(min_length=1, max_length=1000), Clean]


class AccountSetting(Answer):
    """One thing that can be set for an account, and how it is."""

    key: str
    value: str = Field(description="'-' if nothing is set.")
    unset: str = Field(description="What holds if nothing is set.")
    form: str = Field(description="What it may be.")
    help: str

    @classmethod
    def of(cls, account: Account, key: str) -> Self:
        """Read it from the account."""
        setting = SETTINGS[key]
        return cls(
            key=key,
            value=shown(getattr(account, key)),
            unset=setting.unset,
            form=setting.form,
            help=setting.help,
        )


@router.get("")
async def list_settings(name: str, doors: CurrentDoors) -> list[AccountSetting]:
    """List what is set for an account, and what can be."""
    return await settings_of(doors.store, name)


@router.put("/{key}")
async def change_setting(
    name: str, key: str, body: SettingRequest, doors: CurrentDoors
) -> AccountSetting:
    """Set one thing for an account; it holds at once."""
    return await set_one(doors.store, name, key, body.value)


async def settings_of(store: Store, name: str) -> list[AccountSetting]:
    """Return what is set for an account.

    Raises:
        NotFound: there is none of that name.

    """
    account = await store.accounts.by_name(name)
    if account is None or name == LOCAL:
        raise NotFound("account", name)
    return [AccountSetting.of(account, key) for key in SETTINGS]


async def set_one(store: Store, name: str, key: str, written: str) -> AccountSetting:
    """Set one thing for an account.

    Raises:
        BadField: there is no such setting, or it is no value of it.
        NotFound: there is no such account, or it is revoked.

    """
    if name == LOCAL:
        raise NotFound("account", name)
    value = read(key, written)
    return AccountSetting.of(await store.accounts.set(name, key, value), key)
