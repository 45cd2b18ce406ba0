"""Room that is kept for a long message that waits: short ones cannot starve it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.limits import (
    Allowance,
    Budget,
    Bundle,
    Daily,
    Days,
    Gap,
    Hours,
    Monthly,
    Pace,
    RampUp,
    RecipientsDaily,
    Rolling,
    WeekHours,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG, OTHER = 1, 2


def spend(allowance, now, parts, **more):
    for _ in range(parts):
        allowance.spend(now, **more)


def free(allowance, now, most=20, **more):
    """Return how many parts a message may have that goes at ``now``."""
    return max(
        (n for n in range(1, most + 1) if allowance.earliest(now, n, **more).at == now), default=0
    )


def test_room_is_kept_on_the_day_that_can_hold_the_message_and_not_before():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 4)
    allowance.reserve(LONG, 8)
    assert free(allowance, NOW) == 6
    assert free(allowance, MIDNIGHT) == 2
    assert free(allowance, MIDNIGHT, message_id=LONG) == 10
    assert allowance.earliest(MIDNIGHT, 3).reason == (
        "day limit 0/10 for 3 parts (room is kept for messages that have waited longer),"
        " next at 00:00"
    )


def test_room_that_is_kept_moves_along_with_a_message_that_does_not_go():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 4)
    allowance.reserve(LONG, 8)
    assert free(allowance, NOW) == 6
    assert free(allowance, MIDNIGHT + DAY) == 2


def test_room_that_is_kept_shrinks_with_each_part_and_is_gone_with_the_last():
    allowance = Allowance([Daily(10, UTC)])
    allowance.reserve(LONG, 3)
    assert free(allowance, NOW) == 7
    for _ in range(3):
        assert allowance.reserved == (LONG,)
        allowance.spend(NOW, message_id=LONG)
        assert free(allowance, NOW) == 7
    assert allowance.reserved == ()


def test_room_that_is_kept_is_free_again_when_the_message_is_gone():
    allowance = Allowance([Daily(10, UTC)])
    allowance.reserve(LONG, 8)
    allowance.reserve(LONG, 8)
    allowance.unreserve(LONG)
    allowance.unreserve(LONG)
    assert free(allowance, NOW) == 10


def test_a_message_that_never_fits_keeps_nothing():
    allowance = Allowance([Daily(10, UTC), Rolling(10, DAY)])
    allowance.reserve(LONG, 11)
    assert free(allowance, NOW) == 10


def test_in_a_rolling_window_what_is_left_is_kept_at_once():
    """A part sent now would still be in the window when the long message is to go."""
    allowance = Allowance([Rolling(10, DAY)])
    spend(allowance, NOW, 4)
    allowance.reserve(LONG, 8)
    assert free(allowance, NOW + HOUR) == 0
    assert free(allowance, NOW + DAY, message_id=LONG) == 10
    spend(allowance, NOW + DAY, 8, message_id=LONG)
    assert free(allowance, NOW + DAY) == 2


@pytest.mark.parametrize(
    "limit",
    [
        Monthly(10, UTC),
        Budget(1, 0.1, Days(UTC)),
        Bundle(10, date(2026, 5, 1), date(2026, 5, 30), UTC),
        RampUp((10,), UTC),
        Rolling(10, HOUR),
    ],
)
def test_room_is_kept_by_every_limit_that_must_hold_a_message_whole(limit):
    allowance = Allowance([limit])
    allowance.reserve(LONG, 8)
    assert free(allowance, NOW) == 2


@pytest.mark.parametrize(
    "limit",
    [Pace(10), Gap(HOUR), Hours(WeekHours.parse(["00:00-24:00"]), UTC)],
)
def test_no_room_is_kept_by_limits_that_only_pace(limit):
    allowance = Allowance([limit])
    allowance.reserve(LONG, 300)
    assert free(allowance, NOW) == 20


def test_a_recipient_that_room_is_kept_for_is_counted_once():
    allowance = Allowance([RecipientsDaily(2, UTC)])
    allowance.reserve(LONG, 8, b"a" * 16)
    allowance.reserve(OTHER, 8, b"a" * 16)
    allowance.spend(NOW, b"b" * 16)
    assert allowance.earliest(NOW, 1, b"c" * 16).at == MIDNIGHT
    assert allowance.earliest(NOW, 1, b"a" * 16).at == NOW


def test_of_two_that_wait_the_older_goes_first():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 5)
    allowance.reserve(LONG, 8)
    allowance.reserve(OTHER, 7)
    assert allowance.earliest(NOW, 7, message_id=OTHER).at == MIDNIGHT + DAY
    assert allowance.earliest(NOW, 8, message_id=LONG).at == MIDNIGHT
    assert free(allowance, MIDNIGHT, message_id=LONG) == 10


def test_what_goes_first_takes_of_the_room_that_is_kept_for_what_does_not():
    """A one-time password does not wait for the room of a long advertisement."""
    allowance = Allowance([Rolling(10, DAY)])
    spend(allowance, NOW, 4)
    allowance.reserve(LONG, 8)
    assert free(allowance, NOW + HOUR) == 0
    assert free(allowance, NOW + HOUR, priority=3) == 6
    assert allowance.earliest(NOW + HOUR, priority=3).reason == ""


def test_room_that_was_taken_by_what_goes_first_is_kept_anew_where_there_is_some():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 4)
    allowance.reserve(LONG, 8)
    assert free(allowance, MIDNIGHT) == 2
    spend(allowance, MIDNIGHT, 3)  # more than was left beside it
    assert free(allowance, MIDNIGHT) == 7
    assert free(allowance, MIDNIGHT + DAY) == 2
    assert allowance.earliest(MIDNIGHT, 8, message_id=LONG).at == MIDNIGHT + DAY


def test_of_two_that_wait_the_one_of_higher_priority_goes_first():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 5)
    allowance.reserve(LONG, 8)
    assert allowance.earliest(NOW, 8, message_id=LONG).at == MIDNIGHT
    allowance.reserve(OTHER, 7, None, 1)
    assert allowance.earliest(NOW, 7, message_id=OTHER, priority=1).at == MIDNIGHT
    assert allowance.earliest(NOW, 8, message_id=LONG).at == MIDNIGHT + DAY
    assert free(allowance, MIDNIGHT, priority=1) == 3
    assert free(allowance, MIDNIGHT, priority=2) == 10


def test_many_that_wait_have_their_days_one_after_the_other():
    allowance = Allowance([Daily(10, UTC), Budget(1, 0.1, Days(UTC))])
    for message_id in range(150):
        allowance.reserve(message_id, 10)
    assert allowance.earliest(NOW).at == MIDNIGHT + 149 * DAY
    assert allowance.earliest(NOW, 10, message_id=99).at == MIDNIGHT + 98 * DAY


def test_a_message_goes_earlier_if_room_is_given_back():
    allowance = Allowance([Daily(10, UTC)])
    spend(allowance, NOW, 5)
    allowance.reserve(LONG, 6)
    assert allowance.earliest(NOW, 6, message_id=LONG).at == MIDNIGHT
    allowance.give_back(NOW)
    assert allowance.earliest(NOW, 6, message_id=LONG).at == NOW
    assert free(allowance, NOW) == 0


whole = st.one_of(
    st.builds(Daily, st.integers(10, 20), st.just(UTC)),
    st.builds(Rolling, st.integers(10, 20), st.sampled_from([HOUR, DAY])),
    st.builds(Budget, st.just(2), st.sampled_from([0.1, 0.2]), st.just(Days(UTC))),
)


@settings(max_examples=50)
@given(
    st.lists(whole, min_size=1, max_size=3),
    st.lists(st.tuples(st.timedeltas(timedelta(), 8 * HOUR), st.integers(1, 3)), max_size=60),
    st.lists(st.integers(4, 10), min_size=1, max_size=3),
)
def test_however_many_short_ones_come_a_long_one_goes_when_it_was_told(limits, shorts, longs):
    """At the first look it hears when it goes; nothing that others send makes that later."""
    now, allowance, promised = NOW, Allowance(limits), {}
    spend(allowance, now, 5)
    for message_id, parts in enumerate(longs):
        allowance.reserve(message_id, parts)
        promised[message_id] = allowance.earliest(now, parts, message_id=message_id).at
        assert promised[message_id] is not None
    for pause, parts in shorts:
        later = now + pause
        while promised and min(promised.values()) <= later:
            message_id = min(promised, key=lambda each: (promised[each], each))
            now = max(now, promised.pop(message_id))
            assert allowance.earliest(now, longs[message_id], message_id=message_id).at == now
            spend(allowance, now, longs[message_id], message_id=message_id)
        now = later
        if allowance.earliest(now, parts).at == now:
            spend(allowance, now, parts)
        for message_id, at in promised.items():
            assert allowance.earliest(now, longs[message_id], message_id=message_id).at <= at
