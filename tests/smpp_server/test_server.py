import asyncio
import logging
import socket
import struct
from datetime import timedelta

import pytest

from appliance.errors import NobodyThere, NoRoom, Undelivered
from appliance.models import Account
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
    bind_body,
    fields_of,
    frame,
    notice,
    submit_body,
)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def submit(sequence, **fields):
    return frame(SUBMIT_SM, submit_body(**fields), sequence=sequence)


def delivering(house, owed=None):
    return asyncio.ensure_future(house.server.deliver(ACCOUNT, owed or notice()))


# Binds


async def test_an_account_may_bind_as_often_as_it_may_whatever_the_type(house):
    binds = (BIND_RX, BIND_TX, BIND_TRX, BIND_RX)
    for bind in binds:
        await house.client(bind)

    fifth = await house.client()
    fifth.send(frame(BIND_TX, bind_body()))
    for client in house.clients[:4]:
        await client.answer(await client.receive())  # enquire_link: they are there
    assert (await fifth.receive())[:2] == (BIND_TX | RESP, 0x0D)
    assert await fifth.closed() == b""

    await house.clients[0].close()
    await until(lambda: len(house.server.sessions()) == 3)
    await house.client(BIND_TX)


async def test_a_receiver_that_binds_wakes_its_notices_and_a_transmitter_does_not(house):
    await house.client(BIND_TX)
    assert house.woken == []

    await house.client(BIND_RX)
    await house.client(BIND_TRX)
    assert house.woken == [7, 7]


async def test_an_unexpected_failure_while_binding_makes_the_client_try_again(house):
    house.failure = NoRoom("no memory")
    client = await house.client()

    assert (await client.ask(frame(BIND_TX, bind_body())))[:2] == (BIND_TX | RESP, 0x0D)


async def test_the_page_sees_who_is_bound(house):
    house.intake.gate.clear()
    client = await house.client(BIND_TRX, version=0x50)
    await house.client()  # not bound: not shown
    client.send(submit(2))
    await until(lambda: house.intake.waiting)

    (info,) = house.server.sessions()

    assert (info.system_id, info.account_id, info.bind, info.version) == ("acme", 7, "trx", 0x50)
    assert info.peer == "{}:{}".format(*client.writer.get_extra_info("sockname"))
    assert (info.window, info.submitting, info.delivering) == (50, 1, 0)


async def test_no_bind_in_time_closes(make_house):
    house = await make_house(session_init_seconds=0.05)
    client = await house.client()

    assert await client.closed() == b""


async def test_enquire_link_is_sent_after_silence_and_its_answer_is_life(make_house):
    house = await make_house(enquire_link_seconds=0.05, inactivity_seconds=0.5)
    client = await house.client(BIND_TX)

    for _ in range(12):  # longer than the inactivity
        asked = await client.receive()
        assert asked[:2] == (ENQUIRE_LINK, 0)
        await client.answer(asked)

    assert await until_unread_closed(client)


async def until_unread_closed(client):
    """Answer no more, and see the session closed."""
    said = await client.closed()
    return said.startswith(struct.pack(">II", 16, ENQUIRE_LINK))


# Submits


async def test_submits_of_a_session_are_worked_on_together_up_to_the_window(make_house):
    house = await make_house(window=10)
    house.intake.gate.clear()
    client = await house.client(BIND_TX)

    client.send(b"".join(submit(number) for number in range(1, 31)))
    await until(lambda: house.intake.waiting == 10)
    house.intake.gate.set()
    answers = [await client.receive() for _ in range(30)]

    assert sorted(one.sequence for one in answers) == list(range(1, 31))
    assert len({one.body for one in answers}) == 30
    assert house.intake.most_waiting == 10


async def test_a_full_window_stops_reading(make_house):
    house = await make_house(window=2)
    house.intake.gate.clear()
    client = await house.client(BIND_TX)

    flood = b"".join(submit(number, text=b"x" * 200) for number in range(50_000))
    client.send(flood)
    await until(lambda: house.intake.waiting == 2)
    (connection,) = house.server._connections
    await until(lambda: not connection._reading)

    assert connection.session._framer.pending < 1_000_000 < len(flood)
    assert client.writer.transport.get_write_buffer_size() > 0  # it waits on the client's side


async def test_submits_keep_their_order(house):
    client = await house.client(BIND_TX)
    numbers = [b"49151%07d" % number for number in range(40)]

    client.send(b"".join(submit(n, to=(1, 1, to)) for n, to in enumerate(numbers)))
    for _ in numbers:
        await client.receive()

    assert [one.to for one in house.intake.taken] == [f"+{to.decode()}" for to in numbers]


async def test_what_is_asked_is_what_the_intake_gets(house):
    client = await house.client(BIND_TX)

    await client.ask(submit(2, coding=8, text="Привет".encode("utf-16-be"), registered=1))

    (asked,) = house.intake.taken
    assert (asked.to, asked.text) == ("+4915112345678", "Привет")


