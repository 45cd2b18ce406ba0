"""What the SMPP door carries in a second, in and out, how soon it answers, what a bind costs."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.doors import NO_MODEMS
from benchmarks.esme import BIND_TRANSMITTER, Esme
from benchmarks.measure import cpu_seconds, pss_megabytes
from benchmarks.slow_disk import slow_disk
from tests.box import ROOT, Box, running_box
from tests.postgres import running_cluster

BINDS_OF_ONE: Final = 4
"""Binds that an account may have unless it is set otherwise."""


async def submits(
    folder: Path,
    *,
    messages: int,
    window: int,
    binds: int,
    sync: timedelta = timedelta(),
    database: str | None = None,
) -> dict[str, Any]:
    """Submit as fast as the windows allow, then at half that rate: for how soon it answers."""
    env = slow_disk(sync, folder) if sync else {}
    where: dict[str, Any] = {"STORAGE__DATABASE": database} if database else {}
    async with running_box(folder / "data", NO_MODEMS, process_env=env, **where) as box:
        who = await _accounts(box, binds)
        full = await _loaded(box, who, messages=messages, window=window)
        half = full["submits_per_s"] / 2
        calm = await _loaded(box, who, messages=messages // 2, window=window, rate=half)
    at_half = {f"{name}_at_half": calm[name] for name in ("answer_median_ms", "answer_p99_ms")}
    return full | at_half


async def submits_to_postgresql(
    folder: Path, *, messages: int, window: int, binds: int
) -> dict[str, Any]:
    """Do the same on a PostgreSQL of its own; the CPU is the daemon's, not that server's."""
    with running_cluster() as cluster, cluster.database() as url:
        return await submits(folder, messages=messages, window=window, binds=binds, database=url)


async def receipts(folder: Path, *, messages: int) -> dict[str, Any]:
    """Let receipts fall due while nobody can take them; then bind, and take and answer them all.

    The messages are submitted and cancelled by a transmitter: each receipt says that it was.
    """
    async with running_box(folder / "data", NO_MODEMS) as box:
        who = await _accounts(box, 1)
        async with Esme.bound(box.smpp_port, *who[0], command=BIND_TRANSMITTER) as esme:
            await esme.submit(messages, 50, receipts=True)
            await esme.cancel(50)
        async with _load(box, who, f"--take={messages}") as process:
            return await _measured(box, process, messages)


async def idle(folder: Path, *, binds: int) -> dict[str, Any]:
    """Bind and stay; tell by how much the daemon has grown."""
    more = {
        "SMPP__MOST_CONNECTIONS": str(binds + 10),
        "SMPP__MOST_UNBOUND_PER_ADDRESS": str(binds + 10),
    }
    async with running_box(folder / "data", NO_MODEMS, **more) as box:
        assert box.process is not None
        who = await _accounts(box, binds)
        async with _load(box, who[:BINDS_OF_ONE], "--hold"):  # what is loaded at first use
            before = pss_megabytes(box.process.pid)
        async with _load(box, who, "--hold"):
            after = pss_megabytes(box.process.pid)
    return {"kB_per_bind": round((after - before) * 1024 / binds, 1)}


async def _accounts(box: Box, binds: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    while len(found) < binds:
        made = await box.account(name=f"app-{len(found)}")
        found += [(made["system_id"], made["password"])] * BINDS_OF_ONE
    return found[:binds]


async def _loaded(
    box: Box, who: list[tuple[str, str]], *, messages: int, window: int, rate: float = 0
) -> dict[str, Any]:
    what = (f"--messages={messages}", f"--window={window}", f"--rate={rate}")
    async with _load(box, who, *what) as process:
        return await _measured(box, process, messages)


async def _measured(box: Box, process: asyncio.subprocess.Process, messages: int) -> dict[str, Any]:
    """Let a load generator begin; return what it found, and what that cost the daemon."""
    assert box.process is not None
    assert process.stdin is not None
    assert process.stdout is not None
    before = cpu_seconds(box.process.pid)
    process.stdin.write(b"\n")
    found: dict[str, Any] = json.loads(await process.stdout.readline())
    cpu = cpu_seconds(box.process.pid) - before
    return found | {"cpu_s_per_1000": round(cpu / messages * 1000, 3)}


@asynccontextmanager
async def _load(
    box: Box, who: list[tuple[str, str]], *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the load generator and give it once it is bound; it ends with the block."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.smpp_load", str(box.smpp_port), *options)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(who).encode() + b"\n")
        assert await process.stdout.readline() == b"bound\n"
        yield process
    finally:
        process.stdin.close()
        await process.wait()
