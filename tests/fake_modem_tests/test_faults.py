"""What can be made to go wrong, goes wrong as it would on a real stick."""

import asyncio
import os
import random
import re

import pytest

from tests.fake_modem import PERSONALITIES, AsyncControl, ControlError, Fate, Planned
from tests.fake_modem.commands import COMMANDS
from tests.fake_modem_tests.talk import FINAL, Port, submit


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    """Give the port of an E3372 with reports stored."""
    opened = Port(bank.directory / "modem0")
    await opened.ask("ATE0")
    await opened.ask("AT^CURC=0")
    await opened.ask("AT+CNMI=1,1,0,2,0")
    yield opened
    opened.close()


async def test_a_lost_answer_leaves_the_pdu_on_the_air_and_the_modem_alive(meet, network):
    modem, talk = meet("e3372")
    modem.faults.planned.append(Planned(Fate.LOST))
    await talk.hand_over(submit())
    while not network.ledger.sent():
        assert await talk.ask("AT") == "OK"

    assert "+CMGS" not in await talk.ask("AT+CSQ")
    assert (await talk.send(submit())).startswith("+CMGS: ")
    assert len(network.ledger.sent()) == 2


async def test_a_late_answer_comes_among_later_ones_or_before_them(meet):
    modem, talk = meet("e3372")
    modem.faults.planned += [
        Planned(Fate.LATE, seconds=0.05),
        Planned(Fate.LATE, seconds=0.05, busy=False),
    ]
    for first, second in (("CMGS", "CSQ"), ("CSQ", "CMGS")):
        await talk.hand_over(submit())
        talk.type("AT+CSQ\r")
        await talk.until(rf"(?s)\+{first}: .*\+{second}: .*OK\r\n")


async def test_errors_can_be_had_once_always_for_a_number_and_with_the_pdu_sent(meet, network):
    modem, talk = meet("sim800")
    plans = modem.faults.planned
    plans.append(Planned(Fate.ERROR, code=500, sent=True))
    assert await talk.send(submit()) == "+CMS ERROR: 500"
    plans.append(Planned(Fate.ERROR, code=None))
    assert await talk.send(submit()) == "ERROR"
    assert (await talk.send(submit())).endswith("OK")
    plans.append(Planned(Fate.ERROR, code=1, number="+4915100000002", count=None))
    assert [await talk.send(submit("+4915100000002")) for _ in range(3)] == ["+CMS ERROR: 1"] * 3
    assert (await talk.send(submit())).endswith("OK")

    assert [entry.accepted for entry in network.ledger.entries] == [
        True, False, True, False, False, False, True
    ]  # fmt: skip


async def test_hold_stops_between_the_ledger_and_the_answer(bank, control, port):
    await control.do("hold", modem=0)
    await port.hand_over(submit())

    event = await control.event()
    assert (event["event"], event["modem"], event["recipient"]) == (
        "held",
        "modem0",
        "+4915100000001",
    )
    assert [entry.reference for entry in bank.ledger.sent()] == [event["reference"]]
    assert not re.search("CMGS", port.heard.decode())

    assert (await control.do("go", modem=0))["released"] == 1
    await port.until(rf"\+CMGS: {event['reference']}\r\n\r\nOK\r\n")


async def test_what_is_said_while_the_port_is_closed_is_discarded_but_what_is_stored_stays(
    bank, control, port
):
    await control.do("hold", modem=0)
    await port.hand_over(submit())
    await control.event()
    port.close()

    await control.do("go", modem=0)
    await control.do("inbound", modem=0, text="while you were out")
    await control.do("wait_messages", count=1)
    await control.do("wait_reports", count=1)

    again = Port(bank.directory / "modem0")
    assert await again.ask("AT") == "OK"
    listed = await again.ask("AT+CMGL=4")
    assert listed.count("+CMGL: ") == 2
    assert (await control.do("stats"))["modems"]["modem0"]["discarded"] > 0
    again.stop_reading()
    port._fd = again._fd  # the fixture closes it


