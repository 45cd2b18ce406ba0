"""Ten thousand messages that are cancelled together hold nobody up and are told one by one."""

import asyncio
import re

import pytest
from sqlalchemy import text, true

from appliance.lifecycle import State
from appliance.store.engine import open_engine
from appliance.store.withdrawal import _ANYBODYS, _BY, _NOT_BEGUN, CHUNK, Selection, message
from tests.rooms import add_account
from tests.store.steps import rows, told

MANY = 5 * CHUNK + 1


async def test_each_chunk_is_a_transaction_with_as_many_notices_as_messages(world, url):
    await asyncio.gather(*(world.accept(batch="spring") for _ in range(MANY)))
    found = await world.store.withdrawal.cancel(
        world.account.id, Selection(batch="spring"), world.clock.now()
    )
    steps = 1
    while found.rest is not None:
        assert found.cancelled == steps * CHUNK
        assert rows(url, "SELECT count(*) FROM notice") == [(found.cancelled,)]
        found = await world.store.withdrawal.go_on(found.rest, world.clock.now())
        steps += 1
    assert (steps, found.cancelled) == (MANY // CHUNK + 1, MANY)
    assert rows(url, "SELECT count(DISTINCT message_id) FROM notice") == [(MANY,)]
    assert await told(world) == [State.CANCELLED] * 100  # as many as a carrier takes at once


@pytest.mark.parametrize("whose", [message.c.account_id == 1, true()], ids=["own", "any"])
@pytest.mark.parametrize("by", ["batch", "recipient_key"])
async def test_a_chunk_costs_the_same_wherever_in_the_batch_it_stands(world, url, by, whose):
    """It begins behind the last one, by an index: not from the beginning."""
    if "sqlite" not in url:
        pytest.skip("PostgreSQL chooses by its statistics, which a small table does not have")
    plans = plans_of(url, _BY[by].where(whose), _NOT_BEGUN)
    column = by.removesuffix("_key")
    assert any(column in step and "=?" in step for step in plans[0]), plans
    assert any("USING" in step and "INDEX" in step and "id>" in step for step in plans[0]), plans
    assert not any("TEMP B-TREE" in step for step in plans[0]), plans
    assert any("message_id=" in step for step in plans[1]), plans


async def test_a_reference_of_any_account_is_found_without_a_look_at_every_message(world, url):
    if "sqlite" not in url:
        pytest.skip("PostgreSQL chooses by its statistics, which a small table does not have")
    (plan,) = plans_of(url, _BY["reference"].where(_ANYBODYS))
    assert any("account_id=?" in step and "reference=?" in step for step in plan), plan


@pytest.mark.parametrize("by", ["batch", "reference"])
async def test_an_administrator_cancels_those_of_every_account(world, by):
    other = await add_account(world.store, world.clock, "other")
    for account in (world.account.id, other.id):
        await world.accept(account_id=account, **{by: "spring"})
        await world.accept(account_id=account, **{by: "summer"})
    found = await world.store.withdrawal.cancel(
        None, Selection(**{by: "spring"}), world.clock.now()
    )
    assert (found.cancelled, found.rest) == (2, None)


def plans_of(url, *statements):
    """Return what SQLite does for statements, step by step."""
    engine = open_engine(url)
    plans = []
    with engine.connect() as connection:
        for each in statements:
            plain = re.sub(r"__\[\w+\]|\?", "0", str(each.compile(dialect=engine.dialect)))
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {plain}"))
            plans.append([row[-1] for row in plan])
    engine.dispose()
    return plans
