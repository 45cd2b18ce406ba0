"""How messages and reports reach a modem, and when they are lost."""

import asyncio

import pytest

from tests.fake_modem import Handset, Mood, pdu
from tests.fake_modem_tests.talk import REPORT, submit


async def test_a_report_is_said_again_until_it_is_acknowledged(meet, network):
    network.settings.retry_seconds = 0.05
    modem, talk = meet("ec25")
    await talk.ask("AT+CSMS=1")
    await talk.ask("AT+CNMI=2,1,0,1,0")
    modem.settings.cnma_seconds = 60

    await talk.send(submit())
    first = await talk.until(REPORT)
    assert await talk.ask("AT+CNMA=2") == "OK"
    again = await talk.until(REPORT)
    assert first[1] == again[1]
    assert network.delivered_reports == 0

    assert await talk.ask("AT+CNMA") == "OK"
    talk.type("AT+CNMA\r")
    await talk.until(r"\+CMS ERROR: 340\r\n\r\nERROR\r\n")
    while network.pending(reports=True):
        await _a_moment(network)
    assert network.delivered_reports == 1


async def test_without_an_acknowledgement_in_time_nothing_more_is_said_directly(meet, network):
    network.settings.retry_seconds = 0.2
    modem, talk = meet("sim800")
    await talk.ask("AT+CSMS=1")
    await talk.ask("AT+CNMI=2,1,0,1,0")

    await talk.send(submit())
    await talk.until(REPORT)
    while modem.cnmi != [2, 0, 0, 0, 0]:
        assert (await talk.ask("AT+CNMI?")).endswith("OK")
        await _a_moment(network)
    assert modem.stats["cnma_missed"] == 1
    assert network.pending(reports=True) == 1

    await talk.ask("AT+CNMI=2,1,0,1,0")
    modem.settings.cnma_seconds = 60
    await talk.until(REPORT)
    await talk.ask("AT+CNMA")
    while network.pending(reports=True):
        await _a_moment(network)


async def test_a_second_report_waits_for_the_acknowledgement_of_the_first(meet, network):
    modem, talk = meet("ec25")
    modem.settings.cnma_seconds = 60
    await talk.ask("AT+CSMS=1")
    await talk.ask("AT+CNMI=2,1,0,1,0")
    network.inbound_raw(modem.sim, b"\x06\x01", report=True)
    network.inbound_raw(modem.sim, b"\x06\x02", report=True)

    await talk.until(r"\+CDS: 2\r\n[0-9A-F]+0601\r\n")
    assert not talk.heard
    await talk.ask("AT+CNMA")
    await talk.until(r"\+CDS: 2\r\n[0-9A-F]+0602\r\n")


async def test_with_the_old_service_the_modem_acknowledges_by_itself(meet, network):
    _, talk = meet("sim7600")
    await talk.ask("AT+CNMI=2,1,0,1,0")

    await talk.send(submit())
    await talk.until(REPORT)

    assert network.delivered_reports == 1
    assert await talk.ask("AT+CNMA") == "+CMS ERROR: 340"


async def test_a_report_nobody_asked_for_is_dropped_and_counted(meet, network):
    modem, talk = meet("e3372")
    await talk.ask("AT+CNMI=2,1,0,0,0")
    await talk.send(submit())
    while not network.delivered_reports:
        await _a_moment(network)

    assert modem.stats["reports_dropped"] == 1
    assert await talk.ask("AT+CMGL=4") == "OK"


async def test_a_stored_report_is_readable_except_on_the_make_that_hides_it(meet):
    _, huawei = meet("e1550")
    await huawei.ask("AT+CNMI=1,1,0,2,0")
    await huawei.send(submit())
    await huawei.until(r'\+CDSI: "SR",0\r\n')
    await huawei.ask('AT+CPMS="SR"')
    assert "|0791947101670000" in await huawei.ask("AT+CMGR=0")

    _, quectel = meet("ec25")
    await quectel.ask("AT+CNMI=1,1,0,2,0")
    await quectel.send(submit())
    await quectel.until(r'\+CDSI: "SM",0\r\n')
    for memory in ("SM", "SR", "ME"):
        await quectel.ask(f'AT+CPMS="{memory}"')
        assert await quectel.ask("AT+CMGR=0") == "OK"
        assert await quectel.ask("AT+CMGL=4") == "OK"


async def test_a_full_memory_refuses_and_the_network_comes_back_when_there_is_room(meet, network):
    modem, talk = meet("e1550")
    await talk.ask("AT+CNMI=1,1,0,0,0")
    memory = modem.memory("ME")
    memory.size = 2
    for number in range(4):
        network.inbound(modem.sim, "+4915112345678", f"message {number}")

    await talk.until(r'(?s)\+CMTI: "ME",0.*\+CMTI: "ME",1.*\^SMMEMFULL: "ME"\r\n')
    assert network.pending(reports=False) == 2

    await talk.ask('AT+CPMS="ME"')
    assert await talk.ask("AT+CMGD=0") == "OK"
    await talk.until(r'\+CMTI: "ME",0\r\n')
    await talk.ask("AT+CMGD=0")
    await talk.ask("AT+CMGD=1")
    await talk.until(r'\+CMTI: "ME",')
    assert network.delivered_messages == 4