# Notices


async def test_a_notice_for_an_account_without_a_receiver_finds_nobody(house):
    with pytest.raises(NobodyThere):
        await house.server.deliver(ACCOUNT, notice())

    await house.client(BIND_TX)
    with pytest.raises(NobodyThere):
        await house.server.deliver(ACCOUNT, notice())


async def test_a_notice_is_done_when_it_is_acknowledged_and_not_before(house):
    client = await house.client(BIND_RX)
    delivery = delivering(house)

    asked = await client.receive()
    assert (asked.command, asked.status) == (DELIVER_SM, 0)
    body = fields_of(asked.body)
    assert body["short_message"].startswith(b"id:m1 sub:001 dlvrd:001 ")
    assert body["esm_class"] == 4
    assert body["tlvs"] == {0x1E: b"m1\0", 0x427: b"\2"}
    assert not delivery.done()

    await client.answer(asked)
    async with asyncio.timeout(PATIENCE):
        await delivery


@pytest.mark.parametrize(
    ("status", "parked"), [(0x64, False), (0x58, False), (0x14, False), (0x08, False), (0x65, True)]
)
async def test_a_refused_notice_is_undelivered(house, status, parked):
    client = await house.client(BIND_RX)
    delivery = delivering(house)

    await client.answer(await client.receive(), status)

    with pytest.raises(Undelivered) as caught:
        await delivery
    assert caught.value.parked is parked
    assert not isinstance(caught.value, NobodyThere)


async def test_a_client_that_goes_while_a_receipt_is_outstanding_has_not_had_it(house):
    client = await house.client(BIND_RX)
    delivery = delivering(house)
    await client.receive()

    await client.close()

    with pytest.raises(Undelivered) as caught:
        await delivery
    assert not caught.value.parked
    with pytest.raises(NobodyThere):
        await house.server.deliver(ACCOUNT, notice())


async def test_a_client_that_resets_the_connection_has_not_had_it_either(house):
    client = await house.client(BIND_RX)
    delivery = delivering(house)
    await client.receive()

    client.writer.transport.abort()

    with pytest.raises(Undelivered):
        await delivery


async def test_a_client_that_unbinds_before_it_acknowledges_has_not_had_it(house):
    client = await house.client(BIND_RX)
    delivery = delivering(house)
    await client.receive()

    assert await client.ask(frame(UNBIND, sequence=9)) == (UNBIND | RESP, 0, 9, b"")

    with pytest.raises(Undelivered):
        await delivery


async def test_a_client_that_does_not_acknowledge_in_time_is_closed(make_house):
    house = await make_house(response_seconds=0.05, leaving_seconds=0.05)
    client = await house.client(BIND_RX)
    delivery = delivering(house)
    await client.receive()

    with pytest.raises(Undelivered, match="no answer to deliver_sm"):
        await delivery
    assert await client.closed() == frame(UNBIND, sequence=2)  # other answers may be on their way


async def test_an_acknowledgement_that_comes_after_the_carrier_gave_up_does_no_harm(house):
    client = await house.client(BIND_RX)
    delivery = delivering(house)
    asked = await client.receive()

    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    await client.answer(asked)

    assert await client.ask(frame(ENQUIRE_LINK)) == (ENQUIRE_LINK | RESP, 0, 1, b"")
    assert house.server.sessions()[0].delivering == 0


async def test_receivers_of_an_account_take_turns(house):
    clients = [await house.client(bind) for bind in (BIND_RX, BIND_TRX, BIND_TX)]
    deliveries = [delivering(house, notice(number=n)) for n in range(6)]

    for client in clients[:2]:
        for _ in range(3):
            await client.answer(await client.receive())

    await asyncio.gather(*deliveries)


async def test_another_account_gets_nothing(house):
    other = Account(id=8, name="Other", system_id="other", created_at=WHEN)
    house.accounts["other", "pass"] = other
    await house.client(BIND_RX, system_id=b"other", password=b"pass")

    with pytest.raises(NobodyThere):
        await house.server.deliver(ACCOUNT, notice())


async def test_no_more_notices_than_the_window_are_under_way_on_a_session(make_house):
    house = await make_house(window=2)
    client = await house.client(BIND_RX)
    deliveries = [delivering(house, notice(number=n)) for n in range(5)]

    first, second = await client.receive(), await client.receive()
    (info,) = house.server.sessions()
    assert info.delivering == 2
    assert await client.ask(frame(ENQUIRE_LINK)) == (ENQUIRE_LINK | RESP, 0, 1, b"")  # and no third
    await client.answer(first)
    await client.answer(second)
    for _ in range(3):
        await client.answer(await client.receive())

    await asyncio.gather(*deliveries)


