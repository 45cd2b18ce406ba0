"""One soak, from the start of the bank to the comparison of the books."""

import asyncio
import random
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.box import Bank, Box, running_bank, running_box, until
from tests.fake_modem import PERSONALITIES
from tests.soak import daemon, gauges
from tests.soak.books import FINAL, SETTLED, Audit, State, compare, untold_inbound
from tests.soak.clients import Smpp, Webhook
from tests.soak.faults import Troubles
from tests.soak.gauges import Sample
from tests.soak.traffic import Traffic
from tests.whole.keeping import helper

MAKES = (
    *("e3372", "sim7600", "ec25", "zte", "e1550", "sim800", "sim7000", "eg25"),
    *("e173", "sim7670", "telit", "m95", "k3765", "sim900", "sierra", "cinterion"),
)

SAMPLE_SECONDS = 1.0

DRAIN_SECONDS = 420.0
"""How long the end may take: lines pause for minutes after some faults."""

REPORTS_LOST = ("reports_lost", "reports_dropped")

IN_FLIGHT = re.compile(r"(\d+) parts? w\w+ in flight when the daemon ended")
"""How the daemon says of how many parts it knows nothing, as it starts."""

UNEXPECTED = re.compile(r"^\S+ (error|critical) |Traceback")
"""Lines of the daemon's log that even a soak full of faults must not have."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done.

    ``every``: seconds from one fault to the next on average; ``rate``: messages a second;
    ``restarts``: how often the daemon is ended, half of it by kill -9. The last third of the time
    it lives undisturbed, so that it can be seen whether it grows. ``quick``: only faults that are
    over soon.
    """

    minutes: float = 6
    modems: int = 16
    seed: int = 1
    rate: float = 6
    every: float = 3
    restarts: int = 6
    quick: bool = False


