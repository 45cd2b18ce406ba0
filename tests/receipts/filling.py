"""Messages that were sent and reported, by the store's own verbs: each is owed two receipts."""

import asyncio
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from appliance.clock import SystemClock
from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.store.accounts import NewAccount
from appliance.store.values import Begun
from tests.rooms import add_sim, opened
from tests.store.conftest import World
from tests.store.steps import report
from tests.store.test_dispatch import begin, ended

AT_ONCE = 500


@dataclass(frozen=True)
class Filled:
    """What was made: the messages' ids, and how the account is bound."""

    messages: frozenset[str]
    system_id: str
    password: str


async def filled(folder: Path, count: int) -> Filled:
    """Make so many messages, each sent, reported as delivered, and to be told of both."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    async with opened(folder, clock) as store:
        issued = await store.accounts.add(NewAccount(name="esme"), clock.now())
        account = await store.accounts.by_id(issued.account_id)
        assert account is not None
        assert issued.system_id
        assert issued.password
        world = World(store, account, await add_sim(store, clock), clock)
        messages: set[str] = set()
        numbers = iter(range(count))
        while some := list(islice(numbers, AT_ONCE)):
            messages |= await _sent(world, some)
    return Filled(frozenset(messages), issued.system_id, issued.password)


async def _sent(world: World, numbers: list[int]) -> set[str]:
    recipients = {f"+49151{number:08d}": number % 256 for number in numbers}
    accepted = await asyncio.gather(
        *(
            world.accept(door="smpp", receipts="all", recipient=each, suffix=each[-8:], smpp={})
            for each in recipients
        )
    )
    waiting = await world.store.dispatch.waiting(world.clock.now(), len(numbers))
    assert len(waiting) == len(numbers)

    async def send(one) -> None:
        beginning, reference = begin(world, one), recipients[one.recipient]
        begun = await world.store.dispatch.begin(beginning)
        assert isinstance(begun, Begun)
        how = Outcome.SENT, Event.ACCEPT
        await world.store.dispatch.end(ended(world, begun, beginning, *how, reference=reference))
        facts = {"recipient": one.recipient, "suffix": one.recipient[-8:], "reference": reference}
        assert await world.store.reports.take(report(world, **facts))

    await asyncio.gather(*map(send, waiting))
    return {one.id for one in accepted}
