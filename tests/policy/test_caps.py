"""How often one person may be written to, and what is too much of the same."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.caps import Answer, Cap, Caps, Earlier, FloodGuard, Per, SameText
from appliance.policy.categories import Category

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

WEEK = timedelta(days=7)


def earlier(hours=1.0, account=1, category=Category.MARKETING, *, same=False):
    at = NOW - timedelta(hours=hours)
    return Earlier(account_id=account, category=category, same_text=same, at=at)


def judge(known, *caps, account=1, category=Category.MARKETING, same_text=None):
    return Caps(caps, same_text).judge(account, category, known, NOW)


def test_up_to_its_number_a_cap_lets_pass_and_then_says_when_again():
    cap = Cap(most=2, window=WEEK, categories=frozenset({Category.MARKETING}))
    assert judge([earlier()], cap) is None
    found = judge([earlier(24), earlier(1)], cap)
    assert found is not None
    assert found.field == "to"
    assert found.why == (
        "one recipient gets at most 2 marketing messages within 7 days; the next one in 6 days"
    )


def test_what_is_older_than_the_window_counts_no_more():
    assert judge([earlier(168)], Cap(most=1, window=WEEK)) is None


def test_other_categories_neither_count_nor_are_counted_against():
    cap = Cap(most=1, window=WEEK, categories=frozenset({Category.MARKETING}))
    assert judge([earlier(category=Category.OTP)], cap) is None
    assert judge([earlier()], cap, category=Category.OTP) is None


def test_a_cap_per_account_counts_its_own_and_one_of_the_site_counts_all():
    known = [earlier(account=2)]
    assert judge(known, Cap(most=1, window=WEEK, per=Per.ACCOUNT)) is None
    assert judge(known, Cap(most=1, window=WEEK, per=Per.SITE)) is not None


def test_the_first_cap_that_is_full_decides():
    found = judge([earlier()], Cap(most=9, window=WEEK), Cap(most=1, window=timedelta(days=1)))
    assert found is not None
    assert "at most 1 message within 1 day" in found.why


@pytest.mark.parametrize(("answer", "refused"), [(Answer.REFUSE, True), (Answer.MARK, False)])
def test_the_same_text_again_is_refused_or_marked_as_set(answer, refused):
    rule = SameText(window=timedelta(hours=2), answer=answer)
    found = judge([earlier(1, same=True)], same_text=rule)
    assert found is not None
    assert found.refused is refused
    assert found.why == "the same text was handed in for this recipient 1 hour ago"


def test_the_same_text_of_another_account_or_of_long_ago_is_no_twin():
    rule = SameText(window=timedelta(minutes=30))
    assert judge([earlier(1, same=True)], same_text=rule) is None
    assert judge([earlier(0.1, account=2, same=True)], same_text=rule) is None
    assert judge([earlier(0.1)], same_text=rule) is None


@given(
    st.lists(st.integers(0, 200), max_size=30),
    st.integers(1, 5),
    st.integers(1, 100),
)
def test_taken_one_by_one_no_window_ever_holds_more_than_its_cap(gaps, most, hours):
    cap, taken, now = Cap(most=most, window=timedelta(hours=hours)), [], NOW
    for gap in gaps:
        now += timedelta(hours=gap)
        if Caps([cap]).judge(1, Category.OTP, taken, now) is None:
            taken.append(Earlier(account_id=1, category=Category.OTP, same_text=False, at=now))
    times = [each.at for each in taken]
    for start in times:
        within = [at for at in times if start <= at < start + cap.window]
        assert len(within) <= most


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 200)), max_size=30),
    st.integers(1, 4),
    st.integers(1, 100),
)
def test_what_is_sent_later_counts_when_it_leaves_and_what_is_refused_is_told_when_it_may(
    asked, most, hours
):
    cap, taken, now = Cap(most=most, window=timedelta(hours=hours)), [], NOW
    for gap, later in asked:
        now += timedelta(hours=gap)
        at = now + timedelta(hours=later)
        if Caps([cap]).judge(1, Category.OTP, taken, now, at) is None:
            taken.append(
                Earlier(account_id=1, category=Category.OTP, same_text=False, at=now, leaves_at=at)
            )
        else:
            others = sum(abs(each.leaves_at - at) < cap.window for each in taken)
            assert others >= most, "it was refused though there was room"
    times = [each.leaves_at for each in taken]
    for start in times:
        assert sum(start <= at < start + cap.window for at in times) <= most


def test_one_for_next_week_does_not_keep_one_of_today_and_is_told_of_next_week():
    cap = Cap(most=1, window=timedelta(days=1))
    week = NOW + WEEK
    known = [
        Earlier(account_id=1, category=Category.MARKETING, same_text=False, at=NOW, leaves_at=week)
    ]
    assert Caps([cap]).judge(1, Category.MARKETING, known, NOW) is None
    found = Caps([cap]).judge(1, Category.MARKETING, known, NOW, week - timedelta(hours=1))
    assert found is not None
    assert found.why.endswith("within 1 day; the next one in 8 days")


def test_it_looks_back_as_far_as_its_longest_window_and_not_at_all_without_rules():
    assert Caps([Cap(most=1, window=WEEK)], SameText(window=timedelta(hours=1))).reach == WEEK
    assert Caps().reach == timedelta()


def test_a_flood_of_one_time_passwords_is_stopped_per_account_and_ends():
    guard = FloodGuard(3, timedelta(minutes=1))
    answers = [guard.judge(1, Category.OTP, NOW) for _ in range(5)]
    assert [answer is None for answer in answers] == [True] * 3 + [False] * 2
    assert guard.judge(2, Category.OTP, NOW) is None
    assert guard.judge(1, Category.MARKETING, NOW) is None
    assert guard.judge(1, Category.OTP, NOW + timedelta(minutes=1)) is None
