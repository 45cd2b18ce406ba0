"""Which ports are modems: known USB products, and what the configuration names. Opens nothing."""

import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal

import pyudev

from appliance.modem.usb import takes_commands

logger = logging.getLogger(__name__)

SYSFS: Final = Path("/sys")

DEV: Final = Path("/dev")

UDEV: Final = Path("/run/udev/control")  # there while udev runs


@dataclass(frozen=True, slots=True)
class Found:
    """A port that may be a modem.

    Attributes:
        port: what to open.
        slot: where the modem sits, the same after replugging it there: the USB path, the name
            of a symbolic link, or the port itself.
        known: it is the AT port of a product in our table.
        simulated: the configuration says that no real SIM is behind it.

    """

    port: str
    slot: str
    known: bool
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Interface:
    """A tty on USB."""

    port: str
    slot: str
    at: bool


def ports(
    setting: Sequence[str] | Literal["auto"],
    *,
    simulated: Sequence[str] = (),
    sysfs: Path = SYSFS,
    dev: Path = DEV,
) -> list[Found]:
    """Return the ports to drive, each once.

    Args:
        setting: "auto": every known USB product, and nothing else, so that no unknown device is
            ever spoken to; else paths, globs and ``socket://host:port``, taken as they are. A path
            that is not there is returned all the same: its line shows that it is missing.
        simulated: globs of simulated ports, which are returned too.
        sysfs: the root of sysfs; ``dev``: where the device files are.
        dev: likewise, for tests.

    """
    usb = {os.path.realpath(found.port): found for found in _usb_ports(sysfs, dev)}
    if setting == "auto":
        named: Iterable[str] = sorted(found.port for found in usb.values() if found.at)
    else:
        named = (port for pattern in setting for port in _expand(pattern))
    seen: dict[str, Found] = {}
    for port in (*named, *(port for pattern in simulated for port in _expand(pattern))):
        real = os.path.realpath(port) if "://" not in port else port
        seen.setdefault(real, _found(port, usb.get(real), simulated))
    return list(seen.values())


def _found(port: str, interface: _Interface | None, simulated: Sequence[str]) -> Found:
    slot = interface.slot if interface else port
    if "://" not in port and Path(port).is_symlink():
        slot = Path(port).name
    pretended = any(fnmatch(port, pattern) for pattern in simulated)
    return Found(port, slot, bool(interface and interface.at), pretended)


def _expand(pattern: str) -> list[str]:
    if "://" in pattern or not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern))  # noqa: PTH207 - an absolute pattern is no Path.glob


def _usb_ports(sysfs: Path, dev: Path) -> Iterator[_Interface]:
    slots = _udev_slots() if sysfs == SYSFS and UDEV.exists() else {}
    folder = sysfs / "class" / "tty"
    for tty in sorted(folder.iterdir()) if folder.is_dir() else ():
        interface = _interface_of(tty)
        if interface is None:
            continue
        port = str(dev / tty.name)
        facts = (_fact(interface.parent, "idVendor"), _fact(interface.parent, "idProduct"))
        triple = "/".join(
            _fact(interface, f"bInterface{part}") for part in ("Class", "SubClass", "Protocol")
        )
        at = takes_commands(*facts, _fact(interface, "bInterfaceNumber"), triple)
        yield _Interface(port, slots.get(port, f"usb-{interface.name}"), at)


def _interface_of(tty: Path) -> Path | None:
    """Return the sysfs folder of the USB interface that a tty belongs to, None if to none."""
    device = tty / "device"
    if not device.exists():
        return None
    real = device.resolve()
    return next(
        (place for place in (real, *real.parents) if (place / "bInterfaceNumber").is_file()), None
    )


def _fact(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text("ascii").strip().lower()
    except (OSError, ValueError):
        return ""  # it was unplugged just now


def _udev_slots() -> dict[str, str]:
    """Return udev's ID_PATH of each tty that has one."""
    devices = pyudev.Context().list_devices(subsystem="tty")
    return {
        device.device_node: device.properties["ID_PATH"]
        for device in devices
        if device.device_node and "ID_PATH" in device.properties
    }
