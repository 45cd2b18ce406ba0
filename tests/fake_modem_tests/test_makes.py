"""The oddities of the makes that are not among the six."""

import re

import pytest

from tests.fake_modem import PERSONALITIES
from tests.fake_modem.ussd import Reply
from tests.fake_modem_tests.talk import REPORT, submit


async def test_one_make_ends_the_answer_to_cpin_without_ok(meet):
    _, talk = meet("wavecom")
    talk.type("AT+CPIN?\rAT\r")
    await talk.until(r"^\r\n\+CPIN: READY\r\n\r\nOK\r\n$")


async def test_it_has_brackets_of_its_own_and_two_memories(meet):
    _, talk = meet("wavecom")
    assert await talk.ask("AT+CPMS=?") == '+CPMS: (("SM","BM","SR"),("SM"))|OK'
    assert await talk.ask('AT+CPMS="SM","SM"') == "+CPMS: 0,50,0,50|OK"
    assert await talk.ask('AT+CPMS="SM","SM","SR"') == "+CMS ERROR: 302"
    assert await talk.ask("AT+CGMI") == " WAVECOM MODEM|OK"
    assert await talk.ask("AT+CGMR") == "ERROR"


async def test_it_is_busy_for_a_while_after_cfun(meet):
    _, talk = meet("wavecom")
    await talk.ask("AT+CFUN=1")
    assert await talk.ask("AT+CMGF=0") == "+CMS ERROR: 515"
    await talk.until(r"\+WIND: 4\r\n")
    assert await talk.ask("AT+CMGF=0") == "OK"


async def test_it_stores_broadcasts(meet, network):
    modem, talk = meet("wavecom")
    await talk.ask("AT+CNMI=2,1,1,0,0")
    assert network.broadcast(modem, "storm") == 1
    await talk.until(r'\+CBMI: "BM",1\r\n')
    assert len(modem.memory("BM").slots) == 1


async def test_one_make_deletes_with_one_argument_and_flushes_only_with_1(meet):
    _, talk = meet("cinterion")
    assert await talk.ask("AT+CMGD=1,4") == "+CMS ERROR: 302"
    assert await talk.ask("AT+CMGD=1") == "OK"
    assert await talk.ask("AT+CNMI=2,1,0,2,0") == "+CMS ERROR: 302"
    assert await talk.ask("AT+CNMI=2,1,0,1,1") == "+CMS ERROR: 302"
    assert await talk.ask("AT+CNMI=2,1,0,2,1") == "OK"
    assert await talk.ask('AT+CPMS="SM","SM","ME"') == "+CMS ERROR: 302"
    await talk.send(submit())
    await talk.until(r'\+CDSI: "SM",1\r\n')


async def test_one_make_announces_reports_that_cannot_be_read(meet):
    _, talk = meet("trm240")
    await talk.ask("AT+CNMI=2,1,0,2,0")
    await talk.send(submit())
    await talk.until(r'\+CDSI: "SR",1\r\n')
    await talk.ask('AT+CPMS="ME","SM","SM"')
    assert await talk.ask("AT+CMGR=1") == "OK"


async def test_reports_may_need_a_bit_of_csmp(meet, network):
    modem, talk = meet("telit")
    modem.settings.report_needs_csmp = True
    await talk.ask("AT+CNMI=2,1,0,1,0")
    await talk.send(submit())
    await talk.ask("AT+CSMP=49,167,0,0")
    assert await talk.ask("AT+CSMP?") == "+CSMP: 49,167,0,0|OK"
    await talk.send(submit())
    await talk.until(REPORT)
    assert network.delivered_reports == 1


async def test_one_make_adds_garbage_to_unicode_and_one_writes_all_as_unicode(meet, network):
    network.ussd["*1#"] = (Reply("Ж", dcs=72),)
    _, telit = meet("telit")
    await telit.ask('AT+CUSD=1,"*1#",15')
    await telit.until(r'\+CUSD: 0,"04160000FFFF60B16260EEEEFFFF",72\r\n')

    network.ussd["*2#"] = (Reply("Hi"),)
    _, quectel = meet("m35")
    await quectel.ask('AT+CUSD=1,"*2#",15')
    await quectel.until(r'\+CUSD: 0,"00480069",15\r\n')


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_every_make_says_who_it_and_its_sim_are(meet, make):
    modem, talk = meet(make)
    assert re.fullmatch(r"\d{15}", modem.imei)
    assert (await talk.ask("AT+CGMM")).strip() == f"{modem.personality.model}|OK"
    for command in modem.personality.queries:
        assert (await talk.ask(f"AT{command}")).endswith("|OK")
    for command in modem.personality.answers:
        assert (await talk.ask(f"AT{command}")).endswith("OK")


def test_no_two_makes_share_a_name_or_a_range_of_imeis():
    assert len({make.tac for make in PERSONALITIES.values()}) == len(PERSONALITIES)
    assert all(name == make.name for name, make in PERSONALITIES.items())
