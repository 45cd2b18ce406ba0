"""The forecast against what a whole house then really does, over a night, with all that holds it.

Quiet hours begin in the middle; one SIM's bundle ends at midnight; another one is new and may send
more each day; a third one helps after five minutes; some recipients know a SIM already.
"""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from appliance.planning import Wish
from appliance.policy.categories import Category
from appliance.submission import Submission
from tests.fake_modem.sim import Sim
from tests.jumping import JumpingClock, run_jumping
from tests.whole.test_hours import HEAD
from tests.whole.test_plan import BERLIN, working

START = datetime(2026, 11, 23, 18, 51, tzinfo=UTC)  # nine to eight in the evening, in Berlin

DUSK, DAWN = datetime(2026, 11, 23, 20, tzinfo=BERLIN), datetime(2026, 11, 24, 8, tzinfo=BERLIN)

SETTINGS = (
    HEAD
    + """
[quiet]
marketing = "08:00-20:00"

[[groups]]
name = "own"

[[groups]]
name = "spare"

[[routes]]
name = "first our own"
groups = ["own", "spare"]
next_group_after_minutes = 5

[[sims]]
iccid = "{sims[0]}"
name = "SIM A"
group = "own"
parts_per_minute = 4
bundle = {{ parts = 25, from = 2026-11-01, until = 2026-11-23 }}

[[sims]]
iccid = "{sims[1]}"
name = "SIM B"
group = "own"
minimum_gap_seconds = 15
ramp_up = [15, 40]

[[sims]]
iccid = "{sims[2]}"
name = "SIM C"
group = "spare"
minimum_gap_seconds = 20
"""
)

KNOWN, MANY = 6, 100


def test_over_a_night_the_forecast_is_what_the_modems_then_do_within_two_in_a_hundred(tmp_path):
    async def work(loop):
        clock = JumpingClock(loop, START)
        async with working(loop, tmp_path, clock, SETTINGS) as site:
            await site.ready(3)

            async def hand_in(count):
                for number in range(count):
                    new = Submission(
                        to=f"+49151{20_000_000 + number}", text="Hi", category=Category.MARKETING
                    )
                    await site.house.intake.submit(site.account, new)

            await hand_in(KNOWN)
            await site.left()
            begun = clock.now()
            wish = Wish(
                messages=MANY,
                category=Category.MARKETING,
                account=site.account.name,
                account_id=site.account.id,
            )
            plan = await site.house.planning.plan(wish, begun)
            real = time.monotonic()
            await hand_in(MANY)
            await asyncio.sleep((DUSK - clock.now()).total_seconds() + 30)
            loop.skip(DAWN - clock.now() - timedelta(seconds=10))
            await site.left()
            # Real time goes on in this loop: what a busy machine takes is not the modems'.
            machine = timedelta(seconds=time.monotonic() - real)
            return plan, begun, machine, await site.attempts()

    plan, begun, machine, attempts = run_jumping(work)
    assert len(attempts) == KNOWN + MANY
    night = DAWN - DUSK
    foreseen = plan.outlook.done_at - begun - night
    really = attempts[-1].answered_at - begun - night
    assert abs(foreseen - really) < 0.02 * really + machine, (foreseen, really, machine)
    carried = Counter(attempt.sim for attempt in attempts[KNOWN:])
    for number, share in enumerate(plan.outlook.forecast.shares):
        assert abs(carried[Sim.numbered(number).iccid] - share.parts) <= 3, carried
