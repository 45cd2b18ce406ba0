"""Limits of every kind for property tests, and what each forbids, by brute force."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from appliance.policy.limits import (
    HOUR,
    MINUTE,
    Budget,
    Bundle,
    Daily,
    Days,
    Gap,
    Hours,
    Monthly,
    Months,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
    WeekHours,
)
from appliance.policy.limits.hours import WEEKDAYS
from appliance.policy.limits.kinds import micros

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

BERLIN, CHATHAM, NEW_YORK = map(ZoneInfo, ("Europe/Berlin", "Pacific/Chatham", "America/New_York"))

ZONES = st.sampled_from([UTC, BERLIN, CHATHAM, NEW_YORK])

STARTS = st.sampled_from(
    [
        datetime(2026, 3, 27, 18, tzinfo=UTC),  # two days before a change of the clocks in Berlin
        datetime(2026, 10, 23, 18, tzinfo=UTC),
        datetime(2026, 2, 26, 4, tzinfo=UTC),
        datetime(2026, 12, 30, 23, tzinfo=UTC),
    ]
)

RECIPIENTS = st.sampled_from([bytes([number]) * 16 for number in range(6)])

RANGES = st.builds(
    "{}{:02}:{:02}-{:02}:{:02}".format,
    st.sampled_from(["", "Mon-Fri ", "Sat-Tue ", *(f"{day} " for day in WEEKDAYS)]),
    st.integers(0, 11),
    st.sampled_from([0, 30]),
    st.integers(12, 23),
    st.sampled_from([0, 45]),
) | st.sampled_from(["22:00-02:30", "Sun 02:15-02:45", "Fri 20:00-06:00", "00:00-24:00"])

BY_PART = st.one_of(
    st.builds(Pace, st.integers(1, 8), st.sampled_from([MINUTE, HOUR])),
    st.builds(Gap, st.sampled_from([SECOND, 90 * SECOND]), st.just(timedelta())),
    st.builds(Gap, st.sampled_from([SECOND, 90 * SECOND]), st.just(HOUR), st.text(max_size=3)),
)

CLOSING = st.one_of(
    st.builds(Hours, st.builds(WeekHours.parse, st.lists(RANGES, min_size=1, max_size=3)), ZONES),
    st.builds(
        lambda parts, zone, start, days: Bundle(
            parts, (start - DAY).date(), (start + days * DAY).date(), zone
        ),
        st.integers(3, 60),
        ZONES,
        STARTS,
        st.integers(1, 700),
    ),
)

WHOLE = st.one_of(
    st.builds(Rolling, st.integers(3, 20), st.sampled_from([HOUR, DAY, 3 * DAY])),
    st.builds(Daily, st.integers(3, 30), ZONES),
    st.builds(Monthly, st.integers(3, 60), ZONES, st.sampled_from([1, 15, 29, 31])),
    st.builds(
        Budget,
        st.sampled_from([0.4, 1.0, 3.33]),
        st.sampled_from([0.01, 0.0999, 0.1]),
        st.builds(Days, ZONES) | st.builds(Months, ZONES, st.sampled_from([1, 30])),
    ),
    st.builds(RampUp, st.sampled_from([(3, 6, 9), (5,), (4, 4, 8, 20)]), ZONES),
)

BY_RECIPIENT = st.one_of(
    st.builds(RecipientsDaily, st.integers(1, 4), ZONES),
    st.builds(RecipientsMonthly, st.integers(1, 4), ZONES, st.sampled_from([1, 31])),
)

ANY = st.one_of(BY_PART, CLOSING, WHOLE, BY_RECIPIENT)


def limits_of(kinds=ANY):
    """Give up to four limits, but hours only once: two that never meet never let anything go."""
    once = st.lists(kinds, min_size=1, max_size=4)
    return once.filter(lambda found: sum(isinstance(limit, Hours) for limit in found) < 2)


PAUSES = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(), 2 * MINUTE),
    st.timedeltas(timedelta(), 30 * HOUR),
)


def forbids(limit, sent, last):
    """Tell whether ``last``, a part that is sent after ``sent``, is one too many."""
    everything = [*sent, last]
    match limit:
        case Pace() | Rolling():
            since = last.at - limit.window
            return sum(since < part.at <= last.at for part in everything) > limit.parts
        case Gap():
            return bool(sent) and last.at - sent[-1].at < limit.apart
        case Hours():
            return not limit.week.holds(last.at, limit.zone)
        case _:
            return overfills(limit, everything, last)


def overfills(limit, everything, last):
    """Tell whether ``last`` is one too many in its calendar period."""
    calendar = limit.calendar
    mine = calendar.start(day_of(last, calendar))
    if mine is None or mine > day_of(last, calendar):
        return True
    days = [(part, day_of(part, calendar)) for part in everything]
    same = [part for part, day in days if calendar.start(day) == mine <= day]
    match limit:
        case RecipientsDaily() | RecipientsMonthly():
            known = {part.recipient for part in same if part is not last}
            return last.recipient not in known and len(known) >= limit.recipients
        case Budget():
            return len(same) * micros(limit.price) > micros(limit.amount)
        case RampUp():
            step = (mine - day_of(everything[0], calendar)).days
            return step < len(limit.steps) and len(same) > limit.steps[step]
        case _:
            return len(same) > limit.parts


def day_of(part, calendar):
    return part.at.astimezone(calendar.zone).date()
