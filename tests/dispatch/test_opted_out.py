"""A STOP that holds for one number of ours: other SIMs carry what waits, or it says why not."""

from appliance.dispatch.ahead import Choosing
from appliance.policy.consent import KeywordRules, Per
from appliance.policy.contract import Contract
from appliance.policy.routes import Route, Routes
from appliance.store.optouts import NO_SIM_LEFT
from appliance.store.values import LineFacts
from tests.dispatch.test_dispatcher import CODE, SHORT
from tests.pooled import pooled
from tests.store.test_messages import stop


async def test_after_a_stop_to_one_number_other_sims_write_until_they_are_told_too(tmp_path):
    keywords = KeywordRules(per=Per.NUMBER)
    async with pooled(tmp_path, 2, keywords=keywords, cmgs_delay=SHORT) as pool:
        pool.supply()
        await pool.submit("shop", "transactional")
        await pool.until_sent(1)
        first = await sims(pool)
        await says_stop(pool, *first)
        for number in range(2, 6):
            await pool.submit("shop", "transactional")
            await pool.until_sent(number)
        (second,) = await sims(pool) - first
        assert len({each.iccid for each in pool.ledger[1:]}) == 1
        await says_stop(pool, second)
        name = await pool.submit("shop", "transactional")
        await pool.until_said(name, "*, *: its recipient has told it to stop (STOP)")
        assert len(pool.air) == 5


async def test_where_no_sim_in_any_modem_is_left_it_ends_as_opted_out_at_once(tmp_path):
    async with pooled(tmp_path, 2, keywords=KeywordRules(per=Per.NUMBER)) as pool:
        for line in pool.lines:
            await in_its_modem(pool, line)
        name = await pool.submit("shop", "transactional")
        for line in pool.lines:
            await says_stop(pool, line.sim_id)
        pool.supply()
        state = "SELECT state, cause FROM message WHERE state = 'cancelled'"
        await pool.until(lambda: bool(pool.rows(state)))
        assert pool.rows(state) == [("cancelled", NO_SIM_LEFT)]
        assert await pool.store.lanes.explained(name) is None


async def test_where_every_sim_of_its_route_was_told_it_ends_though_others_are_there(tmp_path):
    fast, slow = Contract(group="fast"), Contract(group="slow")
    routes = Routes([Route(name="codes", groups=("fast",))])
    choosing, keywords = Choosing(routes=lambda: routes), KeywordRules(per=Per.NUMBER)
    async with pooled(
        tmp_path, 2, choosing=choosing, contracts=[fast, slow], keywords=keywords, cmgs_delay=SHORT
    ) as pool:
        first = f"8949020000123456{0:04d}"
        pool.store.ways.leads = lambda kind, iccid, _: kind.route != "codes" or iccid == first
        for line in pool.lines:
            await in_its_modem(pool, line)
        await pool.submit("shop", "transactional", CODE, route="codes")
        await says_stop(pool, pool.lines[0].sim_id)
        pool.supply()
        ended = "SELECT state, cause FROM message WHERE state != 'queued'"
        await pool.until(lambda: bool(pool.rows(ended)))
        assert pool.rows(ended) == [("cancelled", NO_SIM_LEFT)]
        assert pool.air == []


async def in_its_modem(pool, line):
    facts = LineFacts(
        slot=line.slot,
        port=line.slot,
        state="ready",
        cause="",
        next_step="",
        simulated=False,
        changed_at=pool.clock.now(),
        sim_id=line.sim_id,
    )
    await pool.store.lines.tell(facts)


async def sims(pool):
    """Return the SIMs that have sent something."""
    await pool.record.written()
    return {sim for (sim,) in pool.rows("SELECT sim_id FROM attempt")}


async def says_stop(pool, sim):
    """Let the recipient write STOP to a SIM."""
    pool.sim = sim
    await pool.store.inbound.take(stop(pool, sender=CODE))
