"""A real pseudo-terminal whose other end the test holds."""

import asyncio
import contextlib
import os
import tty
from dataclasses import replace
from datetime import timedelta

from appliance.modem.values import Timing

FAST = Timing(
    open=timedelta(seconds=5),
    wake=timedelta(seconds=5),
    answer=timedelta(seconds=5),
    prompt=timedelta(seconds=5),
    quiet=timedelta(milliseconds=20),
    after_error=timedelta(milliseconds=20),
    patience=timedelta(milliseconds=50),
)
HASTY = replace(FAST, answer=timedelta(milliseconds=60), prompt=timedelta(milliseconds=60))


class Peer:
    """The modem's end of a pseudo-terminal: everything it hears, and what it says to what."""

    def __init__(self):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self.slave = slave  # kept, so that there is no hang-up between two openings
        os.set_blocking(self.master, False)
        self.heard = b""
        self.replies = {}
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.master, self._hear)

    def _hear(self):
        with contextlib.suppress(BlockingIOError, OSError):
            data = os.read(self.master, 4096)
            self.heard += data
            for line in data.replace(b"\x1b", b"").split(b"\r"):
                if line in self.replies:
                    self.say(self.replies[line])
        self._news.set()

    def say(self, data):
        os.write(self.master, data)

    async def hears(self, data):
        async with asyncio.timeout(5):
            while data not in self.heard:
                self._news.clear()
                await self._news.wait()

    def stop_reading(self):
        asyncio.get_running_loop().remove_reader(self.master)

    def hang_up(self):
        self.stop_reading()
        for file in (self.master, self.slave):
            if file >= 0:
                os.close(file)
        self.master = self.slave = -1

    def close(self):
        if self.master >= 0:
            self.hang_up()
