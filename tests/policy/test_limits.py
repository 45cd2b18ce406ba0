from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.limits import Allowance, Daily, Gap, Pace, Wait, midnight

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


def spend(allowance, now, parts):
    for _ in range(parts):
        allowance.spend(now)


def send_when_allowed(allowance, now, parts=1):
    """Wait as long as it says, send one part, and return when."""
    at = allowance.earliest(now, parts).at
    allowance.spend(at)
    return at


def test_without_limits_everything_goes_at_once():
    assert Allowance([]).earliest(NOW, 255) == Wait(NOW)
    assert Allowance([]).earliest(NOW).reason == ""


def test_the_seventh_part_of_a_minute_waits_until_the_first_is_a_minute_old():
    allowance = Allowance([Pace(6)])
    for second in range(6):
        assert allowance.earliest(NOW + second * SECOND).at == NOW + second * SECOND
        allowance.spend(NOW + second * SECOND)

    wait = allowance.earliest(NOW + 10 * SECOND)

    assert wait.at == NOW + MINUTE
    assert wait.reason == "minute limit 6/6, next at 12:01"


def test_times_are_said_by_the_clock_of_the_site():
    allowance = Allowance([Pace(1)], [NOW], zone=BERLIN)
    assert allowance.earliest(NOW).reason == "minute limit 1/1, next at 14:01"


def test_a_minute_limit_paces_a_long_message_instead_of_refusing_it():
    assert Allowance([Pace(6)]).earliest(NOW, 200).at == NOW


def test_a_day_limit_says_its_use_and_the_local_midnight():
    allowance = Allowance([Daily(200, BERLIN)])
    spend(allowance, NOW, 200)

    wait = allowance.earliest(NOW)

    assert wait.at == datetime(2026, 5, 5, tzinfo=BERLIN)
    assert wait.reason == "day limit 200/200, next at 00:00"
    assert allowance.earliest(wait.at).at == wait.at


def test_a_message_that_does_not_fit_into_what_is_left_of_the_day_waits_for_the_next():
    allowance = Allowance([Daily(200, UTC)])
    spend(allowance, NOW, 198)

    assert allowance.earliest(NOW, 2).at == NOW
    wait = allowance.earliest(NOW, 3)
    assert wait.at == datetime(2026, 5, 5, tzinfo=UTC)
    assert wait.reason == "day limit 198/200 for 3 parts, next at 00:00"


def test_a_message_larger_than_the_day_never_goes():
    wait = Allowance([Pace(6), Daily(200, UTC)]).earliest(NOW, 201)
    assert (wait.at, wait.reason) == (None, "needs 201 parts, day limit 200")


def test_a_gap_holds_the_next_part():
    allowance = Allowance([Gap(10 * SECOND)])
    allowance.spend(NOW)
    wait = allowance.earliest(NOW + SECOND)
    assert (wait.at, wait.reason) == (NOW + 10 * SECOND, "minimum gap 10 s, next at 12:00:10")


def test_of_several_limits_the_one_that_holds_longest_is_named():
    allowance = Allowance([Pace(1), Daily(1, UTC), Gap(SECOND)])
    allowance.spend(NOW)
    assert allowance.earliest(NOW).reason.startswith("day limit 1/1")


@pytest.mark.parametrize("limit", [Pace(1), Daily(1, UTC), Gap(MINUTE)])
def test_a_part_given_back_does_not_count(limit):
    allowance = Allowance([limit])
    allowance.spend(NOW)
    assert allowance.earliest(NOW).at > NOW

    allowance.give_back(NOW)
    assert allowance.earliest(NOW).at == NOW

    allowance.give_back(NOW)  # twice gives nothing twice
    allowance.spend(NOW)
    assert allowance.earliest(NOW).at > NOW


def test_giving_back_the_last_part_leaves_the_one_before_it_counted():
    allowance = Allowance([Gap(10 * SECOND), Daily(3, UTC)])
    allowance.spend(NOW)
    allowance.spend(NOW + 2 * SECOND)
    allowance.give_back(NOW + 2 * SECOND)
    assert allowance.earliest(NOW + 3 * SECOND).at == NOW + 10 * SECOND


