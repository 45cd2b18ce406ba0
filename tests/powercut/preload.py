"""The preloaded library of ``recorder.c``: how it is built, and how a child process gets it."""

import os
import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("recorder.c")


def build(folder: Path) -> Path:
    """Compile the library into ``folder`` and return its path, which must hold no space or colon.

    Raises:
        FileNotFoundError: there is no gcc.
        subprocess.CalledProcessError: gcc refused; what it said went to stderr.

    """
    library = folder / "recorder.so"
    flags = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
    subprocess.run(["gcc", *flags, "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


def recording(library: Path, directory: Path, log: Path) -> dict[str, str]:
    """Return the variables that make a child record what it does in ``directory`` (empty so far).

    ``log`` is appended to; it must lie outside of that directory.
    """
    return _preload(library) | {"DISK_DIRECTORY": str(directory.resolve()), "DISK_LOG": str(log)}


def slow_syncs(library: Path, milliseconds: int, directory: Path | None = None) -> dict[str, str]:
    """Return the variables that make each sync of a child, and of its children, take longer.

    Args:
        library: what ``build`` made.
        milliseconds: added to each fsync and fdatasync, 0 or more.
        directory: only files in it are slow; None: all are.

    """
    where = {"DISK_DIRECTORY": str(directory.resolve())} if directory else {}
    return _preload(library) | {"DISK_SYNC_MS": str(milliseconds)} | where


def _preload(library: Path) -> dict[str, str]:
    others = os.environ.get("LD_PRELOAD", "").split()
    return {"LD_PRELOAD": " ".join((str(library), *others))}
