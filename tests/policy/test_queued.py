"""The bound of what waits: right after a count, and never below what there is."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.queued import ALL, Queued


def stored(queued, account=1, *, kept=True):
    queued.enter(account)
    queued.leave(account, stored=kept)


def test_what_is_taken_counts_at_once_for_its_account_and_for_all():
    queued = Queued()
    queued.enter(1)
    queued.enter(2)

    assert (queued.bound(1), queued.bound(2), queued.bound(3), queued.bound(ALL)) == (1, 1, 0, 2)


def test_what_was_not_stored_counts_no_more():
    queued = Queued()
    stored(queued, kept=False)

    assert (queued.bound(1), queued.bound(ALL)) == (0, 0)


def test_a_count_takes_away_what_has_left_and_brings_what_others_took():
    queued = Queued()
    for _ in range(5):
        stored(queued)

    queued.counted({1: 2, 9: 4}, queued.mark())

    assert (queued.bound(1), queued.bound(9), queued.bound(ALL)) == (2, 4, 6)


def test_what_is_taken_while_it_is_counted_is_counted_at_least_once():
    queued = Queued()
    stored(queued)
    queued.enter(1)  # its commit may be before the count, or after it
    mark = queued.mark()
    stored(queued)

    queued.counted({1: 1}, mark)

    assert queued.bound(1) == 3


@given(st.lists(st.sampled_from(["enter", "commit", "refuse", "send", "mark", "look", "counted"])))
def test_it_is_never_below_what_waits(steps):
    queued, mark, found = Queued(), None, None
    waiting, under_way = 0, Counter()
    for step in steps:
        if step == "enter":
            queued.enter(1)
            under_way[1] += 1
        elif step in ("commit", "refuse") and under_way[1]:
            under_way[1] -= 1
            waiting += step == "commit"
            queued.leave(1, stored=step == "commit")
        elif step == "send" and waiting:
            waiting -= 1
        elif step == "mark":
            mark, found = queued.mark(), None
        elif step == "look" and mark is not None:
            found = waiting
        elif step == "counted" and found is not None:
            queued.counted({1: found}, mark)
            mark = found = None
        assert waiting + under_way[1] <= queued.bound(1) == queued.bound(ALL)
