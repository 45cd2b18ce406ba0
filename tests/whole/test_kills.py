"""Nothing lost, nothing twice, however often the daemon is killed."""

from collections import Counter

import pytest

from tests.killing import Plan, kill_again_and_again


@pytest.mark.timeout(400)
async def test_kill_9_loses_nothing_and_sends_nothing_twice(tmp_path):
    plan = Plan(messages=300, inbound=200, in_mid_send=20, anywhere=10)
    count = await kill_again_and_again(tmp_path, plan)

    assert count.twice == set()
    assert count.lost == set()
    assert count.reports_lost == set()
    assert count.unmatched == len(count.untellable)
    assert count.untold == set()
    assert count.told_twice == set()
    assert len(count.uncertain) <= plan.lines * plan.kills
    assert count.inbound == Counter(f"inbound {number}" for number in range(plan.inbound))
    assert count.held >= 20
