"""A receipt never comes before the answer to its submit, though another daemon owes that."""

import asyncio
import logging
from datetime import timedelta

import pytest

from appliance.clock import SystemClock
from appliance.models import Outcome
from appliance.store import Store
from appliance.store.tenure import Lease
from tests.rooms import add_account, add_sim
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TX,
    DELIVER_SM,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    fields_of,
    frame,
    submit_body,
)
from tests.smpp_server.real import RealHouse
from tests.store.conftest import SHIPPED, World
from tests.store.steps import begun, end, report
from tests.store.test_several import let_lapse

ALIVE = (ENQUIRE_LINK | RESP, 0, 99, b"")


class Slow(RealHouse):
    """Its answers are written when ``may_answer`` is set; what they answer is committed before."""

    def operations(self):
        found = super().operations()
        self.may_answer, self.committed, answer = asyncio.Event(), asyncio.Event(), found.answer
        self.may_answer.set()

        async def slowly(*arguments, **given):
            body = await answer(*arguments, **given)
            self.committed.set()
            await self.may_answer.wait()
            return body

        found.answer = slowly
        return found


@pytest.fixture
async def pair(tmp_path, postgres_url):
    """Run two servers, each on a store of its own, both on one database."""
    clock, houses, tasks = SystemClock(), [], []
    lease = Lease(timedelta(seconds=600), timedelta(seconds=30))  # renewed by no one meanwhile
    how = {"clock": clock, "reading": SHIPPED, "lease": lease}
    stores = [
        await Store.open(postgres_url, tmp_path / name, daemon=name, **how) for name in ("a", "b")
    ]
    sim = await add_sim(stores[0], clock)
    account = await add_account(stores[0], clock)
    account = await stores[0].accounts.set(account.name, "carrier", "smpp")
    for store in stores:
        async with asyncio.timeout(PATIENCE):
            while not store.accompanied:
                await asyncio.sleep(0.01)
        house = Slow(store, account, sim, clock, tmp_path)
        await house.server.start()
        tasks.append(asyncio.create_task(house.kept.tell(house.server.settled)))
        houses.append(house)
    yield houses
    for house in houses:
        house.may_answer.set()
        await house.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for store in stores:
        await store.close()


async def delivered(house):
    """Let a line of a house send what waits, and its report come; return what is owed for it."""
    world = World(house.store, house.account, house.sim, house.clock)
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt, Outcome.SENT, reference=7)
    await house.store.reports.take(
        report(world, recipient="+4915112345678", suffix="15112345678"[-8:])
    )
    (owed,) = await house.store.notices.owed(house.account.id, 10)
    return owed.notice


async def submitted(house, sender):
    """Submit a message; return when it is committed, and not answered."""
    house.may_answer.clear()
    house.committed.clear()
    sender.send(frame(SUBMIT_SM, submit_body(registered=1), sequence=5))
    async with asyncio.timeout(PATIENCE):
        await house.committed.wait()


async def test_it_waits_for_the_answer_that_another_daemon_owes(pair):
    a, b = pair
    sender, receiver = await a.client(BIND_TX), await b.client(BIND_RX)
    await submitted(a, sender)
    telling = asyncio.ensure_future(b.server.deliver(b.account, await delivered(b)))

    for _ in range(20):  # other things go round meanwhile, on the database as well
        assert await receiver.ask(frame(ENQUIRE_LINK, sequence=99)) == ALIVE
        await b.store.accounts.all()
    assert not telling.done()

    a.may_answer.set()
    answer = await sender.receive()
    assert answer[:2] == (SUBMIT_SM | RESP, 0)
    asked = await receiver.receive()
    assert asked.command == DELIVER_SM
    assert b"id:" + answer.body.strip(b"\0") in fields_of(asked.body)["short_message"]
    await receiver.answer(asked)
    await telling


async def test_it_does_not_wait_for_a_daemon_that_is_lost(pair, postgres_url, caplog):
    a, b = pair
    sender, receiver = await a.client(BIND_TX), await b.client(BIND_RX)
    await submitted(a, sender)
    owed = await delivered(b)
    with caplog.at_level(logging.CRITICAL):
        telling = asyncio.ensure_future(b.server.deliver(b.account, owed))
        assert await receiver.ask(frame(ENQUIRE_LINK, sequence=99)) == ALIVE
        let_lapse(postgres_url, "a")
        asked = await receiver.receive()
    assert asked.command == DELIVER_SM
    await receiver.answer(asked)
    await telling


async def test_what_is_answered_is_asked_for_once_for_many(pair):
    a, b = pair
    sender, receiver = await a.client(BIND_TX), await b.client(BIND_RX)
    names = [await a.submitted(sender, registered=1) for _ in range(5)]
    newest = names[-1].decode()
    bell = b.store.bells.listen("answered")
    while (unsure := await b.store.answered.by(newest)) is not None:
        await b.store.answered.ask(unsure)
        await bell.wait(timedelta(seconds=PATIENCE))
    for name in names:
        assert await b.store.answered.by(name.decode()) is None
        assert await a.store.answered.by(name.decode()) is None  # its own, it knows itself
    assert await receiver.ask(frame(ENQUIRE_LINK, sequence=99)) == ALIVE