@dataclass(slots=True)
class Findings:
    """What came of it."""

    plan: Plan
    audit: Audit | None = None
    seconds: float = 0
    drained: float = 0  # seconds
    lacking: str = ""  # what was never drained
    faults: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    stops: int = 0
    doubts: int = 0  # messages that may be uncertain, by the faults that were made
    reports_lost: int = 0  # by the simulated network and modems themselves
    numbers: dict[str, int] = field(default_factory=dict)
    growth: dict[str, gauges.Growth] = field(default_factory=dict)
    judged_seconds: float = 0
    log: list[str] = field(default_factory=list)  # of the daemon: what nobody expects

    def complaints(self) -> list[str]:
        """Return what is wrong, in sentences; empty: nothing is."""
        assert self.audit is not None
        audit = self.audit
        said = [f"{name}: {len(found)}: {found[:10]}" for name, found in audit.wrong().items()]
        if self.lacking:
            said.append(f"never drained: {self.lacking}")
        if audit.uncertain_not_sent > self.doubts:
            said.append(f"{audit.uncertain_not_sent} uncertain, {self.doubts} can be explained")
        if audit.unreported > self.reports_lost:
            said.append(f"{audit.unreported} without a report, {self.reports_lost} were lost")
        said += [
            f"{name} grew from {grown.first} to {grown.last}, allowed are {grown.allowed} more"
            for name, grown in self.growth.items()
            if not grown.within
        ]
        return said + [f"the daemon said: {line}" for line in self.log]

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a machine."""
        grown = {name: asdict(one) | {"within": one.within} for name, one in self.growth.items()}
        return asdict(self) | {"growth": grown, "complaints": self.complaints()}


async def soak(plan: Plan, say: Say = print, folder: Path | None = None) -> Findings:
    """Do it; ``say`` is given one line a minute."""
    async with AsyncExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        return await Soak(plan, say, folder).run()


class Soak:
    """The parts of one soak, and how they are put together."""

    def __init__(self, plan: Plan, say: Say, folder: Path) -> None:
        self.plan, self.say, self.folder = plan, say, folder
        self.dice = random.Random(plan.seed)
        self.webhook, self.smpp = Webhook(), Smpp()
        self._keys: list[dict[str, str]] = []
        self.life: list[Sample] = []  # of the daemon that runs
        self.lives: list[list[Sample]] = []
        self.found = Findings(plan)
        self.began = 0.0

    async def run(self) -> Findings:
        """Set everything up, let it run, drain it, compare."""
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(self.webhook.listening())
            bank = await stack.enter_async_context(self._bank())
            box = await stack.enter_async_context(self._box(bank))
            await bank.control.do("set", network={"retry_seconds": 3}, boot_pace=0.5)
            second = await self._accounts(box, url)
            await box.lines_ready(self.plan.modems)
            await stack.enter_async_context(self.smpp.bound(box, second))
            traffic = Traffic(
                box,
                bank.control,
                self.webhook,
                self.smpp,
                self.plan.modems,
                self.plan.rate,
                random.Random(self.dice.random()),
            )
            troubles = Troubles(
                bank.control,
                self.plan.modems,
                self.plan.every,
                random.Random(self.dice.random()),
                self.plan.quick,
            )
            await self._live(box, bank, traffic, troubles)
            await self._drain(box, bank, traffic)
            self.lives.append(self.life)
            await self._compare(box, bank, traffic)
        return self.found

    @asynccontextmanager
    async def _bank(self) -> AsyncIterator[Bank]:
        options = (
            *("--modems", str(self.plan.modems), "--makes", ",".join(MAKES)),
            *("--cmgs-delay", "0.6", "--cmgs-jitter", "0.6"),
            *("--report-delay", "0.3", "--report-jitter", "2"),
            *("--sysfs", str(self.folder / "sysfs"), "--renumber", "--cdrom-seconds", "2"),
        )
        async with running_bank(self.folder / "bank", *options) as bank:
            yield bank

    @asynccontextmanager
    async def _box(self, bank: Bank) -> AsyncIterator[Box]:
        uarts = [
            str(bank.folder / f"modem{number}")
            for number in range(self.plan.modems)
            if PERSONALITIES[MAKES[number % len(MAKES)]].usb is None
        ]
        socket = self.folder / "usb.sock"
        async with (
            helper(socket, self.folder / "sysfs"),
            running_box(
                self.folder / "data",
                "auto",
                module="tests.soak.daemon",
                process_env={
                    daemon.SYSFS: str(self.folder / "sysfs"),
                    daemon.UARTS: " ".join(uarts),
                    "APPLIANCE_MODEMS__SIMULATED": "",
                },
                MODEMS__CHECK_SECONDS="5",
                MENDING__GIVE_UP_MINUTES="0.2",
                JUDGING__PROBE_AFTER_MINUTES="0.2",
                MENDING__HELPER=str(socket),
            ) as box,
        ):
            yield box

    async def _accounts(self, box: Box, url: str) -> dict[str, Any]:
        """Make both accounts; return the second, which uses SMPP."""
        first = await box.account(name="rest", webhook_url=url)
        second = (await box.local.post("/local/accounts", json={"name": "smpp"})).json()
        self._keys = [{"Authorization": f"Bearer {one['api_key']}"} for one in (first, second)]
        return dict(second)

    async def _live(self, box: Box, bank: Bank, traffic: Traffic, troubles: Troubles) -> None:
        """Let everything run for as long as planned."""
        self.began = time.monotonic()
        tasks = [
            asyncio.create_task(work)
            for work in (
                traffic.run(),
                troubles.run(),
                self._sample(box),
                self._report(bank, traffic, troubles),
                self._restarts(box),
                self._refusals(),
            )
        ]
        lasting = asyncio.create_task(asyncio.sleep(self.plan.minutes * 60))
        await asyncio.wait([*tasks, lasting], return_when=asyncio.FIRST_COMPLETED)
        lasting.cancel()
        self.webhook.refusing = self.smpp.refusing = False
        await troubles.over()
        for task in reversed(tasks):
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        self.found.faults = dict(troubles.counts)
        self.found.doubts = troubles.doubts + sum(map(int, IN_FLIGHT.findall(box.log.read_text())))
        self.found.seconds = round(time.monotonic() - self.began, 1)

    async def _sample(self, box: Box) -> None:
        while True:
            assert box.process is not None
            with suppress(OSError, KeyError):  # it is being started anew
                at = time.monotonic() - self.began
                self.life.append(gauges.sample(box.process.pid, at))
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _restarts(self, box: Box) -> None:
        """End the daemon now and then in the first two thirds of the time, and start it again."""
        span, count = self.plan.minutes * 60 * 2 / 3, self.plan.restarts
        moments = sorted(self.dice.uniform(span * 0.1, span) for _ in range(count))
        for number, moment in enumerate(moments):
            await asyncio.sleep(max(self.began + moment - time.monotonic(), 0))
            if number % 2:
                await box.kill()
                self.found.kills += 1
            else:
                await box.stop()
                self.found.stops += 1
            await box.start()
            self.lives.append(self.life)
            self.life = []
        await asyncio.Event().wait()

    async def _refusals(self) -> None:
        """Let an app refuse what it is told, for some seconds now and then."""
        while True:
            await asyncio.sleep(self.dice.uniform(5, self.plan.minutes * 10))
            app = self.dice.choice([self.webhook, self.smpp])
            app.refusing = True
            await asyncio.sleep(self.dice.uniform(1, 8))
            app.refusing = False

    async def _report(self, bank: Bank, traffic: Traffic, troubles: Troubles) -> None:
        for minute in range(1, 1_000_000):
            await asyncio.sleep(self.began + minute * 60 - time.monotonic())
            self.say(f"minute {minute}: {await self._now(bank, traffic, troubles)}")

    async def _now(self, bank: Bank, traffic: Traffic, troubles: Troubles) -> str:
        stats = await bank.control.do("stats")
        last = self.life[-1] if self.life else Sample(0, 0, 0, 0)
        return (
            f"{len(traffic.books.accepted)} accepted, {stats['sent']} parts on the air,"
            f" {traffic.waiting()} waiting; {len(traffic.books.inbound)} came in;"
            f" {sum(troubles.counts.values())} faults, {len(troubles.standing)} standing;"
            f" {self.found.kills + self.found.stops} restarts;"
            f" {last.memory:.0f} MB, {last.files} files, {last.threads} threads"
        )

    # The end

    async def _drain(self, box: Box, bank: Bank, traffic: Traffic) -> None:
        """Wait until nothing is on its way any more: in the network, on a SIM, here, to an app."""
        began = time.monotonic()
        self.say("everything is mended; draining")

        async def drained() -> bool:
            await asyncio.sleep(1)
            self.found.lacking = await self._lacking(box, bank, traffic)
            return not self.found.lacking

        with suppress(AssertionError):
            await until(drained, "nothing is on its way", DRAIN_SECONDS)
        self.found.drained = round(time.monotonic() - began, 1)

    async def _lacking(self, box: Box, bank: Bank, traffic: Traffic) -> str:
        """Say what is still on its way; empty: nothing. A report may be lost for good."""
        stats = await bank.control.do("stats")
        for what in ("pending_reports", "pending_messages"):
            if stats[what]:
                return f"{stats[what]} {what} in the network"
        states = await self._states(box)
        found = {one: states[one.identity or ""] for one in traffic.books.accepted}
        on_air = bank.ledger.sent()
        if missing := untold_inbound(traffic.books, found, self.webhook, on_air):
            return f"{len(missing)} inbound messages, such as {missing[0]}"
        unreported = 0
        for one, its in found.items():
            state = its.state
            unreported += state in {"sent", "no_report"}
            if state not in SETTLED:
                return f"{one.identity} to {one.to}, which is {state}"
            if state in FINAL and not one.by.fates[one.identity or "", state]:
                return f"news of {one.identity} to {one.to}, which is {state}"
        lost = await self._reports_lost(bank)
        return "" if unreported <= lost else f"{unreported} reports, of which {lost} were lost"

    async def _reports_lost(self, bank: Bank) -> int:
        """Return how many reports the network, or a modem, has lost by itself."""
        modems = (await bank.control.do("stats"))["modems"].values()
        return sum(each[kind] for each in modems for kind in REPORTS_LOST)

    async def _states(self, box: Box) -> dict[str, State]:
        """Return every message of both accounts."""
        found: dict[str, State] = {}
        for key in self._keys:
            before: dict[str, str] = {}
            while True:
                answer = await box.http.get(
                    "/v1/messages", params={"limit": "200", **before}, headers=key
                )
                page = answer.json()
                found |= {
                    one["id"]: State(one["state"], one["parts"], one["sim"])
                    for one in page["messages"]
                }
                if page["next"] is None:
                    break
                before = {"before": page["next"]}
        return found

    async def _compare(self, box: Box, bank: Bank, traffic: Traffic) -> None:
        books, found = traffic.books, self.found
        found.audit = compare(books, await self._states(box), bank.ledger.sent(), self.webhook)
        found.reports_lost = await self._reports_lost(bank)
        found.numbers = {
            "accepted": len(books.accepted),
            "taken_perhaps": len(books.asked) - len(books.accepted),
            "parts_on_air": len(bank.ledger.sent()),
            "inbound": len(books.inbound),
            "stops": len(books.stopped),
            "binds": self.smpp.binds,
            "notices_again": self.webhook.repeated,
            "receipts_again": sum(count - 1 for count in self.smpp.fates.values()),
        }
        life = max(self.lives, key=len)
        found.growth = gauges.growth(life)
        found.judged_seconds = round(life[-1].at - life[0].at, 1)
        said = box.log.read_text().splitlines()
        found.log = [line for line in said if UNEXPECTED.search(line)][:20]
