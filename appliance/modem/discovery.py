"""Which ports are modems: known USB products, and what the configuration names. Opens nothing."""

import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal

import pyudev

from appliance.modem.usb import Role, role_of

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
        candidates: the ports of this one stick of which an AT exchange must find the right
            one, ``port`` first; where the port is known, the others are for the case that it
            is mute. Empty where it has no others or was named.
        there: it can be seen just now. A port that is named may be missing; of an address
            that can only be found out by opening it.

    """

    port: str
    slot: str
    known: bool
    simulated: bool = False
    candidates: tuple[str, ...] = ()
    there: bool = True


@dataclass(frozen=True, slots=True)
class _Interface:
    """A tty on USB; ``device`` is the folder of the stick it belongs to, ``number`` its own.

    ``ids`` are what our table goes by, such as "12d1:1506 interface 02 (ff/02/02)".
    """

    port: str
    slot: str
    role: Role
    device: Path
    number: str
    ids: str


def ports(
    setting: Sequence[str] | Literal["auto"],
    *,
    simulated: Sequence[str] = (),
    sysfs: Path = SYSFS,
    dev: Path = DEV,
) -> list[Found]:
    """Return the ports to drive, each once.

    Args:
        setting: "auto": every known USB product, and what else the makers of modems have made,
            but nobody else's device; one port or choice of ports for each stick. Else paths,
            globs and ``socket://host:port``, taken as they are. A path that is not there is
            returned all the same: its line shows that it is missing.
        simulated: globs of simulated ports, which are returned too.
        sysfs: the root of sysfs; ``dev``: where the device files are.
        dev: likewise, for tests.

    """
    usb = {os.path.realpath(found.port): found for found in _usb_ports(sysfs, dev)}
    seen: dict[str, Found] = {}
    if setting == "auto":
        sticks = _sticks(usb.values(), simulated)
        seen = {os.path.realpath(stick.port): stick for stick in sticks}
        setting = ()
    for port in (port for pattern in (*setting, *simulated) for port in _expand(pattern)):
        real = os.path.realpath(port) if "://" not in port else port
        seen.setdefault(real, _found(port, usb.get(real), simulated))
    return list(seen.values())


def usb_ids(port: str, *, sysfs: Path = SYSFS, dev: Path = DEV) -> str | None:
    """Return product and interface of a port on USB, None for others."""
    real = os.path.realpath(port)
    found = (each.ids for each in _usb_ports(sysfs, dev) if os.path.realpath(each.port) == real)
    return next(found, None)


def _sticks(interfaces: Iterable[_Interface], simulated: Sequence[str]) -> Iterator[Found]:
    """Choose one port for each stick, or name those that must be tried."""
    by_device: dict[Path, list[_Interface]] = {}
    for interface in sorted(interfaces, key=lambda each: each.port):
        by_device.setdefault(interface.device, []).append(interface)
    for stick in by_device.values():
        stick.sort(key=lambda each: each.number)
        at = [each for each in stick if each.role is Role.AT]
        perhaps = [each for each in stick if each.role is Role.CANDIDATE]
        if at:
            yield replace(_found(at[0].port, at[0], simulated), candidates=_spares(at[0], stick))
        elif perhaps:
            # Which one it is may change with the next start: the slot is the whole stick's.
            slot = perhaps[0].slot.rpartition(":")[0]
            ports = tuple(each.port for each in perhaps)
            first = _found(ports[0], perhaps[0], simulated)
            yield replace(first, slot=slot, candidates=ports)


def _spares(at: _Interface, stick: Sequence[_Interface]) -> tuple[str, ...]:
    """Return the AT port and what may stand in for it, the next ones first; () if nothing may."""
    spares = [each for each in stick if each is not at and each.role is not Role.OTHER]
    spares.sort(key=lambda each: each.number < at.number)  # a second AT port mostly follows
    return (at.port, *(each.port for each in spares)) if spares else ()


def _found(port: str, interface: _Interface | None, simulated: Sequence[str]) -> Found:
    slot = interface.slot if interface else port
    address = "://" in port
    if not address and not (interface and interface.port == port) and Path(port).is_symlink():
        slot = Path(port).name
    pretended = any(fnmatch(port, pattern) for pattern in simulated)
    known = bool(interface and interface.role is Role.AT)
    return Found(port, slot, known, pretended, there=address or Path(port).exists())


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
        product = (_fact(interface.parent, "idVendor"), _fact(interface.parent, "idProduct"))
        number = _fact(interface, "bInterfaceNumber")
        triple = "/".join(
            _fact(interface, f"bInterface{part}") for part in ("Class", "SubClass", "Protocol")
        )
        yield _Interface(
            port,
            slots.get(port, f"usb-{interface.name}"),
            role_of(*product, number, triple),
            interface.parent,
            number,
            f"{':'.join(product)} interface {number} ({triple})",
        )


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
