"""Moments by key: the first is always found, whatever was noted before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from appliance.dispatch.times import SPARE, Times

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

MOMENTS = st.integers(0, 20).map(lambda minutes: START + timedelta(minutes=minutes))
STEPS = st.one_of(
    st.tuples(st.sampled_from("abcde"), st.none() | MOMENTS),
    st.tuples(st.just("due"), MOMENTS),
)


@given(st.lists(STEPS, max_size=300))
def test_it_tells_what_a_plain_table_would(steps):
    times, table = Times(), {}
    for key, at in steps:
        if key == "due":
            due = times.due(at)
            assert [table[each] for each in due] == sorted(table[each] for each in due)
            assert set(due) == {each for each, moment in table.items() if moment <= at}
            table = {each: moment for each, moment in table.items() if moment > at}
        else:
            times.set(key, at)
            table = {each: moment for each, moment in table.items() if each != key}
            table |= {key: at} if at is not None else {}
        assert times.next() == min(table.values(), default=None)


def test_moments_that_are_put_off_again_and_again_take_no_more_room():
    times = Times()
    for minute in range(10_000):
        times.set("a", START + timedelta(minutes=minute))
    assert len(times._heap) <= SPARE + 2
