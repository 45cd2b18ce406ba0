from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.matching import (
    Ambiguous,
    CandidateAttempt,
    Matched,
    ReportFacts,
    Unknown,
    Wait,
    elsewhere,
    learn_offset,
    match,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ZERO = timedelta()
HOUR = timedelta(hours=1)


def attempt(number, reference, minutes=0.0, *, awaited=False, exact=True):
    """Make an attempt that began so many minutes before NOW."""
    started = NOW - timedelta(minutes=minutes)
    uncertain = reference is None and not awaited
    return CandidateAttempt(number, reference, uncertain, started, exact)


def awaited(number, minutes=0.0):
    return attempt(number, None, minutes, awaited=True)


def report(minutes: float | None = 0.0, *, reference=17, received=0.0):
    """Make a report of a part taken so many minutes before NOW; None: it does not say."""
    taken = None if minutes is None else NOW - timedelta(minutes=minutes)
    return ReportFacts(reference, taken, NOW - timedelta(minutes=received))


TABLE = {
    "nothing was sent": (report(), [], ZERO, Unknown()),
    "the reference agrees": (report(), [attempt(1, 17)], ZERO, Matched(1)),
    "another reference never fits": (report(), [attempt(1, 18)], ZERO, Unknown()),
    "it came before the attempt began": (report(2, received=1), [attempt(1, 17)], ZERO, Unknown()),
    "an uncertain one that is near": (report(), [attempt(1, None, 1)], ZERO, Matched(1)),
    "an uncertain one of long ago": (report(), [attempt(1, None, 60)], ZERO, Unknown()),
    "the reference beats none": (report(), [attempt(1, None), attempt(2, 17, 3)], ZERO, Matched(2)),
    "the reference of long ago does not": (
        report(), [attempt(1, None, 1), attempt(2, 17, 50)], ZERO, Matched(1)),
    "an early report waits for its reference": (report(), [awaited(1)], ZERO, Wait()),
    "early, though the reference was used long ago": (
        report(), [awaited(1), attempt(2, 17, 50)], ZERO, Wait()),
    "in time, though another is under way": (
        report(1), [awaited(1), attempt(2, 17, 1)], ZERO, Matched(2)),
    "late, while another is under way": (
        report(50), [awaited(1), attempt(2, 17, 50)], ZERO, Matched(2)),
    "uncertain, while another is under way": (
        report(1), [awaited(1), attempt(2, None, 1)], ZERO, Wait()),
    "the reference came round: the newer": (
        report(), [attempt(1, 17, 43), attempt(2, 17)], ZERO, Matched(2)),
    "the reference came round: the older, late": (
        report(43), [attempt(1, 17, 43), attempt(2, 17)], ZERO, Matched(1)),
    "the reference came round thrice": (
        report(43), [attempt(1, 17, 86), attempt(2, 17, 43), attempt(3, 17)], ZERO, Matched(2)),
    "two are equally near": (
        report(1), [attempt(1, None, 0), attempt(2, None, 2)], ZERO, Ambiguous()),
    "two are nearly equally near": (
        report(0), [attempt(1, None, 0.05), attempt(2, None, 0.1)], ZERO, Ambiguous()),
    "two are told apart by six seconds": (
        report(0.5), [attempt(1, None, 0.5), attempt(2, None, 0.6)], ZERO, Matched(1)),
    "the whole number beats its end": (
        report(), [attempt(1, 17, exact=False), attempt(2, None)], ZERO, Matched(2)),
    "the end of the number is enough": (report(), [attempt(1, 17, exact=False)], ZERO, Matched(1)),
    "the offset is taken off": (
        report(-60), [attempt(1, 17, 60), attempt(2, 17)], HOUR, Matched(2)),
    "the offset tells an uncertain one": (report(-60), [attempt(1, None)], HOUR, Matched(1)),
    "the centre's clock was changed": (report(60), [attempt(1, 17)], ZERO, Matched(1)),
    "the centre's clock was changed, and another is under way": (
        report(60), [attempt(1, 17, 1), awaited(2)], ZERO, Matched(1)),
    "the clock was changed and the reference came round": (
        report(60), [attempt(1, 17), attempt(2, 17, 20)], ZERO, Ambiguous()),
    "no offset yet, a wrong zone, one candidate": (
        report(-120), [attempt(1, None)], None, Matched(1)),
    "no offset yet, a wrong zone, the reference": (
        report(-120), [attempt(1, None), attempt(2, 17)], None, Matched(2)),
    "no offset yet, a wrong zone, the reference came round": (
        report(-120), [attempt(1, 17, 43), attempt(2, 17)], None, Ambiguous()),
    "no offset yet, a wrong zone, one under way": (
        report(-120), [awaited(1), attempt(2, 17, 43)], None, Wait()),
    "no offset yet, a right clock": (
        report(), [attempt(1, 17, 43), attempt(2, 17)], None, Matched(2)),
    "no time stamp: the latest": (
        report(None), [attempt(1, 17, 43), attempt(2, 17, 1)], ZERO, Matched(2)),
    "no time stamp, days late": (report(None), [attempt(1, 17, 4000)], ZERO, Matched(1)),
    "no time stamp, one under way": (report(None), [awaited(1), attempt(2, 17, 43)], ZERO, Wait()),
}  # fmt: skip


@pytest.mark.parametrize(("said", "candidates", "offset", "result"), TABLE.values(), ids=TABLE)
def test_a_report_finds_its_attempt(said, candidates, offset, result):
    assert match(said, candidates, offset) == result
    assert match(said, candidates[::-1], offset) == result


def test_an_early_report_matches_as_soon_as_the_reference_is_there():
    said = report(0)
    assert match(said, [awaited(1)], ZERO) == Wait()
    assert match(said, [attempt(1, 17)], ZERO) == Matched(1)
    assert match(said, [attempt(1, 18)], ZERO) == Unknown()
    assert match(said, [attempt(1, None)], ZERO) == Matched(1)  # its answer never came


candidates_of = st.lists(
    st.builds(
        CandidateAttempt,
        id=st.integers(1, 1000),
        reference=st.sampled_from([None, 17, 18]),
        uncertain=st.booleans(),
        started_at=st.timedeltas(timedelta(days=-3), timedelta(hours=1)).map(NOW.__add__),
        exact_recipient=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)
offsets = st.none() | st.timedeltas(-HOUR, HOUR)
reports = st.builds(
    ReportFacts,
    reference=st.just(17),
    scts=st.none() | st.timedeltas(timedelta(days=-3), HOUR).map(NOW.__add__),
    received_at=st.just(NOW),
)


@given(reports, candidates_of, offsets, st.randoms())
def test_what_is_matched_could_be_meant_whatever_else_there_is(said, candidates, offset, random):
    result = match(said, candidates, offset)

    random.shuffle(candidates)
    assert match(said, candidates, offset) == result
    if isinstance(result, Matched):
        found = next(each for each in candidates if each.id == result.id)
        assert found.reference == 17 or (found.reference is None and found.uncertain)
        assert found.started_at <= said.received_at
    if not candidates:
        assert result == Unknown()


@given(
    every=st.floats(2.5, 60),
    sent=st.integers(1, 900),
    meant=st.integers(0, 899),
    delay=st.floats(0, 4),
    ahead=st.timedeltas(timedelta(hours=-14), timedelta(hours=14)),
)
def test_a_reference_that_comes_round_finds_the_part_that_was_meant(
    every, sent, meant, delay, ahead
):
    """A campaign of parts to one number: the report of any of them finds it."""
    meant %= sent
    starts = [NOW + timedelta(seconds=every * index) for index in range(sent)]
    stamped = starts[meant] + timedelta(seconds=delay) + ahead
    said = ReportFacts(meant % 256, stamped.replace(microsecond=0), starts[-1] + HOUR)
    candidates = [
        CandidateAttempt(index, index % 256, False, started, True)
        for index, started in enumerate(starts)
        if index % 256 == said.reference
    ]
    assert match(said, candidates, ahead + timedelta(seconds=2)) == Matched(meant)


def test_the_offset_is_learned_slowly_and_a_changed_clock_at_once():
    assert learn_offset(None, HOUR) == HOUR
    moved = learn_offset(HOUR, HOUR + timedelta(seconds=8))
    assert moved == HOUR + timedelta(seconds=1)
    assert learn_offset(HOUR, 2 * HOUR) == 2 * HOUR
    assert learn_offset(HOUR, -HOUR) == -HOUR


@given(st.timedeltas(-HOUR, HOUR), st.lists(st.timedeltas(ZERO, timedelta(seconds=9)), min_size=40))
def test_the_learned_offset_settles_among_its_samples(centre, delays):
    offset = None
    for delay in delays:
        offset = learn_offset(offset, centre + delay)
    assert centre <= offset <= centre + timedelta(seconds=9)


@pytest.mark.parametrize(
    ("candidates", "meant"),
    [
        ([], None),
        ([attempt(1, 17, 1)], 1),
        ([attempt(1, None, 1)], 1),
        ([attempt(1, 17, 1), attempt(2, None, 1)], 1),
        ([attempt(1, 17, 1), attempt(2, 17, 2)], None),
        ([attempt(1, 18, 1)], None),
        ([attempt(1, 17, 1, exact=False)], None),
        ([awaited(1)], None),
        ([attempt(1, 17, 60)], None),
    ],
)
def test_an_attempt_of_another_sim_is_meant_only_if_it_is_the_only_one(candidates, meant):
    assert elsewhere(report(), candidates, ZERO) == meant
    assert elsewhere(report(None), candidates, ZERO) is None
