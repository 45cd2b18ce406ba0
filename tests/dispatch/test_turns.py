"""How long one account's campaign keeps others waiting: counted in parts, on each line."""

from collections import Counter
from datetime import timedelta

import pytest

from appliance.policy.contract import Contract
from appliance.policy.limits import Rolling
from tests.pooled import pooled

LONG = 0.1  # seconds for a part

MANY = 100_000

OTHERS = [f"account {number}" for number in range(4)]


async def begun_before(pool, to, since):
    """Return by SIM how many parts were begun after ``since`` and before the message to ``to``."""
    await pool.until_on_air(to)
    await pool.record.written()
    rows = pool.rows(
        "SELECT attempt.sim_id, attempt.started_at, message.recipient FROM attempt"
        " JOIN message ON message.id = attempt.message_id"
    )
    (own,) = (started for _, started, recipient in rows if recipient == to)
    form = "%Y-%m-%d %H:%M:%S.%f"
    return Counter(sim for sim, started, _ in rows if since.strftime(form) < started < own)


async def each_is_delayed_by_one_part_per_line(pool):
    """Let others come one by one: what is in flight is awaited, then one part a line at most."""
    for number, name in enumerate(OTHERS):
        to = f"+491709999999{number}"
        await pool.submit(name, "marketing" if number % 2 else "otp", to)
        others = await begun_before(pool, to, pool.clock.now())
        assert max(others.values(), default=0) <= 1, others


@pytest.mark.parametrize("lines", [1, 3])
async def test_a_campaign_of_100_000_delays_others_by_one_part_per_line(tmp_path, lines):
    async with pooled(tmp_path, lines, cmgs_delay=LONG) as pool:
        await pool.fill("shop", count=MANY)
        for name in OTHERS:
            await pool.account(name)
        pool.supply()
        await pool.until_sent(2 * lines)
        await each_is_delayed_by_one_part_per_line(pool)


async def test_it_does_so_too_while_another_line_waits_for_its_limits(tmp_path):
    contracts = [Contract(), Contract(limits=(Rolling(1, timedelta(hours=1)),))]
    async with pooled(tmp_path, 2, contracts=contracts, cmgs_delay=LONG) as pool:
        await pool.fill("shop", count=1_000)
        for name in OTHERS:
            await pool.account(name)
        pool.supply()
        await pool.until_sent(4)
        await each_is_delayed_by_one_part_per_line(pool)


async def test_a_campaign_of_long_messages_delays_others_by_one_part_and_stays_in_order(tmp_path):
    async with pooled(tmp_path, 1, cmgs_delay=LONG) as pool:
        await pool.fill("shop", count=1_000, parts=10)
        for name in OTHERS:
            await pool.account(name)
        pool.supply()
        await pool.until_sent(3)
        await each_is_delayed_by_one_part_per_line(pool)
        assert [bool(each.concat) for each in pool.ledger].index(False) < 10  # between its parts
        await pool.until_sent(24)
        parts = [each.concat.ordinal for each in pool.ledger if each.concat]
        assert parts == [*range(1, 11), *range(1, 11), 1, 2][: len(parts)]
