"""A bucket of tokens: so many on average, so many at once, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.rate import Buckets, Rate

ONE_A_SECOND = Rate(1, 3)


def test_a_full_bucket_gives_its_burst_at_once_and_then_one_by_one():
    buckets = Buckets()

    assert [buckets.take(1, ONE_A_SECOND, 10.0) for _ in range(4)] == [0, 0, 0, 1]
    assert buckets.take(1, ONE_A_SECOND, 10.25) == 0.75
    assert buckets.take(1, ONE_A_SECOND, 11.0) == 0
    assert buckets.take(1, ONE_A_SECOND, 11.5) == 0.5


def test_a_pause_of_any_length_gives_no_more_than_the_burst():
    buckets = Buckets()
    buckets.take(1, ONE_A_SECOND, 0.0)

    assert [buckets.take(1, ONE_A_SECOND, 1e9) for _ in range(4)] == [0, 0, 0, 1]


def test_each_has_a_bucket_of_its_own():
    buckets = Buckets()
    for _ in range(3):
        buckets.take(1, ONE_A_SECOND, 0.0)

    assert buckets.take(1, ONE_A_SECOND, 0.0) == 1
    assert buckets.take(2, ONE_A_SECOND, 0.0) == 0


def test_another_rate_holds_at_once():
    buckets = Buckets()
    buckets.take(1, Rate(1, 100), 0.0)

    assert [buckets.take(1, Rate(10, 2), 0.0) for _ in range(3)] == [0, 0, 0.1]


def test_a_clock_that_steps_back_gives_nothing_away():
    buckets = Buckets()
    for _ in range(3):
        buckets.take(1, ONE_A_SECOND, 10.0)

    assert buckets.take(1, ONE_A_SECOND, 5.0) == 1


@given(
    st.integers(1, 1000),
    st.integers(1, 100),
    st.lists(st.floats(0, 2, allow_nan=False), max_size=100),
)
def test_never_more_than_the_burst_and_what_the_time_gives(per_second, burst, pauses):
    buckets, rate, now, taken = Buckets(), Rate(per_second, burst), 0.0, 0
    for pause in pauses:
        now += pause
        wait = buckets.take(1, rate, now)
        taken += not wait
        assert taken <= burst + now * per_second + 1e-6
        assert wait <= 1 / per_second + 1e-9
        if wait:  # then it is no longer than said until the next one
            assert Buckets.take(buckets, 1, rate, now + wait * 1.000001 + 1e-9) == 0
            taken, now = taken + 1, now + wait * 1.000001 + 1e-9


@pytest.mark.parametrize("burst", [10, 50, 255])
def test_all_segments_of_a_long_message_pass_at_once(burst):
    buckets = Buckets()

    assert not any(buckets.take(1, Rate(1, burst), 0.0) for _ in range(burst))
