"""When a SIM counts as bad, and how long it is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.judgement import (
    LONGEST,
    REASON,
    Fate,
    JudgementRules,
    Record,
    is_judged,
    reports_missing,
    wants_report,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OUT, FAILED, REFUSED = Fate.OUT, Fate.FAILED, Fate.REFUSED

RULES = JudgementRules(consecutive=3, rate=0.5, window=timedelta(hours=1), least_parts=10)


def said(*fates, rules=RULES, every=timedelta(seconds=1)):
    record = Record(rules)
    return [
        record.take(fate, NOW + number * every, "no credit") for number, fate in enumerate(fates)
    ]


def test_so_many_refusals_in_a_row_and_no_fewer():
    assert said(REFUSED, REFUSED, REFUSED) == [
        "",
        "",
        "3 parts in a row were refused: no credit",
    ]


def test_one_part_that_gets_out_begins_the_row_anew_and_one_that_fails_does_not():
    assert set(said(REFUSED, REFUSED, OUT, REFUSED, REFUSED)) == {""}
    assert said(REFUSED, REFUSED, FAILED, REFUSED)[-1] != ""


def test_failures_alone_make_no_row_but_a_share():
    found = said(*[FAILED] * 10)
    assert set(found[:9]) == {""}
    assert found[9] == "10 of 10 parts failed within 60 minutes"


@pytest.mark.parametrize(("failed", "bad"), [(9, False), (10, True)])
def test_the_share_is_reached_and_not_only_nearly(failed, bad):
    found = said(*[OUT] * (20 - failed), *[FAILED] * failed)
    assert bool(found[-1]) is bad


def test_a_part_that_gets_out_condemns_nobody():
    assert said(*[FAILED] * 9, OUT)[-1] == ""


def test_what_was_before_the_window_is_forgotten():
    assert set(said(*[FAILED] * 30, every=7 * MINUTE)) == {""}


def test_a_clock_that_steps_back_leaves_nothing_of_the_future():
    record = Record(RULES)
    for _ in range(9):
        record.take(FAILED, NOW)
    assert record.take(FAILED, NOW - timedelta(days=1)) == ""


def test_after_its_sentence_a_sim_begins_anew():
    record = Record(RULES)
    for _ in range(9):
        record.take(REFUSED, NOW)
    record.clear()
    assert record.take(REFUSED, NOW) == ""


def test_it_is_left_alone_twice_as_long_each_time_a_day_at_most():
    rules = JudgementRules(probe_after=30 * MINUTE)
    found = [rules.leave_alone(pauses) for pauses in range(1, 9)]
    assert found[:4] == [30 * MINUTE, 60 * MINUTE, 120 * MINUTE, 240 * MINUTE]
    assert found[-1] == LONGEST
    assert rules.leave_alone(10_000) == LONGEST


@given(
    st.lists(st.sampled_from(Fate), max_size=60),
    st.integers(1, 10),
    st.integers(1, 30),
    st.floats(0.05, 1),
)
def test_nobody_is_condemned_without_the_least_that_is_set(fates, consecutive, least, rate):
    rules = JudgementRules(consecutive=consecutive, least_parts=least, rate=rate)
    record, row, failed = Record(rules), 0, 0
    for number, fate in enumerate(fates, 1):
        why = record.take(fate, NOW)
        row = 0 if fate is OUT else row + (fate is REFUSED)
        failed += fate is not OUT
        share = number >= least and failed >= rate * number and fate is not OUT
        assert bool(why) is (row >= consecutive or share)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, True),
        ({"others_reported": 20}, True),
        ({"others_reported": 19}, False),  # nobody gets them
        ({"reported": 1}, False),
        ({"sent": 19}, False),
        ({"others_sent": 19, "others_reported": 19}, False),
    ],
)
def test_reports_are_missing_only_where_others_get_them(given, missing):
    seen = {"sent": 20, "reported": 0, "others_sent": 40, "others_reported": 40} | given
    assert bool(reports_missing(JudgementRules(), **seen)) is missing


def test_only_a_report_clears_a_sim_that_got_none():
    why = REASON + reports_missing(
        JudgementRules(), sent=20, reported=0, others_sent=40, others_reported=40
    )
    assert why == (
        "judged: none of its last 20 parts was reported; of those of the other SIMs, 40 of 40 were"
    )
    assert is_judged(why)
    assert wants_report(why)
    assert not wants_report(REASON + said(*[REFUSED] * 3)[-1])
    assert not is_judged("somebody looks at it")
    assert not is_judged(None)


def test_other_rules_hold_from_the_next_part_on_and_another_window_begins_empty():
    record = Record(JudgementRules(consecutive=9, least_parts=4, rate=0.5))
    for _ in range(3):
        assert record.take(Fate.FAILED, NOW) == ""
    record.exchange(JudgementRules(consecutive=9, least_parts=4, rate=1.0))
    assert record.take(Fate.FAILED, NOW) == "4 of 4 parts failed within 60 minutes"
    record.exchange(JudgementRules(consecutive=9, least_parts=4, window=timedelta(minutes=5)))
    assert record.take(Fate.FAILED, NOW) == ""
    record.exchange(JudgementRules(consecutive=1, least_parts=4, window=timedelta(minutes=5)))
    assert record.take(Fate.REFUSED, NOW, "barred") == "1 parts in a row were refused: barred"
