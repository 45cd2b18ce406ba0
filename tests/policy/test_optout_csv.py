"""Lists of opt-outs: what each line says, and why it says nothing."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import BadField
from appliance.policy.categories import Category
from appliance.policy.optout_csv import LONGEST_REASON, Listed, Unread, read, written

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)

BERLIN = ZoneInfo("Europe/Berlin")


def lines(text):
    return list(read(text, BERLIN, NOW))


def said(number, line=1, category=None, until=None, reason=""):
    return Listed(line=line, number=number, category=category, until=until, reason=reason)


def test_a_list_may_be_numbers_only():
    assert lines("+491511\n\n+491512\r\n") == [said("+491511"), said("+491512", 3)]


def test_columns_without_names_have_their_order():
    text = "+491511,marketing,2026-06-01T00:00:00+02:00,by letter"
    until = datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert lines(text) == [said("+491511", 1, Category.MARKETING, until, "by letter")]


def test_columns_with_names_may_stand_anyhow_and_be_parted_by_semicolons():
    text = "\N{ZERO WIDTH NO-BREAK SPACE}Reason;Number\n'as; asked';+491511\n\"a;b\";+491512\n"
    assert lines(text)[1:] == [said("+491512", 3, reason="a;b")]
    assert lines(text)[0] == Unread(2, "has 3 columns instead of 2")


def test_a_day_counts_whole_where_the_site_is():
    (one,) = lines("+491511,,2026-05-04")
    assert one.until == datetime(2026, 5, 5, 0, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("+491511,adverts", "category"),
        ("+491511,,tomorrow", "until: must be a day"),
        ("+491511,,2026-05-03", "over already"),
        ("+491511,,9999-12-31", "until"),
        (f"+491511,,,{'x' * (LONGEST_REASON + 1)}", "reason"),
        ("+491511,,,a,b", "has 5 columns"),
    ],
)
def test_a_line_that_is_wrong_says_why_and_the_next_one_is_read(cells, why):
    wrong, good = lines(f"{cells}\n+491512")
    assert isinstance(wrong, Unread)
    assert (wrong.line, why in wrong.why) == (1, True)
    assert good == said("+491512", 2)


@pytest.mark.parametrize("header", ["number,catgory", "reason,until"])
def test_a_name_that_is_not_known_is_not_passed_over(header):
    with pytest.raises(BadField) as caught:
        lines(f"{header}\n+491511,marketing")
    assert caught.value.field == "columns"


def test_what_has_ended_does_not_begin_again():
    text = "number,ended_at\n+491511,2026-05-01T00:00:00+00:00\n+491512,\n"
    assert lines(text) == [Unread(2, "it has ended"), said("+491512", 3)]


def test_a_quote_that_never_ends_spoils_what_follows_and_nothing_else():
    found = lines('+491511\n"+491512\n' + "x" * 140_000)
    assert found[0] == said("+491511")
    assert all(isinstance(one, Unread) or one.number != "+491512" for one in found[1:])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["+491511", "+491512", "12345"]),
            st.sampled_from([None, *Category]),
            st.sampled_from([None, timedelta(days=1), timedelta(days=900)]),
            st.text(max_size=50).filter(lambda text: "\0" not in text and text == text.strip()),
        )
    )
)
def test_what_is_written_is_read_again(rows):
    made = [
        {"number": number, "category": category, "until": ahead and NOW + ahead, "reason": reason}
        for number, category, ahead, reason in rows
    ]
    text = "".join(written(made))
    back = [
        {name: getattr(one, name) for name in ("number", "category", "until", "reason")}
        for one in lines(text)
    ]
    assert back == made


@given(st.text())
def test_whatever_the_list_is_it_is_read_to_its_end_or_refused(text):
    with suppress(BadField):  # its first line names columns, and others than there are
        for one in lines(text):
            assert isinstance(one, Listed | Unread)
