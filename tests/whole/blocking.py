"""Ports whose opening or closing blocks: a preloaded library (``blocking.c``) and its switches."""

import os
import subprocess
from pathlib import Path

from tests.require import require

SOURCE = Path(__file__).with_name("blocking.c")


class Blocking:
    """A library built into ``folder``; ``ports``: the folder whose files it is about."""

    def __init__(self, folder: Path, ports: Path) -> None:
        require("gcc")
        require("libc6-dev")
        self._folder, self._ports = folder, ports
        folder.mkdir()
        self._library = folder / "blocking.so"
        flags = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
        subprocess.run(["gcc", *flags, "-o", self._library, SOURCE, "-ldl"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a process that shall block."""
        others = os.environ.get("LD_PRELOAD", "").split()
        return {
            "LD_PRELOAD": " ".join((str(self._library), *others)),
            "BLOCK_PORTS": f"{self._ports}/",
            "BLOCK_FOLDER": str(self._folder),
        }

    def block(self, what: str, port: str) -> None:
        """Let ``open`` or ``close`` of a port wait from now on."""
        (self._folder / f"{what}-{port}").touch()

    def let_go(self, what: str, port: str) -> None:
        """Let it go on."""
        (self._folder / f"{what}-{port}").unlink()
