"""Notices on their way out: to the account's carrier, in order per message, until acknowledged."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from appliance.clock import Clock
from appliance.errors import NobodyThere, StoreClosed, StoreError, Undelivered
from appliance.models import Account
from appliance.notice import Notice
from appliance.store import Store
from appliance.store.bell import ACCOUNTS, NOTICES, TENURE
from appliance.store.notices import Owed

logger = logging.getLogger(__name__)

BACK_OFF: Final[tuple[timedelta, ...]] = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""How long a notice may wait after its first, second … failure; the last one repeats."""

JITTER: Final = 0.2
"""Share by which a wait is spread, so that an account that comes back is not met by a wave."""

WRITE_AGAIN: Final = timedelta(seconds=1)
"""How long to wait before it is written again how a delivery went."""

READ_AGAIN: Final = timedelta(seconds=1)
"""How long to wait before it is read again what is owed, where that failed."""

LOOK_AGAIN: Final = timedelta(minutes=1)
"""How long a worker sleeps at most: a bell may be missed, a table may not."""


class Carrier(Protocol):
    """A way to hand notices to an account."""

    name: str  # the account's ``carrier``
    window: int  # notices under way at once per account
    waits: tuple[timedelta, ...]  # after the first, second ... failure; the last one repeats

    async def deliver(self, account: Account, notice: Notice) -> None:
        """Hand over one notice; return when the other side has acknowledged it.

        Raises:
            Undelivered: it is tried again later, or parked.
            NobodyThere: nobody is bound; ``Outbox.wake`` says when somebody is.

        """
        ...


def back_off(tries: int, waits: Sequence[timedelta] = BACK_OFF) -> timedelta:
    """Return how long to wait after the n-th failure (from 1); 0: not at all."""
    if tries == 0:
        return timedelta()
    return waits[min(tries, len(waits)) - 1] * (1 + random.uniform(-JITTER, JITTER))  # noqa: S311


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
                again = LOOK_AGAIN  # another daemon rings no bell here
                try:
                    for account in await self._store.accounts.all():
                        self._watch(account)
                except StoreError as error:
                    logger.warning("the accounts could not be read: %s", error)
                    again = READ_AGAIN
                await accounts.wait(again)

    def _watch(self, account: Account) -> None:
        """Carry an account's notices from now on, by what is set for it now."""
        assert account.id is not None
        assert self._group is not None
        if worker := self._workers.get(account.id):
            worker.account_is(account)
            return
        worker = self._workers[account.id] = _Worker(
            self._store, self._clock, self._carriers, account
        )
        self._group.create_task(worker.run())

    async def part_taken(self, notice: Notice, parts: int, form: str) -> None:
        """Write down that the first ``parts`` of what carries a notice need not go again.

        Raises:
            StoreClosed: it could not be written any more.

        """
        notices = self._store.notices
        await _written(lambda: notices.part_taken(notice.id, parts, form))

    def wake(self, account_id: int) -> None:
        """Say that somebody is there now to take an account's notices."""
        if worker := self._workers.get(account_id):
            worker.somebody_came()


