"""A clock that is not set yet: nothing goes back, nothing expires, nothing depends on the hour."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from appliance.chores import Chores
from appliance.clock import SystemClock, has_own_clock, is_synchronised
from appliance.config.reading import Config
from appliance.config.settings import Messages
from appliance.dispatch.ahead import ReadAhead
from appliance.dispatch.site_rules import RulesInForce
from appliance.inbox import reading
from appliance.incident import IncidentKind
from appliance.lifecycle import State
from appliance.policy.waits import STANDS_ASIDE
from appliance.store import Store
from appliance.store.accounts import NewAccount
from appliance.store.bell import QUEUE
from appliance.store.lanes import Hold, LaneKey
from appliance.timekeeping import Timekeeping
from tests.store.conftest import World

REAL = datetime(2026, 5, 20, 8, 0, tzinfo=UTC)
LAST_RUN = datetime(2026, 5, 10, 8, 0, tzinfo=UTC)
NUMBERS = itertools.count()

NEVER_SET = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


class Machine(SystemClock):
    """A machine whose clock and uptime are as told."""

    def __init__(self, says):
        super().__init__()
        self.says, self.up = says, 0.0

    def system(self):
        return self.says

    def monotonic(self):
        return self.up

    def pass_by(self, time):
        self.says += time
        self.up += time.total_seconds()


class Box:
    """A store, and what is known of the machine's clock."""

    def __init__(self, folder, machine):
        self.folder, self.machine = folder, machine
        self.synchronised = self.own = False
        self.networks = []  # how far modems' clocks are ahead of the house's

    async def start(self, trust="auto"):
        self.store = await Store.open(
            f"sqlite:///{self.folder / 'appliance.db'}",
            self.folder,
            daemon="box",
            clock=self.machine,
            reading=reading({}),
        )
        self.time = Timekeeping(
            self.store,
            self.machine,
            trust,
            synchronised=lambda: self.synchronised,
            own=lambda: self.own,
        )
        self.time.ask(lambda: self.networks)
        await self.time.begin()
        return self

    async def world(self):
        now = self.machine.now()
        issued = await self.store.accounts.add(NewAccount(name=f"shop {next(NUMBERS)}"), now)
        account = await self.store.accounts.by_id(issued.account_id)
        return World(self.store, account, 0, self.machine)

    async def stands(self):
        lasting = await self.store.incidents.shown(lasting=True)
        return IncidentKind.CLOCK in {one.kind for one in lasting}

    async def chores(self):
        await Chores(self.store, self.machine, Messages(), trusted=self.time.trusted).run()


@pytest.fixture
async def box(tmp_path):
    """Give a box that ran once, when its clock was right, and has lost the time since."""
    machine = Machine(LAST_RUN)
    box = Box(tmp_path, machine)
    box.synchronised = True
    await box.start()
    box.old = await (await box.world()).accept(expires_at=LAST_RUN + timedelta(days=3))
    await box.store.close()
    machine.says, box.synchronised = NEVER_SET, False
    yield box
    await box.store.close()


async def test_a_clock_that_is_set_is_believed(box):
    box.synchronised, box.machine.says = True, REAL
    await box.start()
    assert box.time.trusted()
    assert not await box.stands()
    assert box.machine.now() == REAL


async def test_until_it_is_set_time_runs_on_from_what_is_remembered(box):
    await box.start()
    assert not box.time.trusted()
    assert await box.stands()
    assert abs(box.machine.now() - LAST_RUN) < timedelta(seconds=1)
    box.machine.pass_by(timedelta(hours=1))
    assert abs(box.machine.now() - LAST_RUN - timedelta(hours=1)) < timedelta(seconds=1)


async def test_nothing_expires_before_it_is_set_and_what_is_over_does_then(box):
    await box.start()
    world = await box.world()
    box.machine.pass_by(timedelta(days=4))
    await box.chores()
    assert (await world.store.views.message(None, box.old.id)).message.state is State.QUEUED
    box.machine.says, box.synchronised = REAL, True
    await box.time.look()
    await box.chores()
    assert (await world.store.views.message(None, box.old.id)).message.state is State.EXPIRED


async def test_what_was_taken_meanwhile_keeps_its_time_to_live(box):
    await box.start()
    world = await box.world()
    new = await world.accept(expires_at=box.machine.now() + timedelta(hours=2))
    box.machine.pass_by(timedelta(minutes=30))
    bell = box.store.bells.listen(QUEUE)
    box.machine.says, box.synchronised = REAL, True
    await box.time.look()
    assert box.machine.now() == REAL
    assert box.time.trusted()
    assert not await box.stands()
    assert QUEUE in bell.heard()

    async def state():
        await box.chores()
        return (await world.store.views.message(None, new.id)).message.state

    box.machine.pass_by(timedelta(minutes=89))
    assert await state() is State.QUEUED
    box.machine.pass_by(timedelta(minutes=2))
    assert await state() is State.EXPIRED


