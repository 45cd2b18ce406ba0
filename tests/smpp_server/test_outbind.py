"""S16: an account that asks for it is called when something waits for it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from appliance.errors import NobodyThere
from appliance.models import Account
from appliance.smpp_server.outbind import WAITS, wait_after
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    UNBIND,
    WHEN,
    Client,
    bind_body,
    frame,
    notice,
)

OUTBIND = 0x0B


class Esme:
    """What listens where an account is called."""

    def __init__(self):
        self.calls = asyncio.Queue()
        self.listening = None

    @property
    def address(self):
        return f"127.0.0.1:{self.listening.sockets[0].getsockname()[1]}"

    async def called(self):
        async with asyncio.timeout(PATIENCE):
            return await self.calls.get()


@pytest.fixture
async def esme():
    esme, clients = Esme(), []

    def connected(reader, writer):
        clients.append(Client(reader, writer))
        esme.calls.put_nowait(clients[-1])

    esme.listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield esme
    esme.listening.close()
    for client in clients:
        client.writer.transport.abort()


def account(esme, **fields):
    return Account(
        id=7, name="Acme", system_id="acme", created_at=WHEN, outbind=esme.address, **fields
    )


async def nobody(house, acme):
    with pytest.raises(NobodyThere):
        await house.server.deliver(acme, notice())


def impatient(house, *seconds):
    """Let calls in vain be repeated as soon as that."""
    house.server._caller._waits = tuple(timedelta(seconds=each) for each in seconds)


@asynccontextmanager
async def woken(house):
    """Wait until the notices of the account are to look again."""
    house.woken.clear()
    yield
    async with asyncio.timeout(PATIENCE):
        while not house.woken:
            await asyncio.sleep(0)


async def test_who_is_called_binds_a_receiver_on_that_connection_and_gets_what_waits(house, esme):
    acme = account(esme)
    async with woken(house):
        await nobody(house, acme)
        client = await esme.called()
        assert await client.receive() == (OUTBIND, 0, 1, b"appliance\0\0")
        assert (await client.bind(BIND_RX)).status == 0

    delivery = asyncio.ensure_future(house.server.deliver(acme, notice()))
    receipt = await client.receive()
    assert receipt[:3] == (DELIVER_SM, 0, 2)
    await client.answer(receipt)
    await delivery
    assert esme.calls.empty()


async def test_an_account_is_called_once_at_a_time(house, esme):
    acme = account(esme)
    for _ in range(5):
        await nobody(house, acme)
    client = await esme.called()
    await client.receive()
    await nobody(house, acme)
    await client.bind(BIND_RX)

    assert esme.calls.empty()


async def test_a_call_in_vain_is_repeated_as_long_as_something_waits(house, esme):
    impatient(house, 0.01)
    acme = account(esme)
    for _ in range(3):
        async with woken(house):
            await nobody(house, acme)
            client = await esme.called()
            await client.receive()
            await client.close()

    assert esme.calls.empty()  # nothing has asked for another


def test_after_each_call_in_vain_the_wait_is_longer_up_to_the_longest():
    waits = [wait_after(vain, WAITS) for vain in range(1, 8)]
    assert waits[:5] == list(WAITS) == sorted(WAITS)
    assert set(waits[4:]) == {WAITS[-1]}


async def test_where_nobody_listens_the_call_is_repeated(house, esme):
    impatient(house, 0.01)
    acme = account(esme)
    esme.listening.close()
    await esme.listening.wait_closed()
    async with woken(house):
        await nobody(house, acme)
    async with woken(house):
        await nobody(house, acme)


async def test_who_binds_no_receiver_when_called_is_let_go(house, esme):
    await nobody(house, account(esme))
    client = await esme.called()
    await client.receive()

    client.send(frame(BIND_TX, bind_body()))

    assert (await client.receive())[:2] == (BIND_TX | RESP, 0)
    unbind = await client.receive()
    assert unbind.command == UNBIND
    await client.answer(unbind)
    assert await client.closed() == b""


async def test_who_does_not_bind_when_called_is_closed_in_time(make_house, esme):
    house = await make_house(session_init_seconds=0.05)
    await nobody(house, account(esme))
    client = await esme.called()
    await client.receive()

    assert await client.closed() == b""


async def test_who_has_the_wrong_password_when_called_is_told_so(house, esme):
    await nobody(house, account(esme))
    client = await esme.called()
    await client.receive()

    answer = await client.ask(frame(BIND_RX, bind_body(password=b"wrong")))

    assert answer[:2] == (BIND_RX | RESP, 0x0E)
    assert await client.closed() == b""


async def test_few_are_called_at_once(house, esme):
    for number in range(10):
        acme = account(esme)
        acme.id = 100 + number
        await nobody(house, acme)
    first = [await esme.called() for _ in range(4)]
    assert house.server._caller._few.locked()
    assert esme.calls.empty()

    await first[0].close()
    await esme.called()


async def test_who_does_not_ask_for_it_and_who_is_paused_is_not_called(house, esme):
    await nobody(house, ACCOUNT)
    await nobody(house, account(esme, paused_at=WHEN))

    assert house.server._caller._calls == {}


async def test_stop_ends_calls_and_the_sessions_they_have_led_to(house, esme):
    impatient(house, 600)
    await nobody(house, account(esme))
    client = await esme.called()
    await client.receive()
    await client.bind(BIND_RX)
    silent = account(esme)
    silent.id = 8
    await nobody(house, silent)
    await esme.called()

    stopping = asyncio.ensure_future(house.server.stop())
    unbind = await client.receive()
    assert unbind.command == UNBIND
    await client.answer(unbind)
    async with asyncio.timeout(PATIENCE):
        await stopping


async def test_a_session_by_call_is_a_session_like_any_other(house, esme):
    await nobody(house, account(esme))
    client = await esme.called()
    await client.receive()
    await client.bind(BIND_RX)

    assert await client.ask(frame(ENQUIRE_LINK)) == (ENQUIRE_LINK | RESP, 0, 1, b"")
    (info,) = house.server.sessions()
    assert (info.bind, info.peer) == ("rx", esme.address)


async def test_a_name_that_cannot_even_be_looked_up_is_one_more_call_in_vain(house):
    impatient(house, 0.01)
    acme = Account(id=7, name="Acme", system_id="acme", created_at=WHEN, outbind="a..b:2775")
    for _ in range(2):
        async with woken(house):
            await nobody(house, acme)
    assert house.server._caller._calls == {}
