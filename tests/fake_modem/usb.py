"""A sysfs and a /dev of our own in which each modem is a USB device, as on a machine with sticks.

``DIR/bus/usb/devices/1-1.N`` is the device of modem N-1, with its interfaces ``1-1.N:1.I``;
``DIR/class/tty/ttyUSBx`` leads to the interface that a port belongs to, and ``DIR/dev/ttyUSBx`` to
a pseudo-terminal: the modem's own behind its AT interface, ones where nobody answers behind the
others. Writing 0 to ``authorized`` takes the ports away, writing 1 brings them back. Writing 1 to
``1-1:1.0/1-1-portN/disable`` takes the whole device away with its power, writing 0 brings it back
(Linux 6.0 and later: Documentation/ABI/testing/sysfs-bus-usb).
"""

import os
import shutil
import tty
from pathlib import Path

from tests.fake_modem import hanging
from tests.fake_modem.inotify import Closings
from tests.fake_modem.personalities.row import Usb
from tests.fake_modem.pty import PtyPort

ADAPTER = Usb("1a86", "7523", ("ff/01/02",), at=0)  # what a modem with a UART hangs on
DISC = "08/06/50"  # mass storage: no tty
FOLDERS = ("devices/usb1/1-1", "bus/usb/devices", "class/tty", "dev")
MARK = ".simulated"
HUB = "1-1"
ENUMERATION = 0.2  # seconds from plugging in to ports, times the modem's ``boot_pace``


class Tree:
    """The two directories. ``renumber``: a stick that comes back has ttys of new numbers."""

    def __init__(self, root: Path, closings: Closings, *, renumber: bool = False) -> None:
        self.root = root
        self.closings = closings
        self._renumber = renumber
        self._taken: dict[str, set[int]] = {}
        self._devices = 1  # the last device number given; the hub has 1
        self._sticks: list[Stick] = []
        mark = root / MARK
        if root.exists() and any(root.iterdir()) and not mark.exists():
            raise FileExistsError(f"{root} is not ours")
        for folder in FOLDERS:
            shutil.rmtree(root / folder, ignore_errors=True)  # of a bank that was killed
            (root / folder).mkdir(parents=True)
        mark.touch()

    def plug(self, port: PtyPort, place: int) -> None:
        """Make a modem's port one of a stick in this place of the hub."""
        stick = Stick(self, port, f"1-1.{place}")
        self._sticks.append(stick)
        stick.appear()

    def device_number(self) -> int:
        """Return the next device number."""
        self._devices += 1
        return self._devices

    def take_name(self, prefix: str) -> str:
        """Return the tty name with the lowest number that is free, or that was never used."""
        taken = self._taken.setdefault(prefix, set())
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        taken.add(number)
        return f"{prefix}{number}"

    def free_name(self, name: str) -> None:
        """Let a tty name be used again."""
        if not self._renumber:
            prefix = name.rstrip("0123456789")
            self._taken[prefix].discard(int(name.removeprefix(prefix)))

    def close(self) -> None:
        """Pull out everything."""
        for stick in self._sticks:
            stick.vanish()


