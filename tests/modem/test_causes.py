import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lifecycle import Event
from appliance.modem.causes import (
    Cause,
    Kind,
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
        ("+CME ERROR: SIM busy", 14, Kind.DEVICE),
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
