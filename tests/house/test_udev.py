"""The rules, run by the real udevadm over a described machine with two equal sticks and a third."""

import re
import shlex
import subprocess

import pytest

from tests.require import ROOT, require

RULES = ROOT / "udev" / "76-appliance.rules"

BUS = "/devices/pci0000:00/0000:00:14.0/usb2"

# in a mount namespace of its own, so that the machine's own rules stay as they are
PRIVATE = (
    "mount -t tmpfs none /run && mount -t tmpfs none /etc/udev/rules.d"
    " && cp {rules} /etc/udev/rules.d && exec {command}"
)


def usb_stick(bus_port: int, vendor: str, product: str, tty: str) -> str:
    """Describe a stick with one serial port, as umockdev reads it."""
    device = f"{BUS}/2-{bus_port}"
    return f"""\
P: {device}
N: bus/usb/002/00{bus_port}
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
A: idVendor={vendor}
A: idProduct={product}
A: power/control=auto
A: power/autosuspend_delay_ms=2000

P: {device}/2-{bus_port}:1.2
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface
A: bInterfaceNumber=02
A: bInterfaceClass=ff

P: {device}/2-{bus_port}:1.2/{tty}
E: SUBSYSTEM=usb-serial
A: port_number=0

P: {device}/2-{bus_port}:1.2/{tty}/tty/{tty}
N: {tty}
E: SUBSYSTEM=tty
E: DEVNAME=/dev/{tty}
E: MAJOR=188
E: MINOR={bus_port}
A: dev=188:{bus_port}

"""


MACHINE = (
    f"P: {BUS[: BUS.rindex('/')]}\nE: SUBSYSTEM=pci\n\n"
    f"P: {BUS}\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: idVendor=1d6b\nA: idProduct=0002\n\n"
    + usb_stick(1, "12d1", "1506", "ttyUSB0")
    + usb_stick(2, "12d1", "1506", "ttyUSB1")
    + usb_stick(3, "2c7c", "0125", "ttyUSB2")
    + usb_stick(4, "0403", "6001", "ttyUSB3")  # a serial adapter: none of our business
    + usb_stick(5, "413c", "81d7", "ttyUSB4")  # a modem of a maker of much else
    + usb_stick(6, "413c", "2003", "ttyUSB5")  # something else of that maker
)


@pytest.fixture
def udevadm(tmp_path):
    """Give a function that says what udev makes of a device."""
    require("udev")
    require("umockdev")
    machine = tmp_path / "machine.umockdev"
    machine.write_text(MACHINE)
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not make a mount namespace")

    def test(device: str) -> str:
        command = shlex.join(
            ["umockdev-run", "--device", str(machine), "--", "udevadm", "test", device]
        )
        script = PRIVATE.format(rules=shlex.quote(str(RULES)), command=command)
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return test


def tty(number: int) -> str:
    return f"/sys{BUS}/2-{number + 1}/2-{number + 1}:1.2/ttyUSB{number}/tty/ttyUSB{number}"


@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_every_modem_port_is_named_after_its_usb_path(udevadm, number):
    said = udevadm(tty(number))

    name = f"appliance/pci-0000:00:14.0-usb-0:{number + 1}:1.2"
    assert re.search(rf"^DEVLINKS=.*/dev/{re.escape(name)}\b", said, re.MULTILINE), said
    assert "ID_MM_DEVICE_IGNORE=1" in said
    assert re.search(r"76-appliance\.rules:\d+ (GROUP \d+|Unknown group)", said), said


def test_no_two_equal_sticks_share_a_name(udevadm):
    names = [set(re.findall(r"/dev/appliance/\S+", udevadm(tty(number)))) for number in (0, 1)]

    assert names[0]
    assert names[1]
    assert names[0].isdisjoint(names[1])


@pytest.mark.parametrize("bus_port", [1, 5])
def test_a_stick_is_kept_awake_and_away_from_modemmanager(udevadm, bus_port):
    said = udevadm(f"/sys{BUS}/2-{bus_port}")

    assert "ID_MM_DEVICE_IGNORE=1" in said
    assert re.search(r"76-appliance\.rules:\d+ ATTR '.*/power/control' writing 'on'", said), said
    assert re.search(r"ATTR '.*/power/autosuspend_delay_ms' writing '-1'", said), said


@pytest.mark.parametrize("number", [3, 5])
def test_what_is_no_modem_of_ours_is_left_alone(udevadm, number):
    for device in (tty(number), f"/sys{BUS}/2-{number + 1}"):
        said = udevadm(device)

        assert "/dev/appliance/" not in said
        assert "ID_MM_DEVICE_IGNORE" not in said
        assert "power/control" not in said


def test_no_rule_is_ignored_by_udev(udevadm):
    complaints = [line for line in udevadm(tty(0)).splitlines() if "76-appliance.rules" in line]

    assert [line for line in complaints if re.search("nvalid|gnoring|nknown key", line)] == []
