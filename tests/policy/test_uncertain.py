"""What becomes of parts of which nobody can tell whether they were sent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import BadField
from appliance.policy.categories import Category
from appliance.policy.uncertain import AFTER, UncertainRules
from appliance.submission import WhenUncertain

HOLD, RESEND, FAIL = WhenUncertain
NOW = datetime(2026, 5, 4, tzinfo=UTC)
POLICIES = st.sampled_from(WhenUncertain)
SETTABLE = st.dictionaries(st.sampled_from(Category), POLICIES).map(
    lambda found: {key: value for key, value in found.items() if key is not Category.MARKETING}
)


def test_a_part_is_held_unless_something_is_set():
    assert {UncertainRules().of(None, "shop", each) for each in Category} == {HOLD}


def test_what_is_asked_for_counts_before_the_account_and_that_before_the_category():
    rules = UncertainRules(by_category={Category.OTP: RESEND}, by_account={"shop": FAIL})
    assert rules.of(None, "bank", Category.OTP) is RESEND
    assert rules.of(None, "shop", Category.OTP) is FAIL
    assert rules.of(HOLD, "shop", Category.OTP) is HOLD


def test_marketing_is_never_sent_twice_whoever_asks_for_it():
    rules = UncertainRules(by_category={Category.MARKETING: FAIL}, by_account={"shop": RESEND})
    assert rules.of(None, "shop", Category.MARKETING) is FAIL
    assert rules.of(None, "shop", Category.URGENT) is RESEND
    with pytest.raises(BadField, match="when_uncertain"):
        rules.of(RESEND, "shop", Category.MARKETING)


@given(SETTABLE, st.dictionaries(st.just("shop"), POLICIES), st.none() | POLICIES)
def test_no_settings_send_marketing_twice(by_category, by_account, asked):
    rules = UncertainRules(by_category=by_category, by_account=by_account)
    try:
        assert rules.of(asked, "shop", Category.MARKETING) is not RESEND
    except BadField:
        assert asked is RESEND


def test_a_password_is_decided_upon_within_minutes_and_an_order_after_a_day():
    before = UncertainRules().before(NOW)
    assert before == {each: NOW - AFTER[each] for each in Category}
    assert NOW - before[Category.OTP] <= timedelta(minutes=5)
    assert NOW - before[Category.TRANSACTIONAL] == timedelta(days=1)
