"""The privileged helper, and what the daemon asks it: what runs as root does this and no more."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import usb_helper
from appliance.errors import PortBusy
from appliance.lines import replug
from appliance.modem import usb
from appliance.modem.ports import open_port
from tests.box import ROOT
from tests.whole.keeping import helper


def ask(sysfs, request, *more):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "appliance.usb_helper",
            "--sysfs",
            str(sysfs),
            "--pause",
            "0",
            *more,
        ],
        input=request,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stderr == b""
    return done.returncode, done.stdout.decode().strip()


@pytest.fixture
def sysfs(tmp_path):
    """Give a tree with a modem at 1-1.2, its hub, and a keyboard at 1-1.3."""
    devices = tmp_path / "bus" / "usb" / "devices"
    for name, vendor, kind in (
        ("1-1", "12d1", "09"),
        ("1-1.2", "2c7c", "00"),
        ("1-1.3", "413c", "00"),
        ("1-2", "19d2", "00"),
    ):
        (devices / name).mkdir(parents=True)
        facts = {"idVendor": vendor, "bDeviceClass": kind, "authorized": "1"}
        for fact, value in facts.items():
            (devices / name / fact).write_text(f"{value}\n")
    for interface, port in (("1-1:1.0", "1-1-port2"), ("1-0:1.0", "usb1-port2")):
        (devices / interface / port).mkdir(parents=True)
        (devices / interface / port / "disable").write_text("x")
    return tmp_path


def test_the_helper_gives_the_authorisation_back(sysfs):
    assert ask(sysfs, b"reauthorise 1-1.2\n") == (0, "ok")
    assert (sysfs / "bus/usb/devices/1-1.2/authorized").read_text() == "1"


@pytest.mark.parametrize(
    ("device", "switch"), [("1-1.2", "1-1:1.0/1-1-port2"), ("1-2", "1-0:1.0/usb1-port2")]
)
def test_the_helper_switches_the_port_that_the_device_sits_at(sysfs, device, switch):
    assert ask(sysfs, f"power {device}\n".encode()) == (0, "ok")
    assert (sysfs / "bus/usb/devices" / switch / "disable").read_text() == "0"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"", "no such request"),
        (b"reauthorise 1-1.2", "no such request"),
        (b"reauthorise 1-1.2 \n", "no such request"),
        (b"Reauthorise 1-1.2\n", "no such request"),
        (b"reauthorise ../../../etc\n", "no such request"),
        (b"reauthorise 1-1/../1-1.2\n", "no such request"),
        (b"reauthorise 1-1:1.0\n", "no such request"),
        (b"power usb1\n", "no such request"),
        (b"reauthorise 1-1." + b"2" * 100 + b"\n", "no such request"),
        (b"reauthorise 1-1.4\n", "there is no such device"),
        (b"reauthorise 1-1.3\n", "that device is no modem"),
        (b"reauthorise 1-1\n", "that device is no modem"),
        (b"power 1-1.3\n", "that device is no modem"),
    ],
)
def test_the_helper_does_nothing_else_and_to_nothing_else(sysfs, request_, answer):
    before = {path: path.read_bytes() for path in sysfs.rglob("*") if path.is_file()}
    assert ask(sysfs, request_) == (1, f"error: {answer}")
    assert {path: path.read_bytes() for path in sysfs.rglob("*") if path.is_file()} == before


def test_the_helper_reads_one_line_and_no_more(sysfs):
    (sysfs / "bus/usb/devices/1-2/authorized").write_text("as it was")
    assert ask(sysfs, b"reauthorise 1-1.2\nreauthorise 1-2\n") == (0, "ok")
    assert (sysfs / "bus/usb/devices/1-2/authorized").read_text() == "as it was"


def test_the_helper_says_where_a_port_cannot_be_switched(sysfs):
    (sysfs / "bus/usb/devices/1-1:1.0/1-1-port2/disable").unlink()
    assert ask(sysfs, b"power 1-1.2\n") == (1, "error: this port cannot be switched")


@pytest.fixture
def held(sysfs):
    """Give a pseudo-terminal that sysfs knows as ttyUSB7, and the program that has it open."""
    ours, theirs = os.openpty()
    number = os.fstat(theirs).st_rdev
    tty = sysfs / "class" / "tty" / "ttyUSB7"
    tty.mkdir(parents=True)
    (tty / "dev").write_text(f"{os.major(number)}:{os.minor(number)}\n")
    with subprocess.Popen(["cat"], stdin=theirs) as program:
        os.close(theirs)
        yield program
        program.kill()
    os.close(ours)


def test_the_helper_tells_who_has_a_port_open_whatever_it_is_called_there(sysfs, held):
    assert ask(sysfs, b"holder ttyUSB7\n") == (0, f"ok, cat ({held.pid})")
    held.kill()
    held.wait()
    assert ask(sysfs, b"holder ttyUSB7\n") == (0, "ok")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"holder ttyUSB8\n", "there is no such port"),
        (b"holder sda\n", "no such request"),
        (b"holder ../mem\n", "no such request"),
        (b"holder ttyUSB7 \n", "no such request"),
        (b"reauthorise ttyUSB7\n", "no such request"),
        (b"holder 1-1.2\n", "no such request"),
    ],
)
def test_the_helper_looks_only_at_ports(sysfs, held, asked, answer):
    assert ask(sysfs, asked) == (1, f"error: {answer}")


async def test_the_daemon_names_who_holds_a_port_by_the_helpers_word(sysfs, held, tmp_path):
    where = tmp_path / "helper.sock"
    assert await asyncio.to_thread(replug.holder, where, "/dev/ttyUSB7") is None
    async with helper(where, sysfs):
        named = await asyncio.to_thread(replug.holder, where, "/dev/ttyUSB7")
        unknown = await asyncio.to_thread(replug.holder, where, "/dev/ttyUSB8")
    assert (named, unknown) == (f"cat ({held.pid})", None)


async def test_what_the_daemon_has_open_itself_is_held_by_nobody_else(sysfs, held, tmp_path):
    where, ours = tmp_path / "helper.sock", str(Path(f"/proc/{held.pid}/fd/0").readlink())
    async with helper(where, sysfs):
        with Path(ours).open("rb"):
            named = await asyncio.to_thread(replug.holder, where, "/dev/ttyUSB7")
    assert named == f"cat ({held.pid})"


def test_a_port_that_is_locked_is_held_by_whom_the_helper_names(sysfs, held):
    ours = str(Path(f"/proc/{held.pid}/fd/0").readlink())
    with Path(ours).open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with pytest.raises(PortBusy, match="held by ModemManager \\(712\\)"):
            open_port(ours, who=lambda port: "ModemManager (712)" if port == ours else None)


def test_the_helper_knows_every_maker_whose_devices_are_looked_for():
    assert usb.MAKERS <= usb_helper.VENDORS


def test_the_helper_uses_the_standard_library_alone():
    code = "import json, sys; import appliance.usb_helper; print(json.dumps(list(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    foreign = [name for name in json.loads(said.stdout) if name.startswith("appliance.")]
    assert foreign == ["appliance.usb_helper"]