@pytest.mark.parametrize(
    ("says", "told", "trusted"),
    [
        (REAL, REAL, True),
        (REAL, REAL + timedelta(seconds=100), True),
        (REAL, REAL + timedelta(seconds=130), False),
        (REAL, REAL - timedelta(hours=1), False),
        (NEVER_SET, NEVER_SET, False),  # both began to count when they were switched on
        (LAST_RUN, REAL, False),  # the clock stood still while the box was off
    ],
)
async def test_a_clock_that_agrees_with_a_modems_network_is_believed(box, says, told, *, trusted):
    box.machine.says = says
    await box.start()
    assert not box.time.trusted()  # no modem has been found yet
    box.networks = [timedelta(days=-400), told - box.machine.now()]
    await box.time.look()
    assert box.time.trusted() is trusted
    assert await box.stands() is not trusted


async def test_what_is_set_for_the_clock_holds_whatever_modems_say(box):
    box.machine.says = REAL
    await box.start(trust=False)
    box.networks = [REAL - box.machine.now()]
    await box.time.look()
    assert not box.time.trusted()


async def test_what_was_due_at_once_stays_as_old_as_it_is_and_what_was_asked_for_stands(box):
    await box.start()
    world = await box.world()
    lane = await box.store.lanes.of(LaneKey(world.account.id, "transactional", 1, ""))
    now = box.machine.now()
    at_once, later, soon = [
        await world.accept(lane_id=lane, not_before=when, expires_at=REAL + timedelta(days=9))
        for when in (now, REAL + timedelta(hours=1), now)
    ]
    (_, waiting) = (await box.store.lanes.heads([(lane, 9)], now))[lane].waiting
    held = Hold(waiting.message_id, now + timedelta(seconds=40), STANDS_ASIDE, now)
    await box.store.lanes.hold(held)
    box.machine.pass_by(timedelta(seconds=10))
    box.machine.says, box.synchronised = REAL, True
    await box.time.look()
    step = REAL - now - timedelta(seconds=10)
    seen = {each.id: each.not_before for each in await world.store.views.messages(None)}
    assert abs(seen[at_once.id] - now - step) < timedelta(seconds=1)
    assert seen[later.id] == REAL + timedelta(hours=1)
    assert abs(seen[soon.id] - now - step - timedelta(seconds=40)) < timedelta(seconds=1)
    (aside,) = await box.store.aside.those(REAL, 0)
    assert abs(aside.waiting.due_at - now - step) < timedelta(seconds=1)


async def test_ids_grow_over_all_of_it(box):
    await box.start()
    world = await box.world()
    before = await world.accept()
    box.machine.says, box.synchronised = REAL, True
    await box.time.look()
    after = await world.accept()
    assert len(before.id) <= len(after.id)
    waiting = await box.store.dispatch.waiting(REAL, 10)
    numbers = [one.message_id for one in waiting]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("trust", "says", "synchronised", "own", "trusted"),
    [
        ("auto", REAL, True, False, True),
        ("auto", REAL, False, True, True),
        ("auto", REAL, False, False, False),
        ("auto", NEVER_SET, False, True, False),  # its battery is empty
        (False, REAL, False, True, False),
        (False, REAL, True, False, True),
        (True, NEVER_SET, False, False, True),
    ],
)
async def test_what_is_believed(box, trust, says, *, synchronised, own, trusted):
    box.machine.says, box.synchronised, box.own = says, synchronised, own
    await box.start(trust)
    assert box.time.trusted() is trusted


def test_no_marketing_leaves_and_no_quiet_hours_are_decided_before_it_is_set():
    trusted = False
    rules = RulesInForce(
        Config.model_validate({"quiet": {"transactional": "09:00-10:00"}}), lambda: trusted
    )
    choosing = rules.choosing()
    assert choosing.closed("marketing") == "the clock is not synchronised yet"
    assert choosing.closed("transactional") == choosing.closed("otp") == ""
    assert rules.hold(None, REAL) is None
    assert rules.site.quiet is None  # nor where a message is accepted
    trusted = True
    assert rules.site.quiet is not None
    assert choosing.closed("marketing") == ""


async def test_marketing_waits_and_says_why_and_other_messages_leave(box):
    await box.start()
    world = await box.world()
    lanes = {}
    for category in ("marketing", "transactional"):
        lanes[category] = await box.store.lanes.of(LaneKey(world.account.id, category, 1, ""))
        await world.accept(category=category, lane_id=lanes[category])
    rules = RulesInForce(Config(), box.time.trusted)
    ahead = ReadAhead(box.store, box.machine, rules.choosing(), dict)
    bell = box.store.bells.listen(QUEUE)

    async def leave():
        await ahead.refresh(bell, box.machine.now(), 8)
        return {queue.lane for queue in ahead.queues()}

    assert await leave() == {lanes["transactional"]}
    why = ahead.closed(ahead.lane(lanes["marketing"]))
    assert why == "the clock is not synchronised yet"
    box.machine.says, box.synchronised = REAL, True
    await box.time.look()
    assert await leave() == set(lanes.values())


def test_the_kernel_can_be_asked():
    assert is_synchronised() in (True, False)
    assert has_own_clock() in (True, False)
