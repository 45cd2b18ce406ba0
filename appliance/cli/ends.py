"""How a command ends: exit codes, and the errors only the command line knows."""

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError, StoreLocked


class Exit(IntEnum):
    """What the exit code says; the same table is in ``appliance --help``."""

    GOOD = 0
    FAILED = 1  # refused, failed, or the configuration is wrong
    USAGE = 2  # as every command that is called wrongly
    NO_DAEMON = 3
    STILL_OPEN = 4  # waited, and its fate is still open


TABLE: Final = """Exit codes: 0 good; 1 refused, failed, or a wrong configuration; 2 called wrongly;
3 the daemon cannot be reached; 4 waited, and the message's fate is still open."""


class DaemonAway(ApplianceError):
    """Nobody answers at the Unix socket ``path``."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"The daemon is not running (nobody answers at {self.path}).\n"
            "Start it with: appliance run (or as a service: systemctl start appliance). If it uses "
            "another\nconfiguration or data directory, name it with --config or --data."
        )


class NotAllowed(ApplianceError):
    """The user may not speak to the daemon, or not read its data."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: this user may not use it. Try again as root, or with sudo."


class Unusable(ApplianceError):
    """The data directory cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


class DaemonHolds(ApplianceError):
    """The daemon looks after the port, so that nobody else may open it."""

    def __init__(self, port: str) -> None:
        super().__init__(port)
        self.port = port

    def __str__(self) -> str:
        return (
            f"{self.port}: the daemon holds this port. Stop it first (systemctl stop appliance),\n"
            f"or listen in on it with: appliance modems trace {self.port}"
        )


class Refused(ApplianceError):
    """The daemon refused what was asked; ``detail`` is its own sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


ENDS: Final[Mapping[type[ApplianceError], Exit]] = {
    DaemonAway: Exit.NO_DAEMON,
    NotAllowed: Exit.NO_DAEMON,
    StoreLocked: Exit.NO_DAEMON,  # somebody has the data, but does not answer (yet)
    ApplianceError: Exit.FAILED,
}
"""With which code an error ends a command; the nearest class counts."""


def end_of(error: ApplianceError) -> Exit:
    """Return the exit code for ``error``."""
    return next(ENDS[base] for base in type(error).__mro__ if base in ENDS)
