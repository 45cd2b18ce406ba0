"""The privileged helper: turns one USB device off and on again, or tells who has a port open.

The daemon has no right to write to sysfs or to look at other users' processes, and shall have
none. systemd starts this as root for each connection to a socket that only the daemon's group may
open (``systemd/appliance-usb.socket``). It reads one line, ``reauthorise 1-1.2``, ``power 1-1.2``
or ``holder ttyUSB0``, does that and nothing else, and switches only devices whose makers make
modems; it answers one line, ``ok`` (with the holders) or ``error: why``. Nothing but the
standard library, and nothing of this project: what runs as root must be read at one sitting.

``reauthorise``: ``authorized`` of the device, 0 and then 1. ``power``: ``disable`` of the port of
its hub, 1 and then 0 (Linux 6.0 and later). Both are described in the kernel's
Documentation/ABI/testing/sysfs-bus-usb. Not yet proved on hardware. ``holder``: processes are known
by the device that their open files are, since its name may be another one where they run.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import BinaryIO, Final

LONGEST: Final = 64  # octets of a request

REQUEST: Final = re.compile(
    rb"(reauthorise|power) ([0-9]{1,3}-[0-9]{1,2}(?:\.[0-9]{1,2}){0,6})\n"
    rb"|(holder) (tty(?:USB|ACM|AMA|S)[0-9]{1,3})\n"
)

VENDORS: Final = frozenset(
    {
        "05c6",  # Qualcomm, and makers who did not change it
        "114f",  # Wavecom
        "1199",  # Sierra
        "12d1",  # Huawei
        "1508",  # Fibocom
        "1546",  # u-blox
        "1782",  # Spreadtrum
        "19d2",  # ZTE
        "1bbb",  # Alcatel
        "1bc7",  # Telit
        "1c9e",  # Longcheer
        "1e0e",  # SIMCom
        "1e2d",  # Cinterion
        "2020",  # BroadMobi
        "2c7c",  # Quectel
        "2cb7",  # Fibocom
        "305a",  # Gosuncn
        "33f8",  # Rolling
        "3566",  # Brovi
        "3731",  # Netprisma
    }
)
"""Makers of modems and of little else: nobody shall lose a keyboard or a disk by this."""

HUB: Final = "09"  # bDeviceClass

MOST_NAMED: Final = 4  # holders


class Refused(Exception):
    """The request is not carried out; the text is the answer."""


def main() -> int:
    """Read the request from standard input, answer on standard output."""
    parser = argparse.ArgumentParser(prog="python -m appliance.usb_helper")
    parser.add_argument("--sysfs", type=Path, default=Path("/sys"))
    parser.add_argument("--proc", type=Path, default=Path("/proc"))
    parser.add_argument(
        "--pause", type=float, default=2.0, metavar="S", help="how long the device is off"
    )
    given = parser.parse_args()
    try:
        verb, device = read(sys.stdin.buffer)
        if verb == "holder":
            answer = ", ".join(("ok", *holders(given.sysfs, given.proc, device)))
        else:
            (reauthorise if verb == "reauthorise" else power)(given.sysfs, device, given.pause)
            answer = "ok"
    except (Refused, OSError) as why:
        sys.stdout.write(f"error: {why}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


def read(stream: BinaryIO) -> tuple[str, str]:
    """Return verb and device of the one line that may come."""
    found = REQUEST.fullmatch(stream.readline(LONGEST))
    if found is None:
        raise Refused("no such request")
    verb, what = (found[1], found[2]) if found[1] else (found[3], found[4])
    return verb.decode("ascii"), what.decode("ascii")


def reauthorise(sysfs: Path, device: str, pause: float) -> None:
    """Take the device's authorisation away and give it back, as if it were plugged in again."""
    _off_and_on(_modem(sysfs, device) / "authorized", "0", "1", pause)


def power(sysfs: Path, device: str, pause: float) -> None:
    """Switch the port off and on that the device sits at, where its hub can."""
    _modem(sysfs, device)
    upper, _, port = device.rpartition("." if "." in device else "-")
    at_root = "." not in device
    interface = f"{upper}-0:1.0" if at_root else f"{upper}:1.0"
    hub = f"usb{upper}" if at_root else upper
    switch = sysfs / "bus" / "usb" / "devices" / interface / f"{hub}-port{port}" / "disable"
    if not switch.is_file():
        raise Refused("this port cannot be switched")
    _off_and_on(switch, "1", "0", pause)


def holders(sysfs: Path, proc: Path, tty: str) -> list[str]:
    """Return which processes have a tty open, such as ``ModemManager (712)``."""
    number = sysfs / "class" / "tty" / tty / "dev"
    if not number.is_file():
        raise Refused("there is no such port")
    major, minor = map(int, number.read_text("ascii").split(":"))
    wanted = os.makedev(major, minor)
    found = (each for each in proc.iterdir() if each.name.isdigit() and _has_open(each, wanted))
    return [_name(each) for each, _ in zip(found, range(MOST_NAMED), strict=False)]


def _has_open(process: Path, device: int) -> bool:
    try:
        return any(_is(file, device) for file in (process / "fd").iterdir())
    except OSError:  # it has ended meanwhile
        return False


def _is(file: Path, device: int) -> bool:
    try:
        return file.stat().st_rdev == device
    except OSError:  # it was closed meanwhile
        return False


def _name(process: Path) -> str:
    try:
        name = (process / "comm").read_text("ascii", "replace").strip()
    except OSError:
        name = "a process"
    plain = "".join(letter for letter in name if letter.isalnum() or letter in "-_.:/")
    return f"{plain} ({process.name})"


def _modem(sysfs: Path, device: str) -> Path:
    """Return the folder of a device that may be a modem."""
    folder = sysfs / "bus" / "usb" / "devices" / device
    if not folder.is_dir():
        raise Refused("there is no such device")
    if _fact(folder, "idVendor") not in VENDORS or _fact(folder, "bDeviceClass") == HUB:
        raise Refused("that device is no modem")
    return folder


def _fact(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text("ascii").strip().lower()
    except FileNotFoundError:
        return ""


def _off_and_on(switch: Path, off: str, on: str, pause: float) -> None:
    """Write ``off``, wait, and write ``on`` whatever happens meanwhile."""
    try:
        switch.write_text(off, "ascii")
        time.sleep(pause)  # noqa: TID251 - this process does nothing else
    finally:
        switch.write_text(on, "ascii")


if __name__ == "__main__":
    sys.exit(main())
