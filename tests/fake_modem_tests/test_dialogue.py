"""What each make answers, over a real port."""

import re
from dataclasses import replace

import pytest

from tests.fake_modem import PERSONALITIES, THE_SIX, Bank
from tests.fake_modem.sim import luhn
from tests.fake_modem_tests.conftest import QUICK
from tests.fake_modem_tests.talk import Port, submit

MAKERS = {
    "e3372": ("huawei", "E3372"),
    "e1550": ("huawei", "E1550"),
    "sim800": ("SIMCOM_Ltd", "SIMCOM_SIM800L"),
    "sim7600": ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H"),
    "ec25": ("Quectel", "EC25"),
    "zte": ("ZTE INCORPORATED", "MF190"),
}
ICCID = {
    "e3372": ("AT^ICCID?", "^ICCID: "),
    "sim800": ("AT+CCID", ""),
    "sim7600": ("AT+CICCID", "+ICCID: "),
    "ec25": ("AT+QCCID", "+QCCID: "),
    "zte": ("AT+ZGETICCID", "+ZGETICCID: "),
}
STARTED = {  # a report asked for and taken, in the best way each make has
    "e3372": ("AT+CNMI=2,1,0,2,0", r'\+CDSI: "SM",0\r'),
    "e1550": ("AT+CNMI=1,1,0,2,0", r'\+CDSI: "SR",0\r'),
    "sim800": ("AT+CNMI=2,1,0,1,0", r"\+CDS: 26\r\n[0-9A-F]{68}\r"),
    "sim7600": ("AT+CNMI=2,1,0,2,0", r'\+CDSI: "SR",0\r'),
    "ec25": ("AT+CNMI=2,1,0,2,0", r'\+CDSI: "SM",0\r'),
    "zte": ("AT+CNMI=1,1,0,1,0", r"\+CDS: ,26\r\n[0-9A-F]{68}\r"),
}


@pytest.fixture(params=THE_SIX)
async def make(request):
    return request.param


@pytest.fixture
async def port(bank, make):
    opened = Port(bank.directory / f"modem{THE_SIX.index(make)}")
    yield opened
    opened.close()


async def test_it_says_who_it_is(port, make, bank):
    assert (await port.ask("ATE0")).endswith("OK")
    maker, model = MAKERS[make]

    assert await port.ask("AT+CGMI") == f"{maker}|OK"
    assert await port.ask("AT+CGMM") == f"{model}|OK"
    serial = (await port.ask("AT+CGSN")).removesuffix("|OK")
    assert re.fullmatch(r"\d{15}", serial)
    assert luhn(serial[:-1]) == serial


async def test_it_says_which_sim_is_in_it(port, make, bank):
    await port.ask("ATE0")
    sim = bank.modems[THE_SIX.index(make)].sim

    assert len(sim.iccid) == 20
    assert luhn(sim.iccid[:-1]) == sim.iccid
    assert await port.ask("AT+CIMI") == f"{sim.imsi}|OK"
    assert f'"{sim.number}",145' in await port.ask("AT+CNUM")
    if make in ICCID:
        command, prefix = ICCID[make]
        assert await port.ask(command) == f"{prefix}{sim.iccid}|OK"
    raw = re.search(r'"(\d{20})"', await port.ask("AT+CRSM=176,12258,0,0,10"))[1]
    assert "".join(high + low for low, high in zip(raw[::2], raw[1::2], strict=True)) == sim.iccid


async def test_it_sends_and_announces_the_report_in_its_own_way(port, make, bank):
    await port.ask("ATE0")
    how, announced = STARTED[make]
    assert await port.ask(how) == "OK"
    bank.modems[THE_SIX.index(make)].start_references_at(255)

    first = await port.send(submit())
    await port.until(announced)
    second = await port.send(submit())

    assert (first, second) == ("+CMGS: 255|OK", "+CMGS: 0|OK")
    on_air = bank.ledger.sent()
    assert [entry.reference for entry in on_air] == [255, 0]
    assert {(entry.recipient, entry.text) for entry in on_air} == {("+4915100000001", "hola")}


async def test_it_receives_into_its_own_memory(port, make, bank):
    modem = bank.modems[THE_SIX.index(make)]
    await port.ask("ATE0")
    await port.ask("AT+CNMI=1,1,0,0,0")
    bank.network.inbound(modem.sim, "+4915112345678", "hallo")

    said = await port.until(r'\+CMTI: "(..)",(\d+)\r')
    await port.ask(f'AT+CPMS="{said[1]}"')
    read = await port.ask(f"AT+CMGR={said[2]}")

    assert int(said[2]) == modem.personality.first_index
    assert re.match(r"\+CMGR: 0,,\d+\|07919471[0-9A-F]+E8309BFD06\|OK", read)
    assert (await port.ask("AT+CMGL=4")).startswith(f"+CMGL: {said[2]},1,,")
    assert await port.ask(f"AT+CMGD={said[2]}") == "OK"
    assert await port.ask("AT+CMGL=4") == "OK"


