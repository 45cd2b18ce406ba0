"""Balances: amounts as people write them, when to ask, and what a low one may do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy import balance
from appliance.policy.balance import InVain, Schedule, complaint, due, number, read

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("12,50", "12.50"),
        ("12.50", "12.50"),
        ("0", "0"),
        ("7777", "7777"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\N{NO-BREAK SPACE}234,56", "1234.56"),
        ("1'234.50", "1234.50"),
        ("1.234.567", "1234567"),
        ("1,00,000.50", "100000.50"),
        ("100.000", "100000"),
        ("0.123", "0.123"),
        ("-3.20", "-3.20"),
        ("3.20-", "-3.20"),
        ("\N{MINUS SIGN}2", "-2"),
        ("+5,00", "5.00"),
        (",50", "0.50"),
        ("5.", "5"),
        ("3.00.", "3.00"),  # at the end of a sentence
        ("1.234,50.", "1234.50"),
        ("١٢٫٥٠", "12.50"),
        ("۱۲۳٬۴۵۶٫۷", "123456.7"),
        ("१२.५", "12.5"),
    ],
)
def test_an_amount_is_read_as_people_write_it(written, amount):
    assert number(written) == Decimal(amount)


@pytest.mark.parametrize(
    "written", ["", " ", "-", "abc", "1..2", "12.5.2026", "1,2,3", "1.23.4", "1,234,5", "²", "1e5"]
)
def test_what_is_no_amount_is_none(written):
    assert number(written) is None


@given(st.decimals(-(10**6), 10**6, places=2, allow_nan=False))
def test_every_amount_is_read_in_either_notation(amount):
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number(english) == number(german) == number(f"{amount:.2f}") == amount


@given(st.text())
def test_nothing_breaks_reading_an_amount(text):
    number(text)
    assert read("([0-9.,]+)", text) is None or any(char in "0123456789" for char in text)


def test_the_one_group_or_the_named_one_is_the_amount():
    said = "Ihr Guthaben für die Nr.4915783647410 beträgt 5,78 Euro"
    assert read(r"beträgt (\S+) euro", said) == Decimal("5.78")
    assert read(r"(Nr\.)(\d+) .* (?P<amount>[\d,]+)", said) == Decimal("5.78")
    assert read(r"balance (\S+)", said) is None
    assert read(r"(für)", said) is None
    assert read(r"(?P<amount>xyz)?Ihr", said) is None


def test_a_pattern_may_run_over_line_breaks():
    assert read(r"saldo.*?(-?[\d.]+)", "SALDO\nMain: -0.20 EUR") == Decimal("-0.20")


@pytest.mark.parametrize("pattern", [r"(\d+)", r"(?:a|b) (\d+)", r"(a)(b)(?P<amount>\d)"])
def test_a_pattern_that_can_be_used_has_no_complaint(pattern):
    assert complaint(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "no regular expression"), (r"\d+", "one group"), (r"(\d+) (\d+)", "amount")],
)
def test_a_pattern_that_cannot_be_used_is_told_why(pattern, words):
    assert words in str(complaint(pattern))


def is_due(*, ago=None, parts=0, vain=None, after=0, every=DAY):
    asked_at = None if ago is None else NOON - ago
    schedule = Schedule(every=every, after_parts=after)
    return due(schedule, NOON, asked_at=asked_at, parts=parts, vain=vain)


def test_it_is_asked_at_first_and_then_every_so_often():
    assert is_due()
    assert not is_due(ago=DAY - HOUR)
    assert is_due(ago=DAY)
    assert is_due(ago=-HOUR)  # the clock was set back


def test_it_is_asked_after_so_many_parts_where_that_is_set():
    assert is_due(ago=HOUR, parts=10, after=10)
    assert not is_due(ago=HOUR, parts=9, after=10)
    assert not is_due(ago=HOUR, parts=10_000)


def test_after_questions_in_vain_it_is_asked_less_and_less_often_but_as_often_as_set():
    pauses = []
    for times in range(1, 7):
        pause = next(
            minutes
            for minutes in range(24 * 60 + 1)
            if is_due(vain=InVain(times, NOON - timedelta(minutes=minutes)))
        )
        pauses.append(pause)
    assert pauses == [10, 30, 120, 360, 360, 360]
    assert is_due(vain=InVain(6, NOON - HOUR), every=HOUR)
    assert not is_due(vain=InVain(1, NOON), parts=100, after=1)


def test_a_balance_is_low_below_the_minimum_and_not_at_it():
    assert balance.is_low(Decimal("1.99"), 2.0)
    assert not balance.is_low(Decimal("2.00"), 2.0)
    assert not balance.is_low(Decimal("0.1"), 0.1)


def test_only_a_sim_that_nobody_else_has_paused_is_paused_for_its_balance():
    ours = balance.reason(Decimal("1.2"), 2)
    assert ours == "balance 1.20 is below 2.00"
    assert balance.may_pause(None)
    assert balance.may_pause(ours)
    assert not balance.may_pause("the technician has paused it")
    assert balance.is_ours(ours)
    assert not balance.is_ours(None)
