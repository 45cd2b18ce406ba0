from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status
from appliance.smpp_server.pdu import Framer, Pdu
from appliance.smpp_server.rules import BOUND_BY, FROM_AN_ESME, MAY_ARRIVE, State, Timing
from appliance.smpp_server.session import LAST_SEQUENCE, Answered, Requested, Session
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    RESP,
    SUBMIT_SM,
    UNBIND,
    bind_body,
    frame,
    submit_body,
)

TIMING = Timing(
    session_init=timedelta(seconds=10),
    pdu_read=timedelta(seconds=5),
    enquire_link=timedelta(seconds=30),
    inactivity=timedelta(seconds=100),
    response=timedelta(seconds=60),
    leaving=timedelta(seconds=2),
)


def new(window=2):
    return Session(TIMING, window=window, now=0.0)


def bound(bind=BIND_TRX, window=2, now=0.0):
    session = new(window)
    (request,) = tell(session, frame(bind, bind_body()), now)
    session.answer(request.pdu, now, body=b"appliance\0")
    said(session)
    return session


def tell(session, data, now=0.0):
    session.receive_data(data)
    return events(session, now)


def events(session, now=0.0):
    found = []
    while event := session.next_event(now):
        found.append(event)
    return found


def said(session):
    framer, found = Framer(), []
    framer.feed(session.data_to_send())
    while one := framer.next():
        found.append(one)
    return found


def heads(session):
    return [(one.command, one.status, one.sequence) for one in said(session)]


def submits(*sequences):
    return b"".join(frame(SUBMIT_SM, submit_body(), sequence=one) for one in sequences)


def test_every_state_has_a_row():
    assert set(MAY_ARRIVE) == set(State)
    assert all(commands <= FROM_AN_ESME for commands in MAY_ARRIVE.values())


@pytest.mark.parametrize("bind", BOUND_BY)
def test_a_bind_that_is_answered_well_binds(bind):
    assert bound(bind).state is BOUND_BY[bind]


@pytest.mark.parametrize("command", sorted(FROM_AN_ESME - {Command.ENQUIRE_LINK, *BOUND_BY}))
def test_before_a_bind_nothing_is_served(command):
    session = new()

    assert tell(session, frame(command, submit_body())) == []
    assert heads(session) == [(command | RESP, 4, 1)]
    assert session.state is State.OPEN


def test_a_refused_bind_is_answered_without_a_body_and_closes():
    session = new()
    (request,) = tell(session, frame(BIND_TX, bind_body()))

    session.answer(request.pdu, 0.0, Status.BAD_PASSWORD, b"left out")

    assert said(session) == [Pdu(BIND_TX | RESP, Status.BAD_PASSWORD, 1)]
    assert session.state is State.CLOSED


def test_what_comes_behind_a_bind_waits_for_its_answer():
    session = new()

    (request,) = tell(session, frame(BIND_TX, bind_body()) + submits(2))
    assert session.congested

    session.answer(request.pdu, 0.0)
    assert [one.pdu.sequence for one in events(session)] == [2]


def test_a_full_window_takes_no_more_until_something_is_answered():
    session = bound(window=2)

    first, second = tell(session, submits(1, 2, 3))
    assert session.congested
    session.answer(second.pdu, 0.0, body=b"m2\0")
    (third,) = events(session)
    assert not session.congested
    session.answer(first.pdu, 0.0, body=b"m1\0")
    session.answer(third.pdu, 0.0, body=b"m3\0")

    assert [(one.sequence, one.body) for one in said(session)] == [
        (2, b"m2\0"),
        (1, b"m1\0"),
        (3, b"m3\0"),
    ]
    assert session.unanswered == 0


def test_an_answer_is_matched_with_its_deliver_sm_once():
    session = bound()
    sequence = session.deliver(b"body", 0.0)
    assert heads(session) == [(DELIVER_SM, 0, sequence)]
    answer = frame(DELIVER_SM | RESP, b"\0", sequence=sequence, status=0x64)

    assert tell(session, answer) == [Answered(sequence, 0x64)]
    assert tell(session, answer) == []
    assert said(session) == []


def test_a_generic_nack_answers_a_deliver_sm_too():
    session = bound()
    sequence = session.deliver(b"body", 0.0)

    nack = frame(GENERIC_NACK, sequence=sequence, status=3)

    assert tell(session, nack) == [Answered(sequence, 3)]


