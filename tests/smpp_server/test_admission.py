"""Who may bind, from where, how often: and that a crowd at the door delays nobody inside."""

import asyncio
import logging
from datetime import timedelta

import pytest

from appliance.clock import SystemClock
from appliance.models import Account
from appliance.smpp_server.lockout import PAIR
from appliance.smpp_server.members import MembersOnRecord
from appliance.store.accounts import NewAccount
from tests.rooms import opened
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    WHEN,
    House,
    bind_body,
    frame,
    submit_body,
)

ALIVE = (ENQUIRE_LINK | RESP, 0, 1, b"")


def account(**fields):
    return Account(id=7, name="Acme", system_id="acme", created_at=WHEN, **fields)


async def status_of(house, **fields):
    client = await house.client()
    answer = await client.ask(frame(BIND_TRX, bind_body(**fields)))
    if answer.status:
        assert await client.closed() == b""
    return answer.status


# From where


async def test_an_account_binds_only_from_its_networks_whatever_the_password(house):
    house.accounts["acme", "secret"] = account(allowed_networks="192.0.2.0/24,2001:db8::/32")
    assert await status_of(house) == 0x0D
    assert await status_of(house, password=b"wrong") == 0x0D  # it tells nobody what is right

    house.accounts["acme", "secret"] = account(allowed_networks="192.0.2.0/24,127.0.0.0/8")
    assert await status_of(house) == 0
    assert await status_of(house, password=b"wrong") == 0x0E


async def test_networks_hold_for_ipv6_too(make_house):
    house = await make_house(host="::1")
    house.accounts["acme", "secret"] = account(allowed_networks="2001:db8::/32")
    reader, writer = await asyncio.open_connection("::1", house.server.port)
    writer.write(frame(BIND_TX, bind_body()))
    async with asyncio.timeout(PATIENCE):
        assert (await reader.read())[8:12] == b"\0\0\0\x0d"
    writer.close()


async def test_a_paused_account_may_not_bind_and_may_again_when_it_is_resumed(house):
    house.accounts["acme", "secret"] = account(paused_at=WHEN)
    assert await status_of(house) == 0x0D

    house.accounts["acme", "secret"] = account()
    assert await status_of(house) == 0


async def test_what_takes_too_long_to_look_up_is_tried_again_later(make_house):
    house = await make_house(session_init_seconds=0.05)
    house.may_check.clear()

    assert await status_of(house) == 0x0D


# Wrong passwords


async def test_the_log_tells_whose_bind_was_refused_and_why_and_no_word_of_what_was_tried(
    house, caplog
):
    caplog.set_level(logging.INFO)
    house.accounts["acme", "secret"] = account()
    await status_of(house, password=b"wrong")
    await status_of(house, system_id=b"hushhush", password=b"wrong")
    await status_of(house)
    house.accounts["acme", "secret"] = account(paused_at=WHEN)
    await status_of(house)

    said = "\n".join(one.getMessage() for one in caplog.records)
    assert "bind refused: wrong password of account Acme" in said
    assert "bind refused: there is no account with such a system_id" in said
    assert "account Acme bound as trx" in said
    assert "bind refused: account Acme is paused" in said
    assert "hushhush" not in said


async def test_wrong_passwords_are_soon_not_looked_at_and_clients_come_again(house):
    for _ in range(PAIR.free + 1):
        assert await status_of(house, password=b"wrong") == 0x0E

    assert await status_of(house, password=b"wrong") == 0x0D
    assert await status_of(house) == 0x0D  # the right one neither: a guess must cost its time
    assert house.server._admission.lockout.wait("acme", "127.0.0.1", SystemClock().monotonic()) > 0


async def test_who_has_bound_from_an_address_is_not_locked_out_there(house):
    client = await house.client(BIND_TX)
    for _ in range(3 * PAIR.free):
        assert await status_of(house, password=b"wrong") == 0x0E

    await client.close()
    assert await status_of(house) == 0


async def test_wrong_passwords_tried_at_once_are_not_all_looked_at(house):
    """What waits for its turn is asked again whether it may be looked at."""
    house.may_check.clear()
    clients = [await house.client() for _ in range(20)]
    for client in clients:
        client.send(frame(BIND_TRX, bind_body(password=b"wrong")))
    await until(lambda: house.checking == 1)
    house.may_check.set()
    statuses = [(await client.receive()).status for client in clients]

    assert statuses.count(0x0E) == PAIR.free + 1
    assert statuses.count(0x0D) == 20 - statuses.count(0x0E)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


