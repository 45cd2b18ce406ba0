"""A line that rests in the middle of a long message."""

import asyncio
from datetime import timedelta

from appliance.lifecycle import State
from appliance.policy.contract import Contract
from appliance.policy.limits import Pace
from appliance.store.withdrawal import Selection
from tests.pooled import pooled

HOUR = timedelta(hours=1)

LONG = "+491705555555"


async def resting(pool):
    """Send the first part of a long message; the line rests for an hour before the next."""
    name = await pool.submit("shop", "marketing", text="z" * 450, parts=3, to=LONG)
    await pool.until_on_air(LONG)
    line = pool.lines[0]
    async with asyncio.timeout(10):
        while not (line.reserved.current and line.may_send(pool.clock.now()).reason):
            await asyncio.sleep(0.005)
    return name


async def test_a_long_message_that_is_cancelled_while_its_line_rests_gives_the_place_free(tmp_path):
    hourly = Contract(name="A", limits=(Pace(1, HOUR, "hour limit"),))
    async with pooled(tmp_path, 1, contracts=[hourly]) as pool:
        pool.supply()
        name = await resting(pool)
        await pool.store.withdrawal.cancel(None, Selection(ids=(name,)), pool.clock.now())
        async with asyncio.timeout(5):
            while not pool.lines[0].idle:
                await asyncio.sleep(0.005)
        story = await pool.store.views.message(None, name)
        assert [part.state for part in story.parts][1:] == [State.CANCELLED] * 2
