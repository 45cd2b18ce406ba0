"""A long message behind short ones: what these take of a limit first does not close the SIM to it.

Days of real lines in a loop whose time jumps.
"""

import asyncio
from datetime import UTC, timedelta

import pytest

from appliance.policy.contract import Contract
from appliance.policy.limits import Daily, Rolling
from tests.jumping import JumpingClock, run_jumping
from tests.pooled import pooled
from tests.rooms import START

SHORT, LONG = "+491701", "+491702"

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (Daily(3, UTC), "SIM: day limit 2/3 for 3 parts, next at 00:00"),
        (Rolling(3, DAY), "SIM: 24 h limit 2/3 for 3 parts, next at Tue 12:*"),
    ],
    ids=["day", "24 h"],
)
def test_it_waits_for_its_day_and_leaves_then(tmp_path, limit, says):
    async def work(loop):
        clock = JumpingClock(loop, START)
        contracts = [Contract(name="SIM", limits=(limit,))]
        async with pooled(tmp_path, contracts=contracts, clock=clock, cmgs_delay=3) as pool:
            loop.busy = lambda: pool.store.pending > 0
            for number in range(2):
                await pool.submit("shop", "transactional", f"{SHORT}{number:07d}")
            given = {"text": "x" * 400, "parts": 3, "expires_at": clock.now() + 3 * DAY}
            name = await pool.submit("shop", "transactional", f"{LONG}0000000", **given)
            pool.supply()
            await asyncio.sleep(1)  # the short ones have just been given to the line
            said_first = await pool.waits(name)
            await asyncio.sleep(30)
            await pool.until_said(name, says)
            loop.skip(DAY)
            await asyncio.sleep(60)
            return said_first, pool.air

    said_first, air = run_jumping(work)
    assert "for 3 parts, next at" in said_first
    assert [to[:7] for to in air] == [SHORT] * 2 + [LONG] * 3


def test_what_comes_due_leaves_although_what_waits_before_it_never_can(tmp_path):
    async def work(loop):
        clock = JumpingClock(loop, START)
        contracts = [Contract(name="SIM", limits=(Daily(1, UTC),))]
        async with pooled(tmp_path, contracts=contracts, clock=clock) as pool:
            loop.busy = lambda: pool.store.pending > 0
            given = {"text": "x" * 300, "parts": 2, "expires_at": clock.now() + 3 * DAY}
            never = await pool.submit("shop", "transactional", f"{LONG}0000000", **given)
            later = {"not_before": clock.now() + timedelta(minutes=3)}
            await pool.submit("shop", "transactional", f"{SHORT}0000000", **later)
            pool.supply()
            await pool.until_said(never, "SIM: needs 2 parts, day limit 1")
            loop.skip(timedelta(minutes=3))
            await pool.until_sent(1)
            return pool.air

    assert [to[:7] for to in run_jumping(work)] == [SHORT]
