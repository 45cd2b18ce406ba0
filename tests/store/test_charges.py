"""Who of several daemons carries what an account is owed, also where that cannot be written."""

import asyncio
from contextlib import asynccontextmanager

from appliance.errors import NobodyThere
from appliance.outbox import Outbox
from tests.store.steps import on_postgresql, rows, send_all
from tests.store.test_several import execute
from tests.test_outbox import Carrier

BROKEN = """
CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
CREATE TRIGGER broken BEFORE UPDATE ON account
    FOR EACH ROW WHEN (NEW.notices_by IS NULL) EXECUTE FUNCTION broken()
"""
MENDED = "DROP TRIGGER IF EXISTS broken ON account; DROP FUNCTION IF EXISTS broken"


@asynccontextmanager
async def carried(store, clock, carrier):
    outbox = Outbox(store, clock)
    outbox.add(carrier)
    task = asyncio.create_task(outbox.run())
    yield outbox
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@on_postgresql
async def test_an_account_that_could_not_be_left_to_the_other_daemon_is_left_to_it_later(
    world, open_store, url, caplog
):
    other = await open_store("other")
    here, there = Carrier(), Carrier()
    here.answer = lambda notice: NobodyThere("nobody is bound")
    execute(url, BROKEN)
    try:
        async with carried(world.store, world.clock, here):
            await world.accept()
            await send_all(world, 1)
            await here.was_asked(1)
            assert rows(url, "SELECT notices_by IS NULL FROM account") == [(False,)]
            async with carried(other, world.clock, there):
                async with asyncio.timeout(20):
                    while "notices of account" not in caplog.text:
                        await asyncio.sleep(0)
                assert not there.tried
                execute(url, MENDED)
                await there.took(1)
    finally:
        execute(url, MENDED)
    assert len(here.tried) == 1
