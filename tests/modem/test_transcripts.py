"""What recorded modems answered to each command, cut at every byte."""

import re

import pytest

from appliance.modem.at import LONGEST_LINE, Answered, Dialogue, Refused, Said, bare, prefixed
from tests.vectors import load

FINALS = {"ERROR": Refused, "COMMAND NOT SUPPORT": Refused, "OK": Answered}


def transcripts():
    """Return (modem, command, lines of its answer)."""
    for profile in load("babca_fakemodem_profiles")["profiles"]:
        for command, lines in profile["responses"].items():
            if command.startswith("AT"):  # not what follows a prompt
                yield profile["name"], command.rstrip("\r"), lines


def heard(command, shape, octets, cut):
    dialogue = Dialogue()
    dialogue.ask(command, shape)
    dialogue.data_to_send()
    return dialogue.receive_data(octets[:cut]) + dialogue.receive_data(octets[cut:])


def shape_for(line):
    prefix = re.match(r"[+^*%$]\w+:", line)
    return prefixed(prefix[0]) if prefix else bare()


@pytest.mark.parametrize(
    ("command", "lines"),
    [pytest.param(*each, id=f"{modem} {each[0]}") for modem, *each in transcripts()],
)
def test_a_recorded_answer_is_one_answer_wherever_it_is_cut(command, lines):
    octets, shape = "".join(lines).encode("latin-1"), shape_for(lines[0])
    whole = heard(command, shape, octets, 0)
    for cut in range(len(octets) + 1):
        assert heard(command, shape, octets, cut) == whole, cut
    said = [line.strip() for line in lines if line.strip()]
    final = FINALS.get(said[-1])
    if final is None:  # Wavecom's CPIN? has no OK, so the command still waits
        assert (command, whole) == ("AT+CPIN?", [])
        return
    assert type(whole[-1]) is final
    if len(said) == 2 and len(said[0]) < LONGEST_LINE:  # a longer one is taken for noise
        assert whole == [Answered((Said(said[0]),))]
