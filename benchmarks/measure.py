"""Readings of a process from /proc, and a receiver that acknowledges notices at no cost to it."""

import asyncio
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.webhooks import Listener

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_megabytes(pid: int) -> float:
    """Return a process's proportional share of memory."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss in smaps_rollup")


def machine() -> dict[str, Any]:
    """Describe the machine, so that figures can be compared."""
    cpus = Path("/proc/cpuinfo").read_text()
    model = next((line for line in cpus.splitlines() if line.startswith("model name")), ":")
    return {
        "cpu": model.partition(":")[2].strip() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d"),
        "sync_ms": round(_sync_milliseconds(), 3),
    }


def _sync_milliseconds() -> float:
    """Return the median time of a synced 4 KiB write in the folder for temporary files."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            before = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - before)
    return sorted(times)[25] * 1000


class Acknowledger(Listener):
    """A webhook that answers 200 and counts what it was told."""

    def __init__(self) -> None:
        self.delivered = 0
        self.told = 0
        self._ids: set[str] = set()
        self._more = asyncio.Event()

    async def delivered_reach(self, count: int) -> None:
        """Wait until so many messages were reported delivered, and acknowledged."""
        while self.delivered < count:
            self._more.clear()
            await self._more.wait()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Count a notice, once by its id."""
        if (identity := headers["webhook-id"]) in self._ids:
            return 200
        self._ids.add(identity)
        self.told += 1
        self.delivered += b'"message.delivered"' in body
        self._more.set()
        return 200
