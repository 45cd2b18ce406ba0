"""Whatever happens in between: nothing is lost, nothing goes twice, and nothing is left behind."""

import asyncio
import itertools
import random
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing, suppress
from datetime import UTC, timedelta
from functools import partial

import pytest

from appliance.clock import SystemClock
from appliance.errors import ApplianceError, OptedOut
from appliance.modem.causes import CMS, Kind
from appliance.policy.categories import Category
from appliance.policy.consent import Source
from appliance.policy.contract import Contract
from appliance.policy.limits import Daily, Monthly, Pace, RecipientsDaily, Rolling, recollect
from appliance.store.optout_list import NewOptOut
from appliance.store.withdrawal import Selection
from appliance.withdrawal import Replacement, cancel, change
from tests.box import until
from tests.whole.keeping import home

NUMBER = "+4915112345678"

HOURS = timedelta(hours=5)

TAG = re.compile(r"n\d{4}")

LIMITS = (
    Pace(40, timedelta(seconds=1)),
    Rolling(150, timedelta(seconds=4)),
    Daily(2_000, UTC),
    Monthly(30_000, UTC),
    RecipientsDaily(45, UTC),
)


class SteppingClock(SystemClock):
    """The machine's clock, which somebody sets."""

    def __init__(self):
        self.off = timedelta()

    def now(self):
        return super().now() + self.off


async def idle(made):
    """Wait until nothing is on its way through memory."""
    dispatcher = made.pool._dispatcher

    async def there():
        return dispatcher._lines and all(line.idle for line in dispatcher._lines)

    await until(there, "all lines are idle")


async def test_a_sim_that_is_paused_keeps_nobody_awake(tmp_path):
    async with home(tmp_path) as made:
        await made.ready()
        await made.store.lines.pause(1, "to look at it", made.clock.now())
        dispatcher = made.pool._dispatcher
        await idle(made)
        dispatcher._lines[0].resume_at = made.clock.now()
        await dispatcher._round()
        assert dispatcher._sleep() > timedelta(seconds=1)


async def test_a_clock_that_is_set_back_by_hours_makes_nothing_wait_for_hours(tmp_path):
    clock = SteppingClock()
    clock.off = HOURS
    async with home(tmp_path, clock=clock) as made:
        made.contract = Contract(limits=(Pace(2, timedelta(seconds=2)),))
        await made.ready()
        await made.submit(NUMBER, "gone before")
        await made.on_air(NUMBER)
        await made.submit(NUMBER, "begun before " * 40)
        await made.submit(NUMBER, "waits for its turn")
        later = await made.submit(NUMBER, "later", not_before=clock.now() + timedelta(minutes=1))
        await made.on_air(NUMBER, 2)
        clock.off = timedelta()
        made.pool._dispatcher.nudge()  # it looks by itself, too: after its longest sleep
        await made.submit(NUMBER, "asked for after it")
        await made.on_air(NUMBER, 7)
        story = await made.store.views.message(None, later.id)
        assert story.message.state == "queued"


