"""The complaints that users of other gateways have most, and the tests that they cannot have here.

Facts about modems, section 3. Those about receiving stand in ``test_complaints_receiving``; each
test's name begins with its complaint, and would fail on the behaviour that is complained of.
"""

import asyncio
import os
import re
import sys
import termios
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance import pool
from appliance.config.settings import Mending
from appliance.lifecycle import State
from appliance.lines import conduct, mending
from tests.box import until
from tests.fake_modem import PERSONALITIES
from tests.whole import test_complaints_receiving
from tests.whole.keeping import SECONDS, helper, home
from tests.whole.test_complaints_receiving import all_ready, states

pytestmark = pytest.mark.timeout(120)

COMPLAINTS = {
    "1": "stops sending or receiving until it is plugged in anew or restarted",
    "2": "delivery reports never arrive, or never match",
    "3": "can send, cannot receive",
    "4": "recipients get messages twice",
    "5": "the same inbound message again and again",
    "6": "the memory is full, and there is silence",
    "7": "ttyUSB renumbers, or the stick comes back as a CD-ROM",
    "8": "ModemManager holds the port",
    "9": "what a modem says unasked breaks the answers",
    "10": "long messages come cut, disordered or mixed",
    "11": "emoji and Unicode fail",
    "12": "prompt, flow control, time-outs, and +CMS ERROR: 500 that says nothing",
    "plus": "one daemon per modem, the wrong line, uneven spread",
}


def having(number):
    here = {**globals(), **vars(test_complaints_receiving)}
    return [name for name in here if re.match(rf"test_complaint_{number}_", name)]


