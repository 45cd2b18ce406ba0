"""What systemd is told of the daemon: that it is ready, that it lives, that it stops."""

import socket
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


class ServiceManager:
    """The other side of ``NOTIFY_SOCKET`` (sd_notify(3)); without one it hears nothing."""

    def __init__(self, address: str | None) -> None:
        # A leading @ stands for the abstract name space, which has a NUL there.
        self._address = address.replace("@", "\0", 1) if address else None

    @property
    def listens(self) -> bool:
        """Whether the daemon runs as a service."""
        return self._address is not None

    def tell(self, state: str) -> None:
        """Send one state; a manager that does not listen is no reason to fail."""
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as door:
            try:
                door.sendto(state.encode(), self._address)
            except OSError:
                return
