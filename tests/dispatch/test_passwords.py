"""One-time passwords that come at once: each leaves within the time of a part, if lines suffice.

Minutes of real lines in a loop whose time jumps. One line is cheaper than the next.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest

from appliance.policy.contract import Contract
from tests.dispatch.test_turns import begun_before
from tests.jumping import JumpingClock, run_jumping
from tests.pooled import pooled
from tests.rooms import START

PART = 3.0  # seconds for a part

LINES = 3

OTP, NEWS = "+491701", "+49151"


@asynccontextmanager
async def busy(loop, folder):
    """Give lines that are in the middle of a part each, with more behind it than they can send."""
    contracts = [Contract(name=f"SIM {n}", price=0.01 * (n + 1)) for n in range(LINES)]
    clock = JumpingClock(loop, START)
    async with pooled(folder, LINES, contracts=contracts, clock=clock, cmgs_delay=PART) as pool:
        loop.busy = lambda: pool.store.pending > 0
        await pool.fill("shop", count=500, prefix=NEWS)
        for category in ("otp", "urgent"):
            await pool.lane("bank", category)
        pool.supply()
        await asyncio.sleep(PART * 3.5)
        yield pool


async def on_air(pool, count):
    """Wait until so many passwords are on the air."""
    while sum(to.startswith(OTP) for to in pool.air) < count:
        await asyncio.sleep(PART / 10)


def placed(pool, count):
    """Tell whether lines have so many passwords: until then time does not jump."""
    held = [waiting.recipient for line in pool.lines for waiting in line.reserved]
    return sum(to.startswith(OTP) for to in (*held, *pool.air)) >= count


async def line_of(pool, to):
    """Return the SIM by which the message to a number has left."""
    ((sim,),) = pool.rows(f"SELECT sim_id FROM message WHERE recipient = '{to}'")
    return sim


@pytest.mark.parametrize("category", ["otp", "urgent"])
def test_as_many_as_there_are_lines_are_each_the_next_of_a_line_whatever_the_prices(
    tmp_path, category
):
    async def work(loop):
        async with busy(loop, tmp_path) as pool:
            numbers = [f"{OTP}{n:07d}" for n in range(LINES)]
            loop.busy = lambda: pool.store.pending > 0 or not placed(pool, LINES)
            await asyncio.gather(*(pool.submit("bank", category, to) for to in numbers))
            stored_at = pool.clock.now()
            await on_air(pool, LINES)
            return [
                (await begun_before(pool, to, stored_at), await line_of(pool, to)) for to in numbers
            ]

    for before, line in run_jumping(work):
        assert before[line] == 0, before
        assert max(before.values(), default=0) <= 1, before


def test_one_alone_goes_by_the_cheapest_that_can_send_it_at_once(tmp_path):
    async def work(loop):
        async with busy(loop, tmp_path) as pool:
            for number in range(3):
                await pool.submit("bank", "otp", f"{OTP}{number:07d}")
                await on_air(pool, number + 1)
            cheapest = pool.lines[0].sim_id
            return cheapest, pool.rows("SELECT DISTINCT sim_id FROM message WHERE category = 'otp'")

    cheapest, by = run_jumping(work)
    assert by == [(cheapest,)]