class Rough:
    """Apps, people and a network that do what they like, to one pool."""

    def __init__(self, made, seed):
        self.made, self.dice = made, random.Random(seed)
        self.numbers = [f"+49151{at:08}" for at in range(60)]
        self.tags = itertools.count()
        self.asked = {}  # by tag: recipient, parts and id
        self.silenced = {}  # who has opted out, and how much was on the air then
        self.cancelled = {}

    async def submit(self):
        dice, tag = self.dice, f"n{next(self.tags):04}"
        parts, to = dice.choice((1, 1, 1, 2, 3, 4)), dice.choice(self.numbers)
        words = " ".join([tag] * (20 if parts == 1 else 153 * parts // 6))
        category = dice.choice(list(Category))
        self.asked[tag] = to, parts, None
        try:
            accepted = await self.made.submit(to, words, category=category)
        except OptedOut:
            assert to in self.silenced
            return
        assert accepted.parts == parts
        self.asked[tag] = to, parts, accepted.id

    def _one(self):
        known = [each for each in self.asked.values() if each[2] is not None]
        return self.dice.choice(known)[2] if known else None

    async def cancel(self):
        name = self._one()
        if name is None:
            return
        made = self.made
        found = await cancel(made.store, made.clock, made.account.id, Selection(ids=(name,)))
        if found.cancelled:
            self.cancelled[name] = True

    async def replace(self):
        name = self._one()
        tag = next((tag for tag, each in self.asked.items() if each[2] == name), None)
        if name is None or name in self.cancelled:
            return
        made, parts = self.made, self.dice.choice((1, 2, 3))
        words = " ".join([tag] * (20 if parts == 1 else 153 * parts // 6))
        with suppress(ApplianceError):
            await change(made.intake, made.store, made.account, name, Replacement(text=words))
            self.asked[tag] = self.asked[tag][0], parts, name

    async def stop(self):
        number = self.dice.choice(self.numbers)
        if number in self.silenced or len(self.silenced) > 20:
            return
        new = NewOptOut(
            recipient=number,
            suffix=number[-8:],
            account_id=None,
            category=None,
            until=None,
            reason="enough",
            source=Source.API,
            at=self.made.clock.now(),
        )
        self.silenced.setdefault(number, None)
        await self.made.store.opt_outs.add([new])
        self.silenced[number] = self.made.clock.now()

    async def pause(self):
        sim, store, clock = self.dice.choice((1, 2, 3)), self.made.store, self.made.clock
        await store.lines.pause(sim, "for a while", clock.now())
        await asyncio.sleep(self.dice.random())
        await store.lines.resume(sim, clock.now())

    async def break_something(self):
        dice, modem = self.dice, self.dice.randrange(3)
        code = dice.choice([code for code, cause in CMS.items() if cause.kind is not Kind.SIM])
        kind, fields = dice.choice(
            (
                ("error", {"code": code}),
                ("error", {"code": code}),
                ("error", {"code": None}),
                ("lost", {}),
                ("no_prompt", {}),
                ("hang", {"cure": "escape"}),
            )
        )
        await self.made.fault(kind, modem, **fields)

    async def unplug(self):
        modem = self.dice.randrange(3)
        await self.made.fault("vanish", modem, seconds=0.5)
        await asyncio.sleep(self.dice.random())

    async def limit(self):
        made = self.made
        made.contract = Contract(limits=(*LIMITS[:2], *LIMITS[2 + self.dice.randrange(2) :]))
        await made.allowances.refresh()

    async def many(self, what, count, pause):
        for _ in range(count):
            await what()
            await asyncio.sleep(self.dice.random() * pause)

    async def run(self):
        await asyncio.gather(
            *(self.many(self.submit, 90, 0.08) for _ in range(3)),
            self.many(self.cancel, 25, 0.3),
            self.many(self.replace, 25, 0.3),
            self.many(self.stop, 15, 0.5),
            self.many(self.pause, 6, 0.5),
            self.many(self.break_something, 10, 0.6),
            self.many(self.limit, 6, 1.0),
            self.many(self.unplug, 3, 2.0),
        )
        await asyncio.gather(
            *(self.made.store.lines.resume(sim, self.made.clock.now()) for sim in (1, 2, 3))
        )


def pieces(made):
    """Return what went on the air of each message by its tag: (recipient, SIM, reference, ...)."""
    found = defaultdict(list)
    for one in made.bank.ledger.sent():
        found[TAG.search(one.text)[0]].append(one)
    return found


async def attempts(made):
    """Return all attempts by their messages' ids."""
    found = await made.store.views.messages(None, most=1_000)
    stories = [await made.store.views.message(None, one.id) for one in found]
    return {story.message.id: story for story in stories}


async def drained(rough):
    """Wait until what may leave has left, take back what waits for minutes, and then for the end."""
    made = rough.made

    async def nothing():
        found = await made.store.views.messages(None, most=1_000)
        now = made.clock.now()
        open_ = [one for one in found if one.state in ("queued", "sending")]
        for one in open_:
            await cancel(made.store, made.clock, made.account.id, Selection(ids=(one.id,)))
        return not open_ or now is None

    await asyncio.sleep(1)
    await until(nothing, "nothing waits", 60)
    await idle(made)


def same(one, other, now):
    """Say whether two allowances tell the same."""
    for ahead in (0, 1, 5, 3_600):
        at = now + timedelta(seconds=ahead)
        for parts in (1, 3, 9):
            mine, its = one.earliest(at, parts), other.earliest(at, parts)
            if (mine.at, mine.binding) != (its.at, its.binding):
                return f"{mine} {its}"
    return ""


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_all_is_counted_and_nothing_stays_reserved(tmp_path, seed):
    async with home(tmp_path, modems=3) as made:
        made.contract = Contract(limits=LIMITS)
        for number in range(3):
            await made.ready(number)
        rough = Rough(made, seed)
        await rough.run()
        await drained(rough)
        dispatcher = made.pool._dispatcher
        await dispatcher._round()
        now = made.clock.now()
        for line in dispatcher._lines:
            assert not line.allowance.reserved
            assert not line.reserved.keys
            fresh = type(line.allowance)()
            work = partial(recollect, made.contract.limits, now=now)
            fresh.exchange(await made.store.usage.read(line.sim_id, work))
            print(line.sim_id, same(line.allowance, fresh, now))
        assert not dispatcher._kept._lines
        on_air, stories = pieces(made), await attempts(made)
        for tag, (to, _parts, name) in rough.asked.items():
            if name is None:
                continue
            story = stories[name]
            tell_tale = "\n".join(
                map(str, (tag, name, story.message.state, *story.attempts, *story.history, *((one.at, one.modem, one.concat) for one in on_air[tag])))
            )
            sent = [one for one in story.attempts if one.outcome in ("sent", "uncertain", "refused")]
            assert len(on_air[tag]) <= len(sent), tell_tale
            ordinals = [one.concat.ordinal if one.concat else 1 for one in on_air[tag]]
            assert ordinals == sorted(set(ordinals)), tell_tale
            assert len({(one.iccid, one.concat.reference if one.concat else 0) for one in on_air[tag]}) <= 1, tell_tale
            assert {one.recipient for one in on_air[tag]} <= {to}
            if name in rough.cancelled:
                assert not on_air[tag], tell_tale
            stopped = rough.silenced.get(to)
            assert not stopped or all(one.started_at <= stopped for one in story.attempts), tell_tale
            assert story.message.state not in ("queued", "sending"), tell_tale
        print(len(rough.asked), sum(map(len, on_air.values())), Counter(str(s.message.state) for s in stories.values()), len(rough.cancelled))


async def test_what_could_not_be_stored_when_it_came_is_stored_as_soon_as_it_can_be(
    tmp_path, caplog
):
    async with home(tmp_path) as made:
        await made.ready()
        with closing(sqlite3.connect(tmp_path / "data" / "appliance.db", timeout=30)) as database:
            database.execute("ALTER TABLE inbound_part RENAME TO away")
            await made.do("inbound", modem=0, sender=NUMBER, text="STOP")

            async def failed():
                return "could not be stored" in caplog.text

            await until(failed, "it cannot be stored")
            database.execute("ALTER TABLE away RENAME TO inbound_part")

        async def heard():
            return await made.store.opt_outs.shown(None, made.clock.now())

        await until(heard, "the STOP is heard")
        with pytest.raises(OptedOut):
            await made.submit(NUMBER)

        async def forgotten():
            return not made.bank.modems[0].sim.memory.slots

        await until(forgotten, "the SIM has let go of it")


async def test_nobody_goes_on_with_a_message_whose_last_outcome_is_not_written_yet(tmp_path):
    async with home(tmp_path, cmgs_delay=0.3) as made:
        await made.ready()
        dispatcher = made.pool._dispatcher
        (line,) = dispatcher._lines
        await made.fault("error", code=41)
        name = (await made.submit(NUMBER, "a long one " * 40)).id

        async def begun():
            return (await made.store.views.message(None, name)).attempts

        await until(begun, "its first part is begun")
        with closing(sqlite3.connect(tmp_path / "data" / "appliance.db", timeout=30)) as database:
            database.execute("BEGIN IMMEDIATE")

            async def unwritten():
                return line.holds and line.idle

            await until(unwritten, "its outcome waits to be written")
            line.resume_at = made.clock.now()
            await dispatcher._resume(made.clock.now())
            assert line.idle
            assert line.resume_at <= made.clock.now()  # so that it is looked at once it is written
            database.rollback()

        async def waits():
            return (await made.store.views.message(None, name)).message.state == "queued"

        await until(waits, "it waits for another try")
        assert made.bank.ledger.sent() == []
