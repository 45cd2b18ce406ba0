"""One line through every state that there is, as the page says it; and a SIM that is busy."""

import fcntl
import os
from datetime import timedelta

import pytest

from appliance.api.words import LINES, line_word
from appliance.config.settings import Mending
from appliance.lines import conduct, keeper, mending
from appliance.modem.values import LineState, SimRules
from appliance.submission import Category
from tests.box import until
from tests.whole.keeping import home

pytestmark = pytest.mark.timeout(120)

NUMBER, OTHER = "+4915112345678", "+4915112345679"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(mending, "START_AGAIN", (timedelta(milliseconds=200),))
    monkeypatch.setattr(mending, "SETTLE", timedelta(milliseconds=200))
    monkeypatch.setattr(keeper, "SENDING_SHOWN", timedelta(milliseconds=50))
    monkeypatch.setattr(keeper, "TELL_AGAIN", timedelta(milliseconds=20))


class Held:
    """The port, held by another program: by us."""

    def __init__(self, port):
        self._port = port

    async def __aenter__(self):
        self._file = os.open(self._port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

        async def got():
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        await until(got, "the port is free for a moment")

    async def __aexit__(self, *_):
        os.close(self._file)


class Walk:
    """A line on its way through its states; remembers what it has said in each."""

    def __init__(self, place):
        self.place, self.seen = place, {}

    async def is_now(self, state, cause="", next_step=""):
        found = await self.place.line_is(
            f"it is {state}: {cause}",
            lambda one: one.state == state and cause in one.cause and next_step in one.next_step,
        )
        self.seen[LineState(state)] = found
        return found


async def test_a_line_says_in_every_state_what_it_is_why_and_what_to_do(tmp_path):
    async with home(tmp_path, answer_delay=0.02, mending=Mending(enabled=False)) as place:
        walk = Walk(place)
        await walk.is_now("starting", "being started", "Wait")
        await walk.is_now("ready")

        await place.do("set", answer_delay=0.0, cmgs_delay=0.3)
        await place.submit(NUMBER)
        await walk.is_now("sending")
        await walk.is_now("ready")

        await place.fault("coverage", coverage="searching")
        await walk.is_now("searching", "searching for a network", "antenna")
        await place.fault("coverage", coverage="denied")
        await walk.is_now("denied", "denies this SIM", "operator")
        await place.fault("coverage", coverage="roaming")
        await walk.is_now("roaming", "roaming is off", "Allow roaming")
        place.rules = SimRules(roaming=True)
        await walk.is_now("ready")

        iccid = (await place.do("take_sim", modem=0))["iccids"][0]
        await walk.is_now("sim_missing", "finds no SIM", "Insert the SIM")
        await place.do("put_sim", modem=0, iccid=iccid)
        await walk.is_now("ready")

        await place.fault("pin", pin="1234", tries=3)
        await walk.is_now("pin_needed", "wants its PIN", "Put the PIN into the configuration")
        await place.fault("pin", pin="1234", tries=0)
        await walk.is_now("puk_needed", "wants its PUK", "operator knows the PUK")
        async with Held(place.pool.keeper("modem0").modem.port):
            await walk.is_now("blocked", "The port is held by", "Stop that program")
        await place.fault("pin", pin="1234", tries=3)
        place.pin = "1234"
        await walk.is_now("ready")

        place.rules = SimRules(enabled=False)
        disabled = await walk.is_now("disabled", "is disabled in the configuration", "reload")
        assert f"…{iccid[-4:]}" in disabled.cause
        place.rules = SimRules(roaming=True)
        await walk.is_now("ready")

        await place.fault("hang", after="ctrl-z", cure="never")
        await place.submit(OTHER)
        await walk.is_now("recovering", "does not answer", "Wait")
        await walk.is_now("no_answer", "does not answer", "unplug the modem")
        await place.do("mend", modem=0)
        await walk.is_now("ready")

        assert set(walk.seen) == set(LineState)
        troubled = set(LineState) - {LineState.ready, LineState.sending}
        assert all(walk.seen[state].cause and walk.seen[state].next_step for state in troubled)
        assert {line_word(state) for state in walk.seen} == {LINES[state] for state in LineState}


async def test_a_sim_that_is_busy_says_so_and_another_one_sends_its_part(tmp_path, monkeypatch):
    monkeypatch.setattr(conduct, "PAUSE", timedelta(seconds=5))
    async with home(tmp_path, modems=2) as place:
        for number in range(2):
            await place.ready(number)
        iccid = (await place.do("take_sim", modem=1))["iccids"][0]
        await place.line_is("it has none", lambda one: one.state == "sim_missing", 1)
        await place.fault("error", code=314)
        accepted = await place.submit(NUMBER)
        await place.line_is("it says why", lambda one: "the SIM is busy" in one.cause)
        await place.do("put_sim", modem=1, iccid=iccid)

        async def delivered():
            found = await place.store.views.message(None, accepted.id)
            return found.message.state == "delivered"

        await until(delivered, "the other one has sent it")
        (sent,) = place.bank.ledger.sent()
        assert sent.modem == "modem1"


async def test_what_is_urgent_goes_between_the_parts_of_a_long_message_and_breaks_nothing(tmp_path):
    async with home(tmp_path, cmgs_delay=0.2) as place:
        await place.ready()
        long = await place.submit(NUMBER, "0123456789" * 60)  # four parts
        await place.on_air(NUMBER)
        await place.submit(OTHER, "your code", category=Category.OTP)
        await place.on_air(NUMBER, 4)

        async def delivered():
            found = await place.store.views.message(None, long.id)
            return found.message.state == "delivered"

        await until(delivered, "all parts are delivered")
        sent = place.bank.ledger.sent()
        assert [one.recipient for one in sent].index(OTHER) in (1, 2)
        parts = [one for one in sent if one.recipient == NUMBER]
        assert [one.concat.ordinal for one in parts] == [1, 2, 3, 4]
        assert len({one.concat.reference for one in parts}) == 1
        held_open = place.bank.modems[0].links
        assert [held for held, one in zip(held_open, sent, strict=True) if one in parts] == [
            *(2, 2, 2),
            0,
        ]
        assert held_open[[one.recipient for one in sent].index(OTHER)] == 0
