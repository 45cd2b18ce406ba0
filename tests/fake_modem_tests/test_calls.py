"""Calls that come in."""

import pytest

from tests.fake_modem import AsyncControl, ControlError, calls
from tests.fake_modem_tests.talk import Port

CALLER = "+4915112345678"


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    opened = Port(bank.directory / "modem2")  # an EC25
    await opened.ask("ATE0")
    yield opened
    opened.close()


@pytest.mark.parametrize("command", ["ATH", "AT+CHUP"])
async def test_a_call_rings_until_it_is_hung_up(control, port, command):
    await control.do("call", modem=2, number=CALLER, every=0.01)
    await port.until("RING\r\n.*RING\r\n|RING\r\n\r\nRING\r\n")
    assert "4,0,0" in await port.ask("AT+CLCC")
    await port.ask(command)
    ended = {"modem": "modem2", "number": CALLER, "ended_by": "hangup"}
    assert (await control.do("calls"))["calls"] == [ended]
    assert (await port.ask("AT+CLCC")).endswith("OK")
    port.heard.clear()
    assert await port.ask("AT") == "OK"


async def test_the_number_is_shown_to_who_asked_for_it(control, port):
    await control.do("call", modem=2, number=CALLER)
    await port.until("RING\r\n$")
    await port.ask("AT+CHUP")
    await port.ask("AT+CLIP=1")
    await control.do("call", modem=2, number=CALLER)
    await port.until(r'RING\r\n\+CLIP: "\+4915112345678",145,,,,0\r\n')
    await port.ask("AT+CHUP")
    await control.do("call", modem=2, number="")
    await port.until(r'RING\r\n\+CLIP: "",128,,,,1\r\n')


async def test_the_caller_gives_up_in_the_end(control, port):
    await control.do("call", modem=2, number=CALLER, rings=2, every=0.005)
    await port.until("NO CARRIER\r\n")
    assert [one["ended_by"] for one in (await control.do("calls", modem=2))["calls"]] == ["caller"]


async def test_a_call_can_be_answered_and_there_is_one_at_a_time(control, port):
    port.type("ATA\r")
    await port.until("NO CARRIER\r\n")
    await control.do("call", modem=2, number=CALLER)
    with pytest.raises(ControlError):
        await control.do("call", modem=2, number=CALLER)
    assert (await port.ask("ATA")).endswith("OK")
    assert "+CLCC: 1,1,0," in await port.ask("AT+CLCC")
    await port.ask("ATH")


@pytest.mark.parametrize(
    ("make", "in_vain", "said", "command"),
    [("e1550", "ATH", "OK", "AT+CHUP"), ("sim800", "AT+CHUP", "ERROR", "ATH")],
)
async def test_some_makes_know_only_one_way_to_hang_up(meet, make, in_vain, said, command):
    modem, talk = meet(make)
    calls.ring(modem, CALLER)
    assert (await talk.ask(in_vain)).endswith(said)
    assert modem.call
    await talk.ask(command)
    assert modem.call is None
    assert modem.calls[0]["ended_by"] == "hangup"
