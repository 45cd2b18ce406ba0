"""What holds for limits of every kind, whatever is sent, given back, restarted, or set anew."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.limits import Allowance, Gap, Past, Sent, recollect
from tests.policy.limit_kinds import (
    BY_PART,
    HOUR,
    MICROSECOND,
    PAUSES,
    RECIPIENTS,
    STARTS,
    WHOLE,
    ZONES,
    forbids,
    limits_of,
)

STEPS = st.lists(
    st.tuples(PAUSES, RECIPIENTS, st.sampled_from(["", "", "restart", "zone", "give back"])),
    max_size=40,
)


def in_zone(limit, zone):
    """Return a limit as it is after the site has got another time zone."""
    if hasattr(limit, "zone"):
        return replace(limit, zone=zone)
    if hasattr(limit, "calendar"):
        return replace(limit, calendar=replace(limit.calendar, zone=zone))
    return limit


@settings(max_examples=100)
@given(limits_of(), STARTS, STEPS, st.lists(ZONES, min_size=40, max_size=40))
def test_no_limit_is_ever_exceeded_over_restarts_gifts_and_changes_of_the_zone(
    limits, now, steps, zones
):
    allowance, sent = Allowance(limits), []
    for (pause, recipient, event), zone in zip(steps, zones, strict=False):
        now += pause
        if event == "zone":
            limits = [in_zone(limit, zone) for limit in limits]
        if event in {"zone", "restart"}:
            allowance = Allowance(limits, sent, now=now)
        wait = allowance.earliest(now, 1, recipient)
        if wait.at is None:
            continue
        now = wait.at
        allowance.spend(now, recipient)
        if event == "give back":
            allowance.give_back(now, recipient)
            continue
        part = Sent(now, recipient)
        assert [limit for limit in limits if forbids(limit, sent, part)] == []
        sent.append(part)


@settings(max_examples=100)
@given(limits_of(), STARTS, STEPS, st.integers(1, 3), st.lists(PAUSES, min_size=1, max_size=4))
def test_a_restart_changes_no_answer(limits, now, steps, parts, later):
    allowance, sent = Allowance(limits), []
    for pause, recipient, event in steps:
        now += pause
        wait = allowance.earliest(now, 1, recipient)
        if wait.at is None:
            break
        now = wait.at
        allowance.spend(now, recipient)
        if event == "give back":
            allowance.give_back(now, recipient)
        else:
            sent.append(Sent(now, recipient))
    again = Allowance(limits, sent, now=now)
    for pause in later:
        now += pause
        for recipient in (None, b"\1" * 16, b"\xff" * 16):
            lived, recalled = (each.earliest(now, parts, recipient) for each in (allowance, again))
            assert (lived, lived.reason) == (recalled, recalled.reason)


@settings(max_examples=100)
@given(limits_of(), STARTS, st.lists(st.tuples(PAUSES, RECIPIENTS), max_size=40), st.integers(1, 3))
def test_what_is_promised_holds_and_nothing_waits_longer_than_it_must(limits, now, steps, parts):
    limits = [limit for limit in limits if not isinstance(limit, Gap) or not limit.jitter]
    allowance, sent = Allowance(limits), []
    for pause, recipient in steps:
        now += pause
        wait = allowance.earliest(now, parts, recipient)
        if wait.at is None:
            assert wait.reason
            break
        assert wait.at >= now
        assert (wait.at > now) is bool(wait.reason)
        assert allowance.earliest(wait.at, parts, recipient).at == wait.at
        if wait.at > now:
            almost = Sent(wait.at - MICROSECOND, recipient)
            assert allowance.earliest(almost.at, parts, recipient).at == wait.at
            assert any(
                forbids(limit, [*sent, *[almost] * others], almost)
                for others in range(parts)
                for limit in limits
            )
        now = wait.at
        allowance.spend(now, recipient)
        sent.append(Sent(now, recipient))


@settings(max_examples=100)
@given(limits_of(), STARTS, st.lists(PAUSES, max_size=30), st.lists(PAUSES, min_size=2, max_size=6))
def test_asking_later_never_gives_an_earlier_answer(limits, now, steps, later):
    allowance = Allowance(limits)
    for pause in steps:
        now = allowance.earliest(now + pause).at
        if now is None:
            return
        allowance.spend(now)
    answers = []
    for pause in later:
        now += pause
        answers.append(allowance.earliest(now, 2, b"new").at)
    for early, late in pairwise(answers):
        assert late is None or (early is not None and early <= late)


STEPS_BACK = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), HOUR),
    st.timedeltas(timedelta(), 400 * 24 * HOUR),
)

COUNTING = limits_of(st.one_of(BY_PART, WHOLE))


@settings(max_examples=100)
@given(COUNTING, STARTS, st.lists(st.tuples(PAUSES, STEPS_BACK, st.booleans()), max_size=40))
def test_a_clock_that_steps_back_never_resets_a_limit(limits, now, steps):
    """What has to wait before the step has to wait after it, also if the daemon restarts."""
    limits = [limit for limit in limits if not isinstance(limit, Gap) or not limit.jitter]
    allowance, labels = Allowance(limits), []
    for pause, back, restart in steps:
        now += pause
        had_to_wait = allowance.earliest(now).at != now
        now -= back
        if restart:
            allowance = Allowance(limits, labels, now=now)
        assert not had_to_wait or allowance.earliest(now).at != now
        if allowance.earliest(now).at == now:
            allowance.spend(now)
            labels.append(now)


@settings(max_examples=100)
@given(
    st.tuples(limits_of(), limits_of()), STARTS, STEPS, st.tuples(st.integers(0, 40), st.booleans())
)
def test_limits_that_are_exchanged_count_all_that_was_sent(limits, now, steps, watching):
    """What is spent while the store is read counts once, written down already or not."""
    (before, after), (at, late) = limits, watching
    allowance, sent, last = Allowance(before), [], []
    since = seen = asked = None
    for number, (pause, recipient, event) in enumerate([*steps, (timedelta(), b"", "end")]):
        now += pause
        if number == at or (since is None and event == "end"):
            since, asked = allowance.watch(now), now
            # The last part may be written down or not, also if it was given back.
            seen = [part for part in sent if part not in last] + (last if late else [])
        wait = allowance.earliest(now, 1, recipient)
        if wait.at is None or event == "end":
            break
        now = wait.at + MICROSECOND
        allowance.spend(now, recipient)
        last = [Sent(now, recipient)]
        if event == "give back":
            allowance.give_back(now, recipient)
        else:
            sent += last
    if since is not None:
        allowance.exchange(recollect(after, Past(seen), asked, since))
        fresh = Allowance(after, sent, now=now)
        for recipient in (None, b"\1" * 16):
            exchanged, restarted = (each.earliest(now, 1, recipient) for each in (allowance, fresh))
            assert exchanged == restarted
