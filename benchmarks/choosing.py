"""What choosing costs: CPU per message that is given to a line, by queue, lines and accounts.

The store, the dispatcher and the limits are real; the lines have no modems. What is counted is a
round of the dispatcher with all that it reads; claims are made in between, and not counted.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from appliance.clock import SystemClock
from appliance.dispatch.dispatcher import Dispatcher
from appliance.inbox import reading
from appliance.lines.offer import Offer
from appliance.lines.reserved import Reserved
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free
from appliance.policy.contract import Contract
from appliance.policy.limits import Allowance, Daily, Pace, Wait
from appliance.store import Store
from appliance.store.lanes import LaneKey
from appliance.store.space import Space
from appliance.store.values import Begin, Waiting
from tests.crowd import STEP, crowd
from tests.postgres import running_cluster
from tests.rooms import add_account, add_sim, sqlite_url

ASSIGNMENTS: Final = 1_000
"""Messages that are given to lines for each figure."""

LIMITS: Final = (Pace(1_000_000, timedelta(minutes=1)), Daily(1_000_000, UTC))

LINES: Final = (1, 4, 16, 64, 256)

ACCOUNTS: Final = (1, 10, 100)


class BenchLine:
    """A line without a modem, as the dispatcher knows lines."""

    def __init__(self, sim_id: int) -> None:
        self.sim_id, self.reserved = sim_id, Reserved()
        self.allowance = Allowance(LIMITS)
        self.resume_at: datetime | None = None
        self.paused: str | None = None
        self.probing = False
        contract = Contract(name=f"SIM {sim_id}", limits=LIMITS)
        self._offer = Offer(
            sim_id, "", lambda: contract, self._may_send_of, lambda: False, hangs=lambda _now: ""
        )

    @property
    def idle(self) -> bool:
        """Whether it has nothing to send."""
        return not self.reserved

    def reserve(self, waiting: Waiting, *, urgent: bool = False) -> None:
        """Let it send a message next."""
        self.reserved.add(waiting, urgent=urgent)
        self._offer.count(len(waiting.todo))

    def free(self, ahead: int) -> Free:
        """Return it as choosing sees it."""
        return self._offer.free(ahead, self.reserved, None)

    def may_send(self, now: datetime, parts: int = 1, *, before: int = 0) -> Wait:
        """Return when it may send so many parts, ``before`` of which go first."""
        return self.allowance.earliest(now, parts, before=before)

    def _may_send_of(self, at: datetime, parts: int, of: Candidate) -> Wait:
        before = max(parts - of.parts - self.reserved.behind(of.priority), 0)
        return self.allowance.earliest(
            at, parts, of.recipient_key, message_id=of.key, priority=of.priority, before=before
        )


async def choosing(
    folder: Path, *, queued: int, accounts: Sequence[int] = ACCOUNTS, postgresql: bool = False
) -> dict[str, Any]:
    """Return milliseconds of CPU per assignment, by how many lines and accounts there are.

    The CPU is this process's: what PostgreSQL uses for its part is not in it.
    """
    found: dict[str, Any] = {}
    with running_cluster() if postgresql else nullcontext() as cluster:
        for many in accounts:
            place = folder / str(many)
            place.mkdir()
            with cluster.database() if cluster else nullcontext(sqlite_url(place)) as url:
                costs = await _costs(place, url, many, queued)
            for lines, cost in costs.items():
                if cost is not None:
                    found[f"{lines} lines, {many} accounts"] = round(cost * 1000, 3)
    return found


async def _costs(folder: Path, url: str, accounts: int, queued: int) -> dict[int, float | None]:
    """Return seconds per assignment by lines; None: too little is queued for so many."""
    clock = SystemClock()
    store = await Store.open(url, folder, daemon="box", clock=clock, reading=reading({}))
    try:
        await _fill(store, url, accounts, queued // accounts)
        many = min(ASSIGNMENTS, queued // len(LINES))
        return {lines: await _cost(store, folder, lines, many) for lines in LINES}
    finally:
        await store.close()


async def _fill(store: Store, url: str, accounts: int, each: int) -> None:
    clock = SystemClock()
    for number in range(accounts):
        account = await add_account(store, clock, f"account {number}")
        assert account.id is not None
        lane = await store.lanes.of(LaneKey(account.id, "marketing", 0, ""))
        await asyncio.to_thread(
            crowd,
            url,
            account_id=account.id,
            lane_id=lane,
            count=each,
            now=clock.now(),
            first=STEP * (1 + number * each),
        )


async def _cost(store: Store, place: Path, count: int, assignments: int) -> float | None:
    clock = SystemClock()
    sims = [await add_sim(store, clock, f"894902000012{number:08d}") for number in range(count)]
    lines = [BenchLine(sim) for sim in sims]
    dispatcher = Dispatcher(store, clock, Space(place, 0))
    for line in lines:
        dispatcher.join(line)  # type: ignore[arg-type]
    await dispatcher.look()
    used, given = 0.0, 0
    while given < assignments:
        for line in lines:
            waiting = line.reserved.next()
            if waiting is None:  # more lines than messages
                return used / given if given else None
            await _claim(store, waiting, line.sim_id)
            before = time.process_time()
            await dispatcher.look()
            used += time.process_time() - before
            given += 1
    return used / given


async def _claim(store: Store, waiting: Waiting, sim_id: int) -> None:
    now = SystemClock().now()
    begin = Begin(waiting=waiting, ordinal=1, sim_id=sim_id, at=now, first=True)
    await store.dispatch.begin(begin)
