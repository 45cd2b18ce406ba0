"""What stepped aside leaves as soon as a SIM may carry it; what waits keeps its age meanwhile."""

import asyncio
from datetime import UTC, timedelta

from sqlalchemy import Engine, event

from appliance.dispatch.ahead import Choosing
from appliance.dispatch.waking import EAGER, LONGEST_ASIDE, PAUSE, Waking
from appliance.policy.choosing import Choice
from appliance.policy.contract import Contract, Eligible
from appliance.policy.limits import RecipientsDaily, recollect
from appliance.policy.limits.past import Past
from appliance.policy.routes import Route, Routes
from appliance.store.aside import CHUNK, Step
from appliance.store.bell import SIMS
from appliance.store.lanes import LaneKey
from tests.crowd import crowd
from tests.jumping import JumpingClock, run_jumping
from tests.pooled import pooled
from tests.rooms import START, add_account, opened, sqlite_url

GERMAN = Contract(name="A", eligible=Eligible(prefixes=("+4915",)))

FRENCH = "+33600"

MANY = 200  # more than is read at once


async def aside(pool):
    """Wait until the last message has left, for which the others stepped aside."""
    await pool.until_sent(1)
    stands = "SELECT count(*) FROM message WHERE waits_since IS NOT NULL"
    await pool.until(lambda: pool.rows(stands) > [(0,)])


async def blocked(pool):
    """Fill a lane with what the first SIM may not carry, and one behind it that it may."""
    await pool.fill("shop", count=MANY, prefix=FRENCH)
    await pool.submit("shop", "marketing", "+4915100000000")


async def test_what_stepped_aside_leaves_at_once_when_a_sim_joins_that_may_carry_it(tmp_path):
    async with pooled(tmp_path, 2, contracts=[GERMAN, Contract()], cmgs_delay=0.001) as pool:
        await blocked(pool)
        pool.supply(without=1)
        await aside(pool)
        pool.dispatcher.join(pool.lines[1])
        await pool.until_sent(MANY + 1)
        assert len(set(pool.air)) == MANY + 1


async def test_what_stepped_aside_leaves_at_once_when_its_sim_is_resumed(tmp_path):
    async with pooled(tmp_path, 2, contracts=[GERMAN, Contract()], cmgs_delay=0.001) as pool:
        await blocked(pool)
        sim_id = pool.lines[1].sim_id
        await pool.store.lines.pause(sim_id, "the card is wet", pool.clock.now())
        pool.supply()
        await aside(pool)
        await pool.store.lines.resume(sim_id, pool.clock.now())
        await pool.until_sent(MANY + 1)


async def test_what_stepped_aside_leaves_at_once_when_its_destination_is_allowed(tmp_path):
    async with pooled(tmp_path, 1, contracts=[GERMAN], cmgs_delay=0.001) as pool:
        await blocked(pool)
        pool.supply()
        await aside(pool)
        pool.contracts[0] = Contract(name="A")
        pool.dispatcher.widened()
        await pool.until_sent(MANY + 1)


async def test_to_already_written_recipients_messages_leave_though_no_new_one_may(tmp_path):
    """A campaign beyond the operator's fair use does not keep what that allows."""
    known, new = "+4915999999999", "+4915888888888"
    fair = Contract(name="A", limits=(RecipientsDaily(1, UTC),))
    async with pooled(tmp_path, 1, contracts=[fair], cmgs_delay=0.001) as pool:
        pool.supply()
        await pool.submit("shop", "marketing", known)
        await pool.until_sent(1)
        await pool.fill("shop", count=MANY)
        pool.dispatcher.again()
        await asyncio.sleep(0)
        name = await pool.submit("shop", "marketing", new)
        await pool.submit("shop", "marketing", known)
        await pool.until_sent(2)
        assert pool.air == [known, known]
        assert await pool.waits(name) == "A: recipients of the day 1/1, next at 00:00"

        # A limit that is raised lets them go as well.
        line = pool.lines[0]
        limits = (RecipientsDaily(1000, UTC),)
        line.allowance.exchange(recollect(limits, Past([]), pool.clock.now()))
        pool.dispatcher.widened()
        await pool.until_sent(MANY + 3)


async def test_what_steps_aside_grows_no_younger_so_that_its_next_group_takes_it(tmp_path):
    route = Route(name="r", groups=("a", "b"), fallback_after=timedelta(milliseconds=400))
    contracts = [
        Contract(name="A", group="a", eligible=Eligible(prefixes=("+4915",))),
        Contract(name="B", group="b"),
    ]
    routes = Routes([route])
    choosing = Choosing(routes=lambda: routes)
    async with pooled(tmp_path, 2, choosing=choosing, contracts=contracts) as pool:
        await pool.fill("shop", count=MANY, prefix=FRENCH, route="r", first=1)
        await pool.submit("shop", "marketing", "+4915100000000", route="r")
        pool.supply()
        await pool.until_sent(MANY + 1)


async def test_what_stands_aside_keeps_its_age_and_is_looked_at_again_within_the_hour(tmp_path):
    async with pooled(tmp_path, 1, contracts=[GERMAN]) as pool:
        await blocked(pool)
        pool.supply()
        await aside(pool)
        now = pool.clock.now()
        stands = await pool.store.aside.those(now, 0)
        assert stands
        assert all(each.waiting.due_at < now < each.until for each in stands)
        assert all(each.until <= now + LONGEST_ASIDE for each in stands)


def test_a_modem_that_comes_and_goes_makes_nobody_read_all_that_stands_aside_each_time(tmp_path):
    queued, rings, apart = 3_000, 100, timedelta(milliseconds=20)
    readings = []

    def executed(_connection, _cursor, statement, *_more):
        if "waits_since IS NOT NULL" in statement and statement.startswith("SELECT"):
            readings.append(statement)

    async def work(loop):
        clock = JumpingClock(loop, START)
        async with opened(tmp_path, clock) as store:
            loop.busy = lambda: store.pending > 0
            await step_aside(store, clock, queued, tmp_path)
            waking = Waking(store, clock, lambda _waiting, _now: Choice())
            async with asyncio.TaskGroup() as group:
                looking = group.create_task(waking.run())
                event.listen(Engine, "before_cursor_execute", executed)
                for _ in range(rings):
                    store.bells.ring([SIMS])
                    await asyncio.sleep(apart.total_seconds())
                event.remove(Engine, "before_cursor_execute", executed)
                looking.cancel()

    run_jumping(work)
    once = queued // CHUNK + 1  # the last one finds nothing
    scans = 1 + rings * apart / ((once - EAGER) * PAUSE)
    assert once <= len(readings) <= scans * once
    assert len(readings) < rings * once / 10


async def step_aside(store, clock, count, folder):
    """Let so many messages stand aside."""
    account = await add_account(store, clock)
    lane_id = await store.lanes.of(LaneKey(account.id, "marketing", 0, ""))
    now = clock.now()
    crowd(sqlite_url(folder), account_id=account.id, lane_id=lane_id, count=count, now=now)
    moved = 1
    while moved:
        moved = await store.aside.step(Step(lane_id, "+49", now + LONGEST_ASIDE, now))
