"""Modems found on USB; SIMs and modems that change their places: a pool on sticks of its own."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appliance import pool
from appliance.incident import IncidentKind
from appliance.lines import keeper
from tests.box import until
from tests.fake_modem import PERSONALITIES, bank
from tests.fake_modem.personalities.row import Usb
from tests.require import give_up
from tests.whole.keeping import SECONDS, home

SLOW = 60  # seconds between two checks: what is noticed sooner was noticed by itself

NUMBER, OTHER = "+4915112345678", "+4915112345679"


async def iccid_of(place, number):
    return (await place.do("modems", modem=number))["modems"][0]["iccid"]


async def until_sim(place, number, iccid):
    """Wait until a line is ready with this SIM."""
    return await place.line_is(
        f"line {number} has {iccid}",
        lambda line: line.state == "ready" and line.sim == iccid,
        number,
    )


async def stands_of(place, kind):
    """Return the slots of which an incident of a kind was told."""
    return {one.slot for one in await place.store.incidents.shown() if one.kind == kind}


async def told(place, kind, slot):
    async def there():
        return slot in await stands_of(place, kind)

    await until(there, f"{kind} of {slot} is told", SECONDS)


async def test_where_only_trying_tells_the_port_that_answers_is_used(tmp_path):
    """A product of a modem maker that our table does not know, with six ports."""
    async with home(tmp_path, "telit", sysfs=True) as place:
        line = await place.ready()
        assert line.slot.endswith("1-1.1")
        assert line.port == place.modems[line.slot].port
        await place.submit(NUMBER)
        await place.on_air(NUMBER)
        assert len(await place.lines()) == 1


@pytest.mark.parametrize(
    ("make", "usb", "slot"),
    [
        # older firmware, whose interfaces tell nothing
        ("k3765", Usb("12d1", "1465", ("ff/ff/ff",) * 3, at=2), "usb-1-1.1"),
        # where the AT port should be, 2, nobody answers
        ("sim7000", Usb("1e0e", "9001", ("ff/ff/ff",) * 5, at=3), "usb-1-1.1:1.2"),
    ],
)
async def test_where_the_usual_port_does_not_answer_another_one_of_the_stick_does(
    tmp_path, monkeypatch, make, usb, slot
):
    makes = {make: replace(PERSONALITIES[make], usb=usb)}
    monkeypatch.setattr(bank, "PERSONALITIES", PERSONALITIES | makes)
    async with home(tmp_path, make, sysfs=True) as place:
        line = await place.ready()
        assert line.slot == slot
        assert line.port.endswith(f"ttyUSB{usb.at}")
        await place.submit(NUMBER)
        await place.on_air(NUMBER)
        assert len(await place.lines()) == 1


async def test_every_stick_is_one_line_by_its_table(tmp_path):
    async with home(tmp_path, "ec25", "e3372", modems=2, sysfs=True) as place:
        for number in range(2):
            await place.ready(number)
        slots = [line.slot for line in await place.lines()]
        assert slots == ["usb-1-1.1:1.2", "usb-1-1.2:1.1"]


async def test_a_sim_that_moves_is_in_one_line_and_sends_from_there(tmp_path):
    """The modem that it left says nothing of it: its line ends because the other one proves it."""
    async with home(tmp_path, "zte", "e3372", modems=2, check_every=SLOW) as place:
        moved, gone = await iccid_of(place, 0), await iccid_of(place, 1)
        await until_sim(place, 0, moved)
        await until_sim(place, 1, gone)
        await place.do("put_sim", modem=1, iccid=moved)
        await until_sim(place, 1, moved)
        await place.line_is("it has none", lambda line: line.state == "sim_missing", 0)
        assert [line.sim for line in await place.lines()] == [None, moved]
        await told(place, IncidentKind.SIM_CHANGED, (await place.line(1)).slot)
        await place.submit(NUMBER)
        await place.on_air(NUMBER)
        (sent,) = place.bank.ledger.sent()
        assert sent.iccid == moved


async def test_a_modem_that_cannot_answer_for_its_sim_loses_it_to_the_one_that_has_it(tmp_path):
    async with home(tmp_path, "zte", "e3372", modems=2, check_every=SLOW) as place:
        moved = await iccid_of(place, 0)
        await until_sim(place, 0, moved)
        await until_sim(place, 1, await iccid_of(place, 1))
        await place.fault("hang", modem=0)
        await place.do("put_sim", modem=1, iccid=moved)
        await until_sim(place, 1, moved)
        await place.line_is("its line has ended", lambda line: line.state != "ready", 0)
        assert place.pool.keeper((await place.line(0)).slot).line is None
        for number in (NUMBER, OTHER):
            await place.submit(number)
            await place.on_air(number)


async def test_a_sim_that_is_exchanged_is_told_and_goes_on(tmp_path):
    async with home(tmp_path, check_every=SLOW) as place:
        first = await iccid_of(place, 0)
        await until_sim(place, 0, first)
        await place.fault("swap")
        line = await place.line_is("another SIM", lambda line: line.sim not in (None, first))
        await told(place, IncidentKind.SIM_CHANGED, line.slot)
        await place.ready()


async def test_two_modems_with_one_imei_both_run_and_both_are_shown(tmp_path):
    async with home(tmp_path, modems=2, check_every=SLOW) as place:
        for number in range(2):
            await place.ready(number)
        slots = {line.slot for line in await place.lines()}
        imei = (await place.line(0)).imei
        await place.do("set", modem=1, imei=imei)
        await place.do("take_sim", modem=1)
        await place.line_is("it is gone", lambda line: line.state == "sim_missing", 1)
        await place.do("put_sim", modem=1)
        await place.ready(1)
        await place.stands(IncidentKind.SAME_IMEI)
        assert [line.imei for line in await place.lines()] == [imei, imei]
        assert await stands_of(place, IncidentKind.SAME_IMEI) == slots
        await told(place, IncidentKind.MODEM_CHANGED, (await place.line(1)).slot)
        for number in (NUMBER, OTHER):
            await place.submit(number)
            await place.on_air(number)


async def test_what_a_line_knows_is_on_the_page(tmp_path):
    async with home(tmp_path, "sim800") as place:
        await place.ready()
        line = await place.line_is("all is known", lambda line: line.service_centre is not None)
        assert (line.profile, line.revision) == (
            "simcom-2g",
            place.bank.modems[0].personality.revision,
        )
        assert line.service_centre == place.bank.network.settings.smsc
        assert abs(line.clock_offset_seconds) <= 5


async def test_a_part_that_the_modem_has_for_long_is_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "SENDING_SHOWN", timedelta(milliseconds=50))
    monkeypatch.setattr(keeper, "TELL_AGAIN", timedelta(milliseconds=20))
    async with home(tmp_path, cmgs_delay=0.3) as place:
        await place.ready()
        await place.submit(NUMBER)
        await place.line_is("it is sending", lambda line: line.state == "sending")
        await place.ready()


async def test_another_name_of_a_port_is_noticed_when_the_kernel_tells_of_it(tmp_path, monkeypatch):
    event = Path("/sys/class/tty/tty10/uevent")
    try:
        event.write_text("change")
    except OSError as error:
        give_up(f"no event of the kernel can be had: {error}")
    monkeypatch.setattr(pool, "FIND_AGAIN", timedelta(hours=1))
    async with home(tmp_path, sysfs=True) as place:
        line = await place.ready()
        root, name = place.folder / "sysfs", Path(line.port).name
        for folder in (root / "class" / "tty", root / "dev"):
            (folder / name).rename(folder / "ttyUSB99")
        event.write_text("change")
        moved = await place.line_is("it has moved", lambda line: line.port.endswith("ttyUSB99"))
        assert moved.slot == line.slot
        await place.submit(NUMBER)
        await place.on_air(NUMBER)
        assert len(await place.lines()) == 1
