"""Mutated PDUs do no more than they are answered for. ``make fuzz`` sends many more of them."""

import random

import pytest

from tests.fuzz.mutations import BODIES
from tests.fuzz.sessions import Found, one_request, one_stream
from tests.fuzz.structure import FORMATS, is_broken
from tests.smpp_server.esme import submit_body

HERE = 5_000


def test_what_is_mutated_is_good_before():
    assert set(BODIES) == set(FORMATS)
    for command, bodies in BODIES.items():
        assert not any(is_broken(command, body) for body in bodies)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        submit_body()[:-1],
        submit_body() + b"\0",
        submit_body() + b"\4\x24\0\5abcd",
        submit_body() + b"\2\x0c\0\1a",
        submit_body(service_type=b"toolong"),
        submit_body(text=b"x" * 255),
        submit_body(sm_length=6),
    ],
)
def test_the_second_reader_knows_what_is_broken(body):
    assert is_broken(0x04, body)


def test_no_broken_request_is_taken_and_no_session_is_hurt():
    found, dice = Found(), random.Random(20260504)
    for sequence in range(1, HERE):
        found.add(one_request(dice, sequence))
    assert found.wrong == []
    assert min(found.taken, found.refused) > HERE // 10  # both happen often


def test_no_stream_of_bytes_wedges_a_session():
    found, dice = Found(), random.Random(20260505)
    for _ in range(HERE // 5):
        found.add(one_stream(dice))
    assert found.wrong == []
