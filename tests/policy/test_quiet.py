"""Quiet hours: held until all places where the recipient may be allow it, never dropped."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.categories import Category
from appliance.policy.origins import network_of, zones_of
from appliance.policy.quiet import ELSEWHERE, PRESETS, Hours, QuietHours

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")

DAYTIME = Hours(time(9), time(21))

GERMAN, RUSSIAN, AMERICAN = "+4915123456789", "+79161234567", "+12025550123"


def quiet(**given):
    facts = {"site": BERLIN, "zones_of": zones_of, "hours": {Category.MARKETING: DAYTIME}}
    return QuietHours(**(facts | given))


def at(hour, minute=0, day=4, zone=BERLIN):
    return datetime(2026, 5, day, hour, minute, tzinfo=zone)  # the 4th is a Monday


def allowed(now, recipient=GERMAN, country="DE", category=Category.MARKETING, zone=None, **given):
    return quiet(**given).allows(category, recipient, country, now, zone)


def test_by_day_it_may_leave_at_once_and_nothing_is_said():
    verdict = allowed(at(12))
    assert verdict.at == at(12)
    assert verdict.why == ""


@pytest.mark.parametrize(("now", "then"), [(at(3), at(9)), (at(21), at(9, day=5))])
def test_by_night_it_waits_for_the_morning_where_the_recipient_is(now, then):
    verdict = allowed(now)
    assert verdict.at == then
    assert "quiet hours: marketing messages go 09:00-21:00 (Europe/Berlin)" in verdict.why
    assert "09:00" in verdict.why.rpartition("next at")[2]


@pytest.mark.parametrize("category", [Category.OTP, Category.URGENT])
def test_what_somebody_waits_for_passes_at_any_hour(category):
    hours = dict.fromkeys(Category, DAYTIME)
    assert allowed(at(3), category=category, hours=hours).at == at(3)


def test_a_category_without_quiet_hours_has_none():
    assert allowed(at(3), category=Category.TRANSACTIONAL).at == at(3)


def test_the_zone_that_the_account_names_counts_before_all_else():
    zones = {"DE": ZoneInfo("America/New_York")}
    verdict = allowed(at(3), zone=TOKYO, zones=zones)
    assert verdict.at == at(3), "it is 10 o'clock in Tokyo"


def test_a_zone_set_for_a_country_counts_before_those_of_its_numbers():
    moscow = {"RU": ZoneInfo("Europe/Moscow")}
    assert allowed(at(8), RUSSIAN, "RU", zones=moscow).at == at(8)
    assert allowed(at(22, zone=UTC), RUSSIAN, "RU", zones=moscow).at > at(22, zone=UTC)


def test_a_number_that_may_be_in_many_zones_waits_until_all_of_them_allow_it():
    zones = zones_of(RUSSIAN)
    assert len(zones) > 9, "a Russian mobile may be anywhere between Kaliningrad and Kamchatka"
    verdict = allowed(at(6), RUSSIAN, "RU")
    for zone in zones:
        assert DAYTIME.has(verdict.at.astimezone(zone).time()), zone
    assert "zones of the number" in verdict.why


def test_where_no_hour_suits_all_zones_the_sites_own_counts_and_that_is_said():
    around = [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Midway"), TOKYO, BERLIN]
    verdict = allowed(at(3), zones_of=lambda _number: around)
    assert verdict.at == at(9)
    assert "no hour suits all zones of the number" in verdict.why


def test_a_short_code_has_no_zone_of_its_own_and_the_sites_counts():
    verdict = allowed(at(3), "12345", None)
    assert verdict.at == at(9)
    assert "not known" in verdict.why


def test_without_hours_of_the_site_the_countrys_preset_counts():
    preset = {Category.MARKETING: None}
    assert allowed(at(8, 30), hours=preset).at == at(8, 30), "Germany begins at 8"
    assert allowed(at(8, 30), country="FR", hours=preset).at == at(10)
    own = {"DE": Hours(time(11), time(12))}
    assert allowed(at(8, 30), hours=preset, countries=own).at == at(11)
    assert allowed(at(20), country="XX", hours=preset).at == at(8, day=5)
    assert Hours(time(8), time(20)) == ELSEWHERE


def test_on_holidays_and_wrong_weekdays_it_waits_for_the_next_good_day():
    holidays = {"": frozenset({date(2026, 5, 4)}), "DE": frozenset({date(2026, 5, 5)})}
    assert allowed(at(12), holidays=holidays).at == at(9, day=6)
    weekdays = {Category.MARKETING: Hours(time(9), time(21), frozenset(range(5)))}
    assert allowed(at(12, day=9), hours=weekdays).at == at(9, day=11), "Saturday to Monday"


def test_holidays_without_end_do_not_hold_a_message_for_ever():
    every = frozenset(date(2026, 5, 1) + timedelta(days=day) for day in range(60))
    verdict = allowed(at(12), holidays={"": every})
    assert verdict.at > at(12)
    assert "no hour is free of holidays" in verdict.why


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # Berlin skips 2:00-3:00
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # and has it twice
    ],
)
@pytest.mark.parametrize("start", [time(2, 30), time(3), time(2)])
def test_the_hours_of_a_change_of_clocks_neither_loop_nor_step_back(now, start):
    verdict = allowed(now, hours={Category.MARKETING: Hours(start, time(21))})
    assert verdict.at >= now
    assert allowed(verdict.at, hours={Category.MARKETING: Hours(start, time(21))}).at == verdict.at


moments = st.integers(0, 365 * 24 * 60).map(lambda minutes: at(0) + timedelta(minutes=minutes))


@given(
    moments, st.sampled_from([GERMAN, RUSSIAN, AMERICAN]), st.integers(0, 22), st.integers(1, 12)
)
def test_what_is_allowed_is_later_never_earlier_and_stays_allowed(now, number, start, length):
    end = min(start + length, 24)
    hours = Hours(time(start), time(end % 24))
    country = {GERMAN: "DE", RUSSIAN: "RU", AMERICAN: "US"}[number]
    rules = quiet(hours={Category.MARKETING: hours})
    verdict = rules.allows(Category.MARKETING, number, country, now)
    assert verdict.at >= now
    assert bool(verdict.why) == (verdict.at > now)
    assert rules.allows(Category.MARKETING, number, country, verdict.at).at == verdict.at


@pytest.mark.parametrize(
    "text", ["", "9-21", "21:00-09:00", "08:00-08:00", "25:00-26:00", "8:61-9:00"]
)
def test_hours_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match="must"):
        Hours.read(text)


@pytest.mark.parametrize("text", ["08:00-21:00", "00:00-24:00", "09:30-17:05"])
def test_hours_are_read_and_written_the_same(text):
    assert str(Hours.read(text)) == text


def test_presets_are_of_countries_that_exist():
    from appliance.msisdn import known_region

    assert all(map(known_region, PRESETS))


def test_a_number_tells_its_network_where_that_is_known():
    assert network_of(GERMAN)
    assert network_of("12345") is None
    assert zones_of("12345") == ()