async def test_its_stick_mutters_until_told_not_to(tmp_path):
    async with Bank(tmp_path, ["e3372"], settings=QUICK) as bank:
        object.__setattr__(bank.modems[0], "personality", _hasty("e3372"))
        port = Port(tmp_path / "modem0")
        port.type("ATE0\r")
        await port.until(r"\^HCSQ.*\r\r\n")
        await port.until(r"\^RSSI:21\r\n")

        await port.ask("AT^CURC=0")
        while bank.modems[0].voice._noise:
            await port.ask("AT")
        port.heard.clear()
        assert await port.ask("AT") == "OK"
        port.close()


def _hasty(name):
    return replace(PERSONALITIES[name], noise_seconds=0.002)


async def test_an_unknown_command_is_refused_in_the_makes_own_words(meet):
    said = {name: await meet(name)[1].ask("AT+NOSUCH") for name in THE_SIX}

    assert said.pop("e1550") == "COMMAND NOT SUPPORT"
    assert set(said.values()) == {"ERROR"}


async def test_it_echoes_until_told_not_to(meet):
    modem, talk = meet("ec25")
    modem.echo = True

    talk.type("AT\rATE0\rAT\r")
    await talk.until(r"^AT\r\r\nOK\r\nATE0\r\r\nOK\r\n\r\nOK\r\n$")


async def test_errors_are_as_verbose_as_asked(meet):
    modem, talk = meet("sim7600")
    modem.eject()
    said = [await talk.ask("AT+CPIN?")]
    for form in (1, 2):
        await talk.ask(f"AT+CMEE={form}")
        said.append(await talk.ask("AT+CIMI"))
    said.append(await talk.ask("AT+CMGF=0"))

    assert said[0].endswith("ERROR")
    assert said[1:] == [
        "+CME ERROR: 10",
        "+CME ERROR: SIM not inserted",
        "+CMS ERROR: SIM not inserted",
    ]


async def test_several_commands_may_stand_in_one_line(meet):
    _, talk = meet("sim800")

    assert await talk.ask("ATE0+CMEE=1;+CSQ;+COPS?") == '+CSQ: 21,99|+COPS: 0,0,"Telekom.de"|OK'


@pytest.mark.parametrize(
    ("name", "command"),
    [("sim800", "AT+CNMI=2,1,0,2,0"), ("zte", "AT+CNMI=2,1,0,2,0"), ("e1550", "AT+CNMI=2,1")],
)
async def test_indications_it_cannot_give_are_refused(meet, name, command):
    modem, talk = meet(name)
    before = list(modem.cnmi)

    assert (await talk.ask(command)).startswith("+CMS ERROR: 30")
    assert modem.cnmi == before


async def test_escape_at_the_prompt_sends_nothing(meet, network):
    _, talk = meet("e3372")
    talk.type("AT+CMGS=17\r")
    await talk.until("\r\n> $")
    talk.type(b"0011\x1b")
    await talk.until("\r\nOK\r\n")

    assert network.ledger.entries == []
    assert await talk.ask("AT") == "OK"


async def test_nothing_is_said_between_a_prompt_and_its_pdu(meet, network):
    modem, talk = meet("ec25")
    talk.type("AT+CMGS=18\r")
    await talk.until("> ")
    network.inbound(modem.sim, "+4915112345678", "hallo")
    assert modem.memory("ME").slots
    assert not talk.heard

    talk.type(f"{submit()}\x1a")
    await talk.until(r'(?s)^\r\n\+CMTI: "ME",0\r\n.*\+CMGS: ')


async def test_a_pdu_of_another_length_is_refused_and_not_sent(meet, network):
    _, talk = meet("e3372")
    talk.type("AT+CMGS=99\r")
    await talk.until("> ")
    talk.type(f"{submit()}\x1a")

    await talk.until(r"\+CMS ERROR: 304\r\n")
    assert network.ledger.entries == []


async def test_a_bare_prompt_and_no_reports_are_makes_of_their_own(meet, network):
    _, simcom = meet("sim7670")
    assert (await simcom.send(submit(), prompt="\r\n>\r\n")).endswith("OK")

    modem, quectel = meet("bg96")
    await quectel.ask("AT+CNMI=2,1,0,1,0")
    await quectel.send(submit())
    assert network.pending(reports=True) == 0
    assert modem.sim.iccid == network.ledger.sent()[-1].iccid


async def test_restarting_takes_its_time_and_forgets_settings(meet):
    modem, talk = meet("sim800")
    await talk.ask("AT+CNMI=2,1,0,1,0")

    talk.type("AT+CFUN=1,1\rAT+CMGF=0\r")
    await talk.until("(?s)OK\r\n.*RDY\r\n")
    assert await talk.ask("AT+CMGF=0") == "AT+CMGF=0\r|ERROR"
    await talk.until(r"(?s)\+CPIN: READY.*Call Ready.*SMS Ready\r\n")
    assert (await talk.ask("AT+CMGF=0")).endswith("OK")
    assert modem.cnmi == [2, 1, 0, 0, 0]
