"""Opt-outs that are entered, ended and looked at."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.errors import NotFound, OptedOut
from appliance.lifecycle import State
from appliance.models import ConsentEvent
from appliance.policy.consent import Source
from appliance.store.accounts import NewAccount
from appliance.store.optout_list import CHUNK, NewOptOut
from tests.store.conftest import ALICE
from tests.store.steps import rows, state
from tests.store.test_messages import stop
from tests.store.test_migrations import NOW, each_engine, empty_url, engine, migrate, revise

__all__ = ["empty_url", "engine"]

BOB = "+4915187654321"


def new(world, recipient=ALICE, **given):
    fields = {
        "account_id": None,
        "category": None,
        "until": None,
        "reason": "by letter",
        "source": Source.API,
        "at": world.clock.now(),
    }
    return NewOptOut(recipient=recipient, suffix=recipient[-8:], **(fields | given))


async def entered(world, recipient=ALICE, **given):
    """Enter one opt-out; return its id and whether it is new."""
    (result,) = await world.store.opt_outs.add([new(world, recipient, **given)])
    return result


async def shown(world, account=None, **given):
    return await world.store.opt_outs.shown(account, world.clock.now(), **given)


async def another_account(world):
    issued = await world.store.accounts.add(NewAccount(name="bank", local=True), world.clock.now())
    return issued.account_id


async def test_what_is_entered_holds_at_once_and_cancels_what_waits(world):
    accepted, other = await world.accept(), await world.accept(recipient=BOB, suffix=BOB[-8:])
    name, fresh = await entered(world)
    assert fresh
    assert await state(world, accepted) is State.CANCELLED
    assert await state(world, other) is State.QUEUED
    with pytest.raises(OptedOut):
        await world.accept()
    (one,) = await shown(world)
    assert (one.id, one.number, one.reason, one.source) == (name, ALICE, "by letter", Source.API)


async def test_it_holds_for_what_it_names(world):
    bank = await another_account(world)
    await entered(world, account_id=bank, category="marketing")
    await world.accept(category="marketing")
    await world.accept(account_id=bank)
    with pytest.raises(OptedOut):
        await world.accept(account_id=bank, category="marketing")


async def test_it_ends_by_itself(world):
    await entered(world, until=world.clock.now() + timedelta(days=1))
    with pytest.raises(OptedOut):
        await world.accept()
    world.clock.advance(timedelta(days=1))
    await world.accept()
    assert await shown(world) == []
    assert len(await shown(world, ended=True)) == 1


@pytest.mark.parametrize(
    ("first", "second", "fresh"),
    [
        ({}, {}, False),
        ({}, {"category": "marketing"}, False),
        ({"category": "marketing"}, {}, True),
        ({}, {"account_id": 1}, True),
        ({"account_id": 1}, {"account_id": 1}, False),
        ({}, {"until": 5}, False),
        ({"until": 5}, {}, True),
        ({"until": 5}, {"until": 5}, False),
        ({"until": 5}, {"until": 4}, False),
        ({"until": 4}, {"until": 5}, True),
    ],
    ids=str,
)
async def test_what_is_covered_already_is_not_entered_again(world, first, second, fresh):
    def dated(given):
        days = given.get("until")
        until = {"until": world.clock.now() + timedelta(days=days)} if days else {}
        return given | until

    name, _ = await entered(world, **dated(first))
    again, is_new = await entered(world, **dated(second))
    assert (is_new, again != name) == (fresh, fresh)
    both = [new(world, BOB, **dated(first)), new(world, BOB, **dated(second))]
    assert [one for _, one in await world.store.opt_outs.add(both)] == [True, fresh]


async def test_an_end_lets_the_number_be_written_to_and_stands_on_record(world):
    name, _ = await entered(world)
    world.clock.advance(timedelta(hours=1))
    await world.store.opt_outs.end(name, Source.CLI, "has signed again", world.clock.now())
    ended = await world.store.opt_outs.get(None, name)
    await world.store.opt_outs.end(name, Source.CLI, "twice", world.clock.now())
    await world.accept()
    record = await world.store.opt_outs.record(None, name)
    assert [(one.event, one.reason) for one in record] == [
        (ConsentEvent.OPTED_OUT, "by letter"),
        (ConsentEvent.ENDED, "has signed again"),
    ]
    assert ended.ended_at == world.clock.now()


async def test_an_id_that_is_none_is_not_found(world):
    for name in ("", "o", "o1", "m1", "o!!"):
        with pytest.raises(NotFound):
            await world.store.opt_outs.get(None, name)
    with pytest.raises(NotFound):
        await world.store.opt_outs.end("o1", Source.CLI, "", world.clock.now())


async def test_an_account_sees_its_own_and_who_answered_it_and_no_other(world):
    bank = await another_account(world)
    await world.store.inbound.take(stop(world))  # to the default account
    own, _ = await entered(world, BOB, account_id=bank)
    everywhere, _ = await entered(world, "+4915111111111")
    (theirs,) = await shown(world, bank)
    (ours,) = await shown(world, world.account.id)
    assert (theirs.id, ours.number) == (own, ALICE)
    assert len(await shown(world)) == 3
    for name in (everywhere, ours.id):
        with pytest.raises(NotFound):
            await world.store.opt_outs.get(bank, name)
    assert await world.store.opt_outs.record(bank, ours.id) == []


async def test_pages_follow_each_other(world):
    numbers = [f"+49151000000{number:02}" for number in range(5)]
    for number in numbers:
        await entered(world, number)
    found, before = [], None
    while page := await shown(world, most=2, before=before):
        found += [one.number for one in page]
        before = page[-1].id
    assert found == numbers[::-1]


async def test_a_chunk_is_entered_as_one_and_again_changes_nothing(world, url):
    many = [new(world, f"+4915{number:09}", source=Source.IMPORT) for number in range(CHUNK)]
    first = await world.store.opt_outs.add(many)
    again = await world.store.opt_outs.add(many)
    assert {fresh for _, fresh in first} == {True}
    assert [(name, False) for name, _ in first] == again
    counted = rows(url, "SELECT event, count(*) FROM consent GROUP BY event")
    assert counted == [("imported", CHUNK)]


async def test_one_recipient_may_stand_in_a_chunk_several_times(world):
    bank = await another_account(world)
    ours, theirs = await world.accept(category="marketing"), await world.accept(account_id=bank)
    chunk = [new(world, category="marketing"), new(world, account_id=bank)]
    assert [fresh for _, fresh in await world.store.opt_outs.add(chunk)] == [True, True]
    assert [await state(world, one) for one in (ours, theirs)] == [State.CANCELLED] * 2


async def test_many_at_once_are_one_opt_out(world, url):
    results = await asyncio.gather(*(entered(world) for _ in range(20)))
    assert len({name for name, _ in results}) == 1
    assert sum(fresh for _, fresh in results) == 1


@each_engine
def test_opt_outs_from_before_are_put_on_record_and_hold_for_every_sim(engine, empty_url):
    migrate(engine, NOW)
    revise(engine, "downgrade", "0002")
    with engine.begin() as connection:
        for statement in (
            (
                "INSERT INTO sim (id, iccid, simulated, first_seen, last_seen)"
                " VALUES (1, '8949', false, '2026-05-01 00:00:00+00', '2026-05-01 00:00:00+00')"
            ),
            (
                "INSERT INTO opt_out (id, recipient_key, sim_id, reason, created_at)"
                " VALUES (7, CAST('key' AS {bytes}), 1, 'STOP by SMS', '2026-05-02 00:00:00+00')"
            ),
        ):
            kind = "BLOB" if engine.dialect.name == "sqlite" else "bytea"
            connection.execute(text(statement.replace("{bytes}", kind)))
    migrate(engine, NOW)
    assert rows(empty_url, "SELECT sim_id, source FROM opt_out") == [(None, "sms")]
    found = rows(empty_url, "SELECT event, sim_id, opt_out_id, reason FROM consent")
    assert found == [("opted_out", 1, 7, "STOP by SMS")]