@pytest.mark.parametrize("number", COMPLAINTS)
def test_each_complaint_has_its_test(number):
    assert having(number)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Let waits that are long for the sake of real sticks be short."""
    monkeypatch.setattr(mending, "SETTLE", timedelta(milliseconds=500))
    monkeypatch.setattr(conduct, "PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(pool, "FIND_AGAIN", timedelta(milliseconds=200))


def numbers(count, first=0):
    return [f"+49151{number:08d}" for number in range(first, first + count)]


async def submit_all(house, to):
    return [(await house.submit(number)).id for number in to]


async def all_become(house, names, *wanted):
    async def there():
        return set(await states(house, names)) <= set(wanted)

    await until(there, f"all become {wanted}", SECONDS)


def sent_by(house):
    return Counter(one.modem for one in house.bank.ledger.sent())


def nothing_twice(house):
    on_air = Counter(one.recipient for one in house.bank.ledger.sent())
    return [number for number, count in on_air.items() if count > 1] == []


async def sends_again(house, modem, first):
    """Submit until a modem has sent something more."""
    before, number = sent_by(house)[modem], first

    async def more():
        nonlocal number
        if sent_by(house)[modem] > before:
            return True
        await submit_all(house, numbers(4, number))
        number += 4
        await asyncio.sleep(0.2)
        return False

    await until(more, f"{modem} sends again", SECONDS)


CURES = ("escape", "reopen", "cfun", "usb", "power")


async def test_complaint_1_modems_that_hang_in_mid_traffic_send_again_without_a_hand(tmp_path):
    """Each needs another step of the ladder; one loses the part that it has, too."""
    rules = Mending(helper=str(tmp_path / "helper.sock"), port_power=True)
    async with (
        helper(tmp_path / "helper.sock", tmp_path / "sysfs"),
        home(tmp_path, modems=len(CURES), sysfs=True, mending=rules, report_delay=0.05) as house,
    ):
        await all_ready(house, len(CURES))
        for modem, cure in enumerate(CURES):
            after = "ctrl-z" if cure == "reopen" else modem
            await house.fault("hang", modem=modem, cure=cure, after=after)
        names = await submit_all(house, numbers(20))
        await all_become(house, names, State.SENT, State.DELIVERED)  # a restart may lose reports
        for modem, cure in enumerate(CURES):
            shown = await house.line_is(
                f"what {cure} cures is ready", lambda one: one.state == "ready", modem
            )
            assert cure not in {"usb", "power"} or shown.mended[cure] == 1
            await sends_again(house, f"modem{modem}", 1000 * (modem + 1))
        assert nothing_twice(house)


async def test_the_power_of_a_port_is_left_alone_unless_that_is_set(tmp_path):
    rules = Mending(helper=str(tmp_path / "helper.sock"), give_up_minutes=60)
    async with (
        helper(tmp_path / "helper.sock", tmp_path / "sysfs") as served,
        home(tmp_path, sysfs=True, mending=rules) as house,
    ):
        await house.ready()
        await house.fault("hang", cure="power")
        shown = await house.line_is("it is given up", lambda one: "given up" in one.mending)
        assert served == [0]
        assert (shown.mended["usb"], shown.mended.get("power")) == (1, None)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ({"kind": "lost"}, State.DELIVERED),
        ({"kind": "late", "seconds": 1}, State.DELIVERED),
        ({"kind": "error", "code": 500, "sent": True}, State.DELIVERED),
        ({"kind": "error", "code": None, "sent": True}, State.DELIVERED),
        ({"kind": "error", "code": 500}, State.UNCERTAIN),
        ({"kind": "hang", "after": "ctrl-z", "cure": "reopen", "sent": False}, State.UNCERTAIN),
    ],
    ids=str,
)
async def test_complaint_4_what_may_be_on_the_air_is_never_sent_again(tmp_path, fault, wanted):
    """Its report settles it; where none comes it stays as it is, and the line goes on."""
    async with home(tmp_path, report_delay=0.05) as house:
        await house.ready()
        await house.fault(**fault)
        names = await submit_all(house, numbers(1))
        await all_become(house, names, wanted)
        others = await submit_all(house, numbers(5, 1))
        await all_become(house, others, State.DELIVERED)
        assert await states(house, names) == [wanted]
        on_air = Counter(one.recipient for one in house.bank.ledger.sent())
        expected = Counter(numbers(6)) if wanted is State.DELIVERED else Counter(numbers(5, 1))
        assert on_air == expected


async def test_complaint_4_what_certainly_was_not_sent_is(tmp_path):
    async with home(tmp_path, report_delay=0.05) as house:
        await house.ready()
        await house.fault("no_prompt", count=2)
        names = await submit_all(house, numbers(3))
        await all_become(house, names, State.DELIVERED)
        assert nothing_twice(house)


async def test_complaint_7_a_stick_that_was_a_cd_rom_and_is_another_tty_is_the_same_line(tmp_path):
    async with home(tmp_path, sysfs=True, renumber=True, cdrom_seconds=0.5) as house:
        before = await house.ready()
        (names,) = (await submit_all(house, numbers(1)),)
        device = house.folder / "sysfs" / "bus" / "usb" / "devices" / "1-1.1"
        resetting = asyncio.create_task(house.pool.keeper(before.slot).reset("to see it change"))

        async def is_disc():
            return device.exists() and (device / "idProduct").read_text().strip() == "1f01"

        await until(is_disc, "it is a CD-ROM", SECONDS)
        await resetting
        after = await house.line_is(
            "it is back", lambda one: one.state == "ready" and one.port != before.port
        )
        assert (after.slot, after.sim, after.imei) == (before.slot, before.sim, before.imei)
        names += await submit_all(house, numbers(3, 1))
        await all_become(house, names, State.DELIVERED)
        assert len(await house.lines()) == 1
        assert nothing_twice(house)


async def test_complaint_7_a_hung_stick_is_replugged_and_found_under_its_new_number(tmp_path):
    rules = Mending(helper=str(tmp_path / "helper.sock"))
    async with (
        helper(tmp_path / "helper.sock", tmp_path / "sysfs") as served,
        home(tmp_path, modems=2, sysfs=True, renumber=True, mending=rules) as house,
    ):
        await all_ready(house, 2)
        before = await house.line()
        await house.fault("hang", cure="usb")
        after = await house.line_is(
            "it is back", lambda one: one.state == "ready" and one.port != before.port
        )
        assert (after.slot, after.sim) == (before.slot, before.sim)
        assert served == [0]
        await sends_again(house, "modem0", 0)
        assert len(await house.lines()) == 2


HOLD = """#!{python}
import os, sys, serial
port = serial.Serial(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def held_by(name, folder, port):
    """Have another process of that name hold a port; give its number."""
    program = folder / name
    program.write_text(HOLD.format(python=sys.executable))
    program.chmod(0o755)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, port, stdin=pipe, stdout=pipe)
    try:
        assert await process.stdout.readline() == b"held\n"
        yield process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def test_complaint_8_whoever_holds_the_port_is_named_and_it_is_taken_when_free(tmp_path):
    async with home(tmp_path, modems=2) as house:
        await all_ready(house, 2)
        await house.fault("vanish", seconds=0, power=False)
        port = str(house.bank.ports[0].link)
        async with held_by("ModemManager", tmp_path, port) as pid:
            shown = await house.line_is(
                "the holder is named", lambda one: f"ModemManager ({pid})" in one.cause
            )
            assert shown.state == "blocked"
            assert shown.next_step
            await sends_again(house, "modem1", 0)
        await house.ready()
        await sends_again(house, "modem0", 1000)