# In earnest: a store, and argon2


@pytest.fixture
async def earnest(tmp_path):
    """Start a server that knows one account from a store, made with ``issued``."""
    clock = SystemClock()
    async with opened(tmp_path, clock) as store:
        issued = await store.accounts.add(NewAccount(name="acme"), clock.now())
        house = EarnestHouse(store, issued, clock)
        await house.server.start()
        yield house
        await house.close()


class EarnestHouse(House):
    def __init__(self, store, issued, clock):
        self.store, self.clock = store, clock
        self.system_id, self.password = issued.system_id.encode(), issued.password.encode()
        super().__init__()

    def members(self):
        return MembersOnRecord(self.store.accounts, self.clock)

    def credentials(self, **changes):
        return {"system_id": self.system_id, "password": self.password, **changes}


async def test_checking_passwords_holds_up_no_session(earnest):
    bound = await earnest.client(BIND_TRX, **earnest.credentials())
    crowd = [await earnest.client() for _ in range(10)]
    await until(lambda: len(earnest.server._connections) == 11)
    for client in crowd:
        client.send(frame(BIND_TX, bind_body(system_id=b"nobody")))
    answered = 0

    told = asyncio.ensure_future(crowd[0].receive())
    while not told.done():
        assert await bound.ask(frame(ENQUIRE_LINK)) == ALIVE
        answered += 1

    assert answered >= 10


async def test_a_rotated_password_opens_beside_the_old_one_and_then_alone(earnest):
    rotated = await earnest.store.accounts.secrets.rotate(
        "acme", timedelta(hours=1), earnest.clock.now()
    )
    new = rotated.password.encode()
    assert await status_of(earnest, **earnest.credentials()) == 0
    assert await status_of(earnest, **earnest.credentials(password=new)) == 0

    again = await earnest.store.accounts.secrets.rotate("acme", timedelta(), earnest.clock.now())
    assert await status_of(earnest, **earnest.credentials()) == 0x0E
    assert await status_of(earnest, **earnest.credentials(password=new)) == 0x0E
    third = again.password.encode()
    assert await status_of(earnest, **earnest.credentials(password=third)) == 0


async def test_an_account_that_is_revoked_is_wrong_even_if_its_password_was_right(earnest):
    assert await status_of(earnest, **earnest.credentials()) == 0
    await earnest.store.accounts.revoke("acme", earnest.clock.now())
    assert await status_of(earnest, **earnest.credentials()) == 0x0E


# Crowds


async def test_a_flood_of_binds_is_bounded_and_the_session_that_is_there_goes_on(house):
    bound = await house.client(BIND_TRX)
    house.may_check.clear()
    crowd = [await house.client() for _ in range(60)]
    for number, client in enumerate(crowd):
        client.send(frame(BIND_TRX, bind_body(system_id=f"name{number}".encode())))

    await until(lambda: house.checking == 1)
    for sequence in range(2, 12):
        answer = await bound.ask(frame(SUBMIT_SM, submit_body(), sequence=sequence))
        assert answer[:3] == (SUBMIT_SM | RESP, 0, sequence)
    await until(lambda: house.server._admission._turns.waiting == 32)
    assert house.checking == 1
    house.may_check.set()
    statuses = [(await client.receive()).status for client in crowd]
    assert statuses.count(0x0D) >= 60 - 33  # the rest: one was looked at, 32 waited


async def test_a_thousand_connections_that_never_bind_keep_nobody_out(make_house):
    house = await make_house(most_unbound_per_address=100)
    bound = await house.client(BIND_RX)
    crowd = [await house.client() for _ in range(1000)]

    assert await bound.ask(frame(ENQUIRE_LINK)) == ALIVE
    assert await status_of(house) == 0
    assert len(house.server._connections) <= 102
    for client in crowd[:800]:
        assert await client.closed() == b""


async def test_who_is_bound_is_not_counted_among_those_who_are_not(make_house):
    house = await make_house(most_unbound_per_address=1)
    for _ in range(3):
        await house.client(BIND_TX)

    assert len(house.server.sessions()) == 3


async def test_no_more_connections_than_there_may_be(make_house):
    house = await make_house(most_connections=3)
    house.accounts["acme", "secret"] = account(max_binds=9)
    for _ in range(3):
        await house.client(BIND_TX)

    refused = await house.client()
    assert await refused.closed() == b""
    await house.clients[0].close()
    await until(lambda: len(house.server._connections) == 2)
    await house.client(BIND_TX)
