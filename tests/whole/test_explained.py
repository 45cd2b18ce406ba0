"""Whatever is set and asked for: what waits in a real house says why, and what is said comes true.

A real store, real lines and simulated modems in a loop whose time jumps, as in ``test_plan``; what
is set for SIMs, routes and hours is drawn, and so are messages, pauses and people who say STOP.
"""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from appliance.errors import SubmissionRefused
from appliance.inbox import reading
from appliance.lifecycle import State
from appliance.policy.categories import Category
from appliance.policy.consent import KeywordRules, Per
from appliance.submission import Submission
from tests.fake_modem.breaking import mute_network
from tests.fake_modem.sim import Sim
from tests.jumping import JumpingClock, run_jumping
from tests.store.test_messages import stop
from tests.whole.test_hours import HEAD
from tests.whole.test_plan import BERLIN, START, working

SLACK = timedelta(seconds=20)
"""How long what was promised may take: limits are looked at again every ten seconds."""

HORIZON = timedelta(hours=60)
"""So long it is looked on; a message lives for 72 hours."""

MOST_LOOKS = 12

CONGESTED = 42  # +CMS

BY_PEOPLE = (
    "paused by somebody: the card is wet",
    "bundle of 9 parts ended on 31 January 2020",
    r"bundle \d/\d( for \d parts)?, until 31 December 2099",
    r"needs [\d.]+ (parts|for \d parts), (day|month|24 h|48 h|ramp-up|budget|bundle) ?.*",
    "it carries only (marketing|transactional) messages",
    "it carries messages of somebody only",
    r"it writes only to \+4917",
    r"its recipient has told it to stop \(STOP\)",
    r"route \w*: none of its SIMs is ready.*",
)
"""What only people end, or a SIM that is put into a modem; all else must tell a time."""

SENDING = re.compile("has it$|has not answered to a part")

NAMED = re.compile(r"\b([ab])(?=[,:] )")

NEXT = re.compile(
    r"next at (?:(?P<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun) |(?P<day>\d+ [A-Z]\w+(?: \d{4})?) )?"
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
)

a_limit = st.one_of(
    st.integers(1, 3).map("parts_per_minute = {}".format),
    st.integers(1, 4).map("parts_per_hour = {}".format),
    st.integers(1, 4).map("parts_per_day = {}".format),
    st.integers(1, 5).map("parts_per_month = {}".format),
    st.integers(1, 3).map("parts_per_rolling = [{{{{ parts = {}, hours = 24 }}}}]".format),
    st.integers(1, 2).map("recipients_per_day = {}".format),
    st.integers(20, 90).map("minimum_gap_seconds = {}".format),
    st.sampled_from(
        [
            "hours = ['08:00-09:00']",
            "hours = ['Mon-Fri 00:30-01:00', 'Sat 10:00-14:00']",
            "bundle = {{ parts = 9, from = 2020-01-01, until = 2020-01-31 }}",
            "bundle = {{ parts = 2, from = 2020-01-01, until = 2099-12-31 }}",
            "budget_per_month = 0.1\nprice_per_part = 0.05",
            "ramp_up = [1, 2, 3]",
            "categories = ['marketing']",
            "categories = ['transactional']",
            "accounts = ['somebody']",
            "destinations = ['+4917']",
        ]
    ),
)
limits = st.lists(a_limit, max_size=3, unique_by=lambda line: line.split(" ", 1)[0])

a_route = st.tuples(
    st.sampled_from(["", "prefixes = ['+4917']", "categories = ['marketing', 'otp']"]),
    st.lists(st.sampled_from(["a", "b", "c", "all"]), min_size=1, max_size=3, unique=True),
    st.sampled_from(["", "next_group_after_minutes = 5"]),
)

PEOPLE = ("+4915120000001", "+4915120000002", "+4917120000001", "+4917120000002")

a_message = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(list(Category)),
    st.integers(1, 3),
    st.sampled_from([0, 0, 0, 3, 600]),  # minutes until it is to be sent
)

an_event = st.one_of(
    st.tuples(st.just("pause"), st.integers(0, 1)),
    st.tuples(st.just("stop"), st.integers(0, 1), st.sampled_from(PEOPLE)),
    st.tuples(st.just("congested"), st.integers(0, 1)),
)


@st.composite
def sites(draw):
    """Return a configuration; of the SIMs of groups a, b and c the last one is in no modem."""
    text = [HEAD]
    hours = draw(st.sampled_from(["", "", "[quiet]\nmarketing = '08:00-20:00'"]))
    text += [hours, f"[pool]\nsticky_seconds = {draw(st.sampled_from([0, 60]))}"]
    text += [f"[[groups]]\nname = '{name}'" for name in "abc"]
    for number, group in enumerate("abc"):
        iccid = Sim.numbered(number if group != "c" else 9).iccid
        lines = "\n".join(draw(limits))
        text.append(f"[[sims]]\niccid = '{iccid}'\nname = '{group}'\ngroup = '{group}'\n{lines}")
    for number, (which, groups, after) in enumerate(draw(st.lists(a_route, max_size=2))):
        text.append(f"[[routes]]\nname = 'r{number}'\ngroups = {groups}\n{which}\n{after}")
    return "\n".join(text)


