"""Quiet hours that begin while a campaign is leaving, in a whole house whose time jumps."""

import asyncio
from datetime import UTC, datetime, timedelta

from appliance.lifecycle import State
from appliance.policy.categories import Category
from appliance.submission import Submission
from tests.jumping import JumpingClock, run_jumping
from tests.whole.test_hours import HEAD, sent
from tests.whole.test_plan import BERLIN, working

START = datetime(2026, 11, 23, 18, 55, 0, tzinfo=UTC)  # five to eight in the evening, in Berlin

DUSK, DAWN = datetime(2026, 11, 23, 20, tzinfo=BERLIN), datetime(2026, 11, 24, 8, tzinfo=BERLIN)

SETTINGS = (
    HEAD
    + """
[quiet]
marketing = "08:00-20:00"
"""
    + "".join(
        f"""
[[sims]]
iccid = "{{sims[{number}]}}"
minimum_gap_seconds = 60
"""
        for number in range(3)
    )
)


def test_no_message_begins_after_quiet_hours_have_however_long_before_it_was_read(tmp_path):
    async def work(loop):
        clock = JumpingClock(loop, START)
        async with working(loop, tmp_path, clock, SETTINGS) as site:
            await site.ready(3)
            names = []
            for number in range(40):
                to, kind = f"+49151{20_000_000 + number}", Category.MARKETING
                new = Submission(to=to, text="Hello", category=kind)
                names.append((await site.house.intake.submit(site.account, new)).id)
            long = Submission(to="+4915130000000", text="x" * 900, category=Category.MARKETING)
            names.append((await site.house.intake.submit(site.account, long)).id)
            await asyncio.sleep((DUSK - clock.now()).total_seconds() + 0.5)
            says = await site.house.waiting.of(names[39], State.QUEUED)
            await asyncio.sleep(150)
            by_dusk = await sent(site)
            loop.skip(DAWN - clock.now() - timedelta(seconds=30))
            await site.left()
            return by_dusk, says, await sent(site)

    by_dusk, says, everything = run_jumping(work)
    assert all(each.started_at < DUSK for each, _ in by_dusk)
    assert len(by_dusk) > 9
    assert says.endswith("next at Tue 08:00")
    late = [each.started_at for each, _ in everything if each.started_at >= DUSK]
    assert late
    assert min(late) >= DAWN
    assert len(everything) == 40 + 6