async def test_what_was_not_read_before_closing_is_not_found_after_opening(bank, control, port):
    port.stop_reading()
    await control.do("say", modem=0, text="+CMTI: stale")
    os.close(port._fd)
    while bank.ports[0]._used:
        await control.do("stats")

    port._fd = os.open(bank.directory / "modem0", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.read(port._fd, 100)


async def test_what_was_written_before_closing_is_still_taken(bank, control, port):
    await port.hand_over(submit())
    port.stop_reading()
    os.close(port._fd)

    assert (await control.do("wait_sent", count=1))["count"] == 1
    again = Port(bank.directory / "modem0")
    port._fd = again._fd
    assert await again.ask("AT") == "OK"
    again.stop_reading()


async def test_a_hung_modem_swallows_everything_until_it_is_mended(control, port, bank):
    await control.do("fault", modem=0, kind="hang")
    await control.do("inbound", modem=0, text="not now")
    port.type("AT+CSQ\r")
    assert (await control.do("pending"))["pending_messages"] == 1
    while bank.modems[0].stats["swallowed"] < len("AT+CSQ\r"):
        await control.do("stats")

    await control.do("mend", modem=0)
    await port.until(r"^\r\n\+CMTI.*\r\n")
    assert await port.ask("AT") == "OK"


async def test_a_deaf_modem_lets_its_port_fill_and_reads_on_later(control, port):
    await control.do("fault", modem=0, kind="deaf")
    port.type("AT+CSQ\r")
    with pytest.raises(BlockingIOError):
        any(not os.write(port._fd, b"\r" * 4096) for _ in range(100))

    await control.do("mend", modem=0)
    await port.until(r"\+CSQ: 21,99")
    assert await port.ask("AT") == "OK"


async def test_a_port_vanishes_and_comes_back_elsewhere(bank, control, port):
    before = (bank.directory / "modem0").readlink()
    await control.do("fault", modem=0, kind="vanish", seconds=0.01, name="modem9")
    assert not (bank.directory / "modem0").exists()
    while not (bank.directory / "modem9").exists():
        await control.do("stats")

    again = Port(bank.directory / "modem9")
    assert (bank.directory / "modem9").readlink() != before
    assert (await again.ask("AT+CGMM")).endswith("E3372|OK")
    assert bank.modems[0].cnmi == [1, 0, 0, 0, 0]  # it has lost power
    again.close()


async def test_a_plug_pulled_before_the_pdu_has_left_leaves_nothing_on_the_air(bank, control, port):
    await control.do("set", modem=0, cmgs_delay=0.05)
    await port.hand_over(submit())
    await control.do("fault", modem=0, kind="vanish", seconds=0)
    passed = asyncio.Event()
    bank.network.later(0.1, passed.set)
    await passed.wait()

    assert bank.modems[0].registered
    assert bank.ledger.entries() == []


async def test_a_restarting_stick_takes_its_port_with_it(bank, control, port):
    link = bank.directory / "modem0"
    before = link.readlink()
    port.type("AT+CFUN=1,1\r")
    while not link.is_symlink() or link.readlink() == before:
        await control.do("stats")

    again = Port(bank.directory / "modem0")
    assert (await again.ask("AT")).endswith("OK")
    again.close()


@pytest.mark.parametrize("size", [1, 7])
async def test_answers_can_be_cut_anywhere(control, port, size):
    await control.do("set", modem=0, chunk=size)
    assert await port.ask("AT+COPS?") == '+COPS: 0,0,"Telekom.de",7|OK'
    assert (await port.send(submit())).endswith("OK")


async def test_noise_can_stand_in_the_middle_of_an_answer(control, port):
    await control.do("fault", modem=0, kind="interrupt", text="^RSSI:7")
    assert await port.ask("AT+CSQ") == "+CSQ: 21,99|^RSSI:7|OK"
    assert await port.ask("AT+CSQ") == "+CSQ: 21,99|OK"


async def test_a_flood_of_garbage_has_a_rate_and_an_end(bank, control, port):
    port.stop_reading()
    await control.do("fault", modem=0, kind="flood", rate=500_000, seconds=0.1)
    while not bank.ports[0].lost + len(bank.ports[0]._backlog):
        await control.do("stats")
    assert bank.ports[0]._backlog


async def test_a_prompt_can_be_missing_or_late(control, port):
    await control.do("fault", modem=0, kind="no_prompt")
    port.type(f"AT+CMGS=18\r{submit()}\x1a")
    match = await port.until(FINAL)
    assert ">" not in match.string
    assert "+CMGS: " in match.string

    await control.do("fault", modem=0, kind="late_prompt", seconds=0.05)
    assert (await port.send(submit())).endswith("OK")


async def test_a_sim_can_be_missing_and_come_back(control, port):
    await port.ask("AT+CMEE=1")
    gone = (await control.do("fault", modem=0, kind="sim_out"))["result"]
    await port.until(r"\^SIMST:255")
    assert await port.ask("AT+CPIN?") == "+CME ERROR: 10"
    assert await port.ask("AT+CMGS=17") == "+CMS ERROR: 310"
    assert await port.ask("AT^ICCID?") == "+CME ERROR: 10"

    assert (await control.do("fault", modem=0, kind="sim_in"))["result"] == gone
    await port.until(r"\^SIMST:1")
    assert await port.ask("AT^ICCID?") == f"^ICCID: {gone}|OK"


async def test_sims_can_change_places(bank, control, port):
    before = [modem.sim.iccid for modem in bank.modems[:2]]
    await control.do("fault", modem=0, kind="swap", other=1)
    assert [modem.sim.iccid for modem in bank.modems[:2]] == before[::-1]

    fresh = (await control.do("fault", modem=0, kind="swap"))["result"]
    assert fresh not in before
    assert len(fresh) == 20


async def test_a_pin_has_three_tries_and_then_the_puk(control, port):
    await port.ask("AT+CMEE=1")
    await control.do("fault", modem=0, kind="pin", pin="4711")
    assert await port.ask("AT+CPIN?") == "^SIMST:255|^SIMST:1|+CPIN: SIM PIN|OK"
    assert await port.ask("AT^CPIN?") == "^CPIN: SIM PIN,,10,3,10,3|OK"
    assert await port.ask("AT+CMGF=0") == "+CMS ERROR: 311"
    assert await port.ask('AT+CPIN="0000"') == "+CME ERROR: 16"
    assert await port.ask("AT^CPIN?") == "^CPIN: SIM PIN,,10,2,10,3|OK"
    assert await port.ask('AT+CPIN="4711"') == "OK"
    assert await port.ask("AT+CPIN?") == "+CPIN: READY|OK"

    await control.do("fault", modem=0, kind="pin", pin="4711", tries=1)
    await port.ask('AT+CPIN="0000"')
    assert await port.ask("AT+CPIN?") == "+CPIN: SIM PUK|OK"
    assert await port.ask('AT+CPIN="4711"') == "+CME ERROR: 12"
    assert await port.ask('AT+CPIN="12345678","1111"') == "OK"
    assert await port.ask("AT+CPIN?") == "+CPIN: READY|OK"


async def test_before_the_pin_one_make_refuses_nearly_everything(meet):
    modem, talk = meet("zte")
    sim = modem.eject()
    sim.pin = "1234"
    modem.insert(sim)

    assert await talk.ask("AT") == "OK"
    assert await talk.ask("ATE0") == "ERROR"
    assert await talk.ask("AT+CGMI") == "ERROR"
    assert await talk.ask('AT+CPIN="1234"') == "OK"
    assert (await talk.ask("AT+CGMI")).endswith("OK")


async def test_coverage_comes_and_goes_with_a_word_if_asked(control, port):
    await port.ask("AT+CREG=2")
    await control.do("fault", modem=0, kind="coverage", coverage="denied")
    await port.until(r"\+CREG: 3\r\n")
    await control.do("fault", modem=0, kind="coverage", coverage="home")
    await port.until(r'\+CREG: 1,"4EFE","01A2D105",7\r\n')
    with pytest.raises(ControlError):
        await control.do("fault", modem=0, kind="coverage", coverage="marvellous")


async def test_a_memory_can_be_filled_and_indications_forgotten(bank, control, port):
    assert (await control.do("fault", modem=0, kind="fill", memory="SM", leave=1))["result"] == 49
    assert '"SM",49,50' in await port.ask("AT+CPMS?")
    await control.do("fault", modem=0, kind="cnmi")
    assert await port.ask("AT+CNMI?") == "+CNMI: 1,0,0,0,0|OK"


@pytest.mark.parametrize(("timing", "order"), [("early", "CDSI.*CMGS"), ("after", "CMGS.*CDSI")])
async def test_a_report_comes_before_or_after_the_answer_it_belongs_to(
    control, port, timing, order
):
    await control.do("set", modem=0, report_timing=timing)
    await port.hand_over(submit())
    await port.until(f"(?s){order}")


async def test_a_report_comes_in_the_middle_of_another_answer_and_twice(control, port):
    await control.do("set", modem=0, report_timing="in_answer", report_copies=2)
    await port.send(submit())
    await control.do("wait_reports", count=2)

    assert await port.ask("AT+CSQ") == '+CSQ: 21,99|+CDSI: "SM",0|OK'
    assert await port.ask("AT+COPS?") == '+COPS: 0,0,"Telekom.de",7|+CDSI: "SM",1|OK'


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_no_octets_whatever_upset_a_modem(meet, make):
    modem, talk = meet(make)
    chance = random.Random(make)
    names = [*COMMANDS, "E", "Z", "&F", "I", "S0=", "D123;", ""]
    signs = ["", "?", "=?", "=", "=1", '="SM"', "=0,0,0", '=,,"', "=9999999999", "=;"]
    tails = ["", ",1", '"', ";+CSQ"]
    for _ in range(3000):
        line = "AT" + "".join(map(chance.choice, (names, signs, tails))) + "\r"
        noise = chance.randbytes(chance.randrange(4)) if chance.random() < 0.2 else b""
        modem.receive(chance.choice([line.encode(), noise + line.encode(), line.encode() + noise]))
        if modem.prompting:
            modem.receive(chance.choice([b"\x1b", noise + b"\x1a"]))
        modem.power_on()
    modem.receive(b"\x1b\r")
    modem.power_off()
    modem.power_on()

    talk.heard.clear()
    assert (await talk.ask("ATE0")).endswith(("OK", "ERROR"))


async def test_a_wrong_request_is_answered_with_what_is_wrong(control):
    for wrong in ({"name": "dance"}, {"name": "set", "no_such": 1}, {"name": "fault", "kind": "x"}):
        name = wrong.pop("name")
        with pytest.raises(ControlError):
            await control.do(name, **wrong)
