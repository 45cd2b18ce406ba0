import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lifecycle import Event
from appliance.modem.causes import (
    SIEMENS,
    WAVECOM,
    Cause,
    Kind,
    Overrides,
    cme_cause,
    cms_cause,
    code_of,
    final_cause,
    report_event,
    status_sentence,
)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (Kind.NUMBER, [1, 30, 69, 95, 96, 97, 99, 128, 159, 191, 195, 254]),
        (Kind.SIM, [8, 10, 21, 28, 29, 50, 193]),
        (Kind.PASSING, [27, 38, 41, 42, 47, 98, 111, 192, 194, 198, 199, 208, 331]),
        (Kind.DEVICE, [300, 310, 311, 312, 313, 314, 316, 320, 321, 322, 330]),
        (Kind.MAYBE_SENT, [None, 197, 255, 332, 500, 512, 2000, 65535]),
    ],
)
def test_every_class_of_refusal_has_its_codes(kind, codes):
    assert {code: cms_cause(code).kind for code in codes} == dict.fromkeys(codes, kind)


@given(st.integers(0, 1 << 20))
def test_every_number_has_a_cause_with_a_sentence(code):
    for cause in (cms_cause(code), cme_cause(code)):
        assert isinstance(cause, Cause)
        assert cause.sentence


@pytest.mark.parametrize(
    ("final", "code", "kind"),
    [
        ("+CMS ERROR: 38", 38, Kind.PASSING),
        ("+CMS ERROR: SIM PUK required", 316, Kind.DEVICE),
        ("+CMS ERROR: unknown error", 500, Kind.MAYBE_SENT),
        ("+CMS ERROR: Short message transfer rejected", 21, Kind.SIM),
        ("+CMS ERROR: (U)SIM not inserted", 310, Kind.DEVICE),
        ("+CMS ERROR: invalid memory index", 321, Kind.DEVICE),
        ("+CME ERROR: SIM busy", 14, Kind.DEVICE),
        ("+CME ERROR: operation not allowed", 3, Kind.DEVICE),
        ("+CME ERROR: unknown", 100, Kind.MAYBE_SENT),
        ("+CME ERROR: 10", 10, Kind.DEVICE),
        ("+CME ERROR: 58", 58, Kind.MAYBE_SENT),
        ("ERROR", None, Kind.MAYBE_SENT),
        ("COMMAND NOT SUPPORT", None, Kind.MAYBE_SENT),
        ("+CMS ERROR: ²", None, Kind.MAYBE_SENT),
    ],
)
def test_an_error_line_is_classed_by_its_number_or_its_words(final, code, kind):
    assert code_of(final) == code
    assert final_cause(final).kind is kind


@pytest.mark.parametrize(
    ("final", "kind"),
    [
        ("+CMS ERROR: 38", Kind.SIM),
        ("+CMS ERROR: 500", Kind.PASSING),
        ("+CMS ERROR: unknown error", Kind.PASSING),  # the same in words
        ("+CMS ERROR: 512", Kind.NUMBER),
        ("+CME ERROR: 38", Kind.MAYBE_SENT),  # its numbers are others
        ("+CME ERROR: 14", Kind.PASSING),
        ("+CMS ERROR: 42", Kind.PASSING),
        ("+CMS ERROR: 21", Kind.SIM),
        ("ERROR", Kind.MAYBE_SENT),  # has no number that could be set
    ],
)
def test_what_is_set_for_a_number_wins_and_holds_for_no_other(final, kind):
    overrides = Overrides(
        cms={38: Kind.SIM, 500: Kind.PASSING, 512: Kind.NUMBER}, cme={14: Kind.PASSING}
    )
    found = final_cause(final, WAVECOM, overrides)
    assert found.kind is kind
    assert found.sentence == final_cause(final, WAVECOM).sentence


@pytest.mark.parametrize(
    ("own", "code", "kind"),
    [
        (WAVECOM, 512, Kind.PASSING),
        (WAVECOM, 515, Kind.DEVICE),
        (WAVECOM, 513, Kind.MAYBE_SENT),  # the radio link broke: who knows when
        (SIEMENS, 517, Kind.NUMBER),
        (SIEMENS, 535, Kind.PASSING),
        (SIEMENS, 512, Kind.MAYBE_SENT),
    ],
)
def test_a_makers_own_numbers_mean_something_on_its_models_only(own, code, kind):
    assert final_cause(f"+CMS ERROR: {code}", own).kind is kind
    assert final_cause(f"+CMS ERROR: {code}").kind is Kind.MAYBE_SENT
    assert final_cause(f"+CME ERROR: {code}", own) == cme_cause(code)


@pytest.mark.parametrize(
    ("event", "statuses"),
    [
        (Event.DELIVER, [0x00]),
        (None, [0x01, *range(0x20, 0x26)]),
        (Event.EXPIRE, [0x02, 0x46]),
        (Event.REFUSE, [0x03, 0x1F, 0x26, 0x40, 0x45, 0x47, 0x49, 0x60, 0x65, 0x7F, 0xFF]),
    ],
)
def test_every_status_has_its_event(event, statuses):
    assert {status: report_event(status) for status in statuses} == dict.fromkeys(statuses, event)


@pytest.mark.parametrize("status", range(256))
def test_every_status_has_a_sentence(status):
    assert status_sentence(status)
