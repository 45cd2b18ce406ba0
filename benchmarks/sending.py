"""How fast queued messages leave, what that costs, and how much memory it takes."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.esme import Esme
from benchmarks.measure import Acknowledger, cpu_seconds, pss_megabytes
from benchmarks.slow_disk import slow_disk
from tests.box import Box, running_bank, running_box, until

SUBMITTERS = 8

Door = tuple[Callable[[int], Awaitable[object]], Callable[[int], Awaitable[object]]]
"""What submits so many messages, and what waits for so many to be reported delivered."""


async def rate(
    folder: Path,
    *,
    modems: int,
    messages: int,
    seconds: float,
    door: str = "smpp",
    env: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Send ``messages`` by ``modems`` that take ``seconds`` for each; from submit to receipt.

    ``door``: submit_sm and deliver_sm, or REST and webhook (which tells "sent" too).
    """
    async with (
        running_bank(
            folder / "bank",
            *("--modems", str(modems), "--quiet"),
            *("--cmgs-delay", str(seconds), "--report-delay", "0.5"),
        ) as bank,
        running_box(folder / "data", bank.ports, process_env=env) as box,
    ):
        assert box.process is not None
        async with DOORS[door](box) as (submit_all, delivered):
            await box.lines_ready(modems)
            before = cpu_seconds(box.process.pid)
            await submit_all(messages)
            await delivered(messages)
            cpu = cpu_seconds(box.process.pid) - before
        times = sorted(entry.at for entry in bank.ledger.sent())
        # Each modem's first message begins the count: from there on it can be no faster.
        reached = (messages - modems) / (times[-1] - times[modems - 1])
        return {
            "messages_per_s": round(reached, 2),
            "of_possible": round(reached * seconds / modems, 4),
            "cpu_s_per_1000": round(cpu / messages * 1000, 2),
            "memory_mb": round(pss_megabytes(box.process.pid), 1),
        }


async def rate_on_a_slow_disk(folder: Path) -> dict[str, Any]:
    """Send by modems that take 3 s for each, with a disk whose sync takes 20 ms."""
    env = slow_disk(timedelta(milliseconds=20), folder)
    return await rate(folder, modems=16, messages=128, seconds=3, env=env)


@asynccontextmanager
async def _by_smpp(box: Box) -> AsyncIterator[Door]:
    account = await box.account()
    async with Esme.bound(box.smpp_port, account["system_id"], account["password"]) as esme:
        yield lambda count: esme.submit(count, 50, receipts=True), esme.receipts


@asynccontextmanager
async def _by_rest(box: Box) -> AsyncIterator[Door]:
    acknowledger = Acknowledger()
    async with acknowledger.listening() as url:
        await box.account(webhook_url=url)
        yield lambda count: submit(box, count), acknowledger.delivered_reach


DOORS: dict[str, Callable[[Box], AbstractAsyncContextManager[Door]]] = {
    "smpp": _by_smpp,
    "rest": _by_rest,
}


async def submit(box: Box, messages: int) -> float:
    """Submit by REST, a few at once; return how long it took."""
    numbers = itertools.count()

    async def one_after_another(client: httpx.AsyncClient) -> None:
        while (number := next(numbers)) < messages:
            body = {"to": f"+4915120{number:06d}", "text": f"Your order {number} is on its way."}
            answer = await client.post("/v1/messages", json=body)
            assert answer.status_code == 202, answer.text

    started = time.perf_counter()
    await asyncio.gather(*(one_after_another(box.http) for _ in range(SUBMITTERS)))
    return time.perf_counter() - started


async def idle(folder: Path, *, modems: int, seconds: float) -> dict[str, Any]:
    """Measure what waiting costs a daemon that has run before."""
    async with (
        running_bank(folder / "bank", "--modems", str(modems)) as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        await box.lines_ready(modems)
        await box.stop()
        await box.start()
        await box.lines_ready(modems)
        assert box.process is not None
        await asyncio.sleep(3)
        before = cpu_seconds(box.process.pid)
        await asyncio.sleep(seconds)
        used = cpu_seconds(box.process.pid) - before
        return {
            "cpu_percent": round(used / seconds * 100, 3),
            "memory_mb": round(pss_megabytes(box.process.pid), 1),
        }


async def inbound(folder: Path, *, modems: int, messages: int) -> dict[str, Any]:
    """Bring inbound messages in: stored, then deleted from the SIMs."""
    async with (
        running_bank(folder / "bank", "--modems", str(modems), "--quiet") as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        await box.lines_ready(modems)
        started = time.perf_counter()
        for number in range(messages):
            await bank.control.do(
                "inbound",
                modem=number % modems,
                sender=f"+4917012{number:05d}",
                text=f"Reply {number}",
            )

        async def gone() -> bool:
            modems = (await bank.control.do("modems"))["modems"]
            waiting = (await bank.control.do("stats"))["pending_messages"]
            return not waiting and not any(sum(each["stored"].values()) for each in modems)

        await until(gone, "all are stored and deleted", 60)
        return {"seconds": round(time.perf_counter() - started, 2)}
