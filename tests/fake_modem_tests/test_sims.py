"""SIMs that move, modems that claim the same IMEI, and what a SIM and its network know."""

from datetime import datetime

import pytest

from tests.fake_modem import AsyncControl, ControlError
from tests.fake_modem_tests.talk import Port, submit


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    opened = Port(bank.directory / "modem1")  # a SIM800
    await opened.ask("ATE0")
    await opened.ask("AT+CMEE=1")
    yield opened
    opened.close()


async def test_a_sim_can_be_taken_out_and_put_into_another_modem(bank, control, port):
    [iccid] = (await control.do("take_sim", modem=1))["iccids"]
    await port.until(r"\+CPIN: NOT INSERTED\r\n")
    assert await port.ask("AT+CPIN?") == "+CME ERROR: 10"
    assert (await control.do("take_sim", modem=1))["iccids"] == []
    assert (await control.do("modems", modem=1))["modems"][0]["iccid"] is None

    other = bank.modems[2].sim.iccid
    assert (await control.do("put_sim", modem=2, iccid=iccid))["iccid"] == iccid
    assert bank.modems[2].sim.iccid == iccid
    assert (await control.do("put_sim", modem=1, iccid=other))["iccid"] == other
    assert (await port.ask("AT+CCID")).endswith(f"{other}|OK")


async def test_a_sim_that_is_put_elsewhere_leaves_where_it_was(bank, control):
    iccid = bank.modems[2].sim.iccid
    await control.do("put_sim", modem=1, iccid=iccid)
    assert bank.modems[2].sim is None
    assert bank.modems[1].sim.iccid == iccid


async def test_a_new_sim_is_one_nobody_had(bank, control):
    known = {modem.sim.iccid for modem in bank.modems}
    fresh = (await control.do("put_sim", modem=1))["iccid"]
    assert fresh not in known
    with pytest.raises(ControlError):
        await control.do("put_sim", modem=1, iccid="89490200000000000000")


async def test_two_modems_may_claim_one_imei(bank, control, port):
    await control.do("set", modem=1, imei=bank.modems[0].imei)
    assert await port.ask("AT+CGSN") == f"{bank.modems[0].imei}|OK"
    await control.do("set", modem=1, report_delay=0)
    assert await port.ask("AT+CGSN") == f"{bank.modems[0].imei}|OK"


async def test_a_sim_has_a_service_centre_of_its_own(bank, control, port):
    await control.do("set", modem=1, service_centre="+491722270333")
    assert await port.ask("AT+CSCA?") == '+CSCA: "+491722270333",145|OK'
    bank.modems[1].power_off()
    bank.modems[1].power_on()
    await port.until("SMS Ready")
    assert (await port.ask("AT+CSCA?")).endswith('+CSCA: "+491722270333",145|OK')

    iccid = bank.modems[1].sim.iccid
    await control.do("put_sim", modem=3, iccid=iccid)
    assert bank.modems[3].smsc == "+491722270333"
    assert bank.modems[0].smsc == bank.network.settings.smsc


async def test_without_a_service_centre_nothing_can_be_sent(control, port):
    await control.do("set", modem=1, service_centre="")
    assert await port.ask("AT+CSCA?") == '+CSCA: "",129|OK'
    assert await port.send(submit()) == "+CMS ERROR: 330"


async def test_a_clock_may_be_wrong_or_never_set(bank, control, port):
    await control.do("set", network={"clock": 7200.0})
    said = (await port.ask("AT+CCLK?")).removeprefix('+CCLK: "').removesuffix('+04"|OK')
    shown = datetime.strptime(f"{said}+0100", "%y/%m/%d,%H:%M:%S%z")
    ahead = shown - bank.network.time()
    assert 7198 <= ahead.total_seconds() <= 7202

    await control.do("set", network={"clock": None})
    assert await port.ask("AT+CCLK?") == '+CCLK: "80/01/06,00:00:00+00"|OK'
    await control.do("set", network={"clock": 0.0, "smsc_quarters": -14})
    assert (await port.ask("AT+CCLK?")).endswith('-14"|OK')