async def test_messages_on_the_sim_travel_with_it(meet, network):
    modem, talk = meet("sim800")
    network.inbound(modem.sim, "+4915112345678", "keep me")
    await talk.until(r'\+CMTI: "SM",1\r\n')
    sim = modem.eject()
    await talk.until("NOT INSERTED")

    other, there = meet("sim800")
    other.insert(sim)
    await there.until("SMS Ready")
    assert (await there.ask("AT+CMGR=1")).startswith("+CMGR: 0,,")


async def test_what_comes_while_a_modem_is_out_of_reach_waits(meet, network):
    modem, talk = meet("sim800")
    modem.cover("searching")
    network.inbound(modem.sim, "+4915112345678", "are you there?")
    assert await talk.ask("AT+CREG?") == "+CREG: 0,2|OK"
    assert await talk.ask("AT+COPS?") == "+COPS: 0|OK"
    assert await talk.send(submit()) == "+CMS ERROR: 331"

    modem.cover("roaming")
    await talk.until(r"\+CMTI:.*\r\n")
    assert await talk.ask("AT+CREG?") == "+CREG: 0,5|OK"


async def test_a_long_message_comes_in_parts_with_one_reference(meet, network):
    modem, talk = meet("ec25")
    modem.settings.cnma_seconds = 60
    network.inbound(modem.sim, "Info", "Ж" * 150)
    await talk.ask("AT+CMGL=4")

    stored = [pdu.decode(bytes.fromhex(kept.pdu)) for kept in modem.memory("ME").slots.values()]
    assert [part.body.concat for part in stored] == [pdu.Concat(1, 3, n) for n in (1, 2, 3)]
    assert "".join(part.body.text for part in stored) == "Ж" * 150
    assert {part.sender for part in stored} == {"Info"}


@pytest.mark.parametrize(
    ("ending", "statuses"),
    [
        ("100001", [0x00]),
        ("999003", [0x22, 0x46]),
        ("999004", [0x41]),
        ("999006", [0x62]),
        ("999010", [0x01]),
    ],
)
async def test_the_last_digits_decide_what_becomes_of_a_message(meet, network, ending, statuses):
    network.settings.expire_seconds = 0.01
    _, talk = meet("sim800")
    await talk.ask("AT+CNMI=2,1,0,1,0")

    answer = await talk.send(submit(f"+49151000{ending}"))
    said = [int((await talk.until(REPORT))[1][-2:], 16) for _ in statuses]

    assert answer.endswith("OK")
    assert said == statuses
    assert network.ledger.sent()[0].recipient == f"+49151000{ending}"


async def test_a_handset_that_is_off_takes_its_messages_when_switched_on(meet, network):
    _, talk = meet("sim800")
    await talk.ask("AT+CNMI=2,1,0,1,0")
    number = "+49151000999001"
    await talk.send(submit(number))
    assert (await talk.until(REPORT))[1][-2:] == "22"

    assert network.switch_on(number) == 1
    assert (await talk.until(REPORT))[1][-2:] == "00"


async def test_a_handset_may_be_refused_at_submit_or_never_reported(meet, network):
    _, talk = meet("sim800")
    await talk.ask("AT+CNMI=2,1,0,1,0")

    assert await talk.send(submit("+49151000998038")) == "+CMS ERROR: 38"
    assert (await talk.send(submit("+49151000999007"))).endswith("OK")

    assert [entry.accepted for entry in network.ledger.entries] == [False, True]
    assert network.pending(reports=True) == network.delivered_reports == 0


@pytest.mark.parametrize(("ending", "text"), [("999008", "OK, thanks!"), ("999009", "STOP")])
async def test_a_handset_may_answer(meet, network, ending, text):
    modem, talk = meet("sim800")
    await talk.send(submit(f"+49151000{ending}"))
    await talk.until(r'\+CMTI: "SM",1')

    reply = pdu.decode(bytes.fromhex(modem.sim.memory.slots[0].pdu))
    assert (reply.sender, reply.body.text) == (f"+49151000{ending}", text)


async def test_a_handset_can_be_set_up_by_number(meet, network):
    _, talk = meet("sim800")
    network.handsets["+4915100000001"] = Handset(Mood.REFUSED_AT_SUBMIT, code=21)

    assert await talk.send(submit()) == "+CMS ERROR: 21"


async def test_the_service_centre_has_a_clock_and_a_zone_of_its_own(meet, network):
    network.settings.smsc_quarters, network.settings.smsc_offset = -14, 7200.0
    _, talk = meet("sim800")
    await talk.ask("AT+CNMI=2,1,0,1,0")
    await talk.send(submit())
    report = pdu.decode(bytes.fromhex((await talk.until(REPORT))[1]))

    assert report.sent_at.utcoffset().total_seconds() == -14 * 900
    ahead = report.sent_at.timestamp() - network.ledger.sent()[0].at
    assert 7198 < ahead < 7202


async def _a_moment(network):
    passed = asyncio.Event()
    network.later(0.005, passed.set)
    await passed.wait()
