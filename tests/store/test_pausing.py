"""Accounts that are paused, and who is bound at other daemons, on both engines."""

from datetime import timedelta

import pytest

from appliance.errors import NotFound
from appliance.sessions import LastError, SessionView
from appliance.store.accounts import NewAccount
from appliance.store.bell import ACCOUNTS
from tests.store.steps import on_postgresql


def session(world, number=1, **changes):
    given = {
        "id": f"s-{number}",
        "daemon": "a",
        "daemon_id": 1,
        "account_id": world.account.id,
        "system_id": "acme",
        "peer": "192.0.2.7:40000",
        "bind": "trx",
        "version": 0x34,
        "since": world.clock.now(),
        "window": 50,
        "last_error": LastError(
            at=world.clock.now(), request="submit_sm", status=0x58, name="throttled"
        ),
        "timers": {"response": 60.0},
    }
    return SessionView(**(given | changes))


async def test_an_account_is_paused_until_it_is_resumed_and_the_first_moment_stays(world):
    pausing, accounts, name = world.store.pausing, world.store.accounts, world.account.name
    bell = world.store.bells.listen(ACCOUNTS)
    began = world.clock.now()
    assert await pausing.pause(name, "unpaid", began) == world.account.id
    assert await bell.wait(timedelta(seconds=10))
    await pausing.pause(name, "still unpaid", began + timedelta(hours=1))
    found = await accounts.by_name(name)
    assert (found.paused_at, found.pause_reason) == (began, "still unpaid")
    assert await pausing.shut_out() == {world.account.id}
    await pausing.resume(name)
    found = await accounts.by_name(name)
    assert (found.paused_at, found.pause_reason) == (None, None)
    assert await pausing.shut_out() == frozenset()


async def test_who_is_not_there_or_revoked_is_neither_paused_nor_resumed(world):
    pausing, now = world.store.pausing, world.clock.now()
    await world.store.accounts.revoke(world.account.name, now)
    for name in (world.account.name, "nobody"):
        with pytest.raises(NotFound):
            await pausing.pause(name, "", now)
        with pytest.raises(NotFound):
            await pausing.resume(name)
    assert await pausing.shut_out() == {world.account.id}


async def test_a_key_is_asked_for_again_once_its_account_was_paused(world):
    issued = await world.store.accounts.add(NewAccount(name="till"), world.clock.now())
    key, now = issued.api_key, world.clock.monotonic()
    assert (await world.store.accounts.authenticate_key(key, now)).paused_at is None
    await world.store.pausing.pause("till", "", world.clock.now())
    assert (await world.store.accounts.authenticate_key(key, now)).paused_at is not None


async def test_what_accounts_are_owed_is_counted(world):
    owed = await world.store.sessions.owed([world.account.id])
    assert (owed[world.account.id].queued, owed[world.account.id].parked) == (0, 0)
    assert await world.store.sessions.owed([]) == {}


@on_postgresql
async def test_a_daemon_sees_who_is_bound_at_another_one_that_lives(world, open_store):
    other = await open_store("b")
    await world.store.sessions.tell([session(world), session(world, 2)], world.clock.now())
    assert await other.sessions.others() == [session(world), session(world, 2)]
    assert await world.store.sessions.others() == []
    await world.store.sessions.tell([session(world, 2)], world.clock.now())
    assert [one.id for one in await other.sessions.others()] == ["s-2"]
    await world.store.close()
    assert await other.sessions.others() == []
