"""Peers that mean no good: what they cost is counted, and nobody else waits for them."""

import asyncio
import struct

import pytest

from appliance.smpp_server.pdu import LONGEST
from tests.smpp_server.esme import (
    BIND_TRX,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    bind_body,
    frame,
    submit_body,
)
from tests.smpp_server.test_limits import answer_to
from tests.smpp_server.test_server import LITTLE, keep_little

CHUNK = 256 * 1024
"""Octets that an event loop reads at most at once."""


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def held(connection):
    """Return how many octets are kept for a connection, in either direction."""
    session = connection.session
    transport = connection._transport
    waiting = transport.get_write_buffer_size() if transport else 0
    return session._framer.pending + len(session._outbound) + waiting


def connections(house):
    return list(house.server._connections)


async def served(house, count=20):
    """Let another ESME submit, and see that it is answered."""
    client = await house.client(BIND_TRX)
    for sequence in range(count):
        answer = await client.ask(frame(SUBMIT_SM, submit_body(), sequence=sequence))
        assert answer[:3] == (SUBMIT_SM | RESP, 0, sequence)


async def test_f10_submits_beyond_the_window_wait_unread_whatever_is_sent(make_house):
    house = await make_house(window=10)
    client = await house.client(BIND_TRX)
    house.intake.gate.clear()
    (connection,) = connections(house)
    submits = b"".join(frame(SUBMIT_SM, submit_body(), sequence=n) for n in range(3_000))

    client.send(submits)
    await until(lambda: not connection._reading)

    most = 0
    for _ in range(100):
        await asyncio.sleep(0)
        most = max(most, held(connection))
    assert house.intake.waiting == house.intake.most_waiting == 10
    assert connection.session.unanswered == 10
    assert most <= CHUNK + LONGEST
    house.intake.gate.set()
    for sequence in range(3_000):
        assert (await client.receive())[:3] == (SUBMIT_SM | RESP, 0, sequence)


async def test_of_who_never_reads_its_answers_nothing_more_is_taken_and_nobody_is_delayed(house):
    deaf = await house.client(BIND_TRX, room=LITTLE)
    deaf.reader._transport.pause_reading()
    (connection,) = connections(house)
    keep_little(connection)
    enquiries = frame(ENQUIRE_LINK) * 1000  # short to ask, and each is answered
    async with asyncio.timeout(PATIENCE):
        while connection.session._stalled is None:
            if deaf.writer.transport.get_write_buffer_size() < len(enquiries):
                deaf.send(enquiries)
            await asyncio.sleep(0)
    deaf.send(b"".join(frame(SUBMIT_SM, submit_body(), sequence=n) for n in range(20_000)))

    await served(house)

    assert len(house.intake.taken) == 20
    assert held(connection) <= 2 * CHUNK + LONGEST


async def test_who_trickles_octets_costs_what_it_has_sent_and_delays_nobody(house):
    slow = [await house.client(BIND_TRX) for _ in range(4)]
    whole = frame(SUBMIT_SM, submit_body(text=b"x" * 254))
    for octet in whole[:-1]:
        for client in slow:
            client.send(bytes((octet,)))
        await asyncio.sleep(0)
    await until(lambda: all(one.session._framer.pending for one in connections(house)))

    assert len(slow) == 4
    house.accounts["other", "secret"] = house.accounts["acme", "secret"].model_copy(
        update={"id": 8, "system_id": "other"}
    )
    client = await house.client(BIND_TRX, system_id=b"other")
    assert (await client.ask(frame(SUBMIT_SM, submit_body(), sequence=5)))[:2] == (
        SUBMIT_SM | RESP,
        0,
    )

    assert all(held(one) <= len(whole) for one in connections(house))
    slow[0].send(whole[-1:])
    assert (await answer_to(slow[0], 1))[:2] == (SUBMIT_SM | RESP, 0)


async def test_a_pdu_that_is_never_finished_is_never_kept_beyond_the_longest(house):
    client = await house.client(BIND_TRX)
    (connection,) = connections(house)

    client.send(struct.pack(">IIII", LONGEST, SUBMIT_SM, 0, 1) + bytes(LONGEST - 17))
    await until(lambda: held(connection) == LONGEST - 1)

    assert connection._reading
    await served(house)


@pytest.fixture
async def crowd(make_house):
    """Open a thousand connections; none of them says who it is."""
    house = await make_house(most_connections=1_100, most_unbound_per_address=1_050)
    for _ in range(1_000):
        await house.client()
    await until(lambda: len(connections(house)) == 1_000)
    return house


async def test_a_thousand_connections_keep_nothing_and_delay_nobody(crowd):
    before = len(asyncio.all_tasks())

    await served(crowd)

    assert sum(held(one) for one in connections(crowd)) == 0
    assert len(asyncio.all_tasks()) <= before + 1  # an idle connection has no task of its own
    assert len(crowd.server._tasks) == 0


async def test_a_thousand_that_all_say_half_a_bind_keep_half_a_bind_each(crowd):
    half = frame(0x09, bind_body())[:-1]
    for client in crowd.clients:
        client.send(half)
    await until(lambda: sum(map(held, connections(crowd))) == 1_000 * len(half))

    await served(crowd)


async def test_those_beyond_the_most_are_closed_and_those_within_go_on(make_house):
    house = await make_house(most_connections=60, most_unbound_per_address=50)
    bound = await house.client(BIND_TRX)
    for _ in range(300):
        await house.client()

    await until(lambda: len(connections(house)) <= 51)

    answer = await bound.ask(frame(ENQUIRE_LINK, sequence=7))
    assert answer[:3] == (ENQUIRE_LINK | RESP, 0, 7)
    assert len(connections(house)) == 51
