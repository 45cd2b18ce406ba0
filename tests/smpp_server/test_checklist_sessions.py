"""The checklist's rows on sessions that take time, several binds, or requests of ours."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from appliance.errors import NobodyThere, Undelivered
from appliance.smpp_server.lockout import PAIR
from appliance.smpp_server.rules import State
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    INBOUND,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    UNBIND,
    WHEN,
    Client,
    frame,
    notice,
    submit_body,
)
from tests.smpp_server.ways import Play, Scenes, in_every_way

ROWS = Scenes()

OUTBIND = 0x0B

BINDS = (BIND_RX, BIND_TX, BIND_TRX)


def submit(sequence=5, **fields):
    return frame(SUBMIT_SM, submit_body(**fields), sequence=sequence)


def telling(on, what=None, account=ACCOUNT):
    return asyncio.ensure_future(on.server.deliver(account, what or notice()))


def known_as(on, **changes):
    on.house.accounts["acme", "secret"] = ACCOUNT.model_copy(update=changes)


@asynccontextmanager
async def living(*clients):
    """Let clients answer whatever they are asked."""

    async def answer(client):
        while True:
            await client.answer(await client.receive())

    tasks = [asyncio.ensure_future(answer(client)) for client in clients]
    yield
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def nobody_is_let_in(on, status=0x0D):
    client = await on.client()
    assert await on.binds(client, BIND_TRX) == status
    assert await on.closed(client) == []


@ROWS.rows(
    "S2 {}, where that is told as a bind that failed",
    ["wrong password", "nobody"],
    wrong_credentials="bind_failed",
)
async def wrong_credentials_are_told_as_is_set(on, wrong):
    client = await on.client()
    given = {"password": b"wrong"} if wrong == "wrong password" else {"system_id": b"nobody"}
    assert await on.binds(client, BIND_TRX, **given) == 0x0D
    assert await on.closed(client) == []
    await on.bound(BIND_TRX)


# Who may not come in now


@ROWS.rows("S4 max_binds reached by 0x{:02x}", BINDS)
async def one_bind_too_many_is_told_to_come_again(on, command):
    known_as(on, max_binds=1)
    first = await on.bound(command)
    async with living(first):
        await nobody_is_let_in(on)
    await on.alive(first)


@ROWS.row("S4 not from this address")
async def who_may_not_bind_from_there_is_told_to_come_again(on):
    known_as(on, allowed_networks="192.0.2.0/24")
    await nobody_is_let_in(on)


@ROWS.row("S4 a paused account")
async def a_paused_account_is_told_to_come_again(on):
    known_as(on, paused_at=WHEN)
    await nobody_is_let_in(on)
    known_as(on)
    await on.bound(BIND_TRX)


@ROWS.row("S4 without its certificate")
async def who_has_not_its_certificate_is_told_to_come_again(on):
    known_as(on, client_certificate="cn:shop")
    await nobody_is_let_in(on)


@ROWS.row("S4 locked out after wrong passwords")
async def who_has_guessed_too_often_is_not_looked_at(on):
    for _ in range(PAIR.free + 1):
        client = await on.client()
        assert await on.binds(client, BIND_TX, password=b"wrong") == 0x0E
        assert await on.closed(client) == []
    await nobody_is_let_in(on)


@ROWS.row("S4 what it takes to look it up is not there")
async def a_failure_of_ours_is_told_as_one(on):
    on.house.failure = RuntimeError("no memory")
    await nobody_is_let_in(on)


@ROWS.row("S4 the server stops")
async def a_bind_while_we_stop_is_told_to_come_again(on):
    on.house.may_check.clear()
    client = await on.client()
    binding = asyncio.ensure_future(on.binds(client, BIND_TX))
    await on.until(lambda: on.house.checking)
    stopping = asyncio.ensure_future(on.server.stop())
    await asyncio.sleep(0)
    on.house.may_check.set()

    assert await binding == 0x0D
    assert await on.closed(client) == []
    await stopping


@ROWS.row("S6 as many as it may, of all types together")
async def an_account_may_have_several_sessions(on):
    known_as(on, max_binds=4)
    clients = [await on.bound(command) for command in (BIND_RX, BIND_TX, BIND_TRX, BIND_TX)]
    async with living(*clients):
        await nobody_is_let_in(on)
    for client in clients:
        await on.alive(client)

    assert (await on.ask(clients[0], UNBIND))[:2] == (UNBIND | RESP, 0)
    await on.until(lambda: len(on.server.sessions()) == 3)
    await on.bound(BIND_TX)


@ROWS.row("S7 no bind in time, whatever else is said", session_init_seconds=0.1)
async def who_does_not_bind_in_time_is_closed(on):
    client = await on.client()
    await on.say(client, frame(ENQUIRE_LINK, sequence=7))

    assert await on.closed(client) == [(ENQUIRE_LINK | RESP, 0, 7, b"")]


@ROWS.row("S7 no bind in time, nothing said", session_init_seconds=0.05)
async def who_says_nothing_is_closed(on):
    client = await on.client()
    await on.say(client)  # whole and byte by byte: not an octet

    assert await on.closed(client) == []


# How sessions end


@ROWS.row("S11 an unbind is answered after what is outstanding")
async def an_unbind_is_answered_last(on):
    on.house.intake.gate.clear()
    client = await on.bound(BIND_TX)
    await on.say(client, submit(2), frame(UNBIND, sequence=3))  # nothing behind it is looked at
    await on.until(lambda: on.house.intake.waiting)

    on.house.intake.gate.set()

    assert await on.closed(client) == [
        (SUBMIT_SM | RESP, 0, 2, b"m1\0"),
        (UNBIND | RESP, 0, 3, b""),
    ]


@ROWS.row("S11 what was told and not acknowledged before an unbind stays owed")
async def what_an_unbind_has_cut_off_is_not_done(on):
    client = await on.bound(BIND_RX)
    delivery = telling(on)
    assert (await on.hear(client)).command == DELIVER_SM

    await on.say(client, frame(UNBIND, sequence=9))

    assert await on.closed(client) == [(UNBIND | RESP, 0, 9, b"")]
    with pytest.raises(Undelivered) as caught:
        await delivery
    assert not caught.value.parked


@ROWS.rows("S12 a shutdown of a session 0x{:02x}", BINDS)
async def a_shutdown_unbinds_waits_for_the_answer_and_closes(on, command):
    client, idle = await on.bound(command), await on.client()

    stopping = asyncio.ensure_future(on.server.stop())

    asked = await on.hear(client)
    assert asked == (UNBIND, 0, asked.sequence, b"")
    assert not stopping.done()
    await on.takes(client, asked)
    assert await on.closed(client) == []
    assert await on.closed(idle) == []
    await stopping


@ROWS.row("S12 a submit and a shutdown")
async def what_is_under_way_is_answered_before_the_unbind(on):
    on.house.intake.gate.clear()
    client = await on.bound(BIND_TRX)
    await on.say(client, submit(2))
    await on.until(lambda: on.house.intake.waiting)

    (connection,) = on.server.desk.connections

    stopping = asyncio.ensure_future(on.server.stop())
    await on.until(lambda: connection.session.state is State.LEAVING)
    await on.say(client, submit(4))
    assert await on.hear(client) == (SUBMIT_SM | RESP, 0x08, 4, b"")  # sent again after the stop
    on.house.intake.gate.set()

    assert await on.hear(client) == (SUBMIT_SM | RESP, 0, 2, b"m1\0")
    asked = await on.hear(client)
    assert asked.command == UNBIND
    await on.takes(client, asked)
    await stopping


@ROWS.row("S12 our unbind is not answered", leaving_seconds=0.05)
async def an_unbind_of_ours_that_is_not_answered_closes_in_time(on):
    client = await on.bound(BIND_TX)
    (info,) = on.server.sessions()

    assert on.server.unbind(info.number)
    assert (await on.hear(client)).command == UNBIND
    await on.say(client, frame(ENQUIRE_LINK, sequence=6))

    assert await on.closed(client) == [(ENQUIRE_LINK | RESP, 0, 6, b"")]


# Silence


@ROWS.row(
    "S14 silence is asked, an answer is life", enquire_link_seconds=0.05, inactivity_seconds=0.4
)
async def silence_is_asked_and_lasting_silence_closed(on):
    client = await on.bound(BIND_TX)

    for _ in range(10):  # longer than the inactivity
        asked = await on.hear(client)
        assert asked == (ENQUIRE_LINK, 0, asked.sequence, b"")
        await on.takes(client, asked)

    said = await on.closed(client)
    assert said
    assert {one.command for one in said} == {ENQUIRE_LINK}


@ROWS.rows(
    "S14 a PDU is life: 0x{:08x}",
    [ENQUIRE_LINK, SUBMIT_SM, 0x999, ENQUIRE_LINK | RESP],
    enquire_link_seconds=600,
    inactivity_seconds=0.2,
)
async def any_pdu_counts_as_life(on, command):
    client = await on.bound(BIND_TX)
    (connection,) = on.server.desk.connections
    ends = connection.session.next_deadline()

    await on.say(client, frame(command, sequence=8))

    await on.until(lambda: connection.session.next_deadline() > ends)
    assert [one.sequence for one in await on.closed(client)] == ([] if command & RESP else [8])


# Calls


@ROWS.row("S16 an account that is called binds and is told")
async def who_is_called_binds_a_receiver_on_that_connection(on):
    calls = asyncio.Queue()
    listening = await asyncio.start_server(
        lambda *ends: calls.put_nowait(Client(*ends)), "127.0.0.1", 0
    )
    acme = ACCOUNT.model_copy(
        update={"outbind": f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"}
    )
    with pytest.raises(NobodyThere):
        await on.server.deliver(acme, notice())
    async with asyncio.timeout(PATIENCE):
        client = await calls.get()
    on.house.clients.append(client)

    assert await on.hear(client) == (OUTBIND, 0, 1, b"appliance\0\0")
    assert await on.binds(client, BIND_RX) == 0
    delivery = telling(on, account=acme)
    asked = await on.hear(client)
    assert asked[:3] == (DELIVER_SM, 0, 2)
    await on.takes(client, asked)
    await delivery
    listening.close()


# What the app is owed


@ROWS.row("S10 nothing for a transmitter, all for a receiver that binds later")
async def receipts_go_to_receivers_alone(on):
    sender = await on.bound(BIND_TX)
    assert (await on.ask(sender, SUBMIT_SM, submit_body(registered=1))).status == 0
    with pytest.raises(NobodyThere):
        await on.server.deliver(ACCOUNT, notice())

    receiver = await on.bound(BIND_RX)
    delivery = telling(on)
    asked = await on.hear(receiver)
    assert asked.command == DELIVER_SM
    await on.takes(receiver, asked)
    await delivery
    await on.alive(sender)  # nothing has come to it


@ROWS.rows("R5 told on the bind 0x{:02x} of the submit", [BIND_TRX])
async def a_receipt_never_comes_before_the_answer_to_its_submit(on, command):
    client = await on.bound(command)
    deliveries = []

    async def told_at_once(_public_id):  # it is stored, its fate is known, we are slow to answer
        deliveries.append(telling(on))
        for _ in range(10):
            await asyncio.sleep(0)

    on.house.intake.accepted = told_at_once
    await on.say(client, submit())

    assert (await on.hear(client))[:3] == (SUBMIT_SM | RESP, 0, 5)
    receipt = await on.hear(client)
    assert receipt.command == DELIVER_SM
    await on.takes(client, receipt)
    await deliveries[0]


@ROWS.rows("R5 told on another bind: 0x{:02x}", [BIND_RX, BIND_TRX])
async def not_by_another_bind_either(on, command):
    on.house.intake.gate.clear()
    sender, receiver = await on.bound(BIND_TX), await on.bound(command)
    await on.say(sender, submit())
    await on.until(lambda: on.house.intake.waiting)
    delivery = telling(on)
    await on.alive(receiver)  # nothing else has come

    on.house.intake.gate.set()

    assert (await on.hear(sender)).command == SUBMIT_SM | RESP
    asked = await on.hear(receiver)
    assert asked.command == DELIVER_SM
    await on.takes(receiver, asked)
    await delivery


@ROWS.row("R5 an inbound message waits for no submit")
async def an_inbound_message_does_not_wait(on):
    on.house.intake.gate.clear()
    client = await on.bound(BIND_TRX)
    await on.say(client, submit())
    await on.until(lambda: on.house.intake.waiting)
    delivery = telling(on, notice(INBOUND))

    asked = await on.hear(client)
    assert asked.command == DELIVER_SM
    await on.takes(client, asked)
    await delivery
    on.house.intake.gate.set()
    assert (await on.hear(client)).command == SUBMIT_SM | RESP


@ROWS.row("R6 no answer in time", response_seconds=0.1, leaving_seconds=0.05)
async def what_is_not_acknowledged_in_time_ends_the_bind_and_stays_owed(on):
    client = await on.bound(BIND_RX)
    delivery = telling(on)
    assert (await on.hear(client)).command == DELIVER_SM

    await on.say(client, frame(ENQUIRE_LINK, sequence=6))  # life it has, an answer it gives not

    with pytest.raises(Undelivered) as caught:
        await delivery
    assert not caught.value.parked
    said = await on.closed(client)
    assert said == [(ENQUIRE_LINK | RESP, 0, 6, b""), (UNBIND, 0, 2, b"")]


@ROWS.row("R6 no more than the window at once, in their order", window=2)
async def what_is_owed_goes_in_order_within_the_window(on):
    client = await on.bound(BIND_RX)
    deliveries = [telling(on, notice(INBOUND, n, text=f"number {n}")) for n in range(5)]
    heard = [await on.hear(client), await on.hear(client)]
    await on.alive(client)  # and no third

    for number in range(5):
        await on.takes(client, heard[number])
        if number < 3:
            heard.append(await on.hear(client))

    await asyncio.gather(*deliveries)
    assert [one.body[-8:] for one in heard] == [b"number %d" % n for n in range(5)]


@ROWS.row("R7 a receiver that binds is looked after at once, a transmitter is not")
async def who_can_be_told_wakes_what_waits(on):
    await on.bound(BIND_TX)
    assert on.house.woken == []
    await on.bound(BIND_RX)
    await on.bound(BIND_TRX)
    assert on.house.woken == [7, 7]


@ROWS.row("R9 receivers of all kinds take turns")
async def receivers_of_an_account_take_turns(on):
    clients = [await on.bound(bind) for bind in (BIND_RX, BIND_TRX, BIND_TX)]
    deliveries = [telling(on, notice(number=n)) for n in range(6)]

    for client in clients[:2]:
        for _ in range(3):
            await on.takes(client, await on.hear(client))

    await asyncio.gather(*deliveries)
    await on.alive(clients[2])


@ROWS.row("R9 a receipt need not come where its submit went")
async def any_receiver_may_be_told(on):
    sender = await on.bound(BIND_TRX)
    other = await on.bound(BIND_RX)
    assert (await on.ask(sender, SUBMIT_SM, submit_body(registered=1))).status == 0
    deliveries = [telling(on, notice(number=n)) for n in range(2)]

    for client in (sender, other):
        asked = await on.hear(client)
        assert asked.command == DELIVER_SM
        await on.takes(client, asked)

    await asyncio.gather(*deliveries)


@in_every_way(ROWS)
async def test_each_scene_goes_as_the_checklist_says(make_house, row, cut):
    await row.play(Play(await make_house(**row.settings), cut))
