"""A month of 64 SIMs: limits, fairness, order and stickiness, watched by one that knows no meters.

The clock steps, SIMs are restarted (their allowances are made anew from what was written down),
and summer time ends. What is checked goes by the list of what left alone.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from zoneinfo import ZoneInfo

import pytest

from appliance.policy.assigning import assign
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.choosing import STICKY, Candidate, Free
from appliance.policy.limits import (
    HOUR,
    Allowance,
    Daily,
    Gap,
    Hours,
    Monthly,
    Pace,
    Rolling,
    Wait,
    WeekHours,
)
from appliance.policy.queues import Queue
from appliance.policy.routes import ANY_WAY, Destination
from appliance.policy.shares import Shares

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 20, tzinfo=BERLIN).astimezone(UTC)
END = datetime(2026, 11, 20, tzinfo=BERLIN).astimezone(UTC)
SECOND = timedelta(seconds=1)
PART = 4 * SECOND
OFFICE = WeekHours.parse(["08:00-20:00"])
SIMS = range(64)

KEPT = (62, 63)
"""SIMs that carry no campaigns: nothing but the part in flight is in the way of an OTP."""

LANES = {  # by lane: account and category
    1: (1, Category.MARKETING),
    2: (2, Category.MARKETING),
    3: (3, Category.OTP),
    4: (4, Category.TRANSACTIONAL),
    5: (5, Category.MARKETING),
}
CAMPAIGNS = (1, 2, 5)


def limits_of(number):
    """Return the limits of a SIM: each has several, and they differ."""
    if number in KEPT:
        return [Gap(2 * SECOND)]
    kinds = [
        [Pace(4 + number % 3), Daily(6 + number % 5, BERLIN)],
        [Pace(2, HOUR, "hour limit"), Daily(9, BERLIN), Gap(60 * SECOND, 120 * SECOND, "a")],
        [Pace(3), Rolling(8, 24 * HOUR), Hours(OFFICE, BERLIN)],
        [Gap(20 * SECOND), Daily(11, BERLIN), Monthly(200 + number, BERLIN, 1 + number % 28)],
    ]
    return kinds[number % 4]


@dataclass(frozen=True)
class Left:
    """A message that left, when really, and as the clock then said."""

    really: datetime
    said: datetime
    sim: int
    lane: int
    due: datetime


class Sim:
    def __init__(self, number):
        self.number, self.limits = number, limits_of(number)
        self.allowance = Allowance(self.limits, now=START)
        self.written: list[datetime] = []
        self.busy_until = START
        self.wakes_at = START

    def restart(self, said):
        self.allowance = Allowance(self.limits, self.written, now=said)

    def earliest(self, said, really):
        """Return when it may send the next message, None if never, whatever the queue."""
        return self.allowance.earliest(max(said, self.busy_until + (said - really))).at

    def free(self, really):
        return Free(
            sim_id=self.number,
            may_send=self.may_send,
            refuses=self.refuses,
            room=int(self.busy_until <= really),
            sent=len(self.written),
        )

    def refuses(self, to):
        kept = self.number in KEPT and to.category is Category.MARKETING
        return "it carries no campaigns" if kept else ""

    def may_send(self, at, parts, _candidate):
        if self.wakes_at > at:
            return Wait(self.wakes_at, "asked before")
        return self.allowance.earliest(at, parts)


class Month:
    """A month of traffic; three campaigns never end, the rest comes now and then."""

    def __init__(self, seed):
        self.random, self.order, self.keys = Random(seed), count(), count(1)
        self.sims = [Sim(number) for number in SIMS]
        self.shares, self.left = Shares(), []
        self.ahead = timedelta()  # of the clock
        self.waiting = {3: [], 4: []}
        self.promised = {}  # by OTP: by when it must have left
        self.otps = 0  # that left in time
        self.events = []
        for happening, every in (
            (self.transactions, 240),
            (self.restarts, 400),
            (self.steps, 2500),
        ):
            self.repeat(START, happening, every)

    def at(self, moment, happening):
        heappush(self.events, (moment, next(self.order), happening))

    def repeat(self, really, happening, every):
        """Let something happen every so many minutes, on average."""
        happening(really) if really > START else None
        pause = self.random.expovariate(1 / every) * 60 * SECOND
        self.at(really + pause, partial(self.repeat, happening=happening, every=every))

    def run(self):
        self.at(START, lambda _really: None)
        while self.events and self.events[0][0] < END:
            really = self.events[0][0]
            while self.events and self.events[0][0] == really:
                heappop(self.events)[2](really)
            self.choose(really, really + self.ahead)
        return self

    # what happens

    def transactions(self, really):
        """Let some messages come to recipients that know a SIM, and an OTP a little later."""
        for _ in range(10):
            known = self.random.choice(SIMS)
            self.waiting[4].append((really, self.message(4, really + self.ahead, known)))
        self.at(really + STICKY, lambda _really: None)
        self.at(really + self.random.uniform(1, 16) * SECOND, self.otp)

    def otp(self, really):
        said = really + self.ahead
        candidate = self.message(3, said)
        self.waiting[3].append((really, candidate))
        self.promised[candidate.key] = min(
            at for sim in self.sims if (at := sim.earliest(said, really)) is not None
        )

    def restarts(self, really):
        for sim in self.random.sample(self.sims, 8):
            sim.restart(really + self.ahead)
            sim.wakes_at = START

    def steps(self, really):
        self.ahead = self.random.choice([-3 * HOUR, -HOUR, -SECOND, 0 * HOUR, SECOND, 2 * HOUR])
        self.promised.clear()
        for sim in self.sims:
            sim.wakes_at = START - 24 * HOUR
        for lane, waiting in self.waiting.items():
            self.waiting[lane] = [
                (due, replace(each, due_at=really + self.ahead)) for due, each in waiting
            ]
        self.at(really + STICKY, lambda _really: None)

    def message(self, lane, due, known=None):
        account, category = LANES[lane]
        key = next(self.keys)
        return Candidate(
            key=key,
            lane=lane,
            account=account,
            priority=PRIORITY[category],
            parts=1,
            recipient_key=key.to_bytes(8),
            due_at=due,
            to=Destination(account=str(account), category=category, recipient="+49", country="DE"),
            route=ANY_WAY,
            known_sim=known,
        )

    # what is decided

    def choose(self, really, said):
        known = {candidate.known_sim for _, candidate in self.waiting[4]}
        idle = [sim for sim in self.sims if sim.busy_until <= really and sim.wakes_at <= said]
        able = [sim for sim in idle if not self.waits(sim, said)]
        asked = able + [self.sims[number] for number in known if self.sims[number] not in able]
        lines = [sim.free(really) for sim in asked]
        queues = [self.queue(lane, [each for _, each in self.waiting[lane]]) for lane in (3, 4)]
        queues += [
            self.queue(lane, [self.message(lane, START) for _ in able])
            for lane in CAMPAIGNS
            if able
        ]
        with_room, without = ([line for line in lines if line.room == room] for room in (1, 0))
        plan = assign(queues, with_room, self.shares, said, others=lambda _sim: without)
        for candidate, line in plan.pairs:
            self.send(candidate, self.sims[line.sim_id], really, said)
        for sim in able:
            if sim.number not in KEPT:
                assert sim.busy_until > really, "it was free, and the campaigns never end"

    def queue(self, lane, candidates):
        account, category = LANES[lane]
        return Queue(lane, account, PRIORITY[category], candidates)

    def send(self, candidate, sim, really, said):
        due = really
        if candidate.lane in self.waiting:
            waiting = self.waiting[candidate.lane]
            place = next(at for at, each in enumerate(waiting) if each[1] is candidate)
            due, _ = waiting.pop(place)
            self.check_waiting(candidate, sim, really, said, due)
        sim.allowance.spend(said)
        sim.written.append(said)
        sim.busy_until = really + PART
        self.at(sim.busy_until, lambda _really: None)
        self.left.append(Left(really, said, sim.number, candidate.lane, due))

    def waits(self, sim, said):
        """Tell whether a SIM has to wait for its limits; if so, it wakes when they let it."""
        at = sim.allowance.earliest(said).at
        assert at is not None
        if at > said:
            sim.wakes_at = at
            self.at(at - self.ahead, lambda _really: None)
        return at > said

    # what must hold

    def check_waiting(self, candidate, sim, really, said, due):
        if candidate.key in self.promised:
            assert said <= self.promised.pop(candidate.key)
            self.otps += 1
            assert really <= due + PART
        if candidate.known_sim not in (None, sim.number) and said < candidate.due_at + STICKY:
            could = self.sims[candidate.known_sim].earliest(said, really)
            assert could is None or could > candidate.due_at + STICKY


@pytest.fixture(scope="module")
def month():
    return Month(seed=4).run()


@pytest.fixture(scope="module")
def by_sim(month):
    found = defaultdict(list)
    for each in month.left:
        found[each.sim].append(each)
    return found


def crowded(parts, window, most):
    """Return a part with too many before it in a window, by real time and by the clock both.

    A clock that steps ahead takes parts out of the window; one that steps back does not.
    """
    times = [part.really for part in parts]
    for place, last in enumerate(parts):
        first = bisect_right(times, last.really - window)
        near = [part for part in parts[first : place + 1] if part.said > last.said - window]
        if len(near) > most:
            return last
    return None


def fullest(parts, period):
    return max(Counter(period(part.said.astimezone(BERLIN)) for part in parts).values())


def months_from(day):
    """Return what names the month that a moment is in, where months begin on a day."""
    return lambda local: (local - timedelta(days=day - 1)).strftime("%Y-%m")


@pytest.mark.parametrize("number", SIMS)
def test_no_limit_is_exceeded_in_a_month_of_steps_and_restarts(by_sim, number):
    parts = by_sim[number]
    for limit in limits_of(number):
        match limit:
            case Pace() | Rolling():
                assert crowded(parts, limit.window, limit.parts) is None
            case Gap():
                assert crowded(parts, limit.apart, 1) is None
            case Hours():
                hours = {part.said.astimezone(BERLIN).hour for part in parts}
                assert hours <= set(range(8, 20))
            case Daily():
                assert fullest(parts, lambda local: local.date()) <= limit.parts
            case Monthly():
                assert fullest(parts, months_from(limit.first_day)) <= limit.parts


def test_the_month_was_full_and_the_sims_were_used(month, by_sim):
    assert len(month.left) > 14_000
    assert min(len(parts) for parts in by_sim.values()) > 150
    assert month.otps > 80


def test_campaigns_share_every_hour_within_one_message(month):
    hours = defaultdict(Counter)
    for each in month.left:
        hours[(each.really - START) // HOUR][each.lane] += 1
    shares = [[counted[lane] for lane in CAMPAIGNS] for counted in hours.values()]
    assert max(max(share) - min(share) for share in shares) <= 1
    assert max(map(sum, shares)) > 4 * len(SIMS)


def test_everything_that_came_now_and_then_has_left(month):
    assert sum(each.lane in (3, 4) for each in month.left) > 1_500
    assert len(month.waiting[3]) + len(month.waiting[4]) <= 11
