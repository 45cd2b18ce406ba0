"""What is only reserved for a line yields to what goes first, also where limits hold the line.

Minutes of real lines in a loop whose time jumps.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from appliance.policy.contract import Contract
from appliance.policy.limits import Pace, Rolling
from tests.jumping import JumpingClock, run_jumping
from tests.pooled import pooled
from tests.rooms import START

PART = 3.0  # seconds for a part

TURN = timedelta(minutes=1)

OTP, URGENT, ORDER, NEWS, OTHER = "+491701", "+491702", "+491703", "+491704", "+491705"
"""How the recipients of each category begin; the last is of marketing of somebody else."""

CATEGORIES = {OTP: "otp", URGENT: "urgent", ORDER: "transactional", NEWS: "marketing"}


@asynccontextmanager
async def working(loop, folder, *limits):
    """Give a pool at work with so many lines as there are ``limits``."""
    contracts = [Contract(name=f"SIM {n}", limits=(limit,)) for n, limit in enumerate(limits)]
    clock = JumpingClock(loop, START)
    async with pooled(folder, len(limits), contracts=contracts, clock=clock, cmgs_delay=PART) as it:
        loop.busy = lambda: it.store.pending > 0
        it.supply()
        yield it


async def submit(pool, beginning, *numbers, **given):
    """Accept a message to each number; whose they are follows from how they begin."""
    for number in numbers:
        to = f"{beginning}{number:07d}"
        category = CATEGORIES.get(beginning, "marketing")
        await pool.submit(beginning, category, to, **given)


async def sent(pool, count):
    """Return how the first ``count`` recipients begin, in the order in which they were sent to."""
    while len(pool.air) < count:
        await asyncio.sleep(PART)
    return [to[: len(OTP)] for to in pool.air[:count]]


def test_when_limits_open_again_the_highest_category_leaves_first_by_every_line(tmp_path):
    async def work(loop):
        async with working(loop, tmp_path, *[Pace(1, TURN)] * 3) as pool:
            for number in range(3):
                await submit(pool, NEWS, number)
                await asyncio.sleep(1)  # so that each line opens at a moment of its own
            await submit(pool, NEWS, *range(3, 9))
            await asyncio.sleep(TURN.total_seconds() / 2)
            await submit(pool, ORDER, *range(3))
            await submit(pool, OTP, *range(2))
            return await sent(pool, 12)

    assert run_jumping(work) == [NEWS] * 3 + [OTP] * 2 + [ORDER] * 3 + [NEWS] * 4


def test_the_last_room_of_a_limit_goes_to_what_goes_first_not_to_what_was_reserved_before(tmp_path):
    async def work(loop):
        async with working(loop, tmp_path, Rolling(2, TURN)) as pool:
            await submit(pool, NEWS, 0, 1)
            await asyncio.sleep(PART / 2)  # the first is in flight, the second has the last room
            assert [each.recipient for each in pool.lines[0].reserved] == [
                f"{NEWS}0000001",
                f"{NEWS}0000000",
            ]
            loop.busy = lambda: True  # no time is jumped over while it is decided
            await submit(pool, OTP, 0)
            await pool.until(lambda: any(each.category == "otp" for each in pool.lines[0].reserved))
            loop.busy = lambda: pool.store.pending > 0
            return await sent(pool, 3)

    assert run_jumping(work) == [NEWS, OTP, NEWS]


def test_what_goes_first_takes_the_next_turn_of_a_long_message_that_waits_for_its_pace(tmp_path):
    async def work(loop):
        async with working(loop, tmp_path, Pace(1, TURN)) as pool:
            await submit(pool, NEWS, 0, text="z" * 600, parts=4)
            await asyncio.sleep(TURN.total_seconds() * 1.5)
            await submit(pool, OTHER, 0)
            await submit(pool, OTP, 0)
            return await sent(pool, 6)

    assert run_jumping(work) == [NEWS, NEWS, OTP, OTHER, NEWS, NEWS]
