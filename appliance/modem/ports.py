"""Opening and closing a port in a thread of its own, so that one that blocks holds nobody else.

A stick may let ``open`` or ``close`` wait for minutes. Each gets a thread and a time limit;
a port that opens after its caller has gone is closed again.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import serial

from appliance.errors import ModemError, PortBusy, PortGone, PortHangs

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BAUD: Final = 115_200  # USB ports ignore it, most UART modems find it out by themselves

HELD: Final = frozenset({errno.EBUSY, errno.EWOULDBLOCK, errno.EAGAIN})

PROC: Final = Path("/proc")

TIOCGEXCL: Final = 0x80045440  # asks whether TIOCEXCL was set; Linux, and not in ``termios``

PRETENDED: Final = "/dev/pts/"
"""Where pseudo-terminals are: whose other end is somebody's program anyway."""

MOST_HANGING: Final = 2
"""Threads that may hang in opening one port; while they do, no further one is started."""

DOES_NOT_OPEN: Final = "does not open: the driver or the device hangs"

DOES_NOT_CLOSE: Final = "does not close since its last use: the driver or the device hangs"

_under_way: Final[Counter[str]] = Counter()
"""Threads by what they do: ``open NAME`` or ``close NAME``."""

_counting: Final = threading.Lock()


class Port(Protocol):
    """What a link needs of an open port; the file descriptor does not block."""

    def fileno(self) -> int:
        """Return the file descriptor."""
        ...

    def close(self) -> None:
        """Close it; may take long."""
        ...


Opener = Callable[[str], Port]

Who = Callable[[str], str | None]
"""Names the other processes that have a port open, such as ``ModemManager (712)``; may block."""


def open_port(name: str, baud: int = BAUD, who: Who | None = None) -> Port:
    """Open a tty (at ``baud``), a pty or ``socket://host:port``. Blocks: call it in a thread.

    ``who`` is asked who has it open, None: only the processes are asked that we may look at.

    Raises:
        PortBusy: another process holds it.
        PortGone: it is not there, or may not be used.

    """
    try:
        if name.startswith("socket://"):
            return _connect(name)
        return _SerialPort(name, baud, who or holder)
    except serial.SerialException as error:
        if error.errno in HELD:
            raise PortBusy(name, (who or holder)(name)) from error
        # pyserial puts sentences of its own around the system's; that one is enough
        why = os.strerror(error.errno) if error.errno else str(error)
        raise PortGone(name, "open", f"cannot be opened: {why}") from error
    except (OSError, ValueError) as error:
        raise PortGone(name, "open", f"cannot be opened: {error}") from error


def holder(name: str, proc: Path = PROC) -> str | None:
    """Return which other process has the port open, such as ``ModemManager (712)``, or None."""
    wanted = os.path.realpath(name)
    for process in proc.iterdir() if proc.is_dir() else ():
        if not process.name.isdigit() or process.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            for file in (process / "fd").iterdir():
                if file.readlink() == Path(wanted):
                    return f"{(process / 'comm').read_text().strip()} ({process.name})"
    return None


def _taken(name: str, fd: int, who: Who) -> bool:
    """Say whether another process uses a port that was opened all the same.

    TIOCEXCL does not keep the superuser out, and a program that locks nothing keeps nobody out:
    but two who read one port each get half of what it says.
    """
    answer = bytearray(4)
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, TIOCGEXCL, answer)
    if any(answer):
        return True
    pretended = os.path.realpath(name).startswith(PRETENDED)
    return not pretended and who(name) is not None


async def opened(name: str, opener: Opener, limit: timedelta) -> Port:
    """Open the port within ``limit``.

    Raises:
        PortBusy, PortGone: as the opener says, or it took too long.

    """
    _refuse_hanging(name)
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Port | ModemError] = loop.create_future()

    def deliver(result: Port | ModemError) -> None:
        if not outcome.done():
            outcome.set_result(result)
        elif not isinstance(result, ModemError):
            _in_thread(f"close {real_name(name)}", result.close, lambda _closed: None)

    def tell(result: Port | ModemError) -> None:
        try:
            loop.call_soon_threadsafe(deliver, result)
        except RuntimeError:  # the loop is closed, nobody waits
            if not isinstance(result, ModemError):
                result.close()

    _in_thread(f"open {name}", lambda: _attempt(name, opener), tell)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            result = await outcome
    except TimeoutError:
        raise PortHangs(name, "open", DOES_NOT_OPEN) from None
    if isinstance(result, ModemError):
        raise result
    return result


def real_name(name: str) -> str:
    """Return a port's name without symbolic links: of the device, not of its place."""
    return name if "://" in name else os.path.realpath(name)


async def closed(name: str, port: Port, limit: timedelta) -> None:
    """Close the port; after ``limit`` its thread is left to it, and it is not opened again.

    ``name`` is without symbolic links: another device may have taken the place of this one.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def close() -> None:
        try:
            port.close()
        except OSError as error:
            logger.debug("%s: closing: %s", name, error)

    def tell(_closed: None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits
            loop.call_soon_threadsafe(done.set)

    _in_thread(f"close {name}", close, tell)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await done.wait()
    except TimeoutError:
        logger.warning("%s does not close; left behind", name)


class _SerialPort:
    """A tty by pyserial, used only through its file descriptor."""

    def __init__(self, name: str, baud: int, who: Who) -> None:
        self._serial = serial.Serial(
            name, baud, timeout=0, exclusive=True, rtscts=False, xonxoff=False
        )
        os.set_blocking(self._serial.fileno(), False)
        if _taken(name, self._serial.fileno(), who):
            self._serial.close()
            raise PortBusy(name, who(name))

    def fileno(self) -> int:
        return int(self._serial.fileno())

    def close(self) -> None:
        with contextlib.suppress(Exception):  # what nobody reads would hold close() up
            self._serial.reset_output_buffer()
        self._serial.close()


def _connect(name: str) -> socket.socket:
    where = urlsplit(name)
    if not where.hostname or not where.port:
        raise ValueError("socket://host:port is needed")
    connection = socket.create_connection((where.hostname, where.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setblocking(False)
    return connection


def _attempt(name: str, opener: Opener) -> Port | ModemError:
    try:
        return opener(name)
    except ModemError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the caller must hear of it
        return PortGone(name, "open", f"cannot be opened: {error}")


def _refuse_hanging(name: str) -> None:
    """Start no further thread for a port that one hangs at already."""
    if _under_way[f"close {real_name(name)}"]:
        raise PortHangs(name, "open", DOES_NOT_CLOSE)
    if _under_way[f"open {name}"] >= MOST_HANGING:
        raise PortHangs(name, "open", DOES_NOT_OPEN)


def _in_thread(name: str, work: Callable[[], Result], tell: Callable[[Result], None]) -> None:
    """Do ``work`` in a thread of its own, and ``tell`` what it returned.

    It no longer counts as hanging when that is told: who hears of it may open the port again.
    """

    def counted() -> None:
        try:
            result = work()
        finally:
            _count(name, -1)
        tell(result)

    _count(name, 1)
    threading.Thread(target=counted, name=name, daemon=True).start()


def _count(name: str, more: int) -> None:
    with _counting:
        _under_way[name] += more
        if not _under_way[name]:
            del _under_way[name]
