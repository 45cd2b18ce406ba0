"""Modems on pseudo-terminals: what a real stick's port does, without polling.

One edge-triggered epoll watches all masters. A hang-up (nobody has the slave open) is told once,
and an opening shows by what the opener writes, so a closed or idle port costs nothing. What a modem
says while its port is closed is discarded, and so is what was said and not read before it was
closed (unless the next opener comes within the same moment); what was written to it before is still
taken, as a USB stick has it already.
"""

import asyncio
import os
import select
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from tests.fake_modem import hanging
from tests.fake_modem.inotify import Closings
from tests.fake_modem.modem import FakeModem

BACKLOG = 65536  # octets a modem keeps for a port that nobody reads; the rest is lost


def nothing() -> None:
    """Do nothing."""


class Ports:
    """Watches the masters of all pseudo-terminals."""

    def __init__(self) -> None:
        self.closings = Closings()
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._ready)

    def watch(self, master: int, handler: Callable[[int], None]) -> None:
        """Call ``handler`` with the events of a master, each time they change."""
        self._handlers[master] = handler
        self._epoll.register(master, select.EPOLLIN | select.EPOLLHUP | select.EPOLLET)

    def forget(self, master: int) -> None:
        """Stop watching a master."""
        if self._handlers.pop(master, None):
            self._epoll.unregister(master)

    def _ready(self) -> None:
        for master, events in self._epoll.poll(0):
            if handler := self._handlers.get(master):
                handler(events)

    def close(self) -> None:
        """Stop watching altogether."""
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()
        self.closings.close()


class PtyPort:
    """A modem's port: a pseudo-terminal behind a symbolic link."""

    def __init__(self, modem: FakeModem, link: Path, ports: Ports) -> None:
        self.modem = modem
        self.link = link
        self.discarded = 0  # octets said to nobody
        self.lost = 0  # octets that no longer fitted
        self._ports = ports
        self._master = -1
        self.path = ""  # of the slave
        self.usb = ""  # which USB device it is of, if of one (see ``usb``)
        self.tty = ""
        self.forbidden = False  # it may not appear
        self.on_appear = self.on_vanish = self.on_disc = nothing
        self._closing = -1  # the watch of its closings
        self._closed = select.poll()
        self._backlog = bytearray()
        self._listened = False
        self._used = False  # something passed since the last flush
        modem.say = self.say
        modem.on_reset = self.restart
        modem.on_hearing = self._read
        self.appear()

    @property
    def present(self) -> bool:
        """Tell whether the port is there."""
        return self._master >= 0

    def appear(self) -> None:
        """Make the port, on a fresh pseudo-terminal."""
        if self.present or self.forbidden:
            return
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(slave)
        os.close(slave)  # the hang-up is seen from now on until somebody opens it
        self._closed = select.poll()
        self._closed.register(self._master, 0)
        self._ports.watch(self._master, self._on_events)
        self._closing = self._ports.closings.watch(self.path, self._closed_by_user)
        fresh = self.link.with_name(f".{self.link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.path)
        fresh.replace(self.link)
        self.on_appear()

    def vanish(self, seconds: float | None = None) -> None:
        """Take the port away, as a pulled plug does; after ``seconds``, if given, it is back."""
        if not self.present:
            return
        self.link.unlink(missing_ok=True)
        self._ports.forget(self._master)
        self._ports.closings.forget(self._closing)
        self._drop_backlog()
        os.close(self._master)
        self._master = -1
        self._listened = False
        self.on_vanish()
        self.modem.voice.stop_noise()
        hanging.cured(self.modem, "reopen")
        if seconds is not None:
            self.modem.network.later(seconds, self.appear)

    def restart(self, seconds: float) -> None:
        """Go for a while, as the modem restarts; some makes come back as a CD-ROM at first."""
        self.vanish()
        self.modem.network.later(seconds, self._come_back)

    def _come_back(self) -> None:
        modem = self.modem
        usb, disc_seconds = modem.personality.usb, modem.settings.cdrom_seconds
        if not disc_seconds or not usb or not usb.disc:
            self.appear()
        elif not self.forbidden and not self.present:
            self.on_disc()
            modem.network.later(disc_seconds, self.appear)

    def say(self, data: bytes) -> None:
        """Put what the modem says on the port, or discard it."""
        if not self.present or self._closed.poll(0):
            self.discarded += len(data)
            return
        self._used = True
        if self._backlog:
            room = BACKLOG - len(self._backlog)
            self.lost += max(len(data) - room, 0)
            self._backlog += data[:room]
            return
        written = self._write(data)
        if written < len(data):
            self._backlog += data[written:][:BACKLOG]
            asyncio.get_running_loop().add_writer(self._master, self._write_on)

    def _write(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0
        except OSError:  # it was closed just now
            return len(data)

    def _write_on(self) -> None:
        del self._backlog[: self._write(self._backlog)]
        if not self._backlog:
            self._drop_backlog()

    def _drop_backlog(self) -> None:
        self._backlog.clear()
        asyncio.get_running_loop().remove_writer(self._master)

    def _on_events(self, events: int) -> None:
        self._read()
        if events & select.EPOLLHUP and self.present and self._closed.poll(0):
            self._hung_up()

    def _closed_by_user(self) -> None:
        hanging.cured(self.modem, "reopen")

    def _read(self) -> None:
        """Take all there is, as it is told only once; nothing while the modem is deaf."""
        if self.modem.faults.hung:
            self._ports.closings.look()  # a closing before these octets may have cured it
        while self.present and not self.modem.faults.deaf:
            try:
                data = os.read(self._master, 4096)
            except OSError:  # nothing there, or nobody
                return
            if not self._listened and not self._closed.poll(0):
                self._listened = True
                self.modem.voice.start_noise()
            self.modem.receive(data)

    def _hung_up(self) -> None:
        """Forget what the last opener did not read: the next one must not."""
        self._listened = False
        self.modem.voice.stop_noise()
        self._drop_backlog()
        if not self._used:  # also the hang-up that the flush below makes itself
            return
        self._used = False
        slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        # only what we said, so nobody loses anything by it
        termios.tcflush(slave, termios.TCIFLUSH)
        os.close(slave)

    def close(self) -> None:
        """Take the port away for good."""
        self.vanish()
