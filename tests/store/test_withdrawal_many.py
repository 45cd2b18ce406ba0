"""Ten thousand messages that are cancelled together hold nobody up and are told one by one."""

import asyncio
import re

import pytest
from sqlalchemy import text

from appliance.lifecycle import State
from appliance.store.engine import open_engine
from appliance.store.withdrawal import _BY, _NOT_BEGUN, CHUNK, Selection, message
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


@pytest.mark.parametrize("by", ["batch", "recipient_key"])
async def test_a_chunk_costs_the_same_wherever_in_the_batch_it_stands(world, url, by):
    """It begins behind the last one, by an index: not from the beginning."""
    if "sqlite" not in url:
        pytest.skip("PostgreSQL chooses by its statistics, which a small table does not have")
    engine = open_engine(url)
    statement = _BY[by].where(message.c.account_id == 1)
    plans = []
    with engine.connect() as connection:
        for each in (statement, _NOT_BEGUN):
            plain = re.sub(r"__\[\w+\]|\?", "0", str(each.compile(dialect=engine.dialect)))
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {plain}"))
            plans.append([row[-1] for row in plan])
    engine.dispose()
    assert any("USING" in step and "INDEX" in step and "id>" in step for step in plans[0]), plans
    assert not any("TEMP B-TREE" in step for step in plans[0]), plans
    assert any("message_id=" in step for step in plans[1]), plans
