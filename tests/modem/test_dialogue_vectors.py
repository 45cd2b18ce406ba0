"""Every recorded answer, cut at every byte, with everything modems say unasked between its lines.

The four collections are of other projects: answers of modems, and patterns of what they say. Text
mode is not ours; its answers are only cut.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from re import _constants as token
from re import _parser

import pytest

from appliance.modem.at import (
    CARRY_A_PDU,
    LONGEST_LINE,
    Answer,
    Dialogue,
    Indicated,
    Said,
    bare,
    listed,
    prefixed,
)
from tests.vectors import load

REPORT = "07919471060040F406080C9194717110325476902180328534089021803295340800"
OCTETS = len(REPORT) // 2 - 8

CATEGORIES = {
    token.CATEGORY_DIGIT: "1",
    token.CATEGORY_SPACE: " ",
    token.CATEGORY_NOT_SPACE: "x",
    token.CATEGORY_WORD: "w",
}


@dataclass(frozen=True)
class Exchange:
    """A command and the lines that some modem answered to it, the final one included."""

    name: str
    command: str
    shape: Answer
    lines: tuple[str, ...]

    def octets(self, gap=None, noise=()):
        """Return what is said, with ``noise`` before the line of that number."""
        lines = list(self.lines)
        if gap is not None:
            lines[gap:gap] = noise
        return "".join(f"\r\n{line}\r\n" for line in lines).encode("latin-1", "replace")


def shape_for(line):
    prefix = re.match(r"[+^*%$]\w+:", line)
    return prefixed(prefix[0]) if prefix else bare()


def split(reply):
    return [line for line in (each.strip() for each in re.split(r"[\r\n]+", reply)) if line]


@cache
def exchanges():
    """Return what was answered to commands that we use, or might."""
    found = []
    for profile in load("babca_fakemodem_profiles")["profiles"]:
        for command, said in profile["responses"].items():
            lines = split("".join(said))
            if command.startswith("AT"):  # not what follows a prompt
                name = f"{profile['name']} {command.strip()}"
                found.append(Exchange(name, command.strip(), shape_for(lines[0]), tuple(lines)))
    for row in load("gammu_at_replies")["vectors"]:
        lines = split(row["reply"])
        command = lines.pop(0) if lines[0].startswith("AT") else "AT+X"
        if lines[-1] == "OK":
            found.append(Exchange(row["id"], command, shape_for(lines[0]), tuple(lines)))
    for row in load("chan_dongle_quectel_replies")["rows"]:
        lines = split(row["reply"])
        shape = listed("+CMGR:", fields=(2, 3)) if len(lines) > 1 else shape_for(lines[0])
        found.append(Exchange(f"{row['test']} {lines[0]}", "AT+X", shape, (*lines, "OK")))
    ours = [each for each in found if not re.search('"(REC|STO)', each.lines[0])]
    return list({(each.command, each.lines): each for each in ours}.values())  # forks repeat each


def text_mode():
    rows = [row["reply"] for row in load("gammu_at_replies")["vectors"]]
    rows += [row["reply"] for row in load("chan_dongle_quectel_replies")["rows"]]
    return [reply for reply in rows if '"REC' in reply or '"STO' in reply]


def example(pattern):
    """Return a text that a pattern describes: each repetition once, of each choice the first."""
    return "".join(map(_of, _parser.parse(pattern.replace("(?<", "(?P<"))))


def _of(item):
    """Return an example of one element of a pattern."""
    kind, value = item
    if kind is token.LITERAL:
        return chr(value)
    if kind is token.SUBPATTERN:
        return "".join(map(_of, value[-1]))
    if kind in (token.MAX_REPEAT, token.MIN_REPEAT):
        fewest, most, what = value
        return "".join(map(_of, what)) * max(fewest, min(most, 1))
    if kind is token.BRANCH:
        return "".join(map(_of, value[1][0]))
    if kind is token.IN:
        return _one_of(value)
    return "" if kind is token.AT else "x"  # any character, or any but one


def _one_of(choices):
    kind, value = choices[0]
    if kind is token.CATEGORY:
        return CATEGORIES[value]
    return chr(value[0]) if kind is token.RANGE else "x" if kind is token.NEGATE else chr(value)


@cache
def unsolicited():
    """Return what modems say unasked, each as its lines."""
    said = {
        line
        for row in load("urc_patterns_modemmanager")["rows"]
        for line in split(example(row["regex"]))
    }
    for row in load("chan_dongle_quectel_replies")["rows"]:
        lines = split(row["reply"])
        said |= {lines[0]} if len(lines) == 1 else set()
    for row in load("gammu_at_replies")["vectors"]:
        lines = split(row["reply"])
        said |= set(lines) if lines[-1] != "OK" and len(lines) == 1 else set()
    alone = {line for line in said if not line.startswith(CARRY_A_PDU)}
    with_pdu = {(f"{header} {OCTETS}", REPORT) for header in CARRY_A_PDU}
    return sorted({(line,) for line in alone} | with_pdu)


def heard(exchange, octets, cut=0):
    dialogue = Dialogue()
    dialogue.ask(exchange.command, exchange.shape)
    dialogue.data_to_send()
    return dialogue.receive_data(octets[:cut]) + dialogue.receive_data(octets[cut:])


def indicated(noise):
    """Return what unasked lines mean: an indication, with its PDU if it has one."""
    line, *pdu = noise
    return Indicated(Said(line, REPORT, OCTETS) if pdu else Said(line))


def apart(exchange, noise):
    """Say whether a line can be told from those of the answer, by its form."""
    return not exchange.shape.fits(noise[0]) and noise[0] not in exchange.lines


def test_the_collections_are_there_as_a_whole():
    assert (len(exchanges()), len(unsolicited())) == (124, 217)
    pairs = [apart(each, noise) for each in exchanges() for noise in unsolicited()]
    assert sum(pairs) > 0.99 * len(pairs)  # a few have the form of the answer itself


def test_every_answer_means_the_same_wherever_it_is_cut():
    for exchange in exchanges():
        octets = exchange.octets()
        whole = heard(exchange, octets)
        for cut in range(len(octets) + 1):
            assert heard(exchange, octets, cut) == whole, (exchange.name, cut)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r\r\n"])
def test_text_mode_is_not_ours_and_does_no_harm_wherever_it_is_cut(newline):
    exchange = Exchange("text mode", "AT+X", prefixed("+CMGR:"), ())
    for reply in text_mode():
        octets = newline.join(split(reply)).encode("latin-1", "replace")
        whole = heard(exchange, octets)
        for cut in range(len(octets) + 1):
            assert heard(exchange, octets, cut) == whole, (reply, cut)


def test_everything_unasked_between_any_two_lines_is_told_and_changes_no_answer():
    for exchange in exchanges():
        whole = heard(exchange, exchange.octets())
        said = [noise for noise in unsolicited() if apart(exchange, noise)]
        noise = [line for lines in said for line in lines]
        told = dict.fromkeys(map(indicated, said))
        for gap in range(len(exchange.lines) + 1):
            events = heard(exchange, exchange.octets(gap, noise))
            assert [each for each in events if each in told] == [*told], (exchange.name, gap)
            assert [each for each in events if each not in told] == whole, (exchange.name, gap)


LONG = 400
"""Octets from which on an answer is a list of all that a modem knows, with a hundred gaps alike."""


def test_the_same_cut_at_every_byte():
    """Each answer with something unasked in each of its gaps, in turn, so that all have theirs."""
    turn, used = cycle(unsolicited()), set()
    for exchange in exchanges():
        for gap in range(len(exchange.lines) + 1):
            noise = next(each for each in islice(turn, 50) if apart(exchange, each))
            used.add(noise)
            octets = exchange.octets(gap, noise)
            whole = heard(exchange, octets)
            for cut in range(len(octets) + 1 if len(octets) < LONG else 0):
                assert heard(exchange, octets, cut) == whole, (exchange.name, noise, gap, cut)
    assert used == set(unsolicited())


def test_everything_unasked_is_an_indication_alone_wherever_it_is_cut():
    for noise in unsolicited():
        octets = "".join(f"\r\n{line}\r\n" for line in noise).encode("latin-1")
        assert len(octets) < LONGEST_LINE
        for cut in range(len(octets) + 1):
            dialogue = Dialogue()
            events = dialogue.receive_data(octets[:cut]) + dialogue.receive_data(octets[cut:])
            assert events == [indicated(noise)], (noise, cut)
