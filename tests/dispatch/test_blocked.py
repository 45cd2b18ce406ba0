"""A campaign that cannot leave costs others nothing, however long it is.

``make bench`` measures the same with 1,000,000 messages.
"""

import pytest

from appliance.store.aside import MOST_AT_ONCE
from benchmarks.blocked import behind, blocked


@pytest.mark.parametrize("one_by_one", [False, True])
async def test_a_blocked_campaign_hides_nobody_and_is_not_read(tmp_path, one_by_one):
    few, many = [
        await blocked(folder(tmp_path, queued), queued=queued, one_by_one=one_by_one)
        for queued in (1_000, 100_000)
    ]
    assert few["sent before"] == many["sent before"] == 0
    # Thousands may step aside before the other's message comes, each time by one statement.
    thousands = max(many["asides"], 1)
    for counted in ("statements", "steps"):
        assert 0 < many[counted] < 2 * few[counted] * thousands
    assert thousands < 10


async def test_a_good_message_behind_100_000_bad_ones_of_its_lane_leaves_after_few_transactions(
    tmp_path,
):
    queued = 100_000
    done = await behind(tmp_path, queued=queued)
    assert queued // MOST_AT_ONCE <= done["transactions"] <= 1.2 * queued // MOST_AT_ONCE
    assert done["statements"] < 15 * queued // MOST_AT_ONCE


def folder(place, queued):
    made = place / str(queued)
    made.mkdir()
    return made