@pytest.mark.parametrize(
    "make", [lambda: Pace(0), lambda: Daily(0, UTC), lambda: Gap(timedelta()), lambda: Pace(-1)]
)
def test_a_limit_that_allows_nothing_is_refused(make):
    with pytest.raises(ValueError, match="allows nothing"):
        make()


def test_a_lowered_limit_counts_what_went_out_under_the_higher_one():
    sent = [NOW + second * SECOND for second in range(20)]
    allowance = Allowance([Pace(6)], sent)
    allowance.give_back(sent[-1])
    # 19 count; the seventh is free when the fourteenth is a minute old
    assert allowance.earliest(NOW + 20 * SECOND).at == sent[13] + MINUTE


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # begins at 01:00: midnight is skipped
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Pacific/Apia", date(2011, 12, 29), 24),  # the thirtieth never was
        ("Asia/Shanghai", date(2026, 5, 4), 24),
    ],
)
def test_a_day_is_as_long_as_it_is_where_the_site_is(zone, day, hours):
    where = ZoneInfo(zone)
    begins, ends = midnight(day, where), midnight(day + timedelta(days=1), where)
    assert ends - begins == hours * HOUR

    allowance = Allowance([Daily(1, where)])
    allowance.spend(begins)
    assert allowance.earliest(ends - SECOND).at == ends
    assert allowance.earliest(ends).at == ends
    assert (begins - SECOND).astimezone(where).date() < day == begins.astimezone(where).date()


steps_back = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), HOUR),
    st.timedeltas(timedelta(), 400 * 24 * HOUR),
)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.timedeltas(timedelta(), MINUTE), steps_back), max_size=60),
)
def test_over_steps_back_no_real_minute_has_more_parts_than_allowed(parts, steps):
    real, behind, allowance, sent = NOW, timedelta(), Allowance([Pace(parts)]), []
    for pause, back in steps:
        real += pause
        behind += back
        if allowance.earliest(real - behind).at == real - behind:
            allowance.spend(real - behind)
            sent.append(real)
    minutes = [sum(end - MINUTE < moment <= end for moment in sent) for end in sent]
    assert max(minutes, default=0) <= parts


def test_after_a_small_step_back_no_part_counts_for_less_than_the_one_before_it():
    allowance = Allowance([Gap(10 * SECOND)])
    allowance.spend(NOW + 5 * SECOND)
    allowance.spend(NOW)
    assert allowance.earliest(NOW).at == NOW + 15 * SECOND


def test_a_restart_counts_what_steps_back_have_spread_over_many_days():
    sent = [NOW - timedelta(days=day) for day in range(6)]
    allowance = Allowance([Daily(6, UTC)], sent, now=sent[-1])
    assert allowance.earliest(sent[-1]).at > sent[-1]


def test_a_wrong_date_that_is_mended_does_not_close_a_sim_for_years():
    ahead = NOW + timedelta(days=4000)
    allowance = Allowance([Pace(6), Daily(200, UTC), Gap(SECOND)])
    spend(allowance, ahead, 200)

    assert allowance.earliest(NOW).at == datetime(2026, 5, 5, tzinfo=UTC)
    assert allowance.earliest(NOW + timedelta(days=1)).at == NOW + timedelta(days=1)


def test_a_leap_forward_that_is_taken_back_finds_the_minute_still_counted():
    allowance = Allowance([Pace(2)], [NOW, NOW])
    allowance.spend(NOW + HOUR)
    assert allowance.earliest(NOW + 10 * SECOND).at > NOW + 10 * SECOND


def test_a_leap_forward_that_is_taken_back_finds_the_day_still_counted():
    allowance = Allowance([Pace(6), Daily(10, UTC)])
    spend(allowance, NOW, 10)
    spend(allowance, NOW + timedelta(days=5), 1)
    assert allowance.earliest(NOW + SECOND).at == datetime(2026, 5, 5, tzinfo=UTC)


def test_a_month_of_sending_leaves_nothing_behind_but_what_counts():
    allowance = Allowance([Pace(6), Daily(200, BERLIN), Gap(SECOND)])
    now = NOW
    for _ in range(5000):
        now = send_when_allowed(allowance, now)
    pace, daily, gap = allowance._meters
    assert now - NOW > timedelta(days=23)
    assert (len(pace.sent), len(gap.sent)) == (6, 1)
    assert len(daily.counts) <= 3
