"""Hours of a whole house in seconds: whose turn it is, and who keeps which SIM.

Nothing is pretended but time, as in ``test_plan``.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from appliance.lifecycle import State
from appliance.policy.categories import Category
from appliance.submission import Submission
from tests.fake_modem.sim import Sim
from tests.jumping import JumpingClock, run_jumping
from tests.rooms import add_account
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

PACED = HEAD + "".join(
    f"""
[[sims]]
iccid = "{{sims[{number}]}}"
name = "SIM {number}"
parts_per_minute = 2
parts_per_hour = 4
"""
    for number in range(3)
)

A = Sim.numbered(0).iccid

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

MARKETING, ORDER, OTP = Category.MARKETING, Category.TRANSACTIONAL, Category.OTP


async def sent(site, account=None):
    """Return what an account has sent: attempts in the order in which they were begun."""
    whose = (account or site.account).id
    listed = await site.store.views.messages(whose, most=1000)
    stories = [await site.store.views.message(whose, one.id) for one in listed]
    found = [(attempt, story.message.id) for story in stories for attempt in story.attempts]
    return sorted(found, key=lambda each: each[0].started_at)


def test_a_recipient_keeps_its_sim_while_that_can_send_in_time_and_goes_by_another_after_it(
    tmp_path,
):
    person, other = "+4915120000001", "+4915120000002"

    async def work(loop):
        clock = JumpingClock(loop, START)
        async with working(loop, tmp_path, clock, STICKY) as site:
            await site.ready(3)

            async def ask(to, category=ORDER):
                new = Submission(to=to, text="Hello", category=category)
                return await site.house.intake.submit(site.account, new)

            async def by():
                return [attempt.sim for attempt, _ in await sent(site)]

            await ask(person)  # by the cheapest
            await site.left()
            second = await ask(person)
            await asyncio.sleep(10)
            says = await site.house.waiting.of(second.id, State.QUEUED)
            await site.left()
            (one, _), (two, _) = await sent(site)
            apart, waited = two.started_at - one.started_at, await by()
            await asyncio.sleep(60)
            await ask(other)  # SIM A again, which both know now
            await site.left()
            late, begun = await ask(person), clock.now()
            await asyncio.sleep(1)
            await ask(other, OTP)  # takes the next turn of SIM A
            await site.left()
            found = {name: attempt for attempt, name in await sent(site)}
            return says, apart, waited, found[late.id], begun, (await by())[3:]

    says, apart, waited, late, begun, then = run_jumping(work)
    assert "SIM A: minimum gap 40 s, next at " in says
    assert says.endswith("its recipient knows this SIM, which has 60 s")
    assert waited == [A, A]
    assert apart >= timedelta(seconds=40)
    assert late.sim != A
    assert sorted(sim == A for sim in then) == [False, True]
    assert late.answered_at - begun < timedelta(seconds=75)


async def share_the_hours(loop, folder):
    """Let two campaigns wait for the hours, then others come.

    Return by account: when each of its messages left by which SIM, with its number among its own;
    when each account came; and how long a part took at most.
    """
    clock = JumpingClock(loop, START)
    async with working(loop, folder, clock, PACED) as site:
        await site.ready(3)
        came, asked, accounts = {}, {}, {}

        async def come(name, count, category):
            accounts[name] = accounts.get(name) or await add_account(site.store, clock, name)
            came[name], whose = clock.now(), len(accounts)
            for number in range(count):
                to = f"+49151{whose}{number:07d}"
                new = Submission(to=to, text="Hello", category=category)
                told = await site.house.intake.submit(accounts[name], new)
                asked[told.id] = number

        async def idle_until(at):
            """Let time pass until then in which nothing can leave."""
            await asyncio.sleep(20)  # what was begun has come to its end
            loop.skip(at - clock.now())
            await asyncio.sleep(1)

        await asyncio.gather(come("one", 13, MARKETING), come("two", 13, MARKETING))
        while (await site.store.views.queue()).queued > 14:
            await asyncio.sleep(5)
        await idle_until(clock.now() + HOUR / 2)
        await come("late", 4, MARKETING)
        await come("orders", 3, ORDER)
        await come("codes", 2, OTP)
        for hour in (1, 2):
            await idle_until(START + hour * HOUR - 10 * timedelta(seconds=1))
            await asyncio.sleep(100)
        await site.left()
        found = {name: await sent(site, account) for name, account in accounts.items()}
    every = [each for attempts in found.values() for each, _ in attempts]
    longest = max(each.answered_at - each.started_at for each in every)
    return (
        came,
        longest,
        {
            name: [(each.started_at, each.sim, asked[message]) for each, message in attempts]
            for name, attempts in found.items()
        },
    )


def test_accounts_share_the_hours_by_priority_and_age_within_every_limit(tmp_path):
    came, longest, found = run_jumping(lambda loop: share_the_hours(loop, tmp_path))
    assert {name: len(each) for name, each in found.items()} == {
        "one": 13,
        "two": 13,
        "late": 4,
        "orders": 3,
        "codes": 2,
    }  # nobody starved
    everything = sorted((at, sim, name) for name, each in found.items() for at, sim, _ in each)
    for used in {sim for _, sim, _ in everything}:
        times = [at for at, sim, _ in everything if sim == used]
        assert all(b - a >= MINUTE for a, b in zip(times, times[2:], strict=False))
        assert all(b - a >= HOUR for a, b in zip(times, times[4:], strict=False))
    for name, each in found.items():  # the oldest first; two lines may begin together
        order = [number for _, _, number in each]
        assert all(abs(number - place) <= 1 for place, number in enumerate(order)), (name, order)
    names = [name for _, _, name in everything]
    assert Counter(names[:12]) == {"one": 6, "two": 6}
    # Each SIM has two parts a minute: the first six of the hour hold all that goes first.
    assert names[12:14] == ["codes"] * 2
    assert Counter(names[14:18])["orders"] == 3
    # What goes after them may begin earlier by a part's time: by a line that is through with its
    # own while another, which has the last of them, is in the middle of a part.
    last = max(place for place, name in enumerate(names) if name == "orders")
    assert everything[last][0] - everything[min(16, last)][0] <= longest
    shares = Counter(names[14:29])  # while all three wait
    assert shares["late"] == 4
    assert abs(shares["one"] - shares["two"]) <= 1
    assert everything[12][0] - came["codes"] < HOUR / 2
