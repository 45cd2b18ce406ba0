"""Passwords and keys are exchanged without anybody being shut out, or let in for longer."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from appliance import credentials
from appliance.errors import BadField, NotFound, Unauthorised
from appliance.store.accounts import NewAccount
from tests.store.steps import rows

DAY = timedelta(days=1)


@pytest.fixture
async def shop(store, clock):
    return await store.accounts.add(NewAccount(name="shop"), clock.now())


@pytest.fixture
def secrets(store):
    return store.accounts.secrets


async def good(store, shop, password):
    """Tell which of the two hashes of the account a password is that of, if any."""
    found = await store.accounts.by_system_id(shop.system_id)
    now, old = found.password_hash, found.old_password_hash
    if credentials.verify_password(now, password):
        return "now"
    return "old" if old and credentials.verify_password(old, password) else None


async def test_two_passwords_are_kept_and_never_three(store, secrets, shop, clock):
    second = await secrets.rotate("shop", DAY, clock.now())
    assert second.old_until == clock.now() + DAY
    assert await good(store, shop, shop.password) == "old"
    assert await good(store, shop, second.password) == "now"

    clock.advance(timedelta(hours=1))
    third = await secrets.rotate("shop", DAY, clock.now())

    kept = [await good(store, shop, each.password) for each in (shop, second, third)]
    assert kept == [None, "old", "now"]
    found = await store.accounts.by_system_id(shop.system_id)
    assert found.old_password_until == clock.now() + DAY


async def test_the_old_password_may_end_at_once(store, secrets, shop, clock):
    await secrets.rotate("shop", DAY, clock.now())
    last = await secrets.rotate("shop", timedelta(), clock.now())

    assert last.old_until is None
    found = await store.accounts.by_system_id(shop.system_id)
    assert (found.old_password_hash, found.old_password_until) == (None, None)
    assert await good(store, shop, last.password) == "now"


async def test_passwords_rotated_at_once_leave_the_last_two(store, secrets, shop, clock):
    made = await asyncio.gather(*(secrets.rotate("shop", DAY, clock.now()) for _ in range(3)))

    kept = [await good(store, shop, each.password) for each in made]
    assert sorted(kept, key=str) == [None, "now", "old"]


async def test_no_secret_is_stored_as_it_is(secrets, shop, clock, url):
    rotated = await secrets.rotate("shop", DAY, clock.now())
    key = await secrets.add_key("shop", clock.now())

    stored = rows(url, "SELECT * FROM account") + rows(url, "SELECT * FROM api_key")
    cells = [str(cell) for row in stored for cell in row]
    assert not any(rotated.password in cell or key in cell for cell in cells)


async def test_keys_open_side_by_side_until_each_is_revoked(store, secrets, shop, clock):
    clock.advance(DAY)
    second = await secrets.add_key("shop", clock.now())
    shown = await secrets.keys("shop")
    assert [key.hint for key in shown] == [shop.api_key[:7], second[:7]]
    assert shown[1].created_at == clock.now()
    for key in (shop.api_key, second):
        assert (await store.accounts.authenticate_key(key, 0.0)).id == shop.account_id

    assert (await secrets.revoke_key("shop", shop.api_key[:7], clock.now())).hint in shop.api_key

    with pytest.raises(Unauthorised):
        await store.accounts.authenticate_key(shop.api_key, 0.0)  # although it was believed
    assert await store.accounts.authenticate_key(second, 0.0)
    assert [key.hint for key in await secrets.keys("shop")] == [second[:7]]
    with pytest.raises(NotFound):
        await secrets.revoke_key("shop", shop.api_key[:7], clock.now())


async def test_a_key_may_be_called_whole_where_several_begin_alike(
    store, secrets, shop, clock, url
):
    second = await secrets.add_key("shop", clock.now())
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE api_key SET hint = :hint"), {"hint": second[:7]})
    engine.dispose()

    with pytest.raises(BadField) as caught:
        await secrets.revoke_key("shop", second[:7], clock.now())
    assert caught.value.field == "key"
    await secrets.revoke_key("shop", second, clock.now())
    assert await store.accounts.authenticate_key(shop.api_key, 0.0)


async def test_a_key_of_another_account_is_not_revoked(store, secrets, shop, clock):
    other = await store.accounts.add(NewAccount(name="bank"), clock.now())
    with pytest.raises(NotFound):
        await secrets.revoke_key("shop", other.api_key, clock.now())
    assert await store.accounts.authenticate_key(other.api_key, 0.0)


async def test_who_is_revoked_or_nobody_gets_nothing_new(store, secrets, shop, clock):
    await store.accounts.add(NewAccount(name="box", local=True), clock.now())
    await store.accounts.revoke("shop", clock.now())
    for name in ("shop", "nobody"):
        with pytest.raises(NotFound):
            await secrets.add_key(name, clock.now())
    for name in ("shop", "nobody", "box"):
        with pytest.raises(NotFound):
            await secrets.rotate(name, DAY, clock.now())
