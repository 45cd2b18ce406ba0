"""A modem that hangs comes round by what cures it, and by nothing less."""

import os

import pytest

from tests.fake_modem import AsyncControl, ControlError
from tests.fake_modem_tests.talk import Port, submit


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    """Give the port of a SIM800, which stays through a reset."""
    opened = Port(bank.directory / "modem1")
    await opened.ask("ATE0")
    yield opened
    opened.close()


async def hang(control, **fields):
    await control.do("fault", modem=1, kind="hang", **fields)


async def silent(bank, port, *written):
    """Write, and see that it is taken and that nothing is answered."""
    for text in written:
        before = bank.modems[1].stats["swallowed"]
        port.type(text)
        async with AsyncControl(bank.directory) as control:
            while bank.modems[1].stats["swallowed"] < before + len(text):
                await control.do("pending")
    assert not port.heard


async def test_an_escape_may_be_enough(bank, control, port):
    await hang(control, cure="escape")
    await silent(bank, port, "AT\r")
    assert await port.ask("\x1bAT") == "OK"


async def test_a_port_opened_again_at_once_may_be_enough(bank, control, port):
    await hang(control, cure="reopen")
    await silent(bank, port, "\x1b", "AT\r", "AT+CFUN=1,1\r")
    port.stop_reading()
    os.close(port._fd)
    again = Port(bank.directory / "modem1")
    port._fd = again._fd
    assert await again.ask("AT") == "OK"
    again.stop_reading()


async def test_a_restart_may_be_what_it_hears(bank, control, port):
    await hang(control, cure="cfun")
    await silent(bank, port, "\x1bAT\r")
    port.stop_reading()
    os.close(port._fd)
    again = Port(bank.directory / "modem1")
    port._fd = again._fd
    await silent(bank, again, "AT\r", "AT+CFU", "N=1")
    again.type(",1\r")
    await again.until("(?s)RDY.*SMS Ready\r\n")
    again.stop_reading()


async def test_only_power_may_help(bank, control, port):
    await hang(control, cure="power")
    await silent(bank, port, "\x1bAT\r", "AT+CFUN=1,1\r")
    await control.do("fault", modem=1, kind="reset")
    await silent(bank, port, "AT\r")
    await control.do("fault", modem=1, kind="vanish", seconds=0)
    while not bank.ports[1].present:
        await control.do("stats")
    again = Port(bank.directory / "modem1")
    assert (await again.ask("AT")).endswith("OK")
    again.close()


async def test_nothing_may_help_but_the_end_of_the_test(bank, control, port):
    await hang(control, cure="never")
    bank.modems[1].power_off()
    bank.modems[1].power_on()
    assert bank.modems[1].faults.hung
    await control.do("mend", modem=1)
    assert (await port.ask("AT")).endswith("OK")


async def test_a_cure_that_does_not_exist_is_refused(control):
    for kind in ("hang", "mute_network", "garbage"):
        with pytest.raises(ControlError):
            await control.do("fault", modem=1, kind=kind, cure="prayer")
    await control.do("mend", modem=1)


async def test_it_may_hang_some_commands_later(bank, control, port):
    await hang(control, cure="escape", after=2)
    assert await port.ask("AT") == "OK"
    assert await port.ask("AT") == "OK"
    await silent(bank, port, "AT\r")
    assert await port.ask("\x1bAT") == "OK"
    assert await port.ask("AT") == "OK"


@pytest.mark.parametrize(("sent", "on_air"), [(True, 1), (False, 0)])
async def test_it_may_hang_at_ctrl_z_with_the_pdu_gone_or_not(bank, control, port, sent, on_air):
    await hang(control, cure="escape", after="ctrl-z", sent=sent)
    await port.hand_over(submit())
    if sent:
        await control.do("wait_sent", count=1)
    while not bank.modems[1].faults.hung or bank.modems[1].busy:
        await control.do("stats")
    assert b"CMGS" not in port.heard
    assert await port.ask("\x1bAT") == "OK"
    assert len(bank.ledger.sent()) == on_air


async def test_it_may_come_round_by_itself(control, port):
    await hang(control, cure="never", seconds=0.01)
    while (await control.do("modems", modem=1))["modems"][0]["hung"]:
        pass
    assert await port.ask("AT") == "OK"


async def test_a_mute_network_takes_nothing_and_the_modem_looks_well(bank, control, port):
    await control.do("fault", modem=1, kind="mute_network", count=2)
    assert await port.send(submit()) == "+CMS ERROR: 500"
    assert await port.ask("AT+CREG?") == "+CREG: 0,1|OK"
    assert await port.send(submit()) == "+CMS ERROR: 500"
    assert (await port.send(submit())).endswith("OK")
    assert len(bank.ledger.entries()) == 1


async def test_a_restart_may_cure_a_mute_network_and_a_closing_does_not(bank, control, port):
    await control.do("fault", modem=1, kind="mute_network", code=None, cure="cfun")
    assert await port.send(submit()) == "ERROR"
    bank.ports[1]._closed_by_user()
    assert await port.send(submit()) == "ERROR"
    port.type("AT+CFUN=1,1\r")
    await port.until("SMS Ready\r\n")
    assert (await port.send(submit())).endswith("OK")


async def test_reports_of_one_modem_may_be_lost(bank, control, port):
    await port.ask("AT+CNMI=2,1,0,1,0")
    await control.do("fault", modem=1, kind="no_reports")
    await port.send(submit())
    while not bank.modems[1].stats["reports_lost"]:
        await control.do("stats")
    await control.do("mend", modem=1)
    await port.send(submit())
    await port.until(r"\+CDS: ")
    assert (await control.do("stats"))["reports"] == 1


async def test_garbage_comes_for_a_time_or_until_it_is_mended(bank, control, port):
    await control.do("fault", modem=1, kind="garbage", rate=1000, seconds=0.05)
    while bank.modems[1].faults.garbage:
        await control.do("stats")
    heard = len(port.heard)
    assert 20 <= heard <= 80

    await control.do("fault", modem=1, kind="garbage")
    while len(port.heard) < heard + 20_000:
        await control.do("stats")
    await control.do("mend", modem=1)
    assert bank.modems[1].faults.garbage is None
