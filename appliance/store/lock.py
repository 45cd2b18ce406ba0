"""One daemon per data directory: SQLite has one writer, and a modem answers one master."""

import fcntl
import os
from pathlib import Path

from appliance.errors import StoreLocked


class DirectoryLock:
    """A lock that ends with the process that holds it, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            StoreLocked: another process has it.

        """
        file = os.open(self._directory / "appliance.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise StoreLocked(str(self._directory)) from None
        self._file = file

    def free(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
