import re
from pathlib import Path

import pytest

from appliance.modem.discovery import Found, ports, usb_ids
from appliance.modem.usb import AT_CLASS, AT_INTERFACE, MAKERS, Role, role_of
from tests.vectors import load


class Machine:
    """A sysfs and a /dev of our own."""

    def __init__(self, root):
        self.sysfs, self.dev = root / "sys", root / "dev"
        (self.sysfs / "class" / "tty").mkdir(parents=True)
        self.dev.mkdir()

    def plug(self, path, vid, pid, interfaces, *, acm=False):
        """Plug a device into ``path`` ("1-1.3"); ``interfaces``: tty name → (number, triple)."""
        device = self.sysfs / "devices" / "usb1" / path
        device.mkdir(parents=True)
        (device / "idVendor").write_text(f"{vid}\n")
        (device / "idProduct").write_text(f"{pid}\n")
        for tty, (number, triple) in interfaces.items():
            self.add_interface(path, tty, number, triple, acm=acm)

    def add_interface(self, path, tty, number, triple, *, acm=False):
        """Let one more interface of a device come up."""
        interface = self.sysfs / "devices" / "usb1" / path / f"{path}:1.{int(number, 16)}"
        interface.mkdir()
        (interface / "bInterfaceNumber").write_text(f"{number}\n")
        for part, value in zip(("Class", "SubClass", "Protocol"), triple.split("/"), strict=True):
            (interface / f"bInterface{part}").write_text(f"{value}\n")
        holder = interface if acm else interface / tty
        (holder / "tty" / tty).mkdir(parents=True)
        (holder / "tty" / tty / "device").symlink_to(holder)
        (self.sysfs / "class" / "tty" / tty).symlink_to(holder / "tty" / tty)
        (self.dev / tty).touch()

    def add_uart(self, tty):
        place = self.sysfs / "devices" / "platform" / tty
        place.mkdir(parents=True)
        (place / "device").symlink_to(place.parent)
        (self.sysfs / "class" / "tty" / tty).symlink_to(place)
        (self.dev / tty).touch()

    def find(self, setting="auto", **more):
        return ports(setting, sysfs=self.sysfs, dev=self.dev, **more)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


ANY = "ff/ff/ff"

NOT_IN_CATALOGUE = {"3566"}


def test_without_any_device_nothing_is_found(machine, tmp_path):
    assert machine.find() == []
    assert ports("auto", sysfs=tmp_path / "none", dev=tmp_path) == []


def test_the_at_port_is_chosen_by_its_interface_and_not_by_its_number(machine):
    machine.plug("1-1.3", "2c7c", "0125", {f"ttyUSB{n}": (f"0{3 - n}", ANY) for n in range(4)})
    (found,) = machine.find()
    assert (found.port, found.slot) == (str(machine.dev / "ttyUSB1"), "usb-1-1.3:1.2")
    assert found.known


def test_the_other_ports_of_a_known_stick_may_stand_in_for_its_own_the_next_ones_first(machine):
    machine.plug("1-1", "1e0e", "9001", {f"ttyUSB{n}": (f"0{n}", ANY) for n in range(5)})
    machine.plug("1-2", "2c7c", "0125", {"ttyUSB7": ("02", ANY)})
    several, alone = machine.find()
    assert [name[-1] for name in several.candidates] == ["2", "3", "4", "0", "1"]
    assert several.known
    assert alone.candidates == ()


def test_a_port_known_to_be_something_else_never_stands_in(machine):
    triples = {"ttyUSB0": "ff/02/01", "ttyUSB1": "ff/02/02", "ttyUSB2": "ff/02/03"}
    ports = {name: (f"0{name[-1]}", triple) for name, triple in triples.items()}
    machine.plug("1-1", "12d1", "1506", ports)
    (found,) = machine.find()
    assert [name[-1] for name in found.candidates] == ["1", "0"]


