"""Each kind of limit, read as a person reads it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.limits import (
    HOUR,
    Allowance,
    Budget,
    Bundle,
    Daily,
    Days,
    Gap,
    Hours,
    Monthly,
    Months,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
    Sent,
    Span,
    Wait,
    WeekHours,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)  # a Monday
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
ALICE, BOB, CAROL = (name * 16 for name in (b"a", b"b", b"c"))


def spend(allowance, now, parts, recipient=None):
    for _ in range(parts):
        allowance.spend(now, recipient)


def told(allowance, now=NOW, parts=1, recipient=None):
    wait = allowance.earliest(now, parts, recipient)
    return wait.at, wait.reason


def berlin(*moment):
    return datetime(*moment, tzinfo=BERLIN)


# Windows


def test_an_hour_limit_paces_and_says_so():
    allowance = Allowance([Pace(2, HOUR, "hour limit")], [NOW, NOW + SECOND])
    assert told(allowance, NOW + 2 * SECOND, 9) == (NOW + HOUR, "hour limit 2/2, next at 13:00")


def test_a_message_must_fit_whole_into_a_rolling_window():
    allowance = Allowance([Rolling(10, DAY)])
    spend(allowance, NOW, 3)
    spend(allowance, NOW + HOUR, 5)
    later = NOW + 2 * HOUR
    assert told(allowance, later, 2) == (later, "")
    assert told(allowance, later, 5) == (
        NOW + DAY,
        "24 h limit 8/10 for 5 parts, next at Tue 12:00",
    )
    assert told(allowance, later, 6)[0] == NOW + HOUR + DAY
    assert told(allowance, later, 11) == (None, "needs 11 parts, 24 h limit 10")


# Months


@pytest.mark.parametrize(
    ("first", "day", "start", "after"),
    [
        (1, date(2026, 5, 4), date(2026, 5, 1), date(2026, 6, 1)),
        (1, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (15, date(2026, 1, 14), date(2025, 12, 15), date(2026, 1, 15)),
        (31, date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28)),
        (31, date(2026, 2, 28), date(2026, 2, 28), date(2026, 3, 31)),
        (30, date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 30)),
        (29, date(2026, 3, 1), date(2026, 2, 28), date(2026, 3, 29)),
    ],
)
def test_a_contracts_month_begins_on_its_day_or_where_there_is_none_on_the_last(
    first, day, start, after
):
    months = Months(UTC, first)
    assert months.start(day) == start
    assert months.after(start) == after
    assert months.before(after) == start


@pytest.mark.parametrize("first", [0, 32, -1])
def test_a_month_cannot_begin_on_a_day_that_no_month_has(first):
    with pytest.raises(ValueError, match="no month has that day"):
        Months(UTC, first)


def test_a_month_limit_says_when_the_contracts_month_begins():
    allowance = Allowance([Monthly(5, BERLIN, 15)])
    spend(allowance, NOW, 5)
    assert told(allowance) == (
        berlin(2026, 5, 15),
        "month limit 5/5, next at 15 May 00:00",
    )
    assert told(allowance, parts=6) == (None, "needs 6 parts, month limit 5")


def test_a_month_limit_reaches_over_its_days():
    allowance = Allowance([Daily(3, UTC), Monthly(5, UTC)])
    spend(allowance, NOW, 3)
    assert told(allowance)[1] == "day limit 3/3, next at 00:00"
    assert told(allowance, parts=3) == (
        datetime(2026, 6, 1, tzinfo=UTC),
        "month limit 3/5 for 3 parts, next at 1 June 00:00",
    )


# Recipients


def test_one_who_was_written_to_already_needs_no_room_of_his_own():
    allowance = Allowance([RecipientsDaily(2, UTC)])
    allowance.spend(NOW, ALICE)
    allowance.spend(NOW, BOB)
    allowance.spend(NOW, BOB)
    assert told(allowance, recipient=ALICE) == (NOW, "")
    assert told(allowance, recipient=CAROL) == (
        datetime(2026, 5, 5, tzinfo=UTC),
        "recipients of the day 2/2, next at 00:00",
    )
    allowance.give_back(NOW, BOB)
    assert told(allowance, recipient=CAROL)[0] != NOW
    allowance.give_back(NOW, BOB)
    assert told(allowance, recipient=CAROL)[0] == NOW


def test_recipients_of_a_month_are_counted_once_however_often_they_are_written_to():
    allowance = Allowance([RecipientsMonthly(2, UTC)])
    for day in range(20):
        allowance.spend(NOW + day * DAY, ALICE)
    assert told(allowance, NOW + 20 * DAY, recipient=BOB)[0] == NOW + 20 * DAY
    allowance.spend(NOW + 20 * DAY, BOB)
    assert told(allowance, NOW + 20 * DAY, recipient=CAROL) == (
        datetime(2026, 6, 1, tzinfo=UTC),
        "recipients of the month 2/2, next at 1 June 00:00",
    )


# Gaps


def test_a_gap_with_jitter_is_drawn_for_each_part_and_stays_what_it_was():
    limit = Gap(10 * SECOND, 20 * SECOND, "89490200")
    allowance, moments = Allowance([limit]), [NOW]
    allowance.spend(NOW)
    for _ in range(200):
        moments.append(allowance.earliest(moments[-1]).at)
        assert Allowance([limit], moments[:-1]).earliest(moments[-2]).at == moments[-1]
        allowance.spend(moments[-1])
    gaps = [late - early for early, late in pairwise(moments)]
    assert 10 * SECOND <= min(gaps) < 12 * SECOND
    assert 28 * SECOND < max(gaps) <= 30 * SECOND
    assert 19 * SECOND < sum(gaps, timedelta()) / len(gaps) < 21 * SECOND
    assert allowance.earliest(NOW).reason.startswith("minimum gap 10-30 s, next at ")


def test_another_seed_draws_other_gaps():
    drawn = {Allowance([Gap(SECOND, HOUR, seed)], [NOW]).earliest(NOW).at for seed in "abcdefgh"}
    assert len(drawn) == 8


# Hours


def hours(*ranges, zone=BERLIN):
    return Hours(WeekHours.parse(ranges), zone)


@pytest.mark.parametrize(
    ("ranges", "asked", "opens", "reason"),
    [
        (["08:00-20:00"], (4, 7, 59), (4, 8), "08:00-20:00, next at 08:00"),
        (["08:00-20:00"], (4, 8), (4, 8), None),
        (["08:00-20:00"], (4, 20), (5, 8), "08:00-20:00, next at Tue 08:00"),
        (
            ["Mon-Fri 08:00-20:00", "Sat 10:00-14:00"],
            (9, 14),
            (11, 8),
            "Mon-Fri 08:00-20:00, Sat 10:00-14:00, next at Mon 08:00",
        ),
        (["Fri 22:00-02:00"], (9, 1, 59), (9, 1, 59), None),
        (["Fri 22:00-02:00"], (9, 2), (15, 22), "Fri 22:00-02:00, next at 15 May 22:00"),
        (["Sun 22:00-02:00"], (4, 1), (4, 1), None),  # over the end of the week
        (["Sat-Mon 09:00-10:00"], (5, 9), (9, 9), "Sat-Mon 09:00-10:00, next at Sat 09:00"),
        (["00:00-24:00"], (4, 23, 59), (4, 23, 59), None),
        (["Wed 00:00-24:00"], (4, 12), (6, 0), "Wed 00:00-24:00, next at Wed 00:00"),
    ],
)
def test_hours_open_when_they_say(ranges, asked, opens, reason):
    at, words = told(Allowance([hours(*ranges)]), berlin(2026, 5, *asked))
    assert at == berlin(2026, 5, *opens)
    assert words == (f"allowed hours {reason}" if reason else "")


@pytest.mark.parametrize(
    ("ranges", "asked", "opens"),
    [
        # 29 March: 02:00 becomes 03:00, so that half of what opens at 02:30 is left
        (["02:30-04:00"], datetime(2026, 3, 29, 0, 0, tzinfo=UTC), berlin(2026, 3, 29, 3)),
        (["Sun 02:15-02:45"], datetime(2026, 3, 29, 0, 0, tzinfo=UTC), berlin(2026, 4, 5, 2, 15)),
        # 25 October: 03:00 becomes 02:00, and 02:30 comes twice
        (
            ["02:30-02:45"],
            datetime(2026, 10, 25, 0, 0, tzinfo=UTC),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        ),
        (
            ["02:30-02:45"],
            datetime(2026, 10, 25, 0, 50, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        ),
        (
            ["02:10-04:00"],
            datetime(2026, 10, 25, 1, 5, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 10, tzinfo=UTC),
        ),
    ],
)
def test_hours_go_by_the_clock_on_the_wall_when_it_is_changed(ranges, asked, opens):
    assert Allowance([hours(*ranges)]).earliest(asked).at == opens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("8-20", "must be like"),
        ("Mo 08:00-20:00", "must be like"),
        ("Foo 08:00-20:00", "Foo must be one of Mon, Tue"),
        ("Mon-Foo 08:00-20:00", "Foo must be one of"),
        ("08:00-08:00", "has no length"),
        ("24:00-08:00", "has no length"),
        ("08:00-25:00", "there is no 25:00"),
        ("08:60-09:00", "there is no 08:60"),
        ("", "must be like"),
    ],
)
def test_hours_that_are_no_hours_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        WeekHours.parse([text])


def test_no_hours_at_all_are_refused():
    with pytest.raises(ValueError, match="hold a message for ever"):
        WeekHours.parse([])


def test_two_limits_that_hold_one_after_the_other_are_both_told():
    allowance = Allowance([Daily(1, BERLIN), hours("08:00-20:00")])
    allowance.spend(NOW)
    assert told(allowance) == (
        berlin(2026, 5, 5, 8),
        "day limit 1/1, then allowed hours 08:00-20:00, next at Tue 08:00",
    )


def test_hours_that_never_meet_never_let_anything_go():
    allowance = Allowance([hours("Mon 08:00-09:00"), hours("Tue 08:00-09:00")])
    at, reason = told(allowance)
    assert at is None
    assert reason.startswith("no moment suits both allowed hours ")


# Money


def test_a_budget_counts_what_parts_cost():
    allowance = Allowance([Budget(0.3, 0.1, Months(BERLIN))])
    spend(allowance, NOW, 2)
    assert told(allowance)[0] == NOW
    assert told(allowance, parts=2) == (
        berlin(2026, 6, 1),
        "budget of the month 0.2/0.3 for 2 parts, next at 1 June 00:00",
    )
    spend(allowance, NOW, 1)
    assert told(allowance)[1] == "budget of the month 0.3/0.3, next at 1 June 00:00"
    assert told(allowance, parts=4) == (None, "needs 0.4 for 4 parts, budget of the month 0.3")


def test_a_budget_goes_by_the_price_that_each_part_had():
    sent = [Sent(NOW, price=0.25), Sent(NOW, price=None)]
    allowance = Allowance([Budget(1, 0.5, Days(UTC))], sent)
    assert told(allowance)[1] == "budget of the day 0.75/1, next at 00:00"


def test_money_given_back_can_be_spent_again():
    allowance = Allowance([Budget(0.1, 0.1, Days(UTC))])
    allowance.spend(NOW)
    allowance.give_back(NOW)
    assert told(allowance)[0] == NOW


def test_a_bundle_is_good_from_its_first_day_to_the_end_of_its_last():
    allowance = Allowance([Bundle(3, date(2026, 5, 5), date(2026, 6, 30), BERLIN)])
    assert told(allowance) == (berlin(2026, 5, 5), "bundle 0/3, next at 00:00")
    spend(allowance, berlin(2026, 5, 5), 2)
    last = berlin(2026, 6, 30, 23, 59)
    assert told(allowance, last)[0] == last
    assert told(allowance, last, 2) == (None, "bundle 2/3 for 2 parts, until 30 June 2026")
    assert told(allowance, last, 4) == (None, "needs 4 parts, bundle 3")
    over = berlin(2026, 7, 1)
    assert told(allowance, over) == (None, "bundle of 3 parts ended on 30 June 2026")
    spend(allowance, last, 1)
    assert told(allowance, last) == (None, "bundle 3/3, until 30 June 2026")


def test_a_bundle_that_ends_before_something_else_lets_a_part_go_is_told():
    day = date(2026, 5, 4)
    allowance = Allowance([Daily(1, UTC), Bundle(9, day, day, UTC)])
    allowance.spend(NOW)
    assert told(allowance) == (
        None,
        "day limit 1/1, then bundle of 9 parts ended on 4 May 2026",
    )


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="ends before it begins"):
        Span(UTC, date(2026, 5, 5), date(2026, 5, 4))


# A new SIM


def test_a_new_sim_sends_more_each_day_until_nothing_holds_it():
    allowance = Allowance([RampUp((2, 4, 8), UTC)])
    assert told(allowance, parts=3) == (None, "needs 3 parts, ramp-up begins with 2")
    spend(allowance, NOW, 2)
    assert told(allowance)[1] == "ramp-up day 1: 2/2, next at 00:00"
    assert told(allowance, parts=7)[0] == datetime(2026, 5, 6, tzinfo=UTC)
    tomorrow = NOW + DAY
    spend(allowance, tomorrow, 4)
    assert told(allowance, tomorrow)[1] == "ramp-up day 2: 4/4, next at 00:00"
    assert told(allowance, tomorrow, 9)[0] == datetime(2026, 5, 7, tzinfo=UTC)
    spend(allowance, NOW + 3 * DAY, 999)
    assert told(allowance, NOW + 3 * DAY, 999)[0] == NOW + 3 * DAY


def test_the_days_of_a_new_sim_count_from_its_first_part_not_from_today():
    allowance = Allowance([RampUp((2, 4), UTC)], [NOW - 30 * DAY], now=NOW)
    assert told(allowance, parts=999)[0] == NOW


def test_a_first_part_that_was_given_back_was_none():
    allowance = Allowance([RampUp((1, 2), UTC)])
    allowance.spend(NOW)
    allowance.give_back(NOW)
    assert told(allowance, NOW + DAY, 2)[0] is None


# All


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rolling(0, DAY),
        lambda: Rolling(1, timedelta()),
        lambda: Monthly(0, UTC),
        lambda: RecipientsDaily(0, UTC),
        lambda: RecipientsMonthly(-1, UTC),
        lambda: Gap(timedelta(), timedelta()),
        lambda: Gap(SECOND, -SECOND),
        lambda: Budget(0, 0.1, Days(UTC)),
        lambda: Budget(1, 0.0000001, Days(UTC)),
        lambda: Bundle(0, date(2026, 5, 4), date(2026, 5, 4), UTC),
        lambda: Bundle(1, date(2026, 5, 5), date(2026, 5, 4), UTC),
        lambda: RampUp((), UTC),
        lambda: RampUp((1, 0), UTC),
    ],
)
def test_a_limit_that_allows_nothing_is_refused(make):
    with pytest.raises(ValueError, match="allows nothing"):
        make()


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=5), "next at 12:05"),
        (timedelta(seconds=65), "next at 12:01:05"),
        (12 * HOUR, "next at 00:00"),
        (13 * HOUR, "next at Tue 01:00"),
        (timedelta(days=5), "next at Sat 12:00"),
        (timedelta(days=6), "next at 10 May 12:00"),
        (timedelta(days=300), "next at 28 February 12:00"),
        (timedelta(days=301), "next at 1 March 2027 12:00"),
    ],
)
def test_a_time_is_said_as_exactly_as_is_needed(ahead, words):
    assert Wait(NOW + ahead, "why", UTC, NOW).reason == f"why, {words}"


def test_where_it_is_not_known_when_it_was_asked_only_the_time_is_said():
    assert Wait(NOW + 40 * DAY, "stopped").reason == "stopped, next at 12:00"


def test_what_never_goes_says_why_and_no_time():
    assert Wait(None, "the technician has paused it").reason == "the technician has paused it"
