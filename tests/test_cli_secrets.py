"""Passwords and keys from the command line, with a daemon and without."""

from datetime import timedelta

import pytest

from appliance import credentials
from appliance.clock import SystemClock
from appliance.errors import Unauthorised
from tests.api.house import house, settings
from tests.test_cli import appliance, data_of, here

__all__ = ["here", "house", "settings"]


async def test_a_password_is_rotated_through_the_daemon_and_the_old_one_ends_in_time(house):
    data = data_of(house)
    first = (await appliance(data, "account", "add", "erp", "--json")).json()

    made = (await appliance(data, "account", "rotate-password", "erp", "--json")).json()

    found = await house.store.accounts.by_system_id(first["system_id"])
    assert made["system_id"] == first["system_id"]
    assert credentials.verify_password(found.password_hash, made["password"])
    assert credentials.verify_password(found.old_password_hash, first["password"])
    left = found.old_password_until - SystemClock().now()
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert house.dropped == []

    ended = await appliance(data, "account", "rotate-password", "erp", "--keep-hours", "0")
    assert (ended.code, ended.err) == (0, "")
    assert "SMPP password" in ended.out
    assert "no longer" in ended.out
    assert house.dropped == [found.id]
    found = await house.store.accounts.by_name("erp")
    assert found.old_password_hash is None


async def test_keys_are_added_and_revoked_through_the_daemon(house):
    data, accounts = data_of(house), house.store.accounts
    first = (await appliance(data, "account", "add", "erp", "--json")).json()["api_key"]
    second = (await appliance(data, "account", "add-key", "erp", "--json")).json()["api_key"]
    listed = (await appliance(data, "account", "keys", "erp", "--json")).json()
    assert [key["hint"] for key in listed] == [first[:7], second[:7]]

    ended = await appliance(data, "account", "revoke-key", "erp", first[:7])

    assert (ended.code, ended.out) == (0, f"erp: {first[:7]}… opens nothing any more\n")
    with pytest.raises(Unauthorised):
        await accounts.authenticate_key(first, 0.0)
    assert (await accounts.authenticate_key(second, 0.0)).name == "erp"


def test_passwords_and_keys_are_exchanged_without_a_daemon(here):
    first = here("account", "add", "erp", "--json").json()
    made = here("account", "rotate-password", "erp", "--keep-hours", "48", "--json").json()
    assert made["system_id"] == first["system_id"]
    assert made["password"] != first["password"]
    assert made["old_until"]

    second = here("account", "add-key", "erp", "--json").json()["api_key"]
    assert here("account", "revoke-key", "erp", first["api_key"]).code == 0
    assert second[:7] in here("account", "keys", "erp").out
    assert here("account", "revoke-key", "erp", second[:7]).code == 0
    assert here("account", "keys", "erp").out.startswith("No key opens")


@pytest.mark.parametrize(
    "arguments",
    [
        ("rotate-password", "nobody"),
        ("rotate-password", "local"),
        ("add-key", "nobody"),
        ("add-key", "local"),
        ("keys", "nobody"),
        ("revoke-key", "nobody", "sk_abcd"),
    ],
)
def test_who_is_not_there_gets_nothing(here, arguments):
    assert here("account", *arguments).code == 1


def test_an_old_password_opens_no_longer_than_three_months(here):
    assert here("account", "rotate-password", "erp", "--keep-hours", "2161").code == 2
    assert here("account", "rotate-password", "erp", "--keep-hours", "-1").code == 2
