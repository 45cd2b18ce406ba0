"""What can go wrong in a soak: with one modem, and how it ends. Chosen by a seed, not by chance."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fake_modem import AsyncControl, ControlError

Act = Callable[["Victim"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Victim:
    """A modem to which something happens, and the dice for it."""

    control: AsyncControl
    modem: int
    dice: random.Random

    async def fault(self, kind: str, **fields: Any) -> None:
        """Break it."""
        await self.control.do("fault", modem=self.modem, kind=kind, **fields)

    async def mend(self) -> None:
        """End what is wrong with it."""
        await self.control.do("mend", modem=self.modem)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble.

    Attributes:
        begin: what happens.
        seconds: how long it lasts, shortest and longest; then ``end`` is done.
        end: what ends it; as a rule the modem is mended.
        weight: how often it comes, among others.
        doubts: of how many parts it may leave nobody knowing whether they were sent.
        quick: it is over soon, and needs no long climb to be mended of: fit for a short soak.

    """

    begin: Act
    seconds: tuple[float, float] = (1, 5)
    end: Act = Victim.mend
    weight: int = 2
    doubts: int = 1
    quick: bool = True


def simply(kind: str, **fields: Any) -> Act:
    """Return what breaks a modem in always the same way."""

    async def begin(victim: Victim) -> None:
        await victim.fault(kind, **fields)

    return begin


def hang(cure: str) -> Act:
    async def begin(victim: Victim) -> None:
        after = victim.dice.choice([0, 0, victim.dice.randrange(1, 12), "ctrl-z"])
        await victim.fault("hang", cure=cure, after=after, sent=victim.dice.random() < 0.5)

    return begin


async def garbage(victim: Victim) -> None:
    await victim.fault("garbage", rate=victim.dice.choice([5_000, 50_000, 500_000]), cure="never")


async def interrupt(victim: Victim) -> None:
    for after, text in ((1, '^RSSI:18\r\n+CMTI: "SM",199'), (2, "^HCSQ:1,2\r\n+CREG: 1\r\nRING")):
        await victim.fault("interrupt", text=text, after=after)


async def late(victim: Victim) -> None:
    busy = victim.dice.random() < 0.5
    await victim.fault("late", seconds=victim.dice.uniform(5, 25), busy=busy)


async def vanish(victim: Victim) -> None:
    await victim.fault("vanish", power=victim.dice.random() < 0.7)


async def cover_again(victim: Victim) -> None:
    await victim.fault("coverage", coverage="home")


async def call(victim: Victim) -> None:
    await victim.control.do("call", modem=victim.modem, number="+4915300000001", rings=2)


async def fill_with_orphans(victim: Victim) -> None:
    await victim.control.do("fill", modem=victim.modem, memory="SM", what="orphans", leave=1)


async def fill_with_drafts(victim: Victim) -> None:
    await victim.control.do("fill", modem=victim.modem, memory="SM", what="drafts", count=5)
    await victim.control.do("fill", modem=victim.modem, memory="SM", what="junk", count=3)
    await victim.control.do("fill", modem=victim.modem, memory="SM", what="old")


async def nothing(_victim: Victim) -> None:
    """Leave it as it is: it ends by itself, or the daemon ends it."""


