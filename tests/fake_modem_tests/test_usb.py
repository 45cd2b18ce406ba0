"""Modems as USB devices, in a sysfs of their own."""

import asyncio
from dataclasses import replace

import pytest

from appliance.modem.discovery import ports
from tests.fake_modem import AsyncControl, Bank
from tests.fake_modem.usb import Tree
from tests.fake_modem_tests.conftest import QUICK
from tests.fake_modem_tests.talk import PATIENCE, Port

MAKES = ["e3372", "sim800", "ec25"]


class Machine:
    """A bank with a sysfs, and somebody who looks around in it."""

    def __init__(self, folder, **options):
        self.sysfs = folder / "sys"
        settings = replace(QUICK, cdrom_seconds=options.pop("cdrom_seconds", 0.0))
        self.bank = Bank(folder / "bank", MAKES, settings=settings, sysfs=self.sysfs, **options)

    def device(self, number):
        return self.sysfs / "bus" / "usb" / "devices" / f"1-1.{number + 1}"

    def fact(self, number, name):
        return (self.device(number) / name).read_text().strip()

    def ttys(self):
        """Return each tty's name with the interface it belongs to."""
        return {
            tty.name: next(
                place.name
                for place in (tty / "device").resolve().parents
                if (place / "bInterfaceNumber").exists()
            )
            for tty in sorted((self.sysfs / "class" / "tty").iterdir())
        }

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.001)

    def port(self, number):
        return Port(self.sysfs / "dev" / self.bank.ports[number].tty)


@pytest.fixture
async def machine(tmp_path):
    made = Machine(tmp_path)
    async with made.bank:
        yield made


async def test_each_modem_is_a_device_with_its_interfaces(machine):
    assert (machine.fact(0, "idVendor"), machine.fact(0, "idProduct")) == ("12d1", "1506")
    assert machine.fact(2, "idVendor") == "2c7c"
    assert len({machine.fact(number, "devnum") for number in range(3)}) == 3
    at = machine.device(0) / "1-1.1:1.1"
    parts = ("Number", "Class", "SubClass", "Protocol")
    assert [(at / f"bInterface{part}").read_text().strip() for part in parts] == [
        "01",
        "ff",
        "02",
        "02",
    ]
    assert list(machine.ttys()) == [f"ttyUSB{number}" for number in range(8)]
    assert machine.ttys()["ttyUSB1"] == "1-1.1:1.1"
    assert (machine.sysfs / "class/tty/ttyUSB1/device").resolve().parent == at.resolve()


async def test_its_at_interface_answers_and_the_others_are_mute(machine):
    async with AsyncControl(machine.bank.directory) as control:
        shown = (await control.do("modems", modem=2))["modems"][0]
    assert (shown["usb"], shown["tty"]) == ("1-1.3", "ttyUSB6")
    port = machine.port(2)
    assert (await port.ask("AT+CGMM")).endswith("EC25|OK")
    port.close()
    mute = Port(machine.sysfs / "dev" / "ttyUSB4")
    mute.type("AT\r")
    port = machine.port(0)
    await port.ask("AT")
    assert not mute.heard
    port.close()
    mute.close()


async def test_not_authorised_it_has_no_ports_and_authorised_again_it_has(machine):
    before = machine.fact(0, "devnum")
    (machine.device(0) / "authorized").write_text("0")
    await machine.until(lambda: not machine.bank.ports[0].present)
    assert not set(machine.ttys().values()) & {"1-1.1:1.0", "1-1.1:1.1", "1-1.1:1.2"}
    assert not (machine.sysfs / "dev" / "ttyUSB1").is_symlink()
    assert machine.device(0).exists()
    machine.bank.ports[0].appear()
    assert not machine.bank.ports[0].present

    (machine.device(0) / "authorized").write_text("1")
    await machine.until(lambda: machine.bank.ports[0].present)
    assert machine.ttys()["ttyUSB1"] == "1-1.1:1.1"
    assert machine.fact(0, "devnum") != before
    port = machine.port(0)
    assert (await port.ask("AT+CGMM")).endswith("E3372|OK")
    port.close()


async def test_taken_and_given_at_once_it_comes_back_too_and_that_cures_it(machine):
    modem, port = machine.bank.modems[0], machine.bank.ports[0]
    terminal = port.path
    async with AsyncControl(machine.bank.directory) as control:
        await control.do("fault", modem=0, kind="hang", cure="usb")
        await control.do("fault", modem=1, kind="hang", cure="usb")
    for number in (0, 1):
        (machine.device(number) / "authorized").write_text("0")
        (machine.device(number) / "authorized").write_text("1")
    await machine.until(lambda: not modem.faults.hung)
    await machine.until(lambda: all(one.present for one in machine.bank.ports))
    opened = machine.port(0)
    assert (await opened.ask("AT")).endswith("OK")
    opened.close()
    assert terminal
    assert machine.bank.modems[1].faults.hung  # behind an adapter for its UART


