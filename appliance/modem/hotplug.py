"""Hearing that a port came or went: udev or the kernel says so, where it may be heard.

In a container there may be no udev, no netlink, or another machine's sysfs. Nothing depends on
being told: who waits here looks again after a while all the same.
"""

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import Final

import pyudev

from appliance.modem.discovery import UDEV

logger = logging.getLogger(__name__)

SUBSYSTEM: Final = "tty"

MOST_AT_ONCE: Final = 1000
"""Events taken in one turn of the event loop, lest a storm of them hold everything up."""


class Hotplug:
    """Wakes whoever looks for ports. Made within the event loop; ``close`` it at the end."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._monitor = _monitor()
        if self._monitor is not None:
            asyncio.get_running_loop().add_reader(self._monitor.fileno(), self._hear)

    @property
    def hears(self) -> bool:
        """Whether changes are told; else only time wakes."""
        return self._monitor is not None

    async def change(self, within: timedelta) -> bool:
        """Wait until a port came or went, at most ``within``; say whether one did.

        What happened since the last call counts.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._news.wait()
        changed = self._news.is_set()
        self._news.clear()
        return changed

    def close(self) -> None:
        """Listen no more."""
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
            self._monitor = None

    def _hear(self) -> None:
        assert self._monitor is not None
        try:
            for _ in range(MOST_AT_ONCE):
                if self._monitor.poll(timeout=0) is None:
                    break
        except OSError as error:  # more came than the socket holds: there certainly was something
            logger.debug("hot-plug: %s", error)
        self._news.set()


def _monitor() -> pyudev.Monitor | None:
    """Listen to udev, which speaks when a device is set up; where there is none, to the kernel."""
    try:
        source = "udev" if UDEV.exists() else "kernel"
        monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source=source)
        monitor.filter_by(SUBSYSTEM)
        monitor.start()
    except (OSError, ImportError, ValueError) as error:
        logger.info("hot-plug is not heard (%s): ports are looked for every few seconds", error)
        return None
    return monitor
