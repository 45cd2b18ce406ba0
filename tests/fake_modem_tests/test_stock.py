"""What lies in a memory from earlier times."""

import pytest

from tests.fake_modem import AsyncControl, ControlError, pdu, stock
from tests.fake_modem_tests.talk import Port


@pytest.fixture
async def control(bank):
    async with AsyncControl(bank.directory) as client:
        yield client


@pytest.fixture
async def port(bank):
    opened = Port(bank.directory / "modem1")  # a SIM800
    await opened.ask("ATE0")
    yield opened
    opened.close()


async def test_old_parts_are_never_complete(bank, control):
    assert (await control.do("fill", modem=1, what="orphans", count=5, days=3))["put"] == [5]
    used, size = (await control.do("storage", modem=1))["storage"]["modem1"]["SM"]
    assert (used, size) == (5, 50)
    slots = bank.modems[1].sim.memory.slots.values()
    parts = [pdu.decode(bytes.fromhex(stored.pdu)) for stored in slots]
    assert {(part.body.concat.total, part.body.concat.ordinal) for part in parts} == {
        (3, 1),
        (3, 2),
    }
    assert {(bank.network.time() - part.sent_at).days for part in parts} <= {2, 3}


async def test_drafts_are_listed_as_unsent_and_are_no_deliver(control, port):
    await control.do("fill", modem=1, what="drafts", count=2)
    assert (await port.ask("AT+CMGL=4")).startswith("+CMGL: 1,2,,")
    assert (await port.ask("AT+CMGL=2")).count("+CMGL") == 2
    assert await port.ask("AT+CMGL=1") == "OK"
    said = await port.ask("AT+CMGR=1")
    assert said.startswith("+CMGR: 2,,")
    assert pdu.decode_submit(bytes.fromhex(said.split("|")[1])).body.text == "draft 0"


@pytest.mark.parametrize(("flag", "left"), [(1, [0, 2]), (2, [0, 2]), (3, [0]), (4, [])])
async def test_a_mass_deletion_spares_what_it_should(meet, network, flag, left):
    modem, talk = meet("sim800")
    for what in ("old", "drafts"):
        stock.fill(modem, "SM", what, count=1)
    network.inbound(modem.sim, "+4915112345678", "not read yet")
    await talk.ask(f"AT+CMGD=1,{flag}")
    assert sorted(stored.state for stored in modem.sim.memory.slots.values()) == left


async def test_junk_is_no_pdu(bank, control):
    await control.do("fill", modem=1, memory="ME", what="junk")
    assert (await control.do("storage", modem=1))["storage"]["modem1"]["ME"] == [10, 10]
    for stored in bank.modems[1].memories["ME"].slots.values():
        with pytest.raises(pdu.BadPdu):
            pdu.decode(bytes.fromhex(stored.pdu))


async def test_what_does_not_exist_cannot_be_filled(control):
    for wrong in ({"memory": "XX"}, {"what": "gold"}):
        with pytest.raises(ControlError):
            await control.do("fill", modem=1, **wrong)
