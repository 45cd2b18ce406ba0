"""Texts with line breaks in an indication: whole wherever the bytes are cut, and never a trap."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.modem.at import NOTHING, Answered, Dialogue, Indicated, Prompted, Refused, Said
from appliance.modem.quotes import MOST_LINES
from tests.modem.test_at import CMGL, CSQ, REPORT, asked, everywhere, feed, said

MENU = '\r\n+CUSD: 1,"Menu:\r\n1 Balance\n2 OK\r\nOK\r\n\r\n> back",15\r\n'

WHOLE = Indicated(Said('+CUSD: 1,"Menu:\n1 Balance\n2 OK\nOK\n> back",15'))


def test_a_quoted_text_goes_on_until_its_quote_closes():
    assert everywhere(MENU, Dialogue) == [WHOLE]


def test_it_may_close_without_a_coding_and_on_a_line_of_its_own():
    assert everywhere('+CUSD: 0,"a\r\nb"\r\n', Dialogue) == [Indicated(Said('+CUSD: 0,"a\nb"'))]
    assert everywhere('+CUSD: 0,"\r\nb\r\n" , 15 \r\n', Dialogue) == [
        Indicated(Said('+CUSD: 0,"\nb\n" , 15'))
    ]


@pytest.mark.parametrize(
    "line", ['+CUSD: 0,"a, b",15', "+CUSD: 4", "+CUSD: 0,41,15", '+CUSD: 0,""']
)
def test_a_line_that_is_whole_waits_for_nothing(line):
    dialogue = Dialogue()
    assert feed(dialogue, f"{line}\r\n") == [Indicated(Said(line))]
    assert not dialogue.quote


def test_a_command_in_flight_is_neither_answered_by_the_text_nor_disturbed():
    data = f"{MENU}\r\n+CSQ: 17,99\r\n{MENU}\r\nOK\r\n"
    assert everywhere(data, lambda: asked("AT+CSQ", CSQ)) == [
        WHOLE,
        WHOLE,
        Answered(said("+CSQ: 17,99")),
    ]


def test_a_listing_keeps_its_pdus_around_it():
    size = len(REPORT) // 2 - 8
    listing = f"+CMGL: 1,1,,{size}\r\n{MENU}{REPORT}\r\n\r\nOK\r\n"
    events = everywhere(listing, lambda: asked("AT+CMGL=4", CMGL))
    assert events == [WHOLE, Answered((Said(f"+CMGL: 1,1,,{size}", REPORT, size),))]


def test_the_prompt_is_seen_after_the_text_and_none_is_seen_in_it():
    dialogue = asked("AT+CMGS=23", prompt=True)
    assert feed(dialogue, '+CUSD: 1,"1 A\r\n> ') == []
    assert feed(dialogue, 'B",15\r\n') == [Indicated(Said('+CUSD: 1,"1 A\n> B",15'))]
    assert feed(dialogue, "\r\n> ") == [Prompted()]


def test_another_indication_says_that_the_quote_never_closes():
    assert everywhere('+CUSD: 0,"cut\r\nhere\r\n+CMTI: "SM",3\r\n', Dialogue) == [
        Indicated(Said('+CUSD: 0,"cut')),
        Indicated(Said("here")),
        Indicated(Said('+CMTI: "SM",3')),
    ]


def test_what_an_open_quote_has_swallowed_is_given_back():
    dialogue = asked("AT+CSQ", CSQ)
    assert feed(dialogue, '+CUSD: 0,"cut\r\nOK\r\n') == []
    assert dialogue.quote
    assert dialogue.give_up_quote() == [Indicated(Said('+CUSD: 0,"cut')), Answered(())]
    assert not dialogue.quote
    assert dialogue.give_up_quote() == []


def test_a_prompt_behind_an_open_quote_is_given_back_too():
    dialogue = asked("AT+CMGS=23", prompt=True)
    assert feed(dialogue, '+CUSD: 0,"cut\r\n> ') == []
    assert dialogue.give_up_quote() == [Indicated(Said('+CUSD: 0,"cut')), Prompted()]


def test_an_error_ends_the_command_even_behind_an_open_quote():
    dialogue = asked("AT+CMGS=23", prompt=True)
    events = feed(dialogue, '+CUSD: 0,"cut\r\n+CMS ERROR: 500\r\n')
    assert events == [Indicated(Said('+CUSD: 0,"cut')), Refused("+CMS ERROR: 500")]


def test_a_text_of_endless_lines_is_none():
    dialogue = Dialogue()
    lines = [f"line {number}" for number in range(MOST_LINES + 1)]
    events = feed(dialogue, "\r\n".join(['+CUSD: 0,"', *lines, ""]))
    assert events == [Indicated(Said(line)) for line in ('+CUSD: 0,"', *lines)]
    assert not dialogue.quote


@given(st.text(alphabet='+CUSD:01,"\r\nOK> a', max_size=200), st.integers(0, 200))
def test_where_the_bytes_are_cut_makes_no_difference(text, cut):
    data = b'+CUSD: 1,"' + text.encode("ascii") + b"\r\n"
    whole, parts = Dialogue(), Dialogue()
    first = feed(whole, data) + whole.give_up_quote()
    assert feed(parts, data[:cut]) + feed(parts, data[cut:]) + parts.give_up_quote() == first


async def test_a_quote_that_never_closes_holds_up_a_command_no_longer_than_the_text_may_take(
    peer, opened, monkeypatch
):
    monkeypatch.setattr("appliance.modem.link.QUOTE", 0.05)
    link = await opened()
    peer.replies[b"AT+CSQ"] = b'\r\n+CUSD: 0,"cut\r\nOK\r\n'
    async with asyncio.timeout(5):
        assert await link.command("AT+CSQ", NOTHING) == ()
    assert link.heard == ['+CUSD: 0,"cut']


async def test_a_text_with_line_breaks_comes_through_a_port_whole(peer, opened):
    link = await opened()
    peer.replies[b"AT"] = MENU.encode() + b"\r\nOK\r\n"
    await link.command("AT")
    assert link.heard == [WHOLE.said.line]