async def test_the_port_it_sits_at_can_be_switched_off_and_on_and_that_cures_it(machine):
    switches = [
        machine.sysfs / "bus/usb/devices/1-1:1.0" / f"1-1-port{number}" / "disable"
        for number in (1, 2)
    ]
    async with AsyncControl(machine.bank.directory) as control:
        for modem in (0, 1):
            await control.do("fault", modem=modem, kind="hang", cure="power")
    before = machine.fact(0, "devnum")
    for switch in switches:
        assert switch.read_text().strip() == "0"
        switch.write_text("1")
    await machine.until(lambda: not machine.device(0).exists() and not machine.device(1).exists())
    assert switches[0].exists()  # it is the hub's
    machine.bank.ports[0].appear()
    assert not machine.bank.ports[0].present
    for switch in switches:
        switch.write_text("0")
    await machine.until(lambda: all(one.present for one in machine.bank.ports))
    assert machine.fact(0, "devnum") != before
    opened = machine.port(0)
    assert (await opened.ask("AT")).endswith("OK")
    opened.close()
    assert machine.bank.modems[1].faults.hung  # what is on a UART has power of its own


async def test_switched_off_and_on_at_once_it_comes_back_too(machine):
    switch = machine.sysfs / "bus/usb/devices/1-1:1.0/1-1-port1/disable"
    before = machine.fact(0, "devnum")
    switch.write_text("1")
    switch.write_text("0")
    await machine.until(lambda: machine.device(0).exists() and machine.fact(0, "devnum") != before)
    opened = machine.port(0)
    assert (await opened.ask("AT+CGMM")).endswith("E3372|OK")
    opened.close()


async def test_a_stick_that_is_pulled_out_is_gone_and_comes_back_as_it_was(machine):
    ttys = machine.ttys()
    async with AsyncControl(machine.bank.directory) as control:
        await control.do("fault", modem=2, kind="vanish")
        assert not machine.device(2).exists()
        assert "ttyUSB4" not in machine.ttys()
        await control.do("mend", modem=2)
    assert machine.ttys() == ttys


async def test_it_may_come_back_under_other_numbers(tmp_path):
    machine = Machine(tmp_path, renumber=True)
    async with machine.bank:
        (machine.device(0) / "authorized").write_text("0\n")
        await machine.until(lambda: not machine.bank.ports[0].present)
        (machine.device(0) / "authorized").write_text("1\n")
        await machine.until(lambda: machine.bank.ports[0].present)
        assert machine.bank.ports[0].tty == "ttyUSB9"
        port = machine.port(0)
        assert (await port.ask("AT+CGMM")).endswith("E3372|OK")
        port.close()


async def test_it_may_be_a_cd_rom_for_a_while_after_a_restart(tmp_path):
    machine = Machine(tmp_path, cdrom_seconds=0.05)
    async with machine.bank:
        port = machine.port(0)
        port.type("AT+CFUN=1,1\r")
        await machine.until(
            lambda: machine.device(0).exists() and machine.fact(0, "idProduct") == "1f01"
        )
        assert "1-1.1:1.1" not in machine.ttys().values()
        disc = machine.device(0) / "1-1.1:1.0"
        assert (disc / "bInterfaceClass").read_text() == "08\n"
        await machine.until(lambda: machine.bank.ports[0].present)
        assert machine.fact(0, "idProduct") == "1506"
        assert (disc / "bInterfaceClass").read_text() == "ff\n"
        port.close()


async def test_nothing_is_left_in_the_end_and_nothing_of_others_is_touched(tmp_path):
    machine = Machine(tmp_path)
    async with machine.bank:
        pass
    assert machine.ttys() == {}
    assert not list((machine.sysfs / "dev").iterdir())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "precious").touch()
    with pytest.raises(FileExistsError):
        Tree(tmp_path / "other", machine.bank._watch.closings)


async def test_the_product_finds_the_at_port_of_each_stick(machine):
    found = ports("auto", sysfs=machine.sysfs, dev=machine.sysfs / "dev")
    assert [(one.slot, one.port.rsplit("/")[-1]) for one in found] == [
        ("usb-1-1.1:1.1", "ttyUSB1"),
        ("usb-1-1.3:1.2", "ttyUSB6"),
    ]
