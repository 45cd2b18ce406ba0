"""The checklist's rows on framing, where a table of single requests does not say all."""

import asyncio

from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
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
from tests.smpp_server.test_checklist import ROWS as REQUESTS
from tests.smpp_server.test_checklist import SEQUENCE
from tests.smpp_server.ways import Play, Scenes, in_every_way

ROWS = Scenes()

LAST_SEQUENCE = 0x7FFFFFFF

STATES = (0, BIND_RX, BIND_TX, BIND_TRX)


async def in_state(on, state):
    """Return a client that is bound as ``state`` says; 0: not at all."""
    return await on.bound(state) if state else await on.client()


@ROWS.rows("F1 a length of {}", [0, 4, 15, 70_001, 0x47455420, 0xFFFFFFFF])
async def an_impossible_length_is_answered_and_closes(on, length):
    client = await on.client()

    await on.say(client, frame(ENQUIRE_LINK, sequence=SEQUENCE, length=length))
    answer, *more = await on.closed(client)

    assert answer[:2] == (GENERIC_NACK, 2)
    # "Sequence from the header if readable": when only four octets have come, it is not.
    readable = length > 16 or on.cut != "byte by byte"
    assert answer.sequence in ({SEQUENCE} if readable else {SEQUENCE, 0})
    assert more == []


@ROWS.rows(
    "F3 0x{:03x}_resp on a session 0x{:02x}",
    [
        (command, state)
        for command in (SUBMIT_SM, DELIVER_SM, ENQUIRE_LINK, 0x999, 0x00)
        for state in (0, BIND_TRX)
    ],
)
async def an_answer_to_nothing_is_never_answered(on, command, state):
    client = await in_state(on, state)

    await on.say(client, frame(command | RESP, b"\0", sequence=77))

    await on.alive(client)


@ROWS.row("F4 a submit right behind its bind")
async def a_submit_right_behind_its_bind_works(on):
    client = await on.client()

    await on.say(client, frame(BIND_TX, bind_body()), frame(SUBMIT_SM, submit_body(), sequence=2))

    assert (await on.hear(client))[:3] == (BIND_TX | RESP, 0, 1)
    assert await on.hear(client) == (SUBMIT_SM | RESP, 0, 2, b"m1\0")


@ROWS.row("F4 a session in one breath")
async def all_of_a_session_may_come_at_once(on):
    client = await on.client()

    await on.say(
        client,
        frame(BIND_TRX, bind_body()),
        frame(SUBMIT_SM, submit_body(), sequence=2),
        frame(0x06, sequence=3),
    )

    assert [one[:3] for one in await on.closed(client)] == [
        (BIND_TRX | RESP, 0, 1),
        (SUBMIT_SM | RESP, 0, 2),
        (0x06 | RESP, 0, 3),
    ]


@ROWS.rows("F5 half a PDU on a session 0x{:02x}", STATES, pdu_read_seconds=0.05)
async def half_a_pdu_closes_when_its_time_is_over(on, state):
    client = await in_state(on, state)

    # Nothing can be glued behind it: that would be taken for its other half.
    await on.say(client, frame(SUBMIT_SM, submit_body())[:-1], last=True)

    assert await on.closed(client) == []
    assert on.house.intake.taken == []


@ROWS.row("F5 half a header", pdu_read_seconds=0.05)
async def half_a_header_closes_too(on):
    client = await on.bound(BIND_TX)

    await on.say(client, frame(SUBMIT_SM, submit_body())[:7], last=True)

    assert await on.closed(client) == []


@ROWS.rows("F6 the sequence number 0x{:x}", [0, 1, LAST_SEQUENCE, 0x80000000, 0xFFFFFFFF])
async def any_sequence_number_comes_back_as_it_was(on, sequence):
    client = await on.bound(BIND_TRX)
    asked = {
        (ENQUIRE_LINK, b""): (ENQUIRE_LINK | RESP, 0, sequence, b""),
        (SUBMIT_SM, submit_body()): (SUBMIT_SM | RESP, 0, sequence, b"m1\0"),
        (QUERY_SM, b"m1"): (QUERY_SM | RESP, 0x02, sequence, b""),
        (0x999, b""): (GENERIC_NACK, 3, sequence, b""),
    }
    for request, answer in asked.items():
        assert await on.ask(client, *request, sequence) == answer


