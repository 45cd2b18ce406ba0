"""The only caller of the system's time. A test's clock stands still or jumps."""

import ctypes
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

UNSYNCHRONISED: Final = 0x0040
"""STA_UNSYNC of adjtimex(2): the kernel's clock was not set by the network, or long ago."""

TIMEX: Final = 256
"""Octets that struct timex fits in on every machine."""

STATUS_AT: Final = {8: 40, 4: 20}
"""Where its field ``status`` stands, by the octets of a long."""

OWN_CLOCKS: Final = (Path("/dev/rtc0"), Path("/dev/rtc"))

SET_BY_SYSTEMD: Final = Path("/run/systemd/timesync/synchronized")


class Clock(Protocol):
    """What the rest of the house asks for the time."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never jump; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clock, or one that runs on from a moment while that is not set."""

    def __init__(self) -> None:
        self._from: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """Return the wall-clock time, aware, UTC."""
        if self._from is None:
            return self.system()
        start, at = self._from
        return start + timedelta(seconds=self.monotonic() - at)

    def system(self) -> datetime:
        """Return what the machine's own clock says, set or not."""
        return datetime.now(UTC)  # noqa: TID251

    def monotonic(self) -> float:
        """Return seconds that never jump; also those count in which the machine slept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def run_from(self, start: datetime) -> None:
        """Run on from ``start``, whatever the machine's own clock says."""
        self._from = start, self.monotonic()

    def follow(self) -> None:
        """Go by the machine's own clock."""
        self._from = None


def is_synchronised() -> bool:
    """Tell whether the machine's clock was set by the network (adjtimex(2), or systemd says so)."""
    if SET_BY_SYSTEMD.exists():
        return True
    libc = ctypes.CDLL(None)
    timex = (ctypes.c_char * TIMEX)()  # all zeros: it is only asked
    if libc.adjtimex(timex) < 0:
        return False
    status = ctypes.c_int.from_buffer(timex, STATUS_AT[ctypes.sizeof(ctypes.c_long)])
    return not status.value & UNSYNCHRONISED


def has_own_clock() -> bool:
    """Tell whether the machine has a clock that runs without power."""
    return any(path.exists() for path in OWN_CLOCKS)


class ManualClock:
    """A clock that moves only when told to, for tests and simulations."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it has been advanced by; a jump does not count."""
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
        self._monotonic += by.total_seconds()

    def jump(self, to: datetime) -> None:
        """Step the wall clock, as a late NTP answer does."""
        self._now = to
