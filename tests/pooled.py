"""A store, a dispatcher and real lines on a bank of fake modems, all in the test's own loop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, timedelta, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path

from appliance.clock import Clock, SystemClock
from appliance.config.settings import Mending
from appliance.dispatch.ahead import Choosing
from appliance.dispatch.dispatcher import Dispatcher
from appliance.dispatch.waking import Waking
from appliance.inbox import Inbox
from appliance.lines.hands import Hands
from appliance.lines.line import Line
from appliance.lines.record import Record
from appliance.lines.site import Site, watch_over
from appliance.policy.consent import KeywordRules
from appliance.policy.contract import Contract
from appliance.policy.limits import Allowance
from appliance.store.lanes import LaneKey
from appliance.store.space import Space
from appliance.store.values import NewMessage
from tests.crowd import crowd
from tests.fake_modem.ledger import OnAir
from tests.modem.driving import Rig
from tests.rooms import add_account, add_sim, opened, sqlite_url

CATEGORIES = {"otp": 3, "urgent": 2, "transactional": 1, "marketing": 0}


class Pooled:
    """What a test of choosing does. ``lines`` are in the order of their modems."""

    def __init__(
        self, folder: Path, choosing: Choosing, contracts: list[Contract], clock: Clock
    ) -> None:
        self.folder, self.choosing, self.contracts = folder, choosing, contracts
        self.clock = clock
        self.lines: list[Line] = []
        self.rig = Rig(folder / "bank")
        self._running: list[asyncio.Task[None]] = []

    async def fill(self, account: str, *, category: str = "marketing", **given: object) -> None:
        """Queue many messages of an account, made if it is new."""
        lane = await self.lane(account, category, str(given.pop("route", "")))
        crowd(
            sqlite_url(self.folder),
            account_id=await self.account(account),
            lane_id=lane,
            category=category,
            priority=CATEGORIES[category],
            now=self.clock.now(),
            **given,  # type: ignore[arg-type]
        )

    async def account(self, name: str) -> int:
        found = {each.name: each for each in await self.store.accounts.all()}
        account = found.get(name) or await add_account(self.store, self.clock, name)
        assert account.id is not None
        return account.id

    async def lane(self, account: str, category: str, route: str = "") -> int:
        key = LaneKey(await self.account(account), category, CATEGORIES[category], route)
        return await self.store.lanes.of(key)

    async def submit(
        self, account: str, category: str, to: str = "+4917099999999", **given: object
    ) -> str:
        """Accept one message; return its id."""
        now = self.clock.now()
        fields = {
            "account_id": await self.account(account),
            "lane_id": await self.lane(account, category, str(given.pop("route", ""))),
            "door": "rest",
            "category": category,
            "priority": CATEGORIES[category],
            "reference": None,
            "idempotency_key": None,
            "request_hash": b"",
            "recipient": to,
            "suffix": to[-8:],
            "text": "Your code is 4711",
            "data": None,
            "udh": None,
            "flash": False,
            "encoding": "gsm7",
            "parts": 1,
            "not_before": now,
            "expires_at": now + timedelta(days=1),
            "receipts": None,
            "when_uncertain": "hold",
            "smpp": None,
            "at": now,
        } | given
        accepted = await self.store.messages.accept(NewMessage(**fields))  # type: ignore[arg-type]
        return accepted.id

    def supply(self, *, without: int = 0) -> None:
        """Let the dispatcher and the lines work from now on; so many of the last ones join not."""
        waking = Waking(self.store, self.clock, self.dispatcher.outlook)
        for line in self.lines:
            self._running.append(asyncio.create_task(line.run(timedelta(hours=1))))
        for line in self.lines[: len(self.lines) - without]:
            self.dispatcher.join(line)
        self._running.append(asyncio.create_task(waking.run()))
        self._running.append(asyncio.create_task(self.dispatcher.run()))

    @property
    def ledger(self) -> list[OnAir]:
        """What was on the air."""
        return self.rig.on_air

    @property
    def air(self) -> list[str]:
        """The recipients on the air, a part each, in order."""
        return [entry.recipient for entry in self.ledger]

    async def until_on_air(self, to: str) -> int:
        """Wait until something goes to ``to``; return its place on the air."""
        async with asyncio.timeout(30):
            while to not in self.air:
                await asyncio.sleep(0.005)
        return self.air.index(to)

    async def until_sent(self, count: int) -> None:
        """Wait until so many parts were on the air."""
        await self.until(lambda: len(self.air) >= count)

    async def until_all_left(self) -> None:
        """Wait until nothing is queued any more, and nothing is about to leave."""
        queued = "SELECT 1 FROM part WHERE state IN ('queued', 'sending') LIMIT 1"
        await self.until(lambda: not self.rows(queued))

    async def until_asleep(self, account: str, category: str) -> None:
        """Wait until the dispatcher has found that nothing of a lane can leave."""
        lane_id = await self.lane(account, category)
        lanes = self.dispatcher._queue
        await self.until(lambda: (lane := lanes.lane(lane_id)) is not None and lane.asleep)

    async def until_said(self, name: str, said: str) -> None:
        """Wait until this is why a message waits; ``*`` in it stands for anything."""
        async with asyncio.timeout(30):
            while not fnmatchcase(await self.waits(name), said):
                await asyncio.sleep(0.005)

    @staticmethod
    async def until(there: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(30):
            while not there():
                await asyncio.sleep(0.005)

    async def waits(self, name: str) -> str:
        """Return why a message waits, as the dispatcher says it."""
        found = await self.store.lanes.explained(name)
        assert found is not None
        return self.dispatcher.explain(found.waiting)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """Read what is committed."""
        with sqlite3.connect(self.folder / "appliance.db") as connection:
            return connection.execute(statement).fetchall()

    async def start(self, makes: int, zone: tzinfo, **settings: float) -> None:
        """Start so many modems; nothing is sent before ``supply``."""
        await self.rig.bank(*["e3372"] * makes, **settings)
        self.dispatcher = Dispatcher(self.store, self.clock, Space(self.folder, 0), self.choosing)
        site = Site(
            number=lambda _iccid: None,
            zone=zone,
            check_every=timedelta(hours=1),
            mending=Mending(enabled=False),
        )
        self.record = Record(self.store)
        hands = Hands(
            store=self.store,
            inbox=Inbox(self.store, self.clock, "DE"),
            clock=self.clock,
            record=self.record,
            nudge=self.dispatcher.nudge,
            again=self.dispatcher.again,
        )
        modems = [self.rig.modem(number) for number in range(makes)]
        await asyncio.gather(*(modem.start() for modem in modems))
        for number, modem in enumerate(modems):
            slot = f"slot{number}"
            sim_id = await add_sim(self.store, self.clock, f"8949020000123456{number:04d}")
            self.lines.append(
                Line(
                    modem,
                    slot,
                    sim_id,
                    Allowance(self.contracts[number].limits),
                    hands,
                    watch=watch_over(modem, slot, hands, site, lambda: None),
                    contract=lambda number=number: self.contracts[number],  # type: ignore[misc]
                )
            )

    async def close(self) -> None:
        for line in self.lines:
            line.stop()
        await asyncio.gather(*self._running[: len(self.lines)], return_exceptions=True)
        for task in self._running:
            task.cancel()
        await self.record.written()
        await self.rig.close()


@asynccontextmanager
async def pooled(
    folder: Path,
    makes: int = 1,
    *,
    choosing: Choosing | None = None,
    contracts: list[Contract] | None = None,
    keywords: KeywordRules | None = None,
    clock: Clock | None = None,
    zone: tzinfo = UTC,
    **settings: float,
) -> AsyncIterator[Pooled]:
    """Give so many lines on one store; ``contracts`` are of their SIMs, one each."""
    contracts = contracts or [Contract()] * makes
    made = Pooled(folder, choosing or Choosing(), contracts, clock or SystemClock())
    async with opened(folder, made.clock, keywords) as made.store:
        await made.start(makes, zone, **settings)
        try:
            yield made
        finally:
            await made.close()
