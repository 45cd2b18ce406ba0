"""Routes that are changed hold at once, also for what was read ahead and reserved."""

from appliance.dispatch.ahead import Choosing
from appliance.policy.contract import Contract
from appliance.policy.routes import Route, Routes
from tests.pooled import pooled


async def test_changed_routes_hold_for_all_that_has_not_begun_before_any_lane_has_moved(tmp_path):
    contracts = [Contract(name="A", group="a"), Contract(name="B", group="b")]
    rules = [Routes([Route(name="all", groups=("a",))])]
    moving = []
    choosing = Choosing(routes=lambda: rules[0], moving=lambda: bool(moving))
    async with pooled(tmp_path, 2, choosing=choosing, contracts=contracts, cmgs_delay=0.1) as pool:
        await pool.fill("shop", count=12, route="all")
        pool.supply()
        await pool.until_sent(2)
        assert len(pool.lines[0].reserved) > 0
        # The same rule by name leads elsewhere, and another one comes before it.
        other = Route(name="first", groups=("b",), prefixes=("+4915",))
        rules[0] = Routes([other, Route(name="all", groups=("a",))])
        moving.append(True)
        pool.dispatcher.anew()
        by_a = len(pool.air) + 1  # and the one in flight
        await pool.until_sent(12)
        first = pool.ledger[0].iccid
        assert sum(each.iccid == first for each in pool.ledger) <= by_a
        assert len(set(pool.air)) == 12
