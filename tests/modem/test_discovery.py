import pytest

from appliance.modem.discovery import Found, ports
from appliance.modem.usb import AT_CLASS, AT_INTERFACE, takes_commands
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
            interface = device / f"{path}:1.{int(number, 16)}"
            interface.mkdir()
            (interface / "bInterfaceNumber").write_text(f"{number}\n")
            for part, value in zip(
                ("Class", "SubClass", "Protocol"), triple.split("/"), strict=True
            ):
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


def test_without_any_device_nothing_is_found(machine, tmp_path):
    assert machine.find() == []
    assert ports("auto", sysfs=tmp_path / "none", dev=tmp_path) == []


def test_the_at_port_is_chosen_by_its_interface_and_not_by_its_number(machine):
    machine.plug("1-1.3", "2c7c", "0125", {f"ttyUSB{n}": (f"0{3 - n}", ANY) for n in range(4)})
    assert machine.find() == [Found(str(machine.dev / "ttyUSB1"), "usb-1-1.3:1.2", known=True)]


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
    machine.plug("1-2", "12d1", "1506", {"ttyUSB1": ("00", ANY)})
    machine.add_uart("ttyAMA0")
    assert machine.find() == []


def test_a_port_that_is_named_is_taken_as_it_is(machine):
    machine.add_uart("ttyAMA0")
    uart, socket, absent = str(machine.dev / "ttyAMA0"), "socket://pi:3001", "/dev/tty/none"
    assert machine.find([uart, socket, absent]) == [
        Found(name, name, known=False) for name in (uart, socket, absent)
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
    for vid in AT_INTERFACE | AT_CLASS:
        known = {place for place in at if place[0] == vid}
        assert known
        assert all(takes_commands(*place) for place in known), vid
    assert not [place for place in others - at if takes_commands(*place)]
