"""The dispatcher with a real store and real lines: order, fairness, what waits and why."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from appliance.dispatch.ahead import Choosing
from appliance.dispatch.rerouting import Rerouting
from appliance.lifecycle import State
from appliance.policy.contract import Contract, Eligible
from appliance.policy.limits import Daily, Rolling
from appliance.policy.routes import Route, Routes
from appliance.store.values import Segment
from tests.pooled import pooled

CODE = "+4917099999999"

SHORT, LONG = 0.02, 0.05  # seconds for a part


def contract(name="", **given):
    return Contract(name=name, **given)


# order


async def test_two_campaigns_share_the_lines_evenly(tmp_path):
    async with pooled(tmp_path, 2, cmgs_delay=0.01) as pool:
        await pool.fill("shop", count=5_000)
        await pool.fill("bank", count=5_000, first=10**9, prefix="+49160")
        pool.supply()
        await pool.until_sent(80)
        shares = Counter(to[:6] for to in pool.air[:80])
        assert abs(shares["+49151"] - shares["+49160"]) <= 6


async def test_nothing_is_sent_twice_whatever_is_displaced(tmp_path):
    async with pooled(tmp_path, 3, cmgs_delay=0.01) as pool:
        await pool.fill("shop", count=60)
        pool.supply()
        codes = [f"+4917000000{number:03d}" for number in range(30)]
        for code in codes:
            await pool.submit("bank", "otp", code)
        await pool.until_all_left()
        assert len(pool.air) == len(set(pool.air)) == 90


# what cannot leave hides nothing


async def test_a_blocked_campaign_hides_no_other_lane(tmp_path):
    routes = Routes([Route(name="dark", groups=("nobody",))])
    async with pooled(tmp_path, 1, choosing=Choosing(routes=lambda: routes)) as pool:
        await pool.fill("shop", category="otp", count=20_000, route="dark")
        pool.supply()
        await pool.submit("shop", "marketing")
        assert await pool.until_on_air(CODE) == 0


async def test_destinations_that_no_sim_may_write_to_step_aside_for_others_of_their_lane(tmp_path):
    german = contract("A", eligible=Eligible(prefixes=("+4917",)))
    async with pooled(tmp_path, 1, contracts=[german]) as pool:
        await pool.fill("shop", count=300, prefix="+33600")
        await pool.submit("shop", "marketing")
        pool.supply()
        assert await pool.until_on_air(CODE) == 0
        blocked = (await pool.store.views.messages(None, most=3))[-1]
        assert blocked.cause in (None, "no SIM may carry it just now")
        assert await pool.waits(blocked.id) == "A: it writes only to +4917"


async def test_what_comes_after_one_that_cannot_leave_is_not_hidden_by_it(tmp_path):
    async with pooled(tmp_path, 1) as pool:
        pool.supply()
        await pool.submit("shop", "marketing", "+4917011111111", pinned_sim_id=77)
        await pool.until_asleep("shop", "marketing")
        await pool.submit("shop", "marketing")
        assert await pool.until_on_air(CODE) == 0


# by which line


async def test_messages_to_one_recipient_go_by_one_sim(tmp_path):
    async with pooled(tmp_path, 4, cmgs_delay=SHORT) as pool:
        await pool.fill("shop", count=40)
        for _ in range(12):
            await pool.submit("shop", "marketing")
        pool.supply()
        await pool.until_sent(52)
        assert len({each.iccid for each in pool.ledger if each.recipient == CODE}) == 1
        assert len({each.iccid for each in pool.ledger}) == 4


@pytest.mark.parametrize("lines", [1, 3])
async def test_the_segments_of_an_app_go_by_one_sim_in_order_under_our_reference(tmp_path, lines):
    async with pooled(tmp_path, lines, cmgs_delay=SHORT) as pool:
        await pool.fill("shop", count=30)
        pool.supply()
        for account in ("bank", "other"):
            for ordinal in (3, 1, 2):
                await pool.submit(
                    account,
                    "urgent",
                    text=f"{account} {ordinal}",
                    udh=bytes((0, 3, 7, 3, ordinal)),
                    segment=Segment("x", 7, 3, ordinal),
                )
        await pool.until_sent(36)
        sent = [each for each in pool.ledger if each.recipient == CODE]
        references = {}
        for account in ("bank", "other"):
            mine = [each for each in sent if (each.text or "").startswith(account)]
            assert [each.concat.ordinal for each in mine] == [1, 2, 3]
            assert len({each.iccid for each in mine}) == 1
            (references[account],) = {each.concat.reference for each in mine}
        sims = {each.iccid for each in sent}
        assert len(sims) <= lines
        # Both accounts have called theirs 7; by one SIM a phone must tell them apart.
        assert len(sims) == 2 or references["bank"] != references["other"]


async def test_a_route_leads_to_its_group_and_after_a_time_to_the_next(tmp_path):
    route = Route(name="codes", groups=("a", "b"), fallback_after=timedelta(milliseconds=300))
    contracts = [contract("A", group="a", limits=(Daily(1, UTC),)), contract("B", group="b")]
    routes = Routes([route])
    choosing = Choosing(routes=lambda: routes)
    async with pooled(tmp_path, 2, choosing=choosing, contracts=contracts) as pool:
        pool.supply()
        for number in range(2):
            await pool.submit("shop", "otp", f"+491700000000{number}", route="codes")
        await pool.until_sent(2)
        first, second = (each.iccid[-4:] for each in pool.ledger)
        assert first != second


async def test_when_routes_change_queued_messages_go_the_new_way(tmp_path):
    contracts = [contract("A", group="a"), contract("B", group="b")]
    rules = [Routes([Route(name="all", groups=("nobody",))])]
    choosing = Choosing(routes=lambda: rules[0])
    async with pooled(tmp_path, 2, choosing=choosing, contracts=contracts) as pool:
        await pool.fill("shop", count=20, route="all")
        pool.supply()
        rerouting = Rerouting(pool.store, lambda: rules[0])
        await rerouting.run()
        assert pool.air == []
        rules[0] = Routes([Route(name="now", groups=("b",))])
        moved = await rerouting.run()
        begun = 20 - (await pool.store.views.queue()).queued  # new routes hold at once
        assert 20 - begun <= moved <= 20
        assert await rerouting.run() == 0
        pool.dispatcher.again()
        await pool.until_sent(20)
        assert {each.modem for each in pool.ledger} == {"modem1"}, "that of group b"


async def test_moving_to_other_lanes_goes_on_where_it_was_broken_off(tmp_path):
    async with pooled(tmp_path, 1) as pool:
        await pool.fill("shop", count=30, route="old")
        routes = Routes([Route(name="new", groups=("",))])
        old = await pool.lane("shop", "marketing", "old")
        new = await pool.lane("shop", "marketing", "new")
        for stray in (await pool.store.lanes.strays(old, 0))[:10]:
            await pool.store.lanes.move(stray.message_id, new)
        assert await Rerouting(pool.store, lambda: routes).run() == 20
        assert await pool.store.lanes.length(new) == 30
        assert await pool.store.lanes.length(old) == 0


async def test_what_is_reserved_for_a_line_that_is_paused_goes_by_another(tmp_path):
    async with pooled(tmp_path, 2, cmgs_delay=LONG) as pool:
        await pool.fill("shop", count=12)
        pool.supply()
        await pool.until_sent(2)
        await pool.store.lines.pause(pool.lines[0].sim_id, "the card is wet", pool.clock.now())
        pool.dispatcher.again()
        await pool.until_sent(12)
        assert len(set(pool.air)) == 12


# room for long messages


async def test_short_messages_do_not_starve_a_long_one(tmp_path):
    limited = contract("A", limits=(Rolling(4, timedelta(seconds=1)),))
    async with pooled(tmp_path, 1, contracts=[limited], cmgs_delay=0.01) as pool:
        await pool.fill("shop", count=200)
        pool.supply()
        await pool.until_sent(2)
        await pool.submit("shop", "marketing", text="y" * 450, parts=3)
        name = await pool.submit("bank", "marketing", text="z" * 450, parts=3, to="+491705555555")
        assert await pool.until_on_air("+491705555555") < 16, name


# why it waits


async def test_it_is_said_what_each_sim_waits_for(tmp_path):
    contracts = [
        contract("A", limits=(Daily(1, UTC),)),
        contract("B", limits=(Daily(1, UTC),)),
        contract("C", eligible=Eligible(categories=frozenset({"otp"}))),
    ]
    async with pooled(tmp_path, 3, contracts=contracts) as pool:
        await pool.fill("shop", count=2)
        pool.supply()
        await pool.until_sent(2)
        name = await pool.submit("shop", "transactional")
        await pool.until_said(name, "A, B: day limit 1/1, next at 00:00")


async def test_it_is_said_that_the_recipients_own_sim_is_waited_for(tmp_path):
    limited = contract("A", limits=(Rolling(1, timedelta(seconds=20)),))
    dear = contract("B", price=9.0)
    async with pooled(tmp_path, 2, contracts=[limited, dear]) as pool:
        pool.supply()
        await pool.submit("shop", "transactional")
        await pool.until_sent(1)
        name = await pool.submit("shop", "transactional")
        await pool.until_said(name, "A: *; its recipient knows this SIM, which has 60 s")


async def test_it_is_said_that_no_sim_is_ready_or_what_each_lacks(tmp_path):
    async with pooled(tmp_path, 1) as pool:
        name = await pool.submit("shop", "otp")
        found = await pool.store.lanes.explained(name)
        pool.supply()
        pool.dispatcher.leave(pool.lines[0])
        await pool.until_said(name, "no SIM is ready")
        explain = pool.dispatcher.explain
        unready = [("Shelf 1", "the SIM wants its PIN")]
        assert explain(found.waiting, unready) == "Shelf 1: the SIM wants its PIN"
        pinned = replace(found.waiting, sim_id=77)
        assert explain(pinned, unready) == (
            "the SIM that it belongs to: is not ready; Shelf 1: the SIM wants its PIN"
        )
        pool.dispatcher.join(pool.lines[0])
        await pool.until_sent(1)
        assert (await pool.store.views.message(None, name)).message.state is not State.QUEUED
