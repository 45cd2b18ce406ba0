"""Who is allowed in, by which credentials, and until when."""

import asyncio

import pytest

from appliance import credentials
from appliance.errors import NameTaken, NotFound, Unauthorised
from appliance.store.accounts import CACHED, NewAccount
from appliance.store.bell import ACCOUNTS
from tests.store.steps import rows


@pytest.fixture
def add(store, clock):
    async def add(name="shop", **given):
        return await store.accounts.add(NewAccount(name=name, **given), clock.now())

    return add


async def test_an_account_is_let_in_by_its_key_and_by_its_password(store, add):
    issued = await add()
    by_key = await store.accounts.authenticate_key(issued.api_key, 0.0)
    by_name = await store.accounts.by_system_id(issued.system_id)
    assert by_key.id == by_name.id == issued.account_id
    assert credentials.verify_password(by_name.password_hash, issued.password)
    assert (by_key.name, by_key.carrier, by_key.max_binds) == ("shop", "smpp", 4)


async def test_no_credential_is_stored_as_it_is(store, add, url):
    issued = await add(webhook_url="https://shop.example/sms")
    stored = rows(url, "SELECT * FROM account") + rows(url, "SELECT * FROM api_key")
    cells = [str(cell) for row in stored for cell in row]
    assert not any(issued.api_key in cell or issued.password in cell for cell in cells)
    assert issued.api_key[:7] in cells


async def test_wrong_credentials_open_nothing(store, add):
    issued = await add()
    for key in ("", "sk_", issued.api_key + "x", issued.api_key.upper()):
        with pytest.raises(Unauthorised):
            await store.accounts.authenticate_key(key, 0.0)
    assert await store.accounts.by_system_id("nobody") is None
    assert await store.accounts.by_system_id("") is None


async def test_a_revoked_account_is_let_in_no_more_at_once(store, add, clock):
    issued = await add()
    await store.accounts.authenticate_key(issued.api_key, 0.0)
    assert await store.accounts.revoke("shop", clock.now()) == issued.account_id

    with pytest.raises(Unauthorised):
        await store.accounts.authenticate_key(issued.api_key, 0.0)
    assert await store.accounts.by_system_id(issued.system_id) is None


async def test_a_key_that_is_looked_up_while_it_is_revoked_is_not_believed_afterwards(
    store, add, clock
):
    accounts = store.accounts
    for number in range(10):  # whichever of the two is faster
        name = f"shop {number}"
        key = (await add(name)).api_key
        looking, revoking = accounts.authenticate_key(key, 0.0), accounts.revoke(name, clock.now())
        await asyncio.gather(looking, revoking, return_exceptions=True)
        with pytest.raises(Unauthorised):
            await accounts.authenticate_key(key, 0.0)


async def test_a_revocation_elsewhere_is_noticed_when_the_key_is_no_longer_believed(
    store, open_store, add, clock, tmp_path
):
    issued = await add()
    await store.accounts.authenticate_key(issued.api_key, 0.0)
    (other := tmp_path / "other").mkdir()
    elsewhere = await open_store("other", directory=other)
    await elsewhere.accounts.revoke("shop", clock.now())

    assert await store.accounts.authenticate_key(issued.api_key, CACHED - 0.1)
    with pytest.raises(Unauthorised):
        await store.accounts.authenticate_key(issued.api_key, CACHED)


async def test_a_name_is_taken_once_and_for_all(store, add, clock):
    await add()
    with pytest.raises(NameTaken):
        await add()
    await store.accounts.revoke("shop", clock.now())
    with pytest.raises(NameTaken):
        await add()


async def test_a_name_asked_for_many_times_at_once_is_given_once(store, add):
    results = await asyncio.gather(*(add() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, NameTaken) for result in results) == 4


async def test_who_is_not_there_cannot_be_revoked(store, add, clock):
    with pytest.raises(NotFound):
        await store.accounts.revoke("shop", clock.now())
    await add()
    await store.accounts.revoke("shop", clock.now())
    with pytest.raises(NotFound):
        await store.accounts.revoke("shop", clock.now())


async def test_the_first_account_gets_what_belongs_to_nobody_else(store, add):
    await add("local", local=True)
    await add("shop")
    await add("bank")
    assert [(one.name, one.is_default) for one in await store.accounts.all()] == [
        ("local", False),
        ("shop", True),
        ("bank", False),
    ]


async def test_who_is_made_the_default_takes_it_from_the_one_before(store, add):
    await add("shop")
    await add("bank", is_default=True)
    assert [one.is_default for one in await store.accounts.all()] == [False, True]


async def test_a_revoked_default_makes_room_for_the_next_account(store, add, clock):
    await add("shop")
    await store.accounts.revoke("shop", clock.now())
    await add("bank")
    assert [one.is_default for one in await store.accounts.all()] == [False, True]


async def test_an_account_of_the_command_line_has_no_credentials(store, add):
    issued = await add(local=True)
    assert (issued.api_key, issued.system_id, issued.password) == (None, None, None)
    found = await store.accounts.by_name("shop")
    assert (found.carrier, found.system_id) == (None, None)


async def test_an_account_with_a_webhook_is_told_by_it(store, add):
    issued = await add(webhook_url="https://shop.example/sms")
    found = await store.accounts.by_id(issued.account_id)
    assert (found.carrier, found.webhook_url) == ("webhook", "https://shop.example/sms")
    assert found.webhook_secret == issued.webhook_secret
    assert issued.webhook_secret.startswith("whsec_")


async def test_who_is_asked_for_in_vain_is_nobody(store):
    assert await store.accounts.by_id(1) is None
    assert await store.accounts.by_name("shop") is None
    assert await store.accounts.all() == []


async def test_a_bell_tells_of_new_and_of_revoked_accounts(store, add, clock):
    bell = store.bells.listen(ACCOUNTS)
    await add()
    assert await bell.wait()
    await store.accounts.revoke("shop", clock.now())
    assert await bell.wait()
