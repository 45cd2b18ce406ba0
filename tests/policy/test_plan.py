"""Forecasts: when all has left, what holds it, what would help; by what really decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.categories import PRIORITY, Category
from appliance.policy.contract import Contract, Eligible
from appliance.policy.forecast import Batch, PlannedSim
from appliance.policy.limits import (
    Allowance,
    Budget,
    Daily,
    Days,
    Gap,
    Hours,
    Pace,
    Past,
    RampUp,
    RecipientsDaily,
    Sent,
    WeekHours,
)
from appliance.policy.outlook import look_ahead
from appliance.policy.plan import foresee
from appliance.policy.routes import Destination, Route
from tests.policy.limit_kinds import limits_of

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 23, 8, 0, tzinfo=BERLIN).astimezone(UTC)  # a Monday
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PART = 4 * SECOND


def sim(number, *limits, **given):
    """Return SIM A, SIM B and so on."""
    name = f"SIM {'ABCDEFG'[number - 1]}"
    terms = {"limits": limits} | {
        key: given.pop(key) for key in ("eligible", "group", "price", "weight") if key in given
    }
    return PlannedSim(sim_id=number, name=name, contract=Contract(**terms), **given)


def batch(messages, **given):
    category = given.pop("category", Category.MARKETING)
    to = Destination(
        account="shop",
        category=category,
        recipient=given.pop("recipient", "+4915123456789"),
        country=given.pop("country", "DE"),
    )
    facts = {"messages": messages, "to": to, "priority": PRIORITY[category], "due_at": START}
    return Batch(**(facts | given))


def berlin(at):
    return at.astimezone(BERLIN).strftime("%a %H:%M:%S")


# when


def test_a_line_without_limits_sends_one_part_after_the_other():
    forecast = foresee([sim(1)], [batch(100, parts=3)], START)
    assert forecast.done_at == START + 300 * PART
    assert forecast.shares[0].busy == forecast.total == 300 * PART


def test_a_minute_limit_paces_and_a_day_limit_stops():
    forecast = foresee([sim(1, Pace(6), Daily(200, BERLIN))], [batch(206)], START)
    assert berlin(forecast.done_at) == "Tue 00:00:24"
    held = {limit.name: time for limit, time in forecast.shares[0].held.items()}
    assert held["minute limit"] == 33 * 36 * SECOND
    assert sum(held.values(), forecast.shares[0].busy) == forecast.total


def test_days_end_an_hour_later_where_summer_time_ends():
    start = datetime(2026, 10, 25, 1, 0, tzinfo=BERLIN).astimezone(UTC)
    forecast = foresee([sim(1, Daily(1, BERLIN))], [batch(2, due_at=start)], start)
    assert forecast.done_at - PART - start == 24 * HOUR


def test_what_was_sent_today_counts():
    sent = Past([Sent(START - HOUR)] * 195)
    forecast = foresee([sim(1, Daily(200, BERLIN), memory=sent)], [batch(6)], START)
    assert berlin(forecast.done_at) == "Tue 00:00:04"


def test_the_faster_sim_carries_more():
    forecast = foresee([sim(1), sim(2, per_part=2 * SECOND)], [batch(30)], START)
    assert [share.parts for share in forecast.shares] == [10, 20]
    assert forecast.done_at == START + 40 * SECOND


def test_an_otp_that_comes_in_the_middle_waits_for_one_part():
    otp = batch(1, category=Category.OTP, due_at=START + 401 * SECOND)
    forecast = foresee([sim(1)], [batch(1000), otp], START)
    assert forecast.fates[1].done_at == START + 408 * SECOND


def test_accounts_share_and_batches_of_one_account_go_side_by_side():
    batches = [batch(100, account=1), batch(50, account=2, country="AT"), batch(50, account=2)]
    fates = foresee([sim(1)], batches, START).fates
    ends = [fate.done_at - START for fate in fates]
    assert max(ends) - min(ends) <= 4 * PART


def test_the_next_group_helps_when_its_time_has_come():
    route = Route(name="r", groups=("a", "b"), fallback_after=10 * MINUTE)
    sims = [sim(1, Daily(10, BERLIN), group="a"), sim(2, group="b")]
    forecast = foresee(sims, [batch(20, route=route)], START)
    assert forecast.done_at == START + 10 * MINUTE + 10 * PART
    assert [share.parts for share in forecast.shares] == [10, 10]


def test_quiet_hours_hold_what_is_looked_at_in_them():
    def opens(now):
        return max(now, START + HOUR)

    forecast = foresee([sim(1)], [batch(2, opens=opens), batch(1)], START)
    assert [fate.done_at - START for fate in forecast.fates] == [HOUR + 2 * PART, PART]
    assert forecast.shares[0].idle(forecast.total) == HOUR - PART


# what never leaves


def test_what_expires_is_counted_and_the_rest_leaves():
    (fate,) = foresee([sim(1)], [batch(100, expires_at=START + 50 * PART)], START).fates
    assert (fate.left, fate.expired, fate.stuck) == (50, 50, 0)


def test_what_no_sim_may_send_says_why_by_each():
    sims = [
        sim(1, Daily(10, BERLIN)),
        sim(2, eligible=Eligible(countries=frozenset({"AT"}))),
    ]
    (fate,) = foresee(sims, [batch(3, parts=12)], START).fates
    assert (fate.left, fate.stuck, fate.done_at) == (0, 3, None)
    assert fate.why == "SIM A: needs 12 parts, day limit 10; SIM B: it writes only to AT"


def test_what_takes_longer_than_a_year_is_not_waited_for():
    (fate,) = foresee([sim(1, Daily(1, BERLIN))], [batch(1000)], START).fates
    assert fate.left + fate.stuck == 1000
    assert fate.left in (366, 367)
    assert "day limit 1/1" in fate.why


def test_without_a_sim_nothing_leaves():
    (fate,) = foresee([], [batch(1)], START).fates
    assert (fate.stuck, fate.why) == (1, "there is no SIM")


def test_a_sim_that_is_pinned_carries_its_own():
    forecast = foresee([sim(1), sim(2)], [batch(10, only_sim=2)], START)
    assert [share.parts for share in forecast.shares] == [0, 10]


def test_a_limit_of_recipients_counts_each_message_as_another_one():
    limits = (RecipientsDaily(5, BERLIN),)
    forecast = foresee([sim(1, *limits)], [batch(6)], START)
    assert berlin(forecast.done_at) == "Tue 00:00:04"


def test_money_is_counted():
    sims = [sim(1, Budget(1.0, 0.1, Days(BERLIN)), price=0.1)]
    forecast = foresee(sims, [batch(11)], START)
    assert berlin(forecast.done_at) == "Tue 00:00:04"
    assert forecast.shares[0].cost == pytest.approx(1.1)


# in words


def outlook(sims, *planned, queued=()):
    return look_ahead(sims, planned, queued, START, BERLIN)


def test_the_answer_is_a_sentence():
    assert outlook([sim(1)], batch(10_000)).says == "10,000 messages: done Mon 23 Nov 19:06"
    assert outlook([sim(1)], batch(1)).says == "1 message: done Mon 23 Nov 08:00"


def test_the_bottleneck_is_named_with_what_would_help():
    found = outlook([sim(1), sim(2, Daily(200, BERLIN))], batch(1000, only_sim=2))
    assert found.bottleneck.says == (
        "SIM B: day limit 200 held it 87 h of 88 h; "
        "with day limit 400 it would be done Wed 25 Nov 00:13"
    )
    assert found.bottleneck.sims == ("SIM B",)


def test_sims_of_one_kind_are_one_bottleneck():
    sims = [sim(number, Pace(6)) for number in range(1, 6)]
    assert outlook(sims, batch(300)).bottleneck.says == (
        "all 5 SIMs: minute limit 6 held each 5.4 min of 9.4 min; "
        "with minute limit 12 it would be done Mon 23 Nov 08:04"
    )


def test_where_sending_itself_takes_the_time_another_sim_would_help():
    assert outlook([sim(1)], batch(1000)).bottleneck.says == (
        "SIM A: sending takes 67 min of 67 min; "
        "with one more SIM like SIM A it would be done Mon 23 Nov 08:33"
    )


@pytest.mark.parametrize(
    ("limit", "help_"),
    [
        (Gap(60 * SECOND), "minimum gap 60 s held it"),
        (Hours(WeekHours.parse(["09:00-09:10"]), BERLIN), "without it it would be done"),
        (RampUp((1, 2), BERLIN), "ramp-up 1, 2 held it"),
        (Budget(1.0, 0.1, Days(BERLIN)), "with budget 2 it would be done"),
        (RecipientsDaily(10, BERLIN), "with recipients of the day 20 it would be done"),
    ],
)
def test_every_kind_of_limit_can_be_the_bottleneck(limit, help_):
    found = outlook([sim(1, limit)], batch(400))
    assert help_ in found.bottleneck.says
    assert found.bottleneck.limit.startswith(limit.name)


def test_what_expires_first_and_what_never_leaves_is_said():
    found = outlook(
        [sim(1, Daily(10, BERLIN))],
        batch(30, expires_at=START + 24 * HOUR),
        batch(2, parts=11),
    )
    assert found.says == (
        "32 messages: 20 leave, the last Tue 24 Nov 00:00; 10 expire first; 2 never leave"
    )
    assert found.advice == [
        "Never: SIM A: needs 11 parts, day limit 10",
        "If none expired, 30 would leave",
    ]


def test_what_waits_already_goes_first():
    waiting = batch(100, due_at=START - HOUR)
    assert outlook([sim(1)], batch(1), queued=[waiting]).done_at == START + 101 * PART


# whatever is set


def one_by_one(limits, messages, parts):
    """Return when all has left by one SIM, as its allowance alone says; None if never."""
    allowance, now = Allowance(limits), START
    for number in range(messages):
        for left in range(parts, 0, -1):
            now = allowance.earliest(now, left, number.to_bytes(8)).at
            if now is None or now > START + timedelta(days=366):
                return None
            allowance.spend(now, number.to_bytes(8))
            now += PART
    return now


@settings(max_examples=100, deadline=None)
@given(limits_of(), st.integers(1, 30), st.integers(1, 4))
def test_a_forecast_is_what_the_limits_alone_would_say(limits, messages, parts):
    forecast = foresee([sim(1, *limits)], [batch(messages, parts=parts)], START)
    expected = one_by_one(limits, messages, parts)
    if expected is not None:
        assert forecast.done_at == expected
        assert forecast.fates[0].left == messages
    else:
        assert forecast.fates[0].stuck > 0
        assert forecast.fates[0].why


@settings(max_examples=50, deadline=None)
@given(
    st.lists(limits_of(), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(1, 3), st.integers(1, 3), st.integers(0, 7200)),
        min_size=1,
        max_size=4,
    ),
)
def test_every_message_has_a_fate_and_every_second_of_a_sim_is_told(limits, batches):
    sims = [sim(number, *each) for number, each in enumerate(limits, 1)]
    waiting = [
        batch(many, parts=parts, account=account, due_at=START + late * SECOND)
        for many, parts, account, late in batches
    ]
    waiting[0] = replace(waiting[0], expires_at=START + HOUR)
    forecast = foresee(sims, waiting, START)
    for fate in forecast.fates:
        assert fate.left + fate.expired + fate.stuck == fate.batch.messages
        assert bool(fate.stuck) == bool(fate.why)
    sent = sum(share.parts for share in forecast.shares)
    assert sent >= sum(fate.left * fate.batch.parts for fate in forecast.fates)
    for share in forecast.shares:
        assert share.busy == share.parts * PART
        told = share.busy + sum(share.held.values(), timedelta()) + share.idle(forecast.total)
        assert told == forecast.total


def test_ten_thousand_messages_by_64_sims():
    limits = (Pace(6), Daily(200, BERLIN))
    sims = [replace(sim(1, *limits), sim_id=number) for number in range(64)]
    forecast = foresee(sims, [batch(10_000)], START)
    assert forecast.done_at == START + 26 * MINUTE + 4 * SECOND
