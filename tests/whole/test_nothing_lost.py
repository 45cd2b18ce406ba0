"""Whatever happens in between: nothing is lost, nothing goes twice, and nothing is left behind."""

import asyncio
import itertools
import random
import re
import sqlite3
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial

import pytest

from appliance.clock import SystemClock
from appliance.dispatch.dispatcher import HELD_UP
from appliance.errors import ApplianceError, OptedOut
from appliance.modem.causes import CMS, Kind
from appliance.policy.categories import Category
from appliance.policy.consent import Source
from appliance.policy.contract import Contract
from appliance.policy.limits import (
    Allowance,
    Daily,
    Monthly,
    Pace,
    RecipientsDaily,
    Rolling,
    recollect,
)
from appliance.store.lanes import LaneKey
from appliance.store.optout_list import NewOptOut
from appliance.store.withdrawal import Selection
from appliance.submission import Submission
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
        super().__init__()
        self.off = timedelta()

    def now(self):
        return super().now() + self.off


async def idle(made):
    """Wait until nothing is on its way through memory, by lines that may send."""
    dispatcher = made.pool._dispatcher

    async def there():
        now = made.clock.now()
        return dispatcher._lines and all(
            line.idle or line._conduct.held(now) for line in dispatcher._lines
        )

    await until(there, "all lines are idle")


async def test_a_sim_that_is_paused_keeps_nobody_awake(tmp_path):
    async with home(tmp_path) as made:
        await made.ready()
        await made.store.lines.pause(1, "to look at it", made.clock.now())
        dispatcher = made.pool._dispatcher
        await idle(made)
        (line,) = dispatcher._lines
        line.resume_at = made.clock.now()
        dispatcher.again()
        await dispatcher.look()
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
            *(self.many(self.submit, 70, 0.08) for _ in range(3)),
            self.many(self.cancel, 20, 0.25),
            self.many(self.replace, 20, 0.25),
            self.many(self.stop, 12, 0.4),
            self.many(self.pause, 5, 0.3),
            self.many(self.break_something, 8, 0.6),
            self.many(self.limit, 5, 0.9),
            self.many(self.unplug, 2, 1.0),
        )
        await asyncio.gather(
            *(self.made.store.lines.resume(sim, self.made.clock.now()) for sim in (1, 2, 3))
        )


def pieces(made):
    """Return what went on the air, by tag, in its order."""
    found = defaultdict(list)
    for one in made.bank.ledger.sent():
        found[TAG.search(one.text)[0]].append(one)
    return found


async def drained(made):
    """Wait for what is in flight; what waits for minutes is taken back."""

    async def nothing():
        found = await made.store.views.messages(None, most=1_000)
        open_ = tuple(one.id for one in found if one.state in ("queued", "sending"))
        if open_:
            await cancel(made.store, made.clock, made.account.id, Selection(ids=open_))
        return not open_

    await until(nothing, "nothing waits", 60)
    await idle(made)


def told(allowance, now):
    """Return what an allowance answers."""
    moments = [now + timedelta(seconds=ahead) for ahead in (0, 1, 5, 3_600)]
    found = [allowance.earliest(at, parts) for at in moments for parts in (1, 3, 9)]
    return [(wait.at, wait.binding) for wait in found]


async def check_message(made, rough, tag, on_air):
    to, _, name = rough.asked[tag]
    story = await made.store.views.message(None, name)
    tale = "\n".join(map(str, (tag, story.message.state, *story.attempts, *on_air)))
    assert story.message.state not in ("queued", "sending"), tale
    tried = [one for one in story.attempts if one.outcome in ("sent", "uncertain", "refused")]
    assert len(on_air) <= len(tried), tale
    ordinals = [one.concat.ordinal if one.concat else 1 for one in on_air]
    assert ordinals == sorted(set(ordinals)), tale
    ways = {(one.recipient, one.iccid, one.concat and one.concat.reference) for one in on_air}
    assert len(ways) <= 1, tale
    assert {one.recipient for one in on_air} <= {to}, tale
    assert not on_air or name not in rough.cancelled, tale
    stopped = rough.silenced.get(to)
    assert not stopped or all(one.started_at <= stopped for one in story.attempts), tale


async def nothing_reserved(made):
    dispatcher, now = made.pool._dispatcher, made.clock.now()
    await dispatcher.look()
    return all(
        not line.allowance.reserved and (not line.reserved.keys or line._conduct.held(now))
        for line in dispatcher._lines
    )


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_all_is_counted_and_nothing_stays_reserved(tmp_path, seed):
    async with home(tmp_path, modems=3) as made:
        made.contract = Contract(limits=LIMITS)
        for number in range(3):
            await made.ready(number)
        rough = Rough(made, seed)
        await rough.run()
        await drained(made)
        dispatcher = made.pool._dispatcher
        await until(partial(nothing_reserved, made), "nothing stays reserved")
        now = made.clock.now()
        for line in dispatcher._lines:
            fresh = Allowance()
            work = partial(recollect, made.contract.limits, now=now)
            fresh.exchange(await made.store.usage.read(line.sim_id, work))
            assert told(line.allowance, now) == told(fresh, now)
        assert not dispatcher._kept._lines
        on_air = pieces(made)
        for tag, (_, _, name) in rough.asked.items():
            if name is not None:
                await check_message(made, rough, tag, on_air[tag])


async def test_what_has_no_form_for_the_air_fails_alone(tmp_path):
    async with home(tmp_path) as made:
        await made.ready()
        asked = made.intake.checked(made.account, Submission(to=NUMBER, text="broken"))
        key = LaneKey(asked.account_id, asked.category, asked.priority, "")
        lane = await made.store.lanes.of(key)
        new = replace(asked, udh=b"\x05", lane_id=lane)
        name = (await made.store.messages.accept(new)).id
        await made.submit(NUMBER, "after it")
        await made.on_air(NUMBER)
        story = await made.store.views.message(None, name)
        assert story.message.state == "failed"
        assert "malformed" in story.message.cause
        assert made.pool.unready() == []


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
            assert line.resume_at <= made.clock.now() + HELD_UP
            database.rollback()

        async def waits():
            return (await made.store.views.message(None, name)).message.state == "queued"

        await until(waits, "it waits for another try")
        assert made.bank.ledger.sent() == []
