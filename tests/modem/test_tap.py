"""Listening in on a port."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.modem.tap import KEPT, KEPT_BYTES, MOST_BEHIND, Piece, Tap, Transcript
from tests.modem.driving import LIMIT, committed, encoded

AT = datetime(2026, 5, 4, 12, 0, 1, 250_000, tzinfo=UTC)


@pytest.fixture
def tap():
    return Tap(ManualClock(AT))


async def take(lines, count):
    async with asyncio.timeout(LIMIT):
        return [await anext(lines) for _ in range(count)]


async def everything(tap, **how):
    """Return all that was said until now."""
    tap.read(b"\r\nTHE END\r\n")
    said = [""]
    async with asyncio.timeout(LIMIT):
        following = tap.follow(**how)
        while not said[-1].endswith("THE END"):
            said.append(await anext(following))
    return said[1:-1]


def words(lines):
    """Return lines without their time."""
    return [line.partition(" ")[2] for line in lines]


async def test_the_last_lines_come_first_and_then_what_is_said(tap):
    tap.wrote(b"AT+CSQ\r")
    tap.read(b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    following = tap.follow()
    assert words(await take(following, 3)) == ["> AT+CSQ", "< +CSQ: 20,99", "< OK"]
    coming = asyncio.create_task(take(following, 1))
    await asyncio.sleep(0)
    tap.read(b"RING\r\n")
    assert words(await coming) == ["< RING"]


async def test_two_may_listen_and_one_that_goes_is_forgotten(tap):
    first, second = tap.follow(), tap.follow()
    tap.wrote(b"AT\r")
    assert await take(first, 1) == await take(second, 1)
    await first.aclose()
    assert len(tap._followers) == 1
    await second.aclose()
    assert tap._followers == []


async def test_only_so_much_is_kept(tap):
    for number in range(2 * KEPT):
        tap.read(b"%d\r\n" % number)
    assert words(await take(tap.follow(), 1)) == [f"< {KEPT}"]
    for _ in range(KEPT):
        tap.read(b"x" * 4096)
    assert sum(len(piece.data) for piece in tap._kept) <= KEPT_BYTES


async def test_who_cannot_follow_misses_the_oldest_and_is_told(tap):
    following = tap.follow()
    tap.read(b"first\r\n")
    await take(following, 1)
    for number in range(MOST_BEHIND + 10):
        tap.read(b"%d\r\n" % number)
    lines = await take(following, MOST_BEHIND + 1)
    assert words(lines[:1]) == ["< 10"]
    assert lines[-1] == "(10 pieces came too fast and are not shown)"


def shown(*pieces, raw=False, show_numbers=False):
    transcript = Transcript(show_numbers=show_numbers, raw=raw)
    lines = [line for sent, data in pieces for line in transcript.lines(Piece(AT, sent, data))]
    return words([*lines, *transcript.end()])


def test_a_prompt_and_a_body_are_lines_though_they_have_no_end():
    assert shown(
        (True, b"AT+CMGS=24\r"),
        (False, b"\r\n> "),
        (True, b"0011000B919451214365870000AA0AE8329BFD4697D9EC37\x1a"),
        (False, b"\r\n+CMGS: 7\r\n\r\nOK\r\n"),
    ) == ["> AT+CMGS=24", "< > ", r"> 0011… (24 octets)\x1a", "< +CMGS: 7", "< OK"]


def test_raw_shows_line_ends_and_what_is_masked_stays_so():
    pieces = (True, b'AT+CPIN="4711"\r'), (False, b"\r\n867962034512345\r\n")
    assert shown(*pieces, raw=True) == [
        r"> AT+CPIN=****\r",
        r"< \r\n",
        r"< 867962*******45\r\n",
    ]


def test_a_line_has_its_time():
    (line,) = Transcript(show_numbers=False, raw=False).lines(Piece(AT, True, b"AT\r"))
    local = AT.astimezone()
    assert line == f"{local:%H:%M:%S}.250 > AT"


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=10))
def test_any_bytes_become_printable_lines(pieces):
    for line in shown(*pieces):
        assert line.isprintable()


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=60))
def test_it_does_not_matter_how_the_bytes_were_cut(data, cut):
    whole = shown((False, data))
    if data[max(cut - 1, 0) : cut + 1] != b"\r\n":
        assert shown((False, data[:cut]), (False, data[cut:])) == whole


async def test_a_modems_whole_dialogue_can_be_followed_over_several_starts(rig):
    await rig.bank()
    modem = rig.modem()
    await modem.start()
    await modem.send(encoded("hello"), committed())
    await modem.start()
    said = "\n".join(words(await everything(modem.tap)))
    for step in ("> AT+CGMI", "< huawei", "> AT+CMGS=", "< > ", "octets)", "< +CMGS:"):
        assert step in said
    assert rig.fake.imei not in said


async def test_a_pin_is_in_no_trace(rig):
    await rig.bank("ec25")
    await rig.fault("pin", pin="4711")
    modem = rig.modem(pin=lambda _sim: "4711")
    await modem.start()
    said = "\n".join(await everything(modem.tap, show_numbers=True))
    assert "AT+CPIN=****" in said
    assert "4711" not in said
