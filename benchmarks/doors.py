"""How many messages the doors take in a second, each stored before it is answered."""

import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from benchmarks.esme import Esme
from benchmarks.measure import cpu_seconds
from benchmarks.sending import submit
from tests.box import Box, running_box

NO_MODEMS = "/nonexistent/modem*"


async def rest(folder: Path, *, messages: int) -> dict[str, Any]:
    """Submit by REST, eight requests at once."""
    async with running_box(folder / "data", NO_MODEMS) as box:
        await box.account()
        return await _timed(box, messages, submit(box, messages))


async def smpp(folder: Path, *, messages: int, window: int) -> dict[str, Any]:
    """Submit by one SMPP bind with ``window`` requests unanswered."""
    async with running_box(folder / "data", NO_MODEMS) as box:
        account = await box.account()
        async with Esme.bound(box.smpp_port, account["system_id"], account["password"]) as esme:
            return await _timed(box, messages, esme.submit(messages, window))


async def _timed(box: Box, messages: int, work: Awaitable[object]) -> dict[str, Any]:
    assert box.process is not None
    before, started = cpu_seconds(box.process.pid), time.perf_counter()
    await work
    took = time.perf_counter() - started
    cpu = cpu_seconds(box.process.pid) - before
    return {
        "submits_per_s": round(messages / took),
        "cpu_s_per_1000": round(cpu / messages * 1000, 3),
    }
