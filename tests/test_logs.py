import io
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import logs
from appliance.logs import masked

logger = logging.getLogger("appliance.test")


def fail(why):
    raise RuntimeError(why)


@pytest.fixture
def written():
    """Give a stream for log lines; afterwards everything is as it was."""
    root, names = logging.getLogger(), [*logs.TALKATIVE, *logs.SPEAKING_OF_DATA]
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in names}
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in names:
        logging.getLogger(name).setLevel(levels[name])


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+4915112345678", "+49151******78"),
        ("+491511234578", "+49151*****78"),
        ("+37251234567", "+37251****67"),
        ("+3725123456", "+3725****56"),
        ("+372512345", "+372****45"),
        ("015112345", "*******45"),
        ("72975", "***75"),
        ("112", "***"),
        ("5", "*"),
        ("", ""),
        ("Vodafone", "******ne"),
        ("DeutschBank", "Deuts****nk"),
    ],
)
def test_a_number_is_shown_only_in_part(number, shown):
    assert masked(number) == shown


@given(st.text(max_size=30))
def test_masking_keeps_the_length_and_hides_enough(number):
    hidden = masked(number)
    assert len(hidden) == len(number)
    assert hidden.count("*") >= min(3, len(number))


def test_a_fact_is_one_line_with_its_time_its_level_its_event_and_a_sentence(written):
    logs.setup("info", stream=written)
    logger.info("part %d sent, reference %d", 17, 5, extra={"event": "part.sent", "part": 17})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} info part.sent: part 17 sent, reference 5\n",
        written.getvalue(),
    )


def test_a_line_without_an_event_has_its_module_instead(written):
    logs.setup("info", stream=written)
    logger.warning("something")
    assert written.getvalue().endswith(" warning appliance.test: something\n")


def test_under_the_journal_each_line_has_a_priority_and_no_time(written):
    logs.setup("debug", journal=True, stream=written)
    logger.debug("a")
    logger.info("b", extra={"event": "line.ready"})
    logger.warning("c")
    try:
        fail("d")
    except RuntimeError:
        logger.exception("e", extra={"event": "line.failed"})

    first, second, third, fourth, *trace = written.getvalue().splitlines()
    assert first == "<7>debug appliance.test: a"
    assert second == "<6>info line.ready: b"
    assert third == "<4>warning appliance.test: c"
    assert fourth == "<3>error line.failed: e"
    assert trace[-1] == "<3>  RuntimeError: d"
    assert all(line.startswith("<3>  ") for line in trace)


def test_an_exception_stands_indented_below_its_fact(written):
    logs.setup("info", stream=written)
    try:
        fail("two\nlines")
    except RuntimeError:
        logger.exception("it broke")
    fact, *trace = written.getvalue().splitlines()
    assert fact.endswith("error appliance.test: it broke")
    assert trace
    assert all(line.startswith("  ") for line in trace)


@pytest.mark.parametrize("evil", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b"])
def test_what_a_stranger_wrote_cannot_forge_a_line(written, evil):
    logs.setup("info", stream=written)
    logger.info("bind refused for %s", evil, extra={"event": "bind.refused"})
    assert len(written.getvalue().splitlines()) == 1
    assert written.getvalue().removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    ("level", "kept"),
    [("debug", "diwe"), ("info", "iwe"), ("warning", "we"), ("error", "e")],
)
def test_what_is_below_the_level_is_not_written(written, level, kept):
    logs.setup(level, journal=True, stream=written)
    for each, letter in zip(("debug", "info", "warning", "error"), "diwe", strict=True):
        getattr(logger, each)(letter)
    assert "".join(line[-1] for line in written.getvalue().splitlines()) == kept


def test_setting_up_twice_writes_each_line_once(written):
    logs.setup("info", stream=written)
    logs.setup("info", stream=written)
    logger.info("once")
    assert written.getvalue().count("once") == 1


def test_statements_with_their_data_are_never_written_and_chatter_only_at_debug(written):
    for level in ("debug", "info"):
        logs.setup(level, stream=written)
        for name in logs.SPEAKING_OF_DATA:
            assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        for name in logs.TALKATIVE:
            assert logging.getLogger(name).isEnabledFor(logging.INFO) is (level == "debug")
            assert logging.getLogger(name).isEnabledFor(logging.WARNING)