def test_an_answer_of_another_kind_does_not_answer_a_deliver_sm():
    session = bound()
    sequence = session.deliver(b"body", 0.0)

    assert tell(session, frame(ENQUIRE_LINK | RESP, sequence=sequence)) == []
    assert session.delivering == 1


def test_the_window_outwards_is_bounded():
    session = bound(window=2)
    assert session.may_deliver
    first = session.deliver(b"", 0.0)
    session.deliver(b"", 0.0)
    assert not session.may_deliver

    tell(session, frame(DELIVER_SM | RESP, b"\0", sequence=first))

    assert session.may_deliver


def test_nothing_is_delivered_to_a_transmitter():
    assert not bound(BIND_TX).may_deliver
    assert bound(BIND_RX).may_deliver


def test_own_sequence_numbers_begin_at_one_again():
    session = bound()
    session._sequence = LAST_SEQUENCE - 1

    assert [session.deliver(b"", 0.0), session.deliver(b"", 0.0)] == [LAST_SEQUENCE, 1]


def test_an_unbind_is_answered_after_what_was_asked_before_it():
    session = bound()

    (request,) = tell(session, submits(1) + frame(UNBIND, sequence=2) + submits(3))
    assert said(session) == []
    session.answer(request.pdu, 0.0, body=b"m1\0")

    assert heads(session) == [(SUBMIT_SM | RESP, 0, 1), (UNBIND | RESP, 0, 2)]
    assert session.state is State.CLOSED
    assert events(session) == []


def test_leaving_waits_for_both_directions_and_refuses_what_is_new():
    session = bound(window=3)
    (request,) = tell(session, submits(1))
    sequence = session.deliver(b"", 0.0)
    said(session)

    session.leave(0.0)
    assert tell(session, submits(2)) == []
    assert heads(session) == [(SUBMIT_SM | RESP, Status.SYSTEM_ERROR, 2)]
    session.answer(request.pdu, 0.0, body=b"m1\0")
    assert heads(session) == [(SUBMIT_SM | RESP, 0, 1)]
    assert tell(session, frame(DELIVER_SM | RESP, b"\0", sequence=sequence)) == [
        Answered(sequence, 0)
    ]
    ((command, _, unbind),) = heads(session)
    assert command == UNBIND
    tell(session, frame(UNBIND | RESP, sequence=unbind))

    assert session.state is State.CLOSED


def test_leaving_does_not_wait_for_ever():
    session = bound()
    session.deliver(b"", 0.0)
    said(session)
    session.leave(10.0)

    assert session.next_deadline() == 12.0
    session.tick(12.0)
    assert [command for command, _, _ in heads(session)] == [UNBIND]
    assert session.next_deadline() == 14.0
    session.tick(14.0)

    assert session.state is State.CLOSED


def test_an_open_session_leaves_at_once():
    session = new()
    session.leave(0.0)

    assert session.state is State.CLOSED
    assert session.data_to_send() == b""


def test_no_bind_in_time_closes_but_a_bind_being_checked_does_not():
    session = new()
    assert session.next_deadline() == 10.0
    tell(session, frame(ENQUIRE_LINK), 9.0)
    session.tick(9.9)
    assert session.state is State.OPEN
    session.tick(10.0)
    assert session.state is State.CLOSED

    session = new()
    tell(session, frame(BIND_TX, bind_body()))
    session.tick(99.0)
    assert session.state is State.BINDING


def test_half_a_pdu_closes_after_its_time_and_not_before():
    session = bound()
    tell(session, submits(1)[:20], 7.0)
    tell(session, submits(1)[20:30], 9.0)
    assert session.next_deadline() == 12.0
    tell(session, submits(1)[30:] + submits(2)[:3], 11.0)
    session.tick(12.0)
    assert session.state is State.BOUND_TRX

    session.tick(16.0)

    assert session.state is State.CLOSED


def test_after_silence_we_ask_and_any_pdu_is_a_sign_of_life():
    session = bound()
    tell(session, frame(0x999), 10.0)
    said(session)
    assert session.next_deadline() == 40.0

    session.tick(40.0)
    assert [command for command, _, _ in heads(session)] == [ENQUIRE_LINK]
    session.tick(69.0)
    assert said(session) == []
    session.tick(70.0)
    assert [command for command, _, _ in heads(session)] == [ENQUIRE_LINK]


