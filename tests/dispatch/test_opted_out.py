"""A STOP that holds for one number of ours: other SIMs carry what waits, or it says why not."""

import asyncio

from appliance.policy.consent import KeywordRules, Per
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
        await asyncio.sleep(0.1)
        assert "its recipient has told it to stop" in await pool.waits(name)
        assert len(pool.air) == 5


async def sims(pool):
    """Return the SIMs that have sent something."""
    await pool.record.written()
    return {sim for (sim,) in pool.rows("SELECT sim_id FROM attempt")}


async def says_stop(pool, sim):
    """Let the recipient write STOP to a SIM."""
    pool.sim = sim
    await pool.store.inbound.take(stop(pool, sender=CODE))
