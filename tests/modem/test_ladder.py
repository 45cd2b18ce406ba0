"""The ladder: up only, within its limits, and at rest in the end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import (
    CommandRefused,
    ModemSilent,
    ModemUnwell,
    NotReady,
    PortBusy,
    PortGone,
    PortHangs,
)
from appliance.modem.ladder import (
    BOUNDS,
    DAY,
    DEAR,
    HOUR,
    MAY,
    ONCE_A_DAY,
    ORDER,
    PATIENCE,
    Ladder,
    Rung,
    Symptom,
    step_number,
    symptom_of,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
REST = timedelta(minutes=30)
EVERY = frozenset(Rung)

CLIMBED = [symptom for symptom in Symptom if MAY[symptom] and symptom not in ONCE_A_DAY]


def ladder(allowed=EVERY, rest=REST):
    return Ladder(allowed, rest=rest)


def climb(mending, symptom, now=NOW):
    """Fail at once after each step until it rests; return the rungs taken and when it rests."""
    rungs = []
    while True:
        step = mending.next(symptom, now)
        now = step.at
        if step.rung is Rung.REST:
            return rungs, now
        rungs.append(step.rung)


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(days=1500)])
def test_a_clock_that_was_set_back_forbids_no_more_than_before(back):
    mending = ladder()
    for _ in range(BOUNDS[Rung.RESET].hourly):
        assert mending.take(Rung.RESET, NOW)
    assert mending.may(Rung.RESET, NOW - back) is (back > DAY)
    mending.next(Symptom.NO_NETWORK, NOW)
    assert mending.next(Symptom.NO_NETWORK, NOW - back).at <= NOW - back + DAY
    started = ladder()
    started.recall(mending.taken_lately(NOW), NOW - back)
    assert started.may(Rung.RESET, NOW - back) is (back > DAY)


def test_silence_is_met_by_each_rung_in_turn_and_then_by_rest():
    rungs, _ = climb(ladder(), Symptom.SILENCE)
    assert rungs == [Rung.REOPEN, Rung.REOPEN, Rung.RESET, Rung.USB, Rung.POWER]


def test_what_the_driver_does_by_itself_is_the_bottom_of_the_same_ladder():
    mending = ladder()
    step = mending.next(Symptom.SILENCE, NOW, above=Rung.AGAIN)
    assert step.rung is Rung.RESYNC
    assert [step_number(rung) for rung in ORDER] == [1, 2, 3, 4, 5, 6, 7]


def test_a_port_that_does_not_open_is_never_asked_to_restart():
    rungs, _ = climb(ladder(), Symptom.HANGS)
    assert Rung.RESET not in rungs
    assert rungs[-2:] == [Rung.USB, Rung.POWER]


def test_a_modem_that_answers_but_sends_nothing_out_is_restarted_first():
    assert ladder().next(Symptom.NOTHING_OUT, NOW).rung is Rung.RESET


def test_the_first_rests_are_short_the_later_ones_as_set():
    mending, now, rests = ladder(), NOW, []
    for _ in range(4):
        began = now
        _, now = climb(mending, Symptom.SILENCE, now)
        rests.append(now - began)
    assert rests[0] < rests[1] < rests[2]
    assert min(rests[2:]) >= REST
    assert mending.next(Symptom.SILENCE, now).rung is not Rung.REST


def test_a_shorter_rest_than_the_first_ones_is_kept_to():
    mending = ladder({Rung.REOPEN}, rest=timedelta(seconds=2))
    _, rested = climb(mending, Symptom.SILENCE)
    assert rested - NOW <= timedelta(seconds=10)


def test_after_it_was_well_the_climb_begins_at_the_bottom_but_the_day_still_counts():
    mending, now = ladder(), NOW
    for _ in range(BOUNDS[Rung.RESET].hourly):
        assert mending.next(Symptom.NOTHING_OUT, now).rung is Rung.RESET
        mending.proved()
        now += timedelta(minutes=1)
    assert mending.next(Symptom.SILENCE, now).rung is Rung.REOPEN
    mending.proved()
    assert mending.next(Symptom.NOTHING_OUT, now).rung is Rung.USB
    mending.proved()
    assert mending.next(Symptom.NOTHING_OUT, NOW + HOUR).rung is Rung.RESET


def test_a_missing_port_is_waited_for_and_does_not_raise_the_climb():
    mending = ladder()
    assert mending.next(Symptom.FAILURES, NOW).rung is Rung.RESET
    now, waits = NOW, 0
    while (step := mending.next(Symptom.GONE, now)).rung is None:
        assert step.at > now
        now, waits = step.at, waits + 1
    assert step.rung is Rung.REST
    assert now - NOW >= PATIENCE
    assert waits > 10
    mending.proved()
    assert mending.next(Symptom.SILENCE, now).rung is Rung.REOPEN


def test_a_stick_that_is_gone_for_minutes_after_a_restart_goes_on_where_the_climb_was():
    mending = ladder()
    assert mending.next(Symptom.FAILURES, NOW).rung is Rung.RESET
    assert mending.next(Symptom.GONE, NOW).rung is None
    assert mending.next(Symptom.SILENCE, NOW).rung is Rung.USB


@pytest.mark.parametrize("symptom", sorted(ONCE_A_DAY))
def test_what_hurts_little_is_worth_one_restart_a_day_and_leaves_the_climb_alone(symptom):
    mending = ladder()
    assert mending.next(symptom, NOW).rung is Rung.RESET
    again = mending.next(symptom, NOW + HOUR)
    assert (again.rung, again.at) == (Rung.REST, NOW + DAY)
    assert not mending.climbing
    assert mending.next(Symptom.SILENCE, NOW + HOUR).rung is Rung.REOPEN
    assert mending.next(symptom, NOW + DAY).rung is Rung.RESET


@pytest.mark.parametrize("rung", DEAR)
def test_the_limits_of_dear_rungs_outlive_the_daemon(rung):
    before, after = ladder(), ladder()
    for number in range(BOUNDS[rung].hourly):
        assert before.take(rung, NOW + number * timedelta(minutes=1))
    after.recall(before.taken_lately(NOW + HOUR / 2), NOW + HOUR / 2)
    assert not after.may(rung, NOW + HOUR / 2)
    assert after.may(rung, NOW + HOUR)
    assert after.taken_lately(NOW + HOUR / 2) == before.taken_lately(NOW + HOUR / 2)
    assert after.taken_lately(NOW + DAY + HOUR) == {}


def test_what_is_recalled_late_is_counted_with_what_was_taken_meanwhile():
    known = ladder()
    known.take(Rung.POWER, NOW)
    known.recall({"power": [NOW - 2 * HOUR, NOW - DAY], "older": [NOW]}, NOW)
    assert known.taken_lately(NOW) == {"power": [NOW - 2 * HOUR, NOW]}


def test_a_step_out_of_turn_counts_like_any_other():
    mending = ladder()
    taken = [mending.take(Rung.RESET, NOW) for _ in range(BOUNDS[Rung.RESET].hourly + 1)]
    assert taken == [True] * BOUNDS[Rung.RESET].hourly + [False]
    assert mending.next(Symptom.FAILURES, NOW).rung is Rung.USB
    assert not ladder(set()).take(Rung.RESET, NOW)


@pytest.mark.parametrize("symptom", Symptom)
def test_with_nothing_allowed_it_only_rests_or_waits(symptom):
    assert ladder(set()).next(symptom, NOW).rung in {Rung.REST, None}


@pytest.mark.parametrize("symptom", CLIMBED)
def test_no_rung_is_taken_oftener_a_day_than_its_limit_however_often_it_seemed_well(symptom):
    mending, now, taken = ladder(), NOW, dict.fromkeys((*Rung, None), 0)
    while now < NOW + DAY:
        step = mending.next(symptom, now)
        taken[step.rung] += 1
        mending.proved()
        now += timedelta(minutes=2)
    assert all(taken[rung] <= bounds.daily for rung, bounds in BOUNDS.items())
    assert taken[Rung.REST] > 0


PORT = "/dev/ttyUSB0"


@pytest.mark.parametrize(
    ("error", "symptom"),
    [
        (ModemSilent(PORT, "AT", timedelta(seconds=1)), Symptom.SILENCE),
        (CommandRefused(PORT, "AT+CMGF=0", "ERROR"), Symptom.REFUSAL),
        (PortGone(PORT, "", "the port hung up"), Symptom.GONE),
        (PortHangs(PORT, "open", "does not open"), Symptom.HANGS),
        (ModemUnwell(PORT, "garbage", "it says garbage"), Symptom.GARBAGE),
        (NotReady(PORT, "The SIM wants its PIN."), None),
        (PortBusy(PORT, "ModemManager (7)"), None),
    ],
)
def test_what_an_error_is_a_symptom_of_and_what_is_no_business_of_the_ladder(error, symptom):
    assert symptom_of(error) is symptom


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(Symptom),
        st.floats(0, 7200),  # seconds until it fails again after the step
        st.booleans(),  # whether it was well in between
    ),
    max_size=120,
)


@settings(deadline=None)
@given(st.sets(st.sampled_from(Rung)), EVENTS)
def test_no_rung_is_taken_that_is_not_allowed_or_oftener_than_its_limits(allowed, events):
    mending, now, taken = ladder(allowed), NOW, {rung: [] for rung in Rung}
    for symptom, later, well in events:
        step = mending.next(symptom, now)
        assert step.at >= now
        assert step.rung in {*allowed, Rung.REST, None}
        assert step.rung is None or step.rung in {*MAY[symptom], Rung.REST}
        if step.rung is not None:
            taken[step.rung].append(now)
        now = step.at + timedelta(seconds=later)
        if well:
            mending.proved()
    for rung, bounds in BOUNDS.items():
        for span, most in ((HOUR, bounds.hourly), (DAY, bounds.daily)):
            moments = taken[rung]
            assert all(
                sum(moment - span < each <= moment for each in moments) <= most
                for moment in moments
            )


@settings(deadline=None)
@given(
    st.sets(st.sampled_from(Rung)),
    st.lists(st.tuples(st.sampled_from(CLIMBED), st.floats(0, 60)), min_size=40, max_size=40),
)
def test_a_climb_goes_up_only_and_ends_at_rest(allowed, failures):
    mending, now, reached, rested = ladder(allowed), NOW, 0, False
    for symptom, later in failures:
        step = mending.next(symptom, now)
        if step.rung is Rung.REST:
            reached, rested = 0, True
        else:
            assert step_number(step.rung) >= reached
            reached = step_number(step.rung)
        now = step.at + timedelta(seconds=later)
    assert rested


@settings(deadline=None)
@given(st.sampled_from(CLIMBED), st.integers(3, 40))
def test_what_fails_for_ever_is_tried_slowly_in_the_end(symptom, climbs):
    mending, now = ladder(), NOW
    for _ in range(climbs):
        began = now
        _, now = climb(mending, symptom, now)
    assert now - began >= REST