FAULTS: dict[str, Fault] = {
    "lost answer": Fault(simply("lost"), seconds=(10, 40), quick=False),
    "late answer": Fault(late, seconds=(25, 30), quick=False),
    "error, nothing sent": Fault(simply("error", code=500), end=nothing),
    "error, and sent": Fault(simply("error", code=500, sent=True), end=nothing, doubts=1),
    "passing error": Fault(simply("error", code=41, count=2), end=nothing, doubts=0),
    "no prompt": Fault(simply("no_prompt"), end=nothing, doubts=0),
    "late prompt": Fault(simply("late_prompt", seconds=2), end=nothing),
    "interruptions": Fault(interrupt, end=nothing, weight=4, doubts=0),
    "garbage": Fault(garbage, seconds=(2, 8)),
    "deaf": Fault(simply("deaf"), seconds=(5, 20), quick=False),
    "hang, cured by ESC": Fault(hang("escape"), seconds=(60, 90), quick=False),
    "hang, cured by reopening": Fault(hang("reopen"), seconds=(60, 90), quick=False),
    "hang, cured by CFUN": Fault(hang("cfun"), seconds=(60, 90), quick=False),
    "hang, cured by USB": Fault(hang("usb"), seconds=(80, 120), quick=False),
    "hang, cured by nothing": Fault(hang("never"), seconds=(30, 90), weight=1, quick=False),
    "mute network": Fault(
        simply("mute_network", code=41, cure="cfun"), seconds=(15, 40), doubts=0, quick=False
    ),
    "mute network, 500": Fault(
        simply("mute_network", count=3), seconds=(15, 40), weight=1, doubts=3, quick=False
    ),
    "no reports": Fault(simply("no_reports"), seconds=(5, 15), weight=1, doubts=0),
    "gone": Fault(vanish, seconds=(1, 15), weight=4),
    "reset": Fault(simply("reset"), seconds=(5, 10), weight=3),
    "no coverage": Fault(
        simply("coverage", coverage="searching"), seconds=(3, 12), end=cover_again, doubts=0
    ),
    "CNMI forgotten": Fault(simply("cnmi"), end=nothing, doubts=0),
    "memory full of orphans": Fault(fill_with_orphans, end=nothing, doubts=0),
    "memory full of all sorts": Fault(fill_with_drafts, end=nothing, doubts=0),
    "call": Fault(call, end=nothing, doubts=0),
    "SIM out": Fault(simply("sim_out"), seconds=(2, 12), end=simply("sim_in")),
}
"""Of one modem alone. SIMs that change their places stand in ``Troubles``: they need two."""

SIMS_CHANGED = "SIMs changed"


@dataclass(slots=True)
class Troubles:
    """Breaks modems, one after another and several at once, and mends them.

    ``every``: seconds from one to the next, on average.
    """

    control: AsyncControl
    modems: int
    every: float
    dice: random.Random
    quick: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    doubts: int = 0
    standing: dict[int, str] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Go on until cancelled."""
        kinds = {name: fault for name, fault in FAULTS.items() if fault.quick or not self.quick}
        names = [*kinds, SIMS_CHANGED]
        weights = [*(fault.weight for fault in kinds.values()), 2]
        while True:
            await asyncio.sleep(self.dice.expovariate(1 / self.every))
            well = [modem for modem in range(self.modems) if modem not in self.standing]
            self.dice.shuffle(well)
            [name] = self.dice.choices(names, weights)
            if len(well) < max(2, self.modems // 2):
                continue  # half of them work at any time
            if name == SIMS_CHANGED:
                await self._change_sims(well[0], well[1])
            else:
                self._begin(name, kinds[name], well[0])

    async def over(self) -> None:
        """Mend everything, and wait until that is done."""
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.control.do("mend")
        await self.control.do("fault", kind="coverage", coverage="home")

    async def _change_sims(self, one: int, other: int) -> None:
        self.counts[SIMS_CHANGED] += 1
        self.doubts += 2
        with suppress(ControlError):
            await self.control.do("fault", modem=one, kind="swap", other=other)

    def _begin(self, name: str, fault: Fault, modem: int) -> None:
        self.counts[name] += 1
        self.doubts += fault.doubts
        self.standing[modem] = name
        victim = Victim(self.control, modem, random.Random(self.dice.random()))
        task = asyncio.create_task(self._have(fault, victim))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _have(self, fault: Fault, victim: Victim) -> None:
        try:
            await fault.begin(victim)
            await asyncio.sleep(victim.dice.uniform(*fault.seconds))
        finally:
            await fault.end(victim)
            self.standing.pop(victim.modem, None)