class Stick:
    """One device: there, there as a CD-ROM, there and not authorised, or gone."""

    def __init__(self, tree: Tree, port: PtyPort, name: str) -> None:
        self._tree = tree
        self._port = port
        self._name = name
        self._usb = port.modem.personality.usb or ADAPTER
        self._folder = tree.root / "devices" / "usb1" / "1-1" / name
        self._link = tree.root / "bus" / "usb" / "devices" / name
        self._quiet: list[int] = []  # masters of ports where nobody answers
        self._ttys: list[str] = []
        self._watch = -1
        self._switch = self._make_switch()
        port.usb = name
        port.on_appear, port.on_vanish, port.on_disc = self.appear, self.vanish, self._be_disc

    def _make_switch(self) -> Path:
        """Make what switches the hub's port off, which stays when the device has gone."""
        number = self._name.rpartition(".")[2]
        hub = self._tree.root / "devices" / "usb1" / HUB / f"{HUB}:1.0"
        switch = hub / f"{HUB}-port{number}" / "disable"
        switch.parent.mkdir(parents=True)
        switch.write_text("0\n")
        link = self._tree.root / "bus" / "usb" / "devices" / hub.name
        if not link.is_symlink():
            link.symlink_to(_between(link, hub))
        self._tree.closings.watch(switch, self._on_switch)
        return switch

    # The device

    def appear(self) -> None:
        """Show the device with its interfaces; a CD-ROM or an unauthorised one becomes a modem."""
        if not self._port.present:
            return
        if self._link.is_symlink():
            self._be_product(self._usb.product)
        else:
            self._plug_in(self._usb.product)
        for number, triple in enumerate(self._usb.interfaces):
            self._show(number, triple)

    def _plug_in(self, product: str) -> None:
        modem = self._port.modem
        self._folder.mkdir(parents=True)
        facts = {
            "idVendor": self._usb.vendor,
            "busnum": "1",
            "devpath": self._name.removeprefix("1-"),
            "manufacturer": modem.personality.maker,
            "product": modem.personality.model,
            "speed": "480",
            "authorized": "1",
        }
        _write(self._folder, facts)
        self._be_product(product)
        self._link.symlink_to(_between(self._link, self._folder))
        authorized = self._folder / "authorized"
        self._watch = self._tree.closings.watch(authorized, self._on_authorized)

    def _be_product(self, product: str) -> None:
        number = str(self._tree.device_number())
        _write(self._folder, {"idProduct": product, "devnum": number})

    def _be_disc(self) -> None:
        """Come back as a CD-ROM with its own driver on it."""
        if not self._link.is_symlink():
            self._plug_in(self._usb.disc)
        self._show(0, DISC)

    def vanish(self) -> None:
        """Take the device away."""
        self._hide()
        self._tree.closings.forget(self._watch)
        self._link.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _on_authorized(self) -> None:
        """Do what was written; 1 where it was 1 may be 0 and 1 at once, and is taken for that."""
        wanted = (self._folder / "authorized").read_text("ascii").strip() != "0"
        port = self._port
        port.forbidden = True
        port.on_vanish = self._hide
        port.vanish()
        self._hide()
        port.on_vanish = self.vanish
        if wanted:
            port.modem.network.later(ENUMERATION * port.modem.settings.boot_pace, self._authorize)

    def _authorize(self) -> None:
        if (self._folder / "authorized").read_text("ascii").strip() == "0":
            return  # meanwhile
        self._port.forbidden = False
        if self._port.modem.personality.usb:  # a UART's adapter is none of the modem
            hanging.cured(self._port.modem, "usb")
        self._port.appear()

    def _on_switch(self) -> None:
        """Do what was written; 0 where it was 0 may be 1 and 0 at once, and is taken for that."""
        port, modem = self._port, self._port.modem
        port.forbidden = True
        if modem.personality.usb:  # what is on a UART has power of its own
            modem.power_off()
        port.vanish()
        self.vanish()  # it may be there without a port
        if not self._is_off():
            modem.network.later(ENUMERATION * modem.settings.boot_pace, self._switch_on)

    def _is_off(self) -> bool:
        return self._switch.read_text("ascii").strip() != "0"

    def _switch_on(self) -> None:
        if self._is_off():
            return  # meanwhile
        self._port.forbidden = False
        self._port.modem.power_on()
        self._port.appear()

    # Its interfaces

    def _show(self, number: int, triple: str) -> None:
        folder = self._folder / f"{self._name}:1.{number}"
        folder.mkdir(exist_ok=True)
        parts = dict(zip(("Class", "SubClass", "Protocol"), triple.split("/"), strict=True))
        facts = {f"bInterface{part}": value for part, value in parts.items()}
        _write(folder, facts | {"bInterfaceNumber": f"{number:02x}"})
        if triple != DISC:
            self._show_tty(folder, at=number == self._usb.at)

    def _show_tty(self, interface: Path, *, at: bool) -> None:
        name = self._tree.take_name(self._usb.tty)
        self._ttys.append(name)
        if at:
            self._port.tty = name
        node = self._tree.root / "dev" / name
        node.unlink(missing_ok=True)
        node.symlink_to(self._port.path if at else self._quiet_terminal())
        device = interface if self._usb.tty == "ttyACM" else interface / name
        place = device / "tty" / name
        place.mkdir(parents=True)
        (place / "device").symlink_to(_between(place / "device", device))
        link = self._tree.root / "class" / "tty" / name
        link.symlink_to(_between(link, place))

    def _quiet_terminal(self) -> str:
        master, slave = os.openpty()
        tty.setraw(slave)
        path = os.ttyname(slave)
        os.close(slave)
        self._quiet.append(master)
        return path

    def _hide(self) -> None:
        """Take the interfaces away; the device stays."""
        for name in self._ttys:
            (self._tree.root / "class" / "tty" / name).unlink(missing_ok=True)
            (self._tree.root / "dev" / name).unlink(missing_ok=True)
            self._tree.free_name(name)
        self._ttys.clear()
        self._port.tty = ""
        for master in self._quiet:
            os.close(master)
        self._quiet.clear()
        for interface in self._folder.glob(f"{self._name}:*"):
            shutil.rmtree(interface, ignore_errors=True)


def _between(link: Path, target: Path) -> str:
    """Return the relative target of a link."""
    return os.path.relpath(target, link.parent)


def _write(folder: Path, facts: dict[str, str]) -> None:
    for name, value in facts.items():
        (folder / name).write_text(f"{value}\n", "ascii", "replace")
