"""Minutes of a whole house in seconds: who keeps which SIM, and for how long.

Nothing is pretended but time, as in ``test_plan``.
"""

import asyncio
from datetime import timedelta

from appliance.lifecycle import State
from appliance.policy.categories import Category
from appliance.submission import Submission
from tests.fake_modem.sim import Sim
from tests.jumping import JumpingClock, run_jumping
from tests.whole.test_plan import CONFIG, START, working

HEAD = CONFIG[: CONFIG.index("[[sims]]")]

STICKY = (
    HEAD
    + """
[[sims]]
iccid = "{sims[0]}"
name = "SIM A"
minimum_gap_seconds = 40
price_per_part = 0.01

[[sims]]
iccid = "{sims[1]}"
name = "SIM B"
price_per_part = 0.02

[[sims]]
iccid = "{sims[2]}"
name = "SIM C"
price_per_part = 0.03
"""
)

A = Sim.numbered(0).iccid


async def sent(site, account=None):
    """Return what an account has sent: attempts in the order in which modems have answered."""
    whose = (account or site.account).id
    listed = await site.store.views.messages(whose, most=1000)
    stories = {one.id: await site.store.views.message(whose, one.id) for one in listed}
    found = [(attempt, name) for name, story in stories.items() for attempt in story.attempts]
    return sorted(found, key=lambda each: each[0].answered_at)


def test_a_recipient_keeps_its_sim_while_that_can_send_in_time_and_goes_by_another_after_it(
    tmp_path,
):
    person, other = "+4915120000001", "+4915120000002"

    async def work(loop):
        clock = JumpingClock(loop, START)
        async with working(loop, tmp_path, clock, STICKY) as site:
            await site.ready(3)

            async def ask(to, category=Category.TRANSACTIONAL):
                new = Submission(to=to, text="Hello", category=category)
                return await site.house.intake.submit(site.account, new)

            async def by():
                return [attempt.sim for attempt, _ in await sent(site)]

            await ask(person)  # by the cheapest
            await site.left()
            before = clock.now()
            second = await ask(person)
            await asyncio.sleep(10)
            says = await site.house.waiting.of(second.id, State.QUEUED)
            await site.left()
            first, waited = clock.now() - before, await by()
            await asyncio.sleep(60)
            await ask(other)  # SIM A again, which both know now
            await site.left()
            late, begun = await ask(person), clock.now()
            await asyncio.sleep(1)
            await ask(other, Category.OTP)  # takes the next turn of SIM A
            await site.left()
            found = {name: attempt for attempt, name in await sent(site)}
            return says, first, waited, found[late.id], begun, (await by())[3:]

    says, first, waited, late, begun, then = run_jumping(work)
    assert "SIM A: minimum gap 40 s, next at " in says
    assert says.endswith("its recipient knows this SIM, which has 60 s")
    assert waited == [A, A]
    assert first > timedelta(seconds=35)
    assert late.sim != A
    assert sorted(sim == A for sim in then) == [False, True]
    assert late.answered_at - begun < timedelta(seconds=75)