class _Worker:
    """Carries one account's notices: ``window`` at once, those of one message in order."""

    def __init__(
        self, store: Store, clock: Clock, carriers: Mapping[str, Carrier], account: Account
    ) -> None:
        assert account.id is not None
        self._store, self._clock, self._carriers = store, clock, carriers
        self._account, self._account_id = account, account.id
        self._bell = store.bells.listen((NOTICES, self._account_id), TENURE)
        self._waiting: list[Owed] = []
        self._under_way: dict[int, Owed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._somebody = True
        self._arrivals = 0  # how often somebody came
        self._more = False  # the tables hold more than was read
        self._put_off = False  # something has to wait that was due when we read
        self._next_at: datetime | None = None

    def account_is(self, account: Account) -> None:
        """Take note of what is set for the account now."""
        self._account = account
        self._bell.ring()

    def somebody_came(self) -> None:
        """Try again at once: a bind has been made."""
        self._somebody = True
        self._arrivals += 1
        self._bell.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        look = True
        try:
            while True:
                if look:
                    await self._look()
                woken = await self._bell.wait(self._start_due())
                drained = self._more and not self._waiting
                look = bool(self._bell.heard()) or not woken or drained
        finally:
            for task in self._tasks:
                task.cancel()

    @property
    def _carrier(self) -> Carrier | None:
        """Return by what the account is served now, None if by nothing."""
        account = self._account
        if account.revoked_at is not None or account.paused_at is not None or not self._somebody:
            return None
        return self._carriers.get(self._account.carrier or "")

    async def _look(self) -> None:
        """Read what may go now beyond what is under way."""
        carrier = self._carrier
        if carrier is None:
            return
        most = 4 * carrier.window
        try:
            if not await self._store.charges.take(self._account_id):
                self._waiting, self._more, self._next_at = [], False, None
                return
            self._put_off = True
            while self._put_off:  # else the next one of its message would overtake it
                self._put_off = False
                # What ends while we read is still open in what we read: it must not go twice.
                busy = set(self._under_way)
                agenda = await self._store.notices.due(self._account_id, most, self._clock.now())
        except StoreError as error:
            logger.warning("notices of account %d: %s", self._account_id, error)
            self._waiting, self._next_at = [], self._clock.now() + READ_AGAIN
            return
        self._more = len(agenda.notices) == most
        self._next_at = agenda.next_at
        self._waiting = [one for one in agenda.notices if one.notice.id not in busy]

    def _start_due(self) -> timedelta:
        """Start what has room; return how long nothing else will be due."""
        carrier = self._carrier
        if carrier is None:
            return LOOK_AGAIN
        busy = {one.subject for one in self._under_way.values()}
        later: list[Owed] = []
        for one in self._waiting:
            if len(self._under_way) >= carrier.window or one.subject in busy:
                later.append(one)
            else:
                self._start(carrier, one)
            busy.add(one.subject)  # a later notice of a message waits for the earlier ones
        self._waiting = later
        if self._next_at is None:
            return LOOK_AGAIN
        return min(max(self._next_at - self._clock.now(), timedelta()), LOOK_AGAIN)

    def _start(self, carrier: Carrier, one: Owed) -> None:
        self._under_way[one.notice.id] = one
        task = asyncio.create_task(self._carry(carrier, self._account, one.notice))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, carrier: Carrier, account: Account, notice: Notice) -> None:
        """Deliver one notice; it is under way until it is written down how that went."""
        settled = False
        try:
            settled = await self._deliver(carrier, account, notice)
        except StoreClosed:  # it stays open, and is delivered again under its id
            logger.warning("notice %s: the store was shut first", notice.public_id)
        finally:
            del self._under_way[notice.id]
            if settled:
                self._bell.nudge()
            else:
                self._put_off = True
                self._bell.ring()

    async def _deliver(self, carrier: Carrier, account: Account, notice: Notice) -> bool:
        """Hand a notice over and write down how that went; False if it has to go again."""
        notices, arrivals = self._store.notices, self._arrivals
        failure: Undelivered | None = None
        try:
            await carrier.deliver(account, notice)
        except NobodyThere:
            if arrivals == self._arrivals:
                self._somebody = False
                await self._leave_to_others()
            return False
        except Undelivered as error:
            failure = error
        except StoreClosed:
            raise
        except Exception as error:  # a bug of a carrier costs a try, as any failure does
            logger.exception("carrier %s failed", carrier.name)
            failure = Undelivered(type(error).__name__)
        now = self._clock.now()
        if failure is None:
            await _written(lambda: notices.done(notice.id, now))
            return True
        why = failure.reason
        logger.info("notice %s not delivered: %s", notice.public_id, why)
        if failure.parked:
            await _written(lambda: notices.parked(notice.id, why, now))
            return True
        # A connection that goes takes much with it that is not to blame: it goes on by the next.
        failures = notice.tries + (0 if failure.lost else 1)
        again = now + back_off(failures, carrier.waits)
        await _written(lambda: notices.failed(notice.id, why, again))
        return False

    async def _leave_to_others(self) -> None:
        """Let another daemon carry the account's notices, to which somebody may be bound.

        However often the store fails: else nobody would carry them until somebody is bound here.
        """
        while not self._somebody:
            try:
                await self._store.charges.give_up(self._account_id)
            except StoreClosed:
                raise
            except StoreError as error:
                logger.warning("notices of account %d: %s", self._account_id, error)
                await asyncio.sleep(WRITE_AGAIN.total_seconds())
            else:
                return


async def _written(write: Callable[[], Awaitable[None]]) -> None:
    """Write down how a delivery went, however often the store fails: else it would go again.

    Raises:
        StoreClosed: it could not be written any more.

    """
    while True:
        try:
            return await write()
        except StoreClosed:
            raise
        except StoreError as error:
            logger.warning("how a notice went could not be written yet: %s", error)
            await asyncio.sleep(WRITE_AGAIN.total_seconds())