@ROWS.row("F6 ours begin with 1, and after the last comes 1")
async def our_own_are_in_their_range(on):
    client = await on.bound(BIND_TRX)
    (connection,) = on.server.desk.connections
    for sequence in (1, 2, LAST_SEQUENCE, 1):
        if sequence == LAST_SEQUENCE:
            connection.session._sequence = LAST_SEQUENCE - 1
        telling = asyncio.ensure_future(on.server.deliver(ACCOUNT, notice()))
        asked = await on.hear(client)
        assert (asked.command, asked.sequence) == (DELIVER_SM, sequence)
        await on.takes(client, asked)
        await telling


STATUSES = sorted({row.answer[1] for row in REQUESTS if row.answer[1] and not row.refusal})


@ROWS.rows("F8 0x{:02x} without a body", STATUSES)
async def an_error_is_a_header_and_no_more(on, status):
    row = next(row for row in REQUESTS if row.answer[1] == status and not row.refusal)
    client = await on.client()
    if row.state:
        await client.bind(row.state, version=row.version)

    answer = await on.ask(client, *row.request, sequence=7)

    assert answer == (*row.answer, 7, b"")
    if row.closes:
        assert await on.closed(client) == []
    else:
        await on.alive(client)


@ROWS.row("F9 many of many kinds")
async def each_of_many_gets_exactly_one_answer(on):
    client = await on.bound(BIND_TRX)
    kinds = ((SUBMIT_SM, submit_body()), (ENQUIRE_LINK, b""), (QUERY_SM, b"m1"), (0x999, b""))
    asked = {sequence: kinds[sequence % 4] for sequence in range(100, 140)}

    await on.say(client, *(frame(*kind, sequence=number) for number, kind in asked.items()))
    answers = [await on.hear(client) for _ in asked]

    assert sorted(one.sequence for one in answers) == sorted(asked)
    for one in answers:
        command = asked[one.sequence][0]
        assert one.command == (GENERIC_NACK if command == 0x999 else command | RESP)
    await on.alive(client)


@ROWS.row("F9 what is answered later does not hold up what can be answered now")
async def answers_come_in_any_order(on):
    on.house.intake.gate.clear()
    client = await on.bound(BIND_TRX)

    await on.say(client, frame(SUBMIT_SM, submit_body(), sequence=2), frame(0x999, sequence=4))
    assert await on.hear(client) == (GENERIC_NACK, 3, 4, b"")
    on.house.intake.gate.set()

    assert await on.hear(client) == (SUBMIT_SM | RESP, 0, 2, b"m1\0")


@ROWS.row("F10 more submits than the window has room for", window=2)
async def what_is_beyond_the_window_waits_and_nothing_is_read_meanwhile(on):
    client = await on.bound(BIND_TX)
    await on.alive(client)
    on.house.intake.gate.clear()
    (connection,) = on.server.desk.connections

    await on.say(client, *(frame(SUBMIT_SM, submit_body(), sequence=n) for n in range(2, 8)))
    await on.until(lambda: on.house.intake.waiting and not connection._reading)
    assert on.house.intake.waiting == connection.session.unanswered == 2
    on.house.intake.gate.set()
    answers = [await on.hear(client) for _ in range(6)]

    assert sorted(one[:3] for one in answers) == [(SUBMIT_SM | RESP, 0, n) for n in range(2, 8)]
    assert on.house.intake.most_waiting == 2


@in_every_way(ROWS)
async def test_each_scene_goes_as_the_checklist_says(make_house, row, cut):
    await row.play(Play(await make_house(**row.settings), cut))
