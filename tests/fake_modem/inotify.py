"""What the kernel tells of files that others write or close, without polling (inotify(7))."""

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

CLOSE_WRITE = 0x8  # IN_CLOSE_WRITE: a file that was open for writing has been closed
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


class Closings:
    """Tells when somebody has closed a file after writing. Needs a running event loop."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._handlers: dict[int, Callable[[], None]] = {}
        asyncio.get_running_loop().add_reader(self._fd, self.look)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def watch(self, path: Path | str, handler: Callable[[], None]) -> int:
        """Call ``handler`` after closings of ``path``, once for several; return what forgets it."""
        found = self._libc.inotify_add_watch(self._fd, os.fsencode(path), CLOSE_WRITE)
        watch = self._checked(found)
        self._handlers[watch] = handler
        return watch

    def forget(self, watch: int) -> None:
        """Watch a file no longer; it may be gone by now."""
        if self._handlers.pop(watch, None):
            self._libc.inotify_rm_watch(self._fd, watch)

    def look(self) -> None:
        """Call the handlers of what was closed until now."""
        told: dict[int, None] = {}
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        while data:
            watch, mask, _cookie, length = EVENT.unpack_from(data)
            if mask & CLOSE_WRITE:
                told[watch] = None
            data = data[EVENT.size + length :]
        for watch in told:
            if handler := self._handlers.get(watch):
                handler()

    def close(self) -> None:
        """Watch nothing any more."""
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