async def test_notices_that_wait_for_room_learn_that_nobody_is_left(make_house):
    house = await make_house(window=1)
    client = await house.client(BIND_RX)
    first, second = delivering(house), delivering(house, notice(number=2))
    await client.receive()

    await client.close()

    results = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in results] == [Undelivered, NobodyThere]


async def test_a_receipt_never_comes_before_the_answer_to_its_submit(house):
    client = await house.client(BIND_TRX)
    deliveries = []

    async def told_at_once(_public_id):  # the message is stored, its fate is known, we are slow
        deliveries.append(delivering(house))
        for _ in range(10):
            await asyncio.sleep(0)

    house.intake.accepted = told_at_once
    client.send(submit(5))

    assert (await client.receive())[:3] == (SUBMIT_SM | RESP, 0, 5)
    receipt = await client.receive()
    assert receipt.command == DELIVER_SM
    await client.answer(receipt)
    await deliveries[0]


async def test_a_receipt_waits_for_no_submit_that_came_after_it(house):
    house.intake.gate.clear()
    client = await house.client(BIND_TRX)
    client.send(submit(5))
    await until(lambda: house.intake.waiting == 1)
    delivery = delivering(house)
    await asyncio.sleep(0)
    later = house.server._connections
    (connection,) = later
    ticket = connection.underway.begin()  # one that is never answered

    house.intake.gate.set()

    assert (await client.receive()).command == SUBMIT_SM | RESP
    receipt = await client.receive()
    assert receipt.command == DELIVER_SM
    await client.answer(receipt)
    await delivery
    connection.underway.end(ticket)


async def test_receipts_that_waited_for_the_same_submit_share_the_window(make_house):
    house = await make_house(window=1)
    house.intake.gate.clear()
    client = await house.client(BIND_TRX)
    client.send(submit(5))
    await until(lambda: house.intake.waiting == 1)
    deliveries = [delivering(house, notice(number=n)) for n in range(2)]
    await asyncio.sleep(0)

    house.intake.gate.set()
    assert (await client.receive()).command == SUBMIT_SM | RESP
    for _ in deliveries:
        await client.answer(await client.receive())

    await asyncio.gather(*deliveries)


async def test_an_inbound_message_does_not_wait_for_submits(house):
    house.intake.gate.clear()
    client = await house.client(BIND_TRX)
    client.send(submit(5))
    await until(lambda: house.intake.waiting == 1)
    delivery = delivering(house, notice(INBOUND))

    asked = await client.receive()

    assert fields_of(asked.body)["short_message"] == b"hello"
    await client.answer(asked)
    await delivery
    house.intake.gate.set()


async def test_a_long_inbound_message_to_a_peer_of_3_3_is_done_when_all_parts_are(house):
    client = await house.client(BIND_RX, version=0x33)
    delivery = delivering(house, notice(INBOUND, text="x" * 400))

    for ordinal in (1, 2, 3):
        asked = await client.receive()
        assert fields_of(asked.body)["short_message"][:6] == bytes((5, 0, 3, 1, 3, ordinal))
        assert not delivery.done()
        await client.answer(asked)

    await delivery


# Peers that do not read

LITTLE = 4096


def keep_little(connection):
    """Let the kernel keep little of what is said there: so it is soon seen who does not read."""
    kept = connection._transport.get_extra_info("socket")
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LITTLE)


async def test_a_client_that_never_reads_costs_bounded_memory_and_is_closed(make_house):
    house = await make_house(response_seconds=0.3)
    client = await house.client(BIND_TRX, room=LITTLE)
    client.reader._transport.pause_reading()
    (connection,) = house.server._connections
    keep_little(connection)
    enquiries = frame(ENQUIRE_LINK) * 1000
    most = 0

    async with asyncio.timeout(PATIENCE):
        while house.server._connections:
            if client.writer.transport.get_write_buffer_size() < len(enquiries):
                client.send(enquiries)
            await asyncio.sleep(0)
            transport = connection._transport
            held = transport.get_write_buffer_size() + len(connection.session._outbound)
            most = max(most, held + connection.session._framer.pending)

    assert connection.session.why == "it does not read"
    assert 65_536 < most < 1_000_000


async def deaf_client(house):
    """Bind a client that asks and asks and reads no answer, until the server has noticed."""
    deaf = await house.client(BIND_TRX, room=LITTLE)
    deaf.reader._transport.pause_reading()
    (connection,) = house.server._connections
    keep_little(connection)
    async with asyncio.timeout(PATIENCE):
        while connection.session._stalled is None:
            if deaf.writer.transport.get_write_buffer_size() < 65_536:
                deaf.send(frame(ENQUIRE_LINK) * 1000)
            await asyncio.sleep(0)
    return deaf


