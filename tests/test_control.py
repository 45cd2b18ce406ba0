"""Asking lines: which line a name stands for, what may be asked, and how long one waits."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import ValidationError

from appliance.chores import REQUEST_OPEN, Chores
from appliance.clock import ManualClock
from appliance.config.settings import Messages
from appliance.control import Control, Pause, Pin, Reset, SendTest, Ussd, UssdAnswer
from appliance.errors import LineUnclear, NotFound
from appliance.inbox import reading
from appliance.models import RequestState
from appliance.store import Store
from appliance.store.requests import NOBODY, Finished
from appliance.store.values import LineFacts
from tests.rooms import START, add_sim, opened, sqlite_url

ICCID = "8949020000123456789F"

NAMES = {ICCID: "Warehouse", "89490200009999999999": "Shop"}

LONG = timedelta(seconds=30)

NOW = timedelta()


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def store(tmp_path, clock):
    async with opened(tmp_path, clock) as store:
        yield store


@pytest.fixture
def control(store, clock):
    return Control(store, clock, lambda iccid: NAMES.get(iccid, ""))


@pytest.fixture
def line(store, clock):
    """Give what makes a line known."""

    async def line(slot, iccid=None, **facts):
        sim = await add_sim(store, clock, iccid) if iccid else None
        known = {"port": f"/dev/ttyUSB{slot[-1]}", "state": "ready", "simulated": False}
        words = {"cause": "", "next_step": "", "changed_at": clock.now(), "sim_id": sim}
        await store.lines.tell(LineFacts(slot=slot, **(known | words | facts)))

    return line


@pytest.fixture
async def other(store, clock, tmp_path):
    """Give another daemon on the same database, with a line at 2-1."""
    (tmp_path / "there").mkdir()
    url = sqlite_url(tmp_path)
    other = await Store.open(
        url, tmp_path / "there", daemon="there", clock=clock, reading=reading({})
    )
    facts = {"port": "/dev/ttyUSB0", "state": "ready", "cause": "", "next_step": ""}
    await other.lines.tell(LineFacts(slot="2-1", simulated=False, changed_at=clock.now(), **facts))
    yield other
    await other.close()


@pytest.mark.parametrize(
    "name", ["1-1.2", "/dev/ttyUSB2", "ttyUSB2", ICCID, ICCID.lower(), ICCID[:-1], "warehouse"]
)
async def test_a_line_is_found_by_slot_port_sim_and_name(control, line, name):
    await line("1-1.2", ICCID)
    await line("1-1.3", "89490200009999999999")
    await line("1-1.4")
    assert (await control.find(name)).slot == "1-1.2"


async def test_what_stands_for_no_line_is_answered_with_those_there_are(control, line):
    with pytest.raises(LineUnclear, match="plug a modem in"):
        await control.find("1-1.2")
    await line("1-1.2", ICCID)
    await line("1-1.3")
    with pytest.raises(LineUnclear) as unclear:
        await control.find("1-1")
    assert not unclear.value.several
    assert unclear.value.candidates == ("1-1.2 (/dev/ttyUSB2, Warehouse)", "1-1.3 (/dev/ttyUSB3)")
    assert "no line is called that" in str(unclear.value)


async def test_what_stands_for_several_lines_is_answered_with_these(control, line):
    await line("1-1.2", port="/dev/ttyUSB0")
    await line("1-1.3", port="/dev/ttyUSB0")
    await line("1-1.4")
    with pytest.raises(LineUnclear, match="several lines") as unclear:
        await control.find("ttyUSB0")
    assert unclear.value.several
    assert [one.split()[0] for one in unclear.value.candidates] == ["1-1.2", "1-1.3"]


async def test_a_sim_that_was_moved_is_found_where_it_is_now(control, line):
    await line("1-1.2", ICCID, state="no_answer")
    await line("1-1.3", ICCID)
    assert (await control.find("Warehouse")).slot == "1-1.3"


async def test_what_is_asked_waits_until_it_is_answered(control, line, store, clock):
    await line("1-1.2", ICCID)
    name = await control.ask("Warehouse", Ussd(code="*100#"), None)
    waiting = asyncio.create_task(control.wait(name, LONG))
    (taken,) = await store.requests.take(clock.now())
    assert (taken.slot, taken.kind, taken.arguments) == ("1-1.2", "ussd", {"code": "*100#"})
    await store.requests.finish(Finished(id=taken.id, at=clock.now(), answer={"text": "10 €"}))
    found = await waiting
    assert (found.state, found.answer) == (RequestState.DONE, {"text": "10 €"})


async def test_who_waits_no_longer_is_told_how_far_it_is(control, line):
    await line("1-1.2")
    name = await control.ask("1-1.2", Reset(), None)
    found = await control.wait(name, NOW)
    assert (found.state, found.ended) == (RequestState.OPEN, False)


async def test_an_answer_of_another_daemon_is_found_though_its_bell_is_not_heard(
    control, other, clock
):
    name = await control.ask("2-1", Reset(), None)
    waiting = asyncio.create_task(control.wait(name, LONG))
    (taken,) = await other.requests.take(clock.now())
    await other.requests.finish(Finished(id=taken.id, at=clock.now(), answer={}))
    assert (await waiting).state is RequestState.DONE


async def test_a_request_to_a_line_of_a_daemon_that_is_gone_fails_in_time(
    control, store, other, clock
):
    chores = Chores(store, clock, Messages())
    name = await control.ask("2-1", Reset(), None)
    await chores.run()
    assert (await control.wait(name, NOW)).state is RequestState.OPEN
    clock.advance(REQUEST_OPEN + timedelta(seconds=1))
    await chores.run()
    found = await control.wait(name, LONG)
    assert (found.state, found.error) == (RequestState.FAILED, NOBODY)


async def test_what_was_never_asked_is_not_found(control):
    for name in ("r1", "nonsense"):
        with pytest.raises(NotFound):
            await control.wait(name, LONG)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Pin, {"pin": "123"}),
        (Pin, {"pin": "123456789"}),
        (Pin, {"pin": "12a4"}),
        (Pin, {"pin": "1234\n"}),
        (Pin, {"pin": "１２３４"}),
        (Pin, {}),
        (Ussd, {"code": "100"}),
        (Ussd, {"code": '*100#"'}),
        (Ussd, {"code": "*100#\r"}),
        (Ussd, {"code": "*"}),
        (Ussd, {"code": "*100#", "session": "x"}),
        (UssdAnswer, {"text": ""}),
        (UssdAnswer, {"text": "1\x1a"}),
        (Pause, {"reason": "two\nlines"}),
        (SendTest, {"to": ""}),
        (SendTest, {"to": "+4915123456789", "text": ""}),
        (Reset, {"hard": True}),
    ],
)
def test_what_is_not_of_the_right_form_is_refused_and_not_repeated(kind, given):
    with pytest.raises(ValidationError) as refused:
        kind(**given)
    said = str(refused.value)
    assert not any(str(value) in said for value in given.values() if len(str(value)) > 2)


def test_a_pin_is_not_shown(control):
    assert "1234" not in repr(Pin(pin="1234"))
