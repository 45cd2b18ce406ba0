"""The checklist's rows on framing, where a table of single requests does not say all."""

import asyncio

import pytest

from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_TRX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    QUERY_SM,
    RESP,
    SUBMIT_SM,
    bind_body,
    frame,
    notice,
    submit_body,
)
from tests.smpp_server.test_checklist import CUTS, ROWS, SEQUENCE, send


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("length", [0, 4, 15, 70_001, 0x47455420, 0xFFFFFFFF])
async def test_f1_an_impossible_length_is_answered_and_closes(house, length, cut):
    client = await house.client()

    await send(client, frame(ENQUIRE_LINK, sequence=SEQUENCE, length=length), cut)
    answer = await client.receive()

    # F1: "sequence from the header if readable": cut in four octets it is not.
    assert answer[:2] == (GENERIC_NACK, 2)
    assert answer.sequence in (
        {SEQUENCE} if length > 16 or cut != "byte by byte" else {SEQUENCE, 0}
    )
    assert await client.closed() == b""


@pytest.mark.parametrize("command", [SUBMIT_SM, DELIVER_SM, ENQUIRE_LINK, 0x999, 0x00])
async def test_f3_an_answer_to_nothing_is_never_answered(house, command):
    client = await house.client(BIND_TRX)

    client.send(frame(command | RESP, b"\0", sequence=77))

    assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")


@pytest.mark.parametrize("sequence", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], ids=hex)
@pytest.mark.parametrize("cut", CUTS)
async def test_f6_any_sequence_number_comes_back_as_it_was(house, sequence, cut):
    client = await house.client(BIND_TRX)
    asked = {ENQUIRE_LINK: b"", SUBMIT_SM: submit_body(), QUERY_SM: b"m1", 0x999: b""}
    answered = {
        ENQUIRE_LINK: (ENQUIRE_LINK | RESP, 0, sequence, b""),
        SUBMIT_SM: (SUBMIT_SM | RESP, 0, sequence, b"m1\0"),
        QUERY_SM: (QUERY_SM | RESP, 0x02, sequence, b""),
        0x999: (GENERIC_NACK, 3, sequence, b""),
    }

    for command, body in asked.items():
        await send(client, frame(command, body, sequence=sequence), cut)
        answers = [await client.receive() for _ in range(2 if cut == "glued" else 1)]
        assert answered[command] in answers


async def test_f6_our_own_begin_with_1(house):
    client = await house.client(BIND_TRX)
    telling = asyncio.ensure_future(house.server.deliver(ACCOUNT, notice()))

    asked = await client.receive()

    assert (asked.command, asked.sequence) == (DELIVER_SM, 1)
    await client.answer(asked)
    await telling


STATUSES = sorted({row.answer[1] for row in ROWS if row.answer[1]})


@pytest.mark.parametrize("status", STATUSES, ids=hex)
async def test_f8_an_error_is_a_header_and_no_more(house, status):
    row = next(row for row in ROWS if row.answer[1] == status)
    client = await house.client()
    if row.state:
        await client.bind(row.state, version=row.version)

    client.send(frame(*row.request, sequence=7))
    octets = await client.reader.readexactly(16)
    assert octets == frame(row.answer[0], sequence=7, status=status)
    if row.closes:
        assert await client.closed() == b""
    else:
        assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")


@pytest.mark.parametrize("cut", ["whole", "byte by byte"])
async def test_f9_each_of_many_gets_exactly_one_answer(house, cut):
    client = await house.client(BIND_TRX)
    kinds = ((SUBMIT_SM, submit_body()), (ENQUIRE_LINK, b""), (QUERY_SM, b"m1"), (0x999, b""))
    asked = {sequence: kinds[sequence % 4] for sequence in range(100, 140)}

    octets = b"".join(frame(*kind, sequence=sequence) for sequence, kind in asked.items())
    await send(client, octets, cut)
    answers = [await client.receive() for _ in asked]

    assert sorted(one.sequence for one in answers) == sorted(asked)
    for one in answers:
        command = asked[one.sequence][0]
        assert one.command == (GENERIC_NACK if command == 0x999 else command | RESP)
    assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")


async def test_f4_a_submit_right_behind_its_bind_works(house):
    client = await house.client()

    client.send(frame(BIND_TX, bind_body()) + frame(SUBMIT_SM, submit_body(), sequence=2))

    assert (await client.receive())[:3] == (BIND_TX | RESP, 0, 1)
    assert await client.receive() == (SUBMIT_SM | RESP, 0, 2, b"m1\0")
