"""What the network answers to a code, as each make writes it."""

import pytest

from tests.fake_modem import AsyncControl
from tests.fake_modem.ussd import Reply
from tests.fake_modem_tests.talk import Port, submit

PACKED = "AA180C3602"  # *100#


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    """Give the port of an E3372, which writes USSD as text."""
    opened = Port(bank.directory / "modem0")
    await opened.ask("ATE0")
    await opened.ask("AT+CMEE=1")
    yield opened
    opened.close()


async def test_the_balance_is_that_of_the_sim_and_falls_with_what_is_sent(control, port):
    await port.ask('AT+CUSD=1,"*100#",15')
    await port.until(r'\+CUSD: 0,"Your balance is 10\.00 EUR",15\r\n')

    await control.do("set", modem=0, balance=0.5, price=0.09)
    await port.send(submit())
    await port.ask('AT+CUSD=1,"*100#",15')
    await port.until(r'\+CUSD: 0,"Your balance is 0\.41 EUR",15\r\n')
    assert (await control.do("modems", modem=0))["modems"][0]["balance"] == pytest.approx(0.41)


async def test_what_is_refused_costs_nothing(control, port):
    await control.do("set", modem=0, price=1)
    await control.do("fault", modem=0, kind="error", code=38)
    await port.send(submit())
    assert (await control.do("modems", modem=0))["modems"][0]["balance"] == 10


async def test_an_unknown_code_is_not_supported(port):
    await port.ask('AT+CUSD=1,"*999#",15')
    await port.until(r"\+CUSD: 4\r\n")


async def test_a_menu_asks_back_and_takes_an_answer(control, port):
    menu = [{"text": "1 Balance\n2 Data", "m": 1}, {"text": "{balance:.0f} EUR", "m": 2}]
    await control.do("ussd", code="*101#", replies=menu)
    await port.ask('AT+CUSD=1,"*101#",15')
    await port.until('\\+CUSD: 1,"1 Balance\n2 Data",15\r\n')
    await port.ask('AT+CUSD=1,"1",15')
    await port.until(r'\+CUSD: 2,"10 EUR",15\r\n')
    await port.ask('AT+CUSD=1,"1",15')
    await port.until(r"\+CUSD: 4\r\n")


async def test_a_silent_network_is_got_rid_of_by_cancelling(control, port):
    await control.do("ussd", code="*102#", replies=[{"text": None}])
    assert await port.ask('AT+CUSD=1,"*102#",15') == "OK"
    assert await port.ask('AT+CUSD=1,"*100#",15') == "+CME ERROR: 3"
    assert await port.ask("AT+CUSD=2") == "OK"
    assert await port.ask('AT+CUSD=1,"*100#",15') == "OK"
    await port.until(r"\+CUSD: 0,")


async def test_nothing_is_shown_to_who_did_not_ask_for_it(bank, port):
    await port.ask('AT+CUSD=0,"*100#",15')
    while bank.modems[0].ussd:
        await port.ask("AT")
    assert b"CUSD" not in port.heard


async def test_a_script_may_be_of_one_sim_and_end_with_a_bare_code(control, port, bank):
    await control.do("ussd", modem=0, code="*100#", replies=[{"text": "", "m": 5, "delay": 0}])
    await port.ask('AT+CUSD=1,"*100#",15')
    await port.until(r"\+CUSD: 5\r\n")
    assert "*100#" not in bank.modems[1].sim.ussd


async def test_one_make_packs_it_until_told_not_to(meet):
    _, talk = meet("e1550")
    await talk.ask(f'AT+CUSD=1,"{PACKED}",15')
    said = (await talk.until(r'\+CUSD: 0,"([0-9A-F]*)",15'))[1]
    assert said.startswith("D9775D0E")
    assert await talk.ask("AT^USSDMODE?") == "^USSDMODE: 1|OK"

    await talk.ask("AT^USSDMODE=0")
    await talk.ask('AT+CUSD=1,"*100#",15')
    await talk.until(r'\+CUSD: 0,"Your balance is 10.00 EUR",15')


async def test_unicode_is_written_in_hex(meet, network):
    _, talk = meet("ec25")
    network.ussd["*1#"] = (Reply("Ж€", dcs=72),)
    await talk.ask('AT+CUSD=1,"*1#",15')
    await talk.until(r'\+CUSD: 0,"041620AC",72\r\n')
    assert await talk.ask("AT^USSDMODE?") == "ERROR"


async def test_a_restart_ends_a_dialogue(meet):
    modem, talk = meet("sim800")
    await talk.ask('AT+CUSD=1,"*100#",15')
    modem.power_off()
    modem.power_on()
    await talk.until("SMS Ready")
    assert b"CUSD" not in talk.heard
    assert modem.ussd is None


async def test_a_reply_to_what_was_cancelled_never_comes(meet, network):
    network.ussd["*1#"] = (Reply("too late", delay=0.01),)
    network.ussd["*2#"] = (Reply("in time", delay=0.02),)
    _, talk = meet("ec25")
    await talk.ask('AT+CUSD=1,"*1#",15')
    await talk.ask("AT+CUSD=2")
    await talk.ask('AT+CUSD=1,"*2#",15')
    assert "too late" not in (await talk.until(r'\+CUSD: 0,"in time",15\r\n')).string
