"""How soon the daemon is ready when much is queued."""

import time
from pathlib import Path
from typing import Any

from benchmarks.esme import Esme
from tests.box import running_bank, running_box


async def ready(folder: Path, *, queued: int) -> dict[str, Any]:
    """Queue messages that nobody can send, stop, and start again with modems."""
    async with running_box(folder / "data", "/nonexistent/modem*") as box:
        account = await box.account()
        async with Esme.bound(box.smpp_port, account["system_id"], account["password"]) as esme:
            await esme.submit(queued, 50)
        await box.stop()
        started = time.perf_counter()
        await box.start()
        doors = time.perf_counter() - started
    async with (
        running_bank(folder / "bank", "--modems", "4", "--quiet", "--cmgs-delay", "1") as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        await box.stop()
        started = time.perf_counter()
        await box.start()
        await bank.control.do("wait_sent", count=len(bank.ledger.sent()) + 1)
        return {
            "doors_ready_s": round(doors, 2),
            "first_message_on_the_air_s": round(time.perf_counter() - started, 2),
        }
