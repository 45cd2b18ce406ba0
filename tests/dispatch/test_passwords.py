"""One-time passwords that come at once: each leaves within the time of a part, if lines suffice.

Minutes of real lines in a loop whose time jumps. One line is cheaper than the next.
"""

import asyncio

import pytest

from appliance.policy.contract import Contract
from tests.dispatch.test_turns import begun_before
from tests.jumping import JumpingClock, run_jumping
from tests.pooled import pooled
from tests.rooms import START

PART = 3.0  # seconds for a part

LINES = 3

OTP, NEWS = "+491701", "+49151"


def prices(count):
    return [Contract(name=f"SIM {n}", price=0.01 * (n + 1)) for n in range(count)]


async def on_air(pool, count):
    """Wait until so many passwords are on the air."""
    while sum(to.startswith(OTP) for to in pool.air) < count:
        await asyncio.sleep(PART / 10)


async def line_of(pool, to):
    """Return the SIM by which the message to a number has left."""
    ((sim,),) = pool.rows(f"SELECT sim_id FROM message WHERE recipient = '{to}'")
    return sim


@pytest.mark.parametrize("category", ["otp", "urgent"])
def test_as_many_as_there_are_lines_leave_after_what_is_in_flight_whatever_the_prices(
    tmp_path, category
):
    async def work(loop):
        clock = JumpingClock(loop, START)
        contracts = prices(LINES)
        async with pooled(
            tmp_path, LINES, contracts=contracts, clock=clock, cmgs_delay=PART
        ) as pool:
            loop.busy = lambda: pool.store.pending > 0
            await pool.fill("shop", count=500, prefix=NEWS)
            await pool.lane("bank", category)
            pool.supply()
            await asyncio.sleep(PART * 3.5)
            since = clock.now()
            await asyncio.gather(
                *(pool.submit("bank", category, f"{OTP}{n:07d}") for n in range(LINES))
            )
            await on_air(pool, LINES)
            numbers = [f"{OTP}{n:07d}" for n in range(LINES)]
            before = [await begun_before(pool, to, since) for to in numbers]
            return [
                (each, each[await line_of(pool, to)])
                for each, to in zip(before, numbers, strict=True)
            ]

    for before, by_its_own in run_jumping(work):
        # By the line that it took one part may have begun while they were stored, but no two.
        assert by_its_own <= 1, before


def test_one_alone_goes_by_the_cheapest_that_can_send_it_at_once(tmp_path):
    async def work(loop):
        clock = JumpingClock(loop, START)
        contracts = prices(LINES)
        async with pooled(
            tmp_path, LINES, contracts=contracts, clock=clock, cmgs_delay=PART
        ) as pool:
            loop.busy = lambda: pool.store.pending > 0
            await pool.fill("shop", count=500, prefix=NEWS)
            pool.supply()
            await asyncio.sleep(PART * 3.5)
            for number in range(3):
                await pool.submit("bank", "otp", f"{OTP}{number:07d}")
                await on_air(pool, number + 1)
            cheapest = pool.lines[0].sim_id
            return cheapest, pool.rows("SELECT DISTINCT sim_id FROM message WHERE category = 'otp'")

    cheapest, by = run_jumping(work)
    assert by == [(cheapest,)]
