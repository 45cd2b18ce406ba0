"""Rules lead messages to groups of SIMs, the first that fits, and wider with time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.categories import Category
from appliance.policy.routes import ANY_WAY, EVERY_SIM, Destination, Route, Routes, same_network

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def to(**given):
    facts = {
        "account": "shop",
        "category": Category.TRANSACTIONAL,
        "recipient": "+4915123456789",
        "country": "DE",
        "operator": "Vodafone",
    }
    return Destination(**(facts | given))


@pytest.mark.parametrize(
    ("rule", "fits", "does_not"),
    [
        ({"accounts": frozenset({"shop"})}, {}, {"account": "bank"}),
        ({"categories": frozenset({Category.OTP})}, {"category": Category.OTP}, {}),
        ({"prefixes": ("+49151", "+49170")}, {}, {"recipient": "+4915223456789"}),
        ({"countries": frozenset({"DE", "AT"})}, {}, {"country": "FR"}),
        ({"countries": frozenset({"DE"})}, {}, {"country": None}),
        ({"operators": ("vodafone",)}, {"operator": "Vodafone.de"}, {"operator": "Telekom"}),
        ({"operators": ("vodafone",)}, {}, {"operator": None}),
    ],
)
def test_a_rule_holds_where_all_that_it_names_fits(rule, fits, does_not):
    route = Route(name="rule", **rule)
    assert route.fits(to(**fits))
    assert not route.fits(to(**does_not))


def test_the_first_rule_that_fits_holds_and_where_none_does_every_sim_may():
    narrow = Route(name="otp", groups=("fast",), categories=frozenset({Category.OTP}))
    wide = Route(name="all of shop", groups=("cheap",), accounts=frozenset({"shop"}))
    routes = Routes([narrow, wide])
    assert routes.of(to(category=Category.OTP)) is narrow
    assert routes.of(to()) is wide
    assert routes.of(to(account="bank")) is ANY_WAY
    assert ANY_WAY.groups == (EVERY_SIM,)


def test_a_rule_that_is_no_longer_set_leads_to_every_sim():
    assert Routes([]).named("gone") is ANY_WAY
    assert "gone" not in Routes([])


@given(waited=st.integers(0, 10_000), step=st.integers(1, 500), groups=st.integers(1, 5))
def test_a_message_that_waits_may_take_one_more_group_each_time(waited, step, groups):
    names = tuple(f"g{number}" for number in range(groups))
    route = Route(name="r", groups=names, fallback_after=timedelta(seconds=step))
    now = NOW + timedelta(seconds=waited)
    assert route.groups_at(NOW, now) == names[: 1 + waited // step]
    widens = route.widens_at(NOW, now)
    if 1 + waited // step >= groups:
        assert widens is None
    else:
        assert widens is not None
        assert now < widens
        assert len(route.groups_at(NOW, widens)) == len(route.groups_at(NOW, now)) + 1


def test_without_a_fallback_a_message_stays_with_the_first_group():
    route = Route(name="r", groups=("a", "b"))
    assert route.groups_at(NOW, NOW + timedelta(days=9)) == ("a",)
    assert route.widens_at(NOW, NOW) is None


def test_a_clock_that_steps_back_takes_no_group_away_from_nothing():
    route = Route(name="r", groups=("a", "b"), fallback_after=timedelta(minutes=1))
    assert route.groups_at(NOW, NOW - timedelta(hours=1)) == ("a",)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Vodafone.de", "vodafone", True),
        ("Telekom", "T-Mobile", False),
        ("o2 - de", "O2", True),
        (None, "O2", False),
        ("", "", False),
        ("中国移动", "中国移动", True),
    ],
)
def test_networks_are_the_same_in_whatever_spelling(one, other, same):
    assert same_network(one, other) is same
