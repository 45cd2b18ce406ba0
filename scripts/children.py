"""Processes that we start: they never outlive us, and Ctrl-C at the terminal is for us alone."""

import asyncio
import ctypes
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Final, Self

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

KEPT: Final = 8192  # bytes of what a child said last

_libc = ctypes.CDLL(None)


def end_with_parent() -> None:
    """Have the kernel end this process when its parent dies. To be called between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A running process. What it says is kept until ``show``, then goes to our stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._shown = False
        self._kept = b""
        self._heard = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, *module: str) -> Self:
        """Run a Python module with its arguments, in a session of its own, with our environment."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", *module),
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        return cls(process)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    @property
    def unshown(self) -> str:
        """What it has said (the last 8 KiB of it) if nothing was shown yet, else nothing."""
        return self._kept.decode(errors="replace")

    def show(self) -> None:
        """From now on, what it says goes to our stderr."""
        self._shown = True
        self._kept = b""

    async def says(self, line: str) -> None:
        """Wait until it has said this line."""
        while line not in self.unshown.splitlines():
            self._heard.clear()
            await self._heard.wait()

    async def ended(self) -> int:
        """Wait for its end and its last words; return its status, 128 + n if signal n ended it."""
        await asyncio.shield(self._listening)
        status = await self._process.wait()
        return status if status >= 0 else 128 - status

    async def stop(self, grace: timedelta) -> int:
        """Send SIGTERM, and SIGKILL if that was not enough within ``grace``; return its status."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            return await asyncio.wait_for(self.ended(), grace.total_seconds())
        except TimeoutError:
            print("It did not stop in time and is killed.", file=sys.stderr)
            with suppress(ProcessLookupError):
                self._process.kill()
            return await self.ended()

    async def _listen(self) -> None:
        assert self._process.stdout is not None  # it was asked for
        while said := await self._process.stdout.read(65536):
            if self._shown:
                with suppress(OSError):  # our terminal may be gone
                    sys.stderr.buffer.write(said)
                    sys.stderr.buffer.flush()
            else:
                self._kept = (self._kept + said)[-KEPT:]
                self._heard.set()
