"""What modems that misbehave cost the others: throughput and reaction, with them and without."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.esme import Esme
from benchmarks.reaction import reactions, summary
from tests.box import Bank, running_bank, running_box
from tests.fake_modem import AsyncControl
from tests.whole.blocking import Blocking

FLOODS, DEAF, HANGS, BLOCKS = (f"modem{number}" for number in range(4))

NOTICED = 8.0
"""Seconds until the daemon has seen that ports came or went (it looks every five)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which so many messages were sent, with the bad ones there or not."""

    bad: bool
    began: float
    ended: float

    def holds(self, at: float) -> bool:
        """Say whether a moment lies in it."""
        return self.began <= at <= self.ended


async def flood(
    folder: Path, *, modems: int, messages: int, seconds: float, rounds: int
) -> dict[str, Any]:
    """Send ``messages`` by ``modems`` in each stretch, by turns without and with four bad ones.

    One of these says 500 kB/s of garbage, one stops reading, one hangs, and one blocks whoever
    opens its port; none is ever given up for long. They are in a process of their own, so that
    what it costs to be bad is not counted. ``seconds``: how long the others take for a message at
    least, and half as long again on average.
    """
    stretches: list[Stretch] = []
    async with AsyncExitStack() as stack:
        start = stack.enter_async_context
        options = ("--modems", str(modems), "--quiet", "--cmgs-delay", str(seconds))
        options += ("--cmgs-jitter", str(seconds))  # they do not answer all at once
        good = await start(
            running_bank(folder / "good", *options, module="benchmarks.reaction_bank")
        )
        bad = await start(running_bank(folder / "bad", "--modems", "4", "--first", "500"))
        blocking = Blocking(folder / "blocking", bad.folder)
        await bad.control.do("fault", kind="vanish")
        box = await start(
            running_box(
                folder / "data",
                f"{good.ports},{bad.ports}",
                process_env=blocking.environment,
                MENDING__GIVE_UP_MINUTES="0.02",
            )
        )
        account = await box.account()
        await box.lines_ready(modems)
        esme = await start(Esme.bound(box.smpp_port, account["system_id"], account["password"]))
        for number in range(2 * rounds):
            await (
                _come(bad.control, blocking) if number % 2 else _go(bad.control, blocking, number)
            )
            stretches.append(await _stretch(good, esme, messages, bad=bool(number % 2)))
        await _go(bad.control, blocking, 1)
        sent = [entry.at for entry in good.ledger.sent()]
    return _compared(stretches, sent, reactions(folder / "good"), modems)


async def _come(control: AsyncControl, blocking: Blocking) -> None:
    """Plug the bad ones in, each bad from the start."""
    blocking.block("open", BLOCKS)
    await control.do("mend")
    await control.do("fault", modem=FLOODS, kind="garbage", rate=500_000, cure="never")
    await control.do("fault", modem=DEAF, kind="deaf")
    await control.do("fault", modem=HANGS, kind="hang", cure="never")
    await asyncio.sleep(NOTICED)


async def _go(control: AsyncControl, blocking: Blocking, number: int) -> None:
    """Pull them out, where they are in."""
    if number:
        blocking.let_go("open", BLOCKS)
        await control.do("fault", kind="vanish")
        await asyncio.sleep(NOTICED)


async def _stretch(bank: Bank, esme: Esme, messages: int, *, bad: bool) -> Stretch:
    """Submit, and wait until all is on the air."""
    before, began = len(bank.ledger.sent()), time.time()
    esme.answered = 0
    await esme.submit(messages, 50)
    await bank.control.do("wait_sent", count=before + messages, timeout=300)
    return Stretch(bad, began, time.time())


def _compared(
    stretches: list[Stretch], sent: list[float], times: list[tuple[float, float]], modems: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rates: dict[bool, list[float]] = {False: [], True: []}
    for stretch in stretches:
        here = sorted(at for at in sent if stretch.holds(at))
        # Each modem's first message begins the count, and its last ends it: no one waits for them.
        rates[stretch.bad].append((len(here) - 2 * modems) / (here[-modems] - here[modems - 1]))
    for bad, name in ((False, "without"), (True, "with four bad ones")):
        mine = [
            ms for at, ms in times if any(each.bad is bad and each.holds(at) for each in stretches)
        ]
        found[name] = {"messages_per_s": round(median(rates[bad]), 2), **summary(mine)}
    found["ratio"] = round(median(rates[True]) / median(rates[False]), 4)
    return found
