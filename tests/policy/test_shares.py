"""Accounts get equal shares: nobody waits for what others had before, and nobody catches up."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.shares import Shares


@given(st.lists(st.tuples(st.sets(st.integers(1, 6), min_size=1), st.integers(1, 10)), max_size=80))
def test_accounts_that_both_wait_are_never_more_than_one_message_apart(rounds):
    shares = Shares()
    had: dict[int, int] = {}
    together: set[int] = set()
    for waiting, parts in rounds:
        if waiting != together:  # somebody came or went: counting begins anew
            together, had = waiting, dict.fromkeys(waiting, 0)
            shares = Shares()
        first = shares.order(1, waiting)[0]
        shares.count(1, first, parts)
        had[first] += parts
        assert max(had.values()) - min(had.values()) <= 10


def test_one_that_comes_anew_is_next_and_need_not_wait_for_what_others_had():
    shares = Shares()
    for _ in range(100_000):
        shares.order(1, [7])
        shares.count(1, 7, 1)
    assert shares.precedes(1, 8, 1, 7)
    assert shares.order(1, [7, 8])[0] == 8
    shares.count(1, 8, 1)
    served = []
    for _ in range(10):
        served.append(shares.order(1, [7, 8])[0])
        shares.count(1, served[-1], 1)
    assert served.count(8) <= 6, "it shares; it does not catch up"


def test_one_that_comes_anew_is_next_also_where_a_turn_could_not_be_used():
    shares = Shares()
    shares.order(1, [7])
    shares.count(1, 7, 1)
    shares.order(1, [7])  # and no line could carry anything
    assert shares.precedes(1, 8, 1, 7)
    shares.count(1, 8, 1)
    assert not shares.precedes(1, 8, 1, 7), "it goes first once"
    assert not shares.precedes(1, 7, 1, 8)


def test_one_that_was_away_does_not_catch_up():
    shares = Shares()
    shares.order(1, [1, 2])
    shares.count(1, 1, 1)
    for _ in range(1000):
        shares.order(1, [2])
        shares.count(1, 2, 1)
    turns = []
    for _ in range(20):
        turns.append(shares.order(1, [1, 2])[0])
        shares.count(1, turns[-1], 1)
    assert turns.count(1) <= 11


def test_a_higher_priority_goes_before_whatever_the_shares():
    shares = Shares()
    shares.order(3, [1])
    shares.count(3, 1, 1000)
    assert shares.precedes(3, 1, 1, 2)
    assert not shares.precedes(1, 2, 3, 1)


def test_equal_accounts_do_not_precede_each_other():
    shares = Shares()
    assert not shares.precedes(1, 1, 1, 2)
    assert not shares.precedes(1, 2, 1, 1)


def test_what_is_given_back_counts_no_more():
    shares = Shares()
    shares.order(1, [1, 2])
    shares.count(1, 1, 5)
    shares.count(1, 1, -5)
    assert shares.order(1, [1, 2]) == [1, 2]


def test_accounts_that_are_gone_are_forgotten():
    shares = Shares()
    for account in range(5000):
        shares.order(1, [account])
        shares.count(1, account, 1)
    assert len(shares._served[1]) <= 1001
