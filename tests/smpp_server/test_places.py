"""The places of an account: who has one keeps it, who is gone or goes keeps nobody out."""

import asyncio

import pytest

from appliance.smpp_server.rules import State
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    UNBIND,
    bind_body,
    frame,
    notice,
    submit_body,
)
from tests.smpp_server.test_session import bound, new, said, tell

ALONE = ACCOUNT.model_copy(update={"max_binds": 1})


@pytest.fixture
async def alone(make_house):
    """Start a server with an account that may bind once, and a short patience."""
    house = await make_house(proof_seconds=0.1, leaving_seconds=0.5)
    house.accounts["acme", "secret"] = ALONE
    return house


async def binding(house, bind=BIND_RX):
    """Ask to be let in; return the client without having waited for the answer."""
    client = await house.client()
    client.send(frame(bind, bind_body()))
    return client


async def answer_of(client):
    answer = await client.receive()
    assert answer.command in (BIND_RX | RESP, BIND_TX | RESP, BIND_TRX | RESP)
    return answer.status


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


async def test_an_app_whose_network_died_gets_in_at_its_first_try(alone):
    """It left a session behind that nobody has told to end."""
    dead = await alone.client(BIND_RX)
    telling = asyncio.ensure_future(alone.server.deliver(ACCOUNT, notice()))
    assert (await dead.receive()).command == DELIVER_SM

    back = await binding(alone)
    assert await answer_of(back) == 0

    assert (await dead.receive()).command == ENQUIRE_LINK
    assert await dead.closed() == b""
    with pytest.raises(Exception, match="no sign of life"):
        await telling  # and is told again by the session that lives
    assert len(alone.server.sessions()) == 1
    again = asyncio.ensure_future(alone.server.deliver(ACCOUNT, notice()))
    await back.answer(await back.receive())
    await again


@pytest.mark.parametrize("sign", [ENQUIRE_LINK | RESP, ENQUIRE_LINK, SUBMIT_SM])
async def test_a_session_that_lives_keeps_its_place_whatever_it_says(alone, sign):
    living = await alone.client(BIND_TRX)
    newcomer = await binding(alone)
    asked = await living.receive()
    assert asked.command == ENQUIRE_LINK
    body = submit_body() if sign == SUBMIT_SM else b""
    living.send(frame(sign, body, sequence=asked.sequence))

    assert await answer_of(newcomer) == 0x0D
    assert alone.server.sessions()[0].peer.endswith(
        str(living.writer.get_extra_info("sockname")[1])
    )


async def test_of_several_sessions_only_those_end_that_say_nothing(make_house):
    house = await make_house(proof_seconds=0.2)
    silent, living = await house.client(BIND_RX), await house.client(BIND_TX)
    house.accounts["acme", "secret"] = ACCOUNT.model_copy(update={"max_binds": 2})
    newcomer = await binding(house)
    await living.answer(await living.receive())

    assert await answer_of(newcomer) == 0
    assert (await silent.receive()).command == ENQUIRE_LINK
    assert await silent.closed() == b""
    assert len(house.server.sessions()) == 2


async def test_of_two_that_wait_for_one_place_one_gets_it(alone):
    await alone.client(BIND_RX)
    newcomers = [await binding(alone), await binding(alone)]

    assert sorted([await answer_of(one) for one in newcomers]) == [0, 0x0D]
    assert len(alone.server.sessions()) == 1


async def test_a_session_that_we_are_ending_keeps_nobody_out(alone):
    old = await alone.client(BIND_RX)
    alone.server.unbind(1)
    assert (await old.receive()).command == UNBIND  # which it does not answer yet

    assert await answer_of(await binding(alone)) == 0


async def test_a_session_that_unbinds_while_it_is_owed_answers_keeps_nobody_out(alone):
    alone.intake.gate.clear()
    old = await alone.client(BIND_TX)
    old.send(frame(SUBMIT_SM, submit_body(), sequence=5) + frame(UNBIND, sequence=6))
    await until(lambda: alone.server.sessions()[0].bind == State.UNBINDING)

    new = await binding(alone, BIND_TX)
    assert await answer_of(new) == 0
    alone.intake.gate.set()
    assert [(await old.receive()).command for _ in range(2)] == [SUBMIT_SM | RESP, UNBIND | RESP]


async def test_no_more_are_on_their_way_out_than_may_be_in(alone):
    """Who unbinds and binds again and again must not fill memory with what is under way."""
    alone.intake.gate.clear()
    for count in (1, 2):
        client = await alone.client(BIND_TX)
        client.send(frame(SUBMIT_SM, submit_body(), sequence=5) + frame(UNBIND, sequence=6))
        await until(
            lambda count=count: (
                [one.bind for one in alone.server.sessions()] == [State.UNBINDING] * count
            )
        )
    third = await binding(alone, BIND_TX)
    await until(lambda: len(alone.server._connections) == 3)
    answer = asyncio.ensure_future(answer_of(third))
    await asyncio.sleep(0.01)
    assert not answer.done()

    alone.intake.gate.set()
    assert await answer == 0


async def test_a_session_is_not_ended_for_a_silence_that_is_ours(make_house):
    """Its window is full, so it is not read from: it cannot show anything."""
    house = await make_house(window=1, proof_seconds=0.05)
    house.accounts["acme", "secret"] = ALONE
    house.intake.gate.clear()
    busy = await house.client(BIND_TX)
    busy.send(frame(SUBMIT_SM, submit_body(), sequence=5))
    await until(lambda: house.intake.waiting)

    assert await answer_of(await binding(house)) == 0x0D
    house.intake.gate.set()
    assert (await busy.receive())[:2] == (SUBMIT_SM | RESP, 0)


# The session alone


def test_a_sign_of_life_is_asked_for_once_and_waited_for_in_its_time():
    session = bound()
    session.prove(1.0)
    session.prove(2.0)
    assert [pdu.command for pdu in said(session)] == [ENQUIRE_LINK]
    assert session.proving

    session.tick(5.9)
    assert session.state is State.BOUND_TRX
    assert session.next_deadline() == 6.0
    session.tick(6.0)
    assert (session.state, session.why) == (State.CLOSED, "no sign of life")
    assert not session.proving


def test_who_has_given_one_goes_on_as_before():
    session = bound()
    session.prove(1.0)
    (asked,) = said(session)
    assert tell(session, frame(ENQUIRE_LINK | RESP, sequence=asked.sequence), 2.0) == []
    assert not session.proving
    session.tick(20.0)
    assert session.state is State.BOUND_TRX


@pytest.mark.parametrize("way", ["open", "leaving", "stalled"])
def test_only_a_session_that_could_answer_is_asked(way):
    session = new() if way == "open" else bound()
    if way == "leaving":
        session.leave(0.0)
    elif way == "stalled":
        session.stall(0.0)
    said(session)
    session.prove(1.0)
    assert not session.proving
    assert said(session) == []