PROMPTS = ("\r\n> ", "\r\n>", "\r\n>\r\n", ">")


async def test_complaint_12_every_prompt_is_understood_with_and_without_echo(tmp_path):
    makes = [
        replace(PERSONALITIES["e3372"], prompt=prompt, echo=echo)
        for prompt in PROMPTS
        for echo in (True, False)
    ]
    async with home(tmp_path, *makes, modems=len(makes), report_delay=0.05) as house:
        await all_ready(house, len(makes))
        names = await submit_all(house, numbers(5 * len(makes)))
        await all_become(house, names, State.DELIVERED)
        assert set(sent_by(house)) == {f"modem{number}" for number in range(len(makes))}
        assert nothing_twice(house)
        for port in house.bank.ports:
            assert flow_control(port.path) == (False, False)


def flow_control(path):
    """Return whether a terminal has flow control, in hardware and in software."""
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        iflag, _, cflag, *_ = termios.tcgetattr(terminal)
    finally:
        os.close(terminal)
    return bool(cflag & termios.CRTSCTS), bool(iflag & (termios.IXON | termios.IXOFF))


async def test_complaint_12_a_bare_500_has_its_words_and_says_what_to_do(tmp_path):
    async with home(tmp_path, mending=Mending(failures=3)) as house:
        await house.ready()
        await house.fault("mute_network")
        (name,) = await submit_all(house, numbers(1))
        await all_become(house, [name], State.UNCERTAIN)
        story = await house.store.views.message(None, name)
        assert story.message.cause == "+CMS ERROR: 500: unknown error"
        await submit_all(house, numbers(4, 1))
        await house.stands("nothing_out")
        (incident,) = [
            one for one in await house.store.incidents.shown() if one.kind == "nothing_out"
        ]
        assert incident.next_step.startswith("Check credit and contract of the SIM")


async def test_complaint_plus_one_daemon_spreads_evenly_and_keeps_to_a_line(tmp_path):
    """Who has heard from one of our numbers hears from it again."""
    makes = ("e3372", "sim800", "ec25", "zte")
    async with home(tmp_path, *makes, modems=4, report_delay=0.05, cmgs_delay=0.05) as house:
        await all_ready(house, 4)
        to = numbers(80)
        await all_become(house, await submit_all(house, to), State.DELIVERED)
        assert len(sent_by(house)) == 4
        assert min(sent_by(house).values()) >= 10  # of 20
        await all_become(house, await submit_all(house, to[:20]), State.DELIVERED)
        lines = {number: set() for number in to[:20]}
        for one in house.bank.ledger.sent():
            if one.recipient in lines:
                lines[one.recipient].add(one.iccid)
        assert {len(iccids) for iccids in lines.values()} == {1}
