"""How soon the next command follows a modem's final answer, while others misbehave or not."""

import json
from pathlib import Path
from typing import Any

from benchmarks.esme import Esme
from tests.box import running_bank, running_box
from tests.fake_modem import AsyncControl


async def reaction(
    folder: Path, *, modems: int, messages: int, seconds: float, bad: bool = False
) -> dict[str, Any]:
    """Send by ``modems`` that take ``seconds`` for each message; measure at the modems' end.

    ``bad``: one more modem floods its port with 500 kB/s, one does not read, one hangs.
    """
    count = modems + 3 * bad
    options = ("--modems", str(count), "--quiet", "--cmgs-delay", str(seconds))
    bank_folder = folder / "bank"
    async with (
        running_bank(
            bank_folder, *options, "--cmgs-jitter", str(seconds), module="benchmarks.reaction_bank"
        ) as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        account = await box.account()
        await box.lines_ready(count)
        if bad:
            await _break(bank.control, modems)
        async with Esme.bound(box.smpp_port, account["system_id"], account["password"]) as esme:
            await esme.submit(messages, 50)
            await bank.control.do("wait_sent", count=messages - modems, timeout=300)
    return summary([milliseconds for _at, milliseconds in reactions(bank_folder)])


def reactions(bank_folder: Path) -> list[tuple[float, float]]:
    """Return what a bank of watched ports has noted: when, and how many milliseconds."""
    return [tuple(each) for each in json.loads((bank_folder / "reactions.json").read_text())]


def summary(times: list[float]) -> dict[str, Any]:
    """Return the median and the slowest hundredth of times in milliseconds."""
    times = sorted(times)
    return {
        "reactions": len(times),
        "median_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[len(times) * 99 // 100], 2),
    }


async def _break(control: AsyncControl, first: int) -> None:
    """Let three modems misbehave until the end, each in its own way."""
    await control.do("fault", modem=f"modem{first}", kind="garbage", rate=500_000, cure="never")
    await control.do("fault", modem=f"modem{first + 1}", kind="deaf")
    await control.do("fault", modem=f"modem{first + 2}", kind="hang", cure="never")
