"""Room on the disk: nothing is taken that could not be finished."""

import os
from pathlib import Path

from appliance.errors import NoRoom


class Space:
    """The disk under the data directory."""

    def __init__(self, directory: Path, keep_free: int) -> None:
        """Watch ``directory``'s disk; ``keep_free`` bytes stay untouched (0: do not look)."""
        self._directory = directory
        self._keep_free = keep_free

    @property
    def short(self) -> bool:
        """Whether less is free than must stay so."""
        if not self._keep_free:
            return False
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize < self._keep_free

    def check(self) -> None:
        """Let pass what needs room.

        Raises:
            NoRoom: the disk is nearly full.

        """
        if self.short:
            raise NoRoom("the disk is nearly full")