def test_lasting_silence_closes():
    session = bound()
    session.tick(99.0)
    assert session.state is State.BOUND_TRX
    session.tick(100.0)

    assert (session.state, session.why) == (State.CLOSED, "silence")


def test_a_deliver_sm_that_is_not_answered_closes():
    session = bound()
    session.deliver(b"", 5.0)
    for moment in (30.0, 60.0):
        tell(session, frame(ENQUIRE_LINK), moment)
        session.tick(moment)
        assert session.state is State.BOUND_TRX

    session.tick(65.0)
    assert session.state is State.LEAVING
    session.tick(69.0)

    assert (session.state, session.why) == (State.CLOSED, "no answer to deliver_sm")


def test_answers_that_are_on_their_way_are_taken_when_one_does_not_come():
    session = bound(window=3)
    session.deliver(b"", 5.0)
    late = session.deliver(b"", 6.0)
    tell(session, frame(ENQUIRE_LINK), 60.0)
    session.tick(65.0)

    assert not session.may_deliver
    answer = frame(DELIVER_SM | RESP, b"\0", sequence=late)
    assert tell(session, answer, 65.1) == [Answered(late, 0)]


def test_a_peer_that_does_not_read_is_not_read_from_and_is_closed_in_the_end():
    session = bound()
    session.stall(5.0)
    assert tell(session, submits(1), 6.0) == []
    assert session.congested
    assert not session.may_deliver
    assert session.next_deadline() == 65.0

    session.resume(64.0)
    assert len(events(session, 64.0)) == 1

    session.stall(70.0)
    session.tick(130.0)
    assert session.state is State.CLOSED


def test_our_own_slowness_is_not_the_peers_silence():
    session = bound(window=1)
    (request,) = tell(session, submits(1, 2), 1.0)

    session.tick(500.0)
    assert session.state is State.BOUND_TRX
    session.answer(request.pdu, 500.0)
    session.tick(500.0)

    assert session.state is State.BOUND_TRX


def test_a_closed_session_takes_and_says_nothing():
    session = bound()
    session.close("test")

    assert tell(session, submits(1)) == []
    assert session.data_to_send() == b""
    assert session.next_deadline() is None
    assert not session.congested


REQUESTS = st.builds(
    Pdu,
    st.sampled_from([*sorted(FROM_AN_ESME), DELIVER_SM, 0x0B, 0x999]),
    st.just(0),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([b"", b"\0", bind_body(), submit_body(), submit_body()[:20]]),
)
NOISE = st.builds(
    Pdu,
    st.sampled_from([GENERIC_NACK, SUBMIT_SM | RESP, DELIVER_SM | RESP, UNBIND | RESP]),
    st.integers(0, 255),
    st.integers(0, 9),
    st.binary(max_size=4),
)


@given(st.lists(REQUESTS | NOISE, max_size=25), st.randoms(use_true_random=False))
def test_each_request_gets_exactly_one_answer(pdus, random):
    session, waiting, answered = new(window=3), [], []

    def work(now):
        waiting.extend(one for one in events(session, now) if isinstance(one, Requested))
        answered.extend(one for one in said(session) if one.command & RESPONSE)

    for now, one in enumerate(pdus):
        session.receive_data(one.encode())
        work(now)
        assert session.unanswered == len(waiting) <= 3
        while waiting and (len(waiting) == 3 or random.random() < 0.5):
            session.answer(waiting.pop(random.randrange(len(waiting))).pdu, now)
            work(now)
    while waiting:
        session.answer(waiting.pop().pdu, 99)
        work(99)

    expected = [one.sequence for one in pdus if not one.command & RESPONSE]
    got = [one.sequence for one in answered]
    if session.state is not State.CLOSED:
        assert sorted(got) == sorted(expected)
    else:  # closed by an unbind: all before it are answered, nothing behind it
        assert sorted(got) == sorted(expected[: len(got)])


@given(st.binary(max_size=300), st.sampled_from([BIND_RX, BIND_TX, BIND_TRX]))
def test_no_bytes_do_more_than_end_their_session(data, bind):
    session = bound(bind)

    for event in tell(session, data):
        session.answer(event.pdu, 0.0)

    said(session)
    session.tick(1.0)