async def test_a_client_that_reads_again_gets_what_has_waited_for_it(house):
    deaf = await deaf_client(house)
    delivery = delivering(house)
    await asyncio.sleep(0)
    assert not delivery.done()

    deaf.reader._transport.resume_reading()
    while (asked := await deaf.receive()).command != DELIVER_SM:
        assert asked[:2] == (ENQUIRE_LINK | RESP, 0)
    await deaf.answer(asked)

    await delivery


async def test_others_are_served_while_one_does_not_read(house):
    await deaf_client(house)
    other = await house.client(BIND_RX)
    deliveries = [delivering(house, notice(number=n)) for n in range(4)]
    for _ in deliveries:
        await other.answer(await other.receive())

    await asyncio.gather(*deliveries)


# Ends


async def test_stop_answers_what_is_in_flight_unbinds_and_closes(house):
    house.intake.gate.clear()
    client, idle = await house.client(BIND_TRX), await house.client()
    client.send(submit(2))
    await until(lambda: house.intake.waiting)

    stopping = asyncio.ensure_future(house.server.stop())
    assert await idle.closed() == b""
    client.send(submit(3))
    assert await client.receive() == (SUBMIT_SM | RESP, 0x08, 3, b"")
    house.intake.gate.set()
    assert await client.receive() == (SUBMIT_SM | RESP, 0, 2, b"m1\0")
    unbind = await client.receive()
    assert unbind[:2] == (UNBIND, 0)
    await client.answer(unbind)
    assert await client.closed() == b""

    async with asyncio.timeout(PATIENCE):  # although neither has closed its own end
        await stopping
    assert house.server.port == 0


async def test_stop_does_not_wait_for_ever(house):
    house.intake.gate.clear()
    client = await house.client(BIND_TRX)
    client.send(submit(2))
    await until(lambda: house.intake.waiting)

    async with asyncio.timeout(PATIENCE):
        await house.server.stop(timedelta(seconds=0.05))

    assert house.server.sessions() == []
    assert house.intake.waiting == 0


async def test_a_bind_while_we_stop_is_told_to_come_again(house):
    house.may_check.clear()
    client = await house.client()
    client.send(frame(BIND_TX, bind_body()))
    await until(lambda: house.checking)
    stopping = asyncio.ensure_future(house.server.stop())
    await asyncio.sleep(0)
    house.may_check.set()

    assert (await client.receive())[:2] == (BIND_TX | RESP, 0x0D)
    await stopping


async def test_the_sessions_of_an_account_that_is_dropped_end(house):
    clients = [await house.client(BIND_TX), await house.client(BIND_RX)]

    house.server.drop(ACCOUNT.id)

    for client in clients:
        unbind = await client.receive()
        assert unbind.command == UNBIND
        await client.answer(unbind)
        assert await client.closed() == b""
    with pytest.raises(NobodyThere):
        await house.server.deliver(ACCOUNT, notice())


async def test_an_account_that_is_dropped_while_it_binds_is_not_let_in(house):
    house.may_check.clear()
    client = await house.client()
    client.send(frame(BIND_TRX, bind_body()))
    await until(lambda: house.checking)

    house.server.drop(ACCOUNT.id)
    house.may_check.set()

    assert (await client.receive())[:2] == (BIND_TRX | RESP, 0x0D)
    assert house.server.sessions() == []


async def test_a_client_that_goes_while_it_binds_leaves_nothing_behind(house):
    house.may_check.clear()
    client = await house.client()
    client.send(frame(BIND_TRX, bind_body()))
    await until(lambda: house.checking)
    await client.close()
    await until(lambda: not house.server._connections)
    house.may_check.set()
    await until(lambda: not house.server._tasks)

    assert house.server.sessions() == []
    assert house.server._binds.of(7) == ()
    assert house.woken == []


async def test_no_log_line_holds_a_text_a_number_or_a_password(house, caplog):
    caplog.set_level(logging.DEBUG)
    secret = (b"hush hush", b"4915112345678", b"secret", b"wrongpw")

    wrong = await house.client()
    await wrong.ask(frame(BIND_TX, bind_body(password=b"wrongpw")))
    client = await house.client(BIND_TRX)
    await client.ask(submit(2, text=b"hush hush"))
    await client.ask(submit(3, text=b"hush hush", coding=9))
    house.intake.refusal = RuntimeError("hush hush to 4915112345678")
    await client.ask(submit(4, text=b"hush hush"))
    house.intake.refusal = NoRoom("hush hush to 4915112345678")
    await client.ask(submit(5, text=b"hush hush"))
    delivery = delivering(house, notice(text_start="hush hush"))
    await client.answer(await client.receive(), 0x65)
    with pytest.raises(Undelivered):
        await delivery
    await house.server.stop(timedelta(seconds=0))

    written = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert len(written) > 5
    for line in written:
        assert not any(word.decode() in line for word in secret)