def told(says: str, now: datetime) -> datetime | None:
    """Return the first moment that somebody reads in an explanation; None: there is none."""
    moments = (_moment(found, now.astimezone(BERLIN)) for found in NEXT.finditer(says))
    return min(moments, default=None)


def _moment(found: re.Match[str], now: datetime) -> datetime:
    second = int(found["second"] or 0)
    at = now.replace(
        hour=int(found["hour"]), minute=int(found["minute"]), second=second, microsecond=0
    )
    if found["weekday"]:
        while f"{at:%a}" != found["weekday"]:
            at += timedelta(days=1)
    elif found["day"]:
        while f"{at.day} {at:%B}" not in found["day"]:
            at += timedelta(days=1)
    elif at < now and at.hour == at.minute == 0:
        at += timedelta(days=1)  # the coming midnight is said without its day
    return at


class Watched:
    """What waits in a house, and what it says."""

    def __init__(self, site, clock):
        self.site, self.clock, self.names = site, clock, []

    async def submit(self, to, category, parts, minutes):
        now = self.clock.now()
        new = Submission(
            to=to,
            text="x" * (100 if parts == 1 else 150 * parts),
            category=category,
            not_before=now + timedelta(minutes=minutes) if minutes else None,
        )
        with suppress(SubmissionRefused):  # somebody has said STOP
            self.names.append((await self.site.house.intake.submit(self.site.account, new)).id)

    async def happen(self, what, modem, *more):
        now, store = self.clock.now(), self.site.store
        sim_id = self.site.house.pool.keeper(f"modem{modem}").line.sim_id
        if what == "pause":
            await store.lines.pause(sim_id, "paused by somebody: the card is wet", now)
        elif what == "stop":
            self.sim = sim_id  # as ``stop`` reads it
            await store.inbound.take(stop(self, sender=more[0]))
        else:
            mute_network(self.site.bank.modems[modem], code=CONGESTED)

    async def waits(self):
        """Return what each message says that waits."""
        found = {}
        for name in self.names:
            story = await self.site.store.views.message(self.site.account.id, name)
            if story.message.state is State.QUEUED:
                found[name] = await self.site.house.waiting.of(name, State.QUEUED)
        return found

    @property
    def air(self):
        """Return how many parts each SIM has sent, by its name."""
        sent = Counter(entry.iccid for entry in self.site.bank.ledger.sent())
        return {name: sent[Sim.numbered(number).iccid] for number, name in enumerate("ab")}

    async def settled(self):
        """Return what is said once nothing is being sent."""
        while True:
            await asyncio.sleep(SLACK.total_seconds())
            found = await self.waits()
            if not any(says and SENDING.search(says) for says in found.values()):
                return found


def named(said):
    """Return the SIMs that messages wait for, as far as these have been in a modem."""
    return {name for says in said.values() for name in NAMED.findall(says)}


def explained(says: str | None, now: datetime) -> None:
    assert says
    if told(says, now) is None:
        for part in says.split("; "):
            why = part.partition(": ")[2] if not part.startswith("route") else part
            assert any(re.fullmatch(each, why) for each in BY_PEOPLE), says


@settings(
    max_examples=15,
    deadline=None,
    phases=[each for each in Phase if each is not Phase.explain],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sites(), st.lists(a_message, min_size=2, max_size=8), st.lists(an_event, max_size=2))
def test_what_waits_says_why_and_at_the_time_that_it_says_something_has_changed(
    text, messages, events
):
    async def work(loop):
        clock = JumpingClock(loop, START)
        with TemporaryDirectory() as folder:
            async with working(loop, Path(folder), clock, text) as site:
                await look_on(loop, site, clock)

    async def look_on(loop, site, clock):
        site.store.inbound.exchange(reading({}, KeywordRules(per=Per.NUMBER)))
        watched, house = Watched(site, clock), site.house
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(each) for each in (house.waking.run(), house.rerouting.keep())
            ]
            await site.ready(3)
            for event in events:
                await watched.happen(*event)
            for each in messages:
                await watched.submit(*each)
            await come_true(loop, watched, clock)
            for task in tasks:
                task.cancel()

    async def come_true(loop, watched, clock):
        before, air = None, {}
        for _ in range(MOST_LOOKS):
            found, now = await watched.settled(), clock.now()
            note(f"{now.astimezone(BERLIN):%a %H:%M:%S} {found}")
            for says in found.values():
                explained(says, now)
            moments = {name: told(says, now) for name, says in found.items()}
            if before is not None:
                another = any(watched.air[name] > air[name] for name in named(before))
                changed(before, found, moments, now, another=another)
            first = min((at for at in moments.values() if at is not None), default=None)
            if first is None or first > START + HORIZON:
                return
            before, air = found, watched.air
            loop.skip(first - now - timedelta(seconds=1))

    run_jumping(work)


def changed(before, found, moments, now, *, another):
    """See that something has left since the first moment that was told, or waits for another.

    ``another``: a part has left by a SIM that they wait for, of a message that had begun.
    """
    said = before
    left = said.keys() - found.keys()
    for name, says in found.items():
        at = moments[name]
        assert at is None or at >= now - SLACK, (says, now)
    otherwise = any(_words(found[name]) != _words(said[name]) for name in found)
    assert left or another or otherwise, (said, now)


def _words(says):
    """Return why a message waits, without the times; each try in vain is another reason."""
    return says if "tried in vain" in says else NEXT.sub("later", says)