def test_a_huawei_port_is_chosen_by_its_class(machine):
    machine.plug(
        "1-2",
        "12d1",
        "1506",
        {
            "ttyUSB0": ("00", "ff/02/01"),
            "ttyUSB1": ("01", "ff/02/02"),
            "ttyUSB2": ("02", "ff/02/03"),
        },
    )
    machine.plug(
        "1-3", "12d1", "1c05", {"ttyUSB3": ("00", "ff/01/02"), "ttyUSB4": ("01", "ff/01/03")}
    )
    assert [found.slot for found in machine.find()] == ["usb-1-2:1.1", "usb-1-3:1.0"]


def test_a_cdc_acm_port_is_found_too(machine):
    machine.plug(
        "1-4",
        "1e2d",
        "005b",
        {"ttyACM0": ("00", "02/02/01"), "ttyACM1": ("02", "02/02/01")},
        acm=True,
    )
    assert [found.port for found in machine.find()] == [str(machine.dev / "ttyACM0")]


def test_unknown_devices_and_uarts_are_never_found_by_themselves(machine):
    machine.plug("1-1", "0403", "6001", {"ttyUSB0": ("00", ANY)})
    machine.plug("1-2", "2c7c", "0125", {"ttyUSB1": ("00", ANY)})  # its AT port is another one
    machine.add_uart("ttyAMA0")
    assert machine.find() == []


def test_a_modem_makers_unknown_product_offers_all_its_ports_as_one_stick(machine):
    interfaces = {f"ttyUSB{number}": (f"0{number}", ANY) for number in (2, 0, 1)}
    machine.plug("1-2", "12d1", "1001", interfaces)
    names = tuple(str(machine.dev / f"ttyUSB{number}") for number in range(3))
    assert machine.find() == [Found(names[0], "usb-1-2", known=False, candidates=names)]


@pytest.mark.parametrize("product", ["140c", "1406", "14ac", "1465", "1464"])
def test_an_old_huawei_whose_interfaces_tell_nothing_offers_all_of_them(machine, product):
    """E173, E1750, E1820, K3765, K4505, as Linux lists them."""
    machine.plug("1-2", "12d1", product, {f"ttyUSB{n}": (f"0{n}", ANY) for n in range(3)})
    (found,) = machine.find()
    assert (found.slot, found.known, len(found.candidates)) == ("usb-1-2", False, 3)


def test_ports_of_other_use_are_no_candidates(machine):
    machine.plug(
        "1-2",
        "12d1",
        "1f11",
        {
            "ttyUSB0": ("00", "ff/02/03"),  # diagnosis
            "ttyUSB1": ("01", "ff/02/01"),
            "ttyUSB2": ("02", "ff/02/09"),  # GPS
        },
    )
    (found,) = machine.find()
    assert found.candidates == (str(machine.dev / "ttyUSB1"),)


def test_a_stick_keeps_its_slot_whichever_of_its_ports_come_up_first(machine):
    machine.plug("1-2", "12d1", "1001", {"ttyUSB7": ("02", ANY)})
    (early,) = machine.find()
    for number in ("00", "01"):
        machine.add_interface("1-2", f"ttyUSB{number[1]}", number, ANY)
    (late,) = machine.find()
    assert early.slot == late.slot
    assert len(late.candidates) == 3


def test_one_stick_is_one_modem_though_two_of_its_ports_take_commands(machine):
    machine.plug(
        "1-2", "12d1", "1506", {"ttyUSB0": ("04", "ff/02/02"), "ttyUSB1": ("01", "ff/01/02")}
    )
    assert [found.slot for found in machine.find()] == ["usb-1-2:1.1"]


def test_a_device_file_that_is_a_link_does_not_give_its_name_to_the_slot(machine, tmp_path):
    machine.plug("1-1.3", "2c7c", "0125", {"ttyUSB0": ("02", ANY)})
    (tmp_path / "pts").touch()
    (machine.dev / "ttyUSB0").unlink()
    (machine.dev / "ttyUSB0").symlink_to(tmp_path / "pts")
    (found,) = machine.find(simulated=[str(machine.dev / "ttyUSB*")])
    assert (found.slot, found.simulated) == ("usb-1-1.3:1.2", True)


def test_what_a_port_is_on_usb_can_be_told(machine):
    machine.plug("1-2", "12d1", "1001", {"ttyUSB0": ("02", ANY)})
    where = {"sysfs": machine.sysfs, "dev": machine.dev}
    port = str(machine.dev / "ttyUSB0")
    assert usb_ids(port, **where) == "12d1:1001 interface 02 (ff/ff/ff)"
    assert usb_ids("/dev/ttyAMA0", **where) is None


