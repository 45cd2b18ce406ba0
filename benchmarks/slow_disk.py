"""A disk whose sync takes long, as an SD card's does, for the child processes of a benchmark."""

from datetime import timedelta
from pathlib import Path

from tests.powercut import preload


def slow_disk(sync: timedelta, folder: Path) -> dict[str, str]:
    """Return the variables with which a child process, and its children, find syncs slow.

    Each fsync and fdatasync waits that long after the disk's own time; two threads that sync at
    once wait side by side. Everything else is as fast as the machine.

    Args:
        sync: what is added to each sync, in whole milliseconds.
        folder: the library is built there and must stay until the child has started.

    Raises:
        FileNotFoundError: there is no gcc.
        subprocess.CalledProcessError: the library could not be built.

    """
    milliseconds = sync // timedelta(milliseconds=1)
    return preload.slow_syncs(preload.build(folder), milliseconds)
