"""Notices on their way out: to the account's carrier, in order per message, until acknowledged."""

import asyncio
import logging
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

from appliance.clock import Clock
from appliance.errors import NobodyThere, StoreError, Undelivered
from appliance.models import Account
from appliance.notice import Notice
from appliance.store import Store
from appliance.store.bell import ACCOUNTS, NOTICES
from appliance.store.notices import Owed

logger = logging.getLogger(__name__)

BACK_OFF: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""How long a notice waits after its first, second … failure; the last one repeats."""

JITTER: Final = 0.2
"""Share by which a wait is spread, so that an account that comes back is not met by a wave."""

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How long a worker sleeps at most: a bell may be missed, a table may not."""


class Carrier(Protocol):
    """A way to hand notices to an account."""

    name: str  # the account's ``carrier``
    window: int  # notices under way at once per account

    async def deliver(self, account: Account, notice: Notice) -> None:
        """Hand over one notice; return when the other side has acknowledged it.

        Raises:
            Undelivered: it is tried again later, or parked.
            NobodyThere: nobody is bound; ``Outbox.wake`` says when somebody is.

        """
        ...


def back_off(tries: int) -> timedelta:
    """Return how long to wait after the n-th failure (from 1)."""
    return BACK_OFF[min(tries, len(BACK_OFF)) - 1] * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311


class Outbox:
    """One worker for each account that may be owed something."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._carriers: dict[str, Carrier] = {}
        self._workers: dict[int, _Worker] = {}
        self._group: asyncio.TaskGroup | None = None

    def add(self, carrier: Carrier) -> None:
        """Let accounts be served by ``carrier``."""
        self._carriers[carrier.name] = carrier

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            accounts = self._store.bells.listen(ACCOUNTS)
            while True:
                for account in await self._store.accounts.all():
                    assert account.id is not None
                    self.watch(account.id)
                await accounts.wait()

    def watch(self, account_id: int) -> None:
        """Begin to carry an account's notices; harmless if it is carried already."""
        if self._group is None or account_id in self._workers:
            return
        worker = _Worker(self._store, self._clock, self._carriers, account_id)
        self._workers[account_id] = worker
        self._group.create_task(worker.run())

    def wake(self, account_id: int) -> None:
        """Say that somebody is there now to take an account's notices."""
        self.watch(account_id)
        if worker := self._workers.get(account_id):
            worker.somebody_came()


class _Worker:
    """Carries one account's notices: ``window`` at once, those of one message in order."""

    def __init__(
        self, store: Store, clock: Clock, carriers: Mapping[str, Carrier], account_id: int
    ) -> None:
        self._store, self._clock, self._carriers = store, clock, carriers
        self._account_id = account_id
        self._account: Account | None = None
        self._bell = store.bells.listen((NOTICES, account_id))
        self._waiting: list[Owed] = []
        self._under_way: dict[int, Owed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._somebody = True
        self._more = False  # the tables hold more than was read

    def somebody_came(self) -> None:
        """Try again at once: a bind has been made."""
        self._somebody = True
        self._account = None  # it may have been changed since
        self._bell.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        look = account_too = True
        try:
            while True:
                if look:
                    await self._look(account_too=account_too or self._account is None)
                wait = self._start_due()
                woken = await self._bell.wait(wait)
                account_too = not woken
                drained = self._more and not self._waiting
                look = bool(self._bell.heard()) or not woken or drained
        finally:
            for task in self._tasks:
                task.cancel()

    @property
    def _carrier(self) -> Carrier | None:
        account = self._account
        if account is None or account.revoked_at is not None:
            return None
        return self._carriers.get(account.carrier or "")

    async def _look(self, *, account_too: bool) -> None:
        """Read what is owed to the account beyond what is under way, now and then itself too."""
        try:
            if account_too:
                self._account = await self._store.accounts.by_id(self._account_id)
            if (carrier := self._carrier) and self._somebody:
                most = 4 * carrier.window
                # What ends while we read is still open in what we read: it must not go twice.
                busy = set(self._under_way)
                owed = await self._store.notices.owed(self._account_id, most)
                self._more = len(owed) == most
                self._waiting = [one for one in owed if one.notice.id not in busy]
        except StoreError as error:
            logger.warning("notices of account %d: %s", self._account_id, error)

    def _start_due(self) -> timedelta:
        """Start what is due and has room; return how long nothing else will be due."""
        carrier, account = self._carrier, self._account
        if carrier is None or account is None or not self._somebody:
            return LOOK_AGAIN
        now, wait = self._clock.now(), LOOK_AGAIN
        busy = {one.subject for one in self._under_way.values()}
        later: list[Owed] = []
        for one in self._waiting:
            full = len(self._under_way) >= carrier.window
            if full or one.subject in busy or one.due_at > now:
                later.append(one)
                if one.due_at > now and one.subject not in busy:
                    wait = min(wait, one.due_at - now)
            else:
                self._start(carrier, account, one)
            busy.add(one.subject)  # a later notice of a message waits for the earlier ones
        self._waiting = later
        return wait

    def _start(self, carrier: Carrier, account: Account, one: Owed) -> None:
        self._under_way[one.notice.id] = one
        task = asyncio.create_task(self._carry(carrier, account, one.notice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, carrier: Carrier, account: Account, notice: Notice) -> None:
        """Deliver one notice and write down how it went."""
        try:
            await self._deliver(carrier, account, notice)
        except StoreError as error:  # it stays open, and is delivered again under its id
            logger.warning("notice %s: %s", notice.public_id, error)
            self._bell.ring()
        finally:
            del self._under_way[notice.id]
            self._bell.nudge()

    async def _deliver(self, carrier: Carrier, account: Account, notice: Notice) -> None:
        notices = self._store.notices
        try:
            await carrier.deliver(account, notice)
        except NobodyThere:
            self._somebody = False
        except Undelivered as error:
            now = self._clock.now()
            logger.info("notice %s not delivered: %s", notice.public_id, error)
            if error.parked:
                await notices.parked(notice.id, error.reason, now)
            else:
                await notices.failed(notice.id, error.reason, now + back_off(notice.tries + 1))
                self._bell.ring()
        else:
            await notices.done(notice.id, self._clock.now())