def test_a_port_that_is_named_is_taken_as_it_is(machine):
    machine.add_uart("ttyAMA0")
    uart, socket, absent = str(machine.dev / "ttyAMA0"), "socket://pi:3001", "/dev/tty/none"
    assert machine.find([uart, socket, absent]) == [
        Found(name, name, known=False, there=name != absent) for name in (uart, socket, absent)
    ]


def test_a_named_usb_port_has_its_usb_path_as_slot(machine):
    machine.plug("1-1", "0403", "6001", {"ttyUSB0": ("00", ANY)})
    port = str(machine.dev / "ttyUSB0")
    assert machine.find([port]) == [Found(port, "usb-1-1:1.0", known=False)]


def test_a_symbolic_link_keeps_its_name_as_slot_and_a_port_is_found_once(machine, tmp_path):
    machine.add_uart("ttyAMA0")
    (tmp_path / "modem0").symlink_to(machine.dev / "ttyAMA0")
    named = [str(tmp_path / "modem*"), str(machine.dev / "ttyAMA0")]
    assert machine.find(named) == [Found(str(tmp_path / "modem0"), "modem0", known=False)]


def test_simulated_ports_are_found_beside_real_ones_and_marked(machine, tmp_path):
    machine.plug("1-1.3", "2c7c", "0125", {"ttyUSB0": ("02", ANY)})
    machine.add_uart("ttyAMA0")
    (tmp_path / "modem0").symlink_to(machine.dev / "ttyAMA0")
    found = machine.find(simulated=[str(tmp_path / "modem*")])
    assert [(one.slot, one.known, one.simulated) for one in found] == [
        ("usb-1-1.3:1.2", True, False),
        ("modem0", False, True),
    ]


def test_a_device_that_is_unplugged_meanwhile_does_no_harm(machine):
    machine.plug("1-1.3", "2c7c", "0125", {"ttyUSB0": ("02", ANY)})
    (machine.sysfs / "devices/usb1/1-1.3/idVendor").unlink()
    (machine.sysfs / "class/tty/ttyUSB9").symlink_to(machine.sysfs / "gone")
    assert machine.find() == []


def test_our_table_agrees_with_the_catalogue():
    at, others = set(), set()
    for row in load("port_layouts")["rows"]:
        vid, pid = (
            (row["vid"] or row.get("vid_from_block") or "").lower(),
            (row["pid"] or "").lower(),
        )
        primary = "at_primary" in row["role"]
        (at if primary else others).add((vid, pid, row["ifnum"] or "", row["iface_class"] or ""))
    assert {place[0] for place in at} == (set(AT_INTERFACE) | set(AT_CLASS)) - NOT_IN_CATALOGUE
    assert [place for place in at if role_of(*place) is not Role.AT] == []
    assert [place for place in others - at if role_of(*place) is Role.AT] == []


def test_only_modem_makers_unknown_products_are_candidates():
    assert role_of("0403", "6001", "00", ANY) is Role.OTHER
    assert role_of("0421", "ffff", "00", ANY) is Role.OTHER  # phones too
    assert role_of("1bc7", "ffff", "00", ANY) is Role.CANDIDATE
    assert role_of("12d1", "1001", "00", ANY) is Role.CANDIDATE  # older ones tell nothing


def test_the_rules_of_udev_name_the_same_modems():
    rules = (Path(__file__).parents[2] / "udev" / "76-appliance.rules").read_text()
    vendors = re.findall(r'^ENV{ID_VENDOR_ID}=="([^"]+)", GOTO', rules, re.MULTILINE)
    assert [set(each.split("|")) for each in vendors] == [MAKERS]
    products = re.findall(
        r'^ENV{ID_VENDOR_ID}=="([^"]+)", ENV{ID_MODEL_ID}=="([^"]+)", GOTO', rules, re.MULTILINE
    )
    named = {vendor: set(each.split("|")) for vendor, each in products}
    assert named == {
        vendor: set(table) for vendor, table in AT_INTERFACE.items() if vendor not in MAKERS
    }
