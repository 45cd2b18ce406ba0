"""Two modems that tell the same IMEI, two that tell the same SIM, and what a slot held before."""

from datetime import timedelta

import pytest

from appliance.clock import ManualClock
from appliance.incident import IncidentKind
from appliance.lines.roster import Roster, changes
from appliance.store.lines import Before
from appliance.store.values import LineFacts
from tests.rooms import START, add_sim, opened

IMEI = "867962034512345"


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def store(tmp_path, clock):
    async with opened(tmp_path, clock) as made:
        yield made


@pytest.fixture
def roster(store, clock):
    return Roster(store, clock)


async def standing(store):
    """Return the slots of which an incident stands, with what it says."""
    return {one.slot: one.sentence for one in await store.incidents.shown(lasting=True)}


def facts(slot, **known):
    return LineFacts(
        slot=slot,
        port=f"/dev/{slot}",
        state="ready",
        cause="",
        next_step="",
        simulated=False,
        changed_at=START,
        **known,
    )


class Seat:
    """A modem's caretaker, as the roster knows it."""

    def __init__(self, slot, *, has_it):
        self.slot, self.has_it, self.asked = slot, has_it, 0

    async def still_has_it(self):
        self.asked += 1
        return self.has_it


async def test_two_modems_with_one_imei_are_noted_once_each_and_both_are_shown(roster, store):
    await roster.joined(IMEI, "a")
    assert await standing(store) == {}
    await roster.joined(IMEI, "b")
    await roster.joined(IMEI, "b")
    said = await standing(store)
    assert set(said) == {"a", "b"}
    assert "the one at b" in said["a"]
    assert len(await store.incidents.shown()) == 2


async def test_it_ends_when_one_of_them_goes(roster, store):
    for slot in ("a", "b"):
        await roster.joined(IMEI, slot)
    await roster.left(IMEI, "b")
    assert await standing(store) == {}
    await roster.joined(IMEI, "b")
    assert set(await standing(store)) == {"a", "b"}


async def test_of_three_the_other_two_stay_clones(roster, store):
    for slot in ("a", "b", "c"):
        await roster.joined(IMEI, slot)
    await roster.left(IMEI, "c")
    assert set(await standing(store)) == {"a", "b"}


async def test_what_stood_when_the_daemon_ended_ends_when_the_modem_is_alone(store, clock):
    first = Roster(store, clock)
    for slot in ("a", "b"):
        await first.joined(IMEI, slot)
    second = Roster(store, clock)
    await second.joined(IMEI, "a")
    assert set(await standing(store)) == {"b"}


async def test_modems_that_tell_no_imei_are_no_clones(roster, store):
    for slot in ("a", "b"):
        await roster.joined("", slot)
    assert await standing(store) == {}


async def test_a_sim_that_nobody_else_holds_is_free(roster):
    here = Seat("a", has_it=True)
    assert await roster.rival(1, here) is None
    with roster.holding(1, here):
        assert await roster.rival(1, here) is None
        assert here.asked == 0
    assert await roster.rival(1, Seat("b", has_it=True)) is None


@pytest.mark.parametrize(("has_it", "rival"), [(True, "a"), (False, None)])
async def test_a_sim_belongs_to_who_proves_to_have_it(roster, has_it, rival):
    old, new = Seat("a", has_it=has_it), Seat("b", has_it=True)
    with roster.holding(1, old):
        assert await roster.rival(1, new) == rival
        assert old.asked == 1


async def test_a_stale_holder_that_leaves_takes_nothing_from_the_new_one(roster):
    old, new = Seat("a", has_it=False), Seat("b", has_it=True)
    with roster.holding(1, new):
        with roster.holding(1, old), roster.holding(1, new):
            pass
        assert await roster.rival(1, Seat("c", has_it=True)) is None


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        (Before(None, None), {"imei": IMEI, "sim_id": 1}, []),
        (Before(IMEI, 1), {"imei": IMEI, "sim_id": 1}, []),
        (Before(IMEI, 1), {}, []),
        (Before(IMEI, 1), {"imei": IMEI, "sim_id": 2}, [IncidentKind.SIM_CHANGED]),
        (Before(IMEI, 1), {"imei": "1" * 15, "sim_id": 1}, [IncidentKind.MODEM_CHANGED]),
        (
            Before(IMEI, 1),
            {"imei": "1" * 15, "sim_id": 2},
            [IncidentKind.MODEM_CHANGED, IncidentKind.SIM_CHANGED],
        ),
    ],
)
def test_what_changed_hands_is_told(before, now, kinds):
    told = list(changes(before, facts("a", **now)))
    assert [one.kind for one in told] == kinds
    assert all(one.slot == "a" and one.sentence and one.next_step for one in told)


async def test_a_slot_is_remembered_over_restarts(store, clock):
    sim = await add_sim(store, clock)
    known = {"imei": IMEI, "sim_id": sim, "maker": "huawei", "profile": "huawei"}
    assert await store.lines.tell(facts("a", **known)) == Before(None, None)
    assert await store.lines.tell(facts("a")) == Before(IMEI, sim)
    clock.advance(timedelta(days=1))
    assert await store.lines.tell(facts("a", imei="1" * 15)) == Before(IMEI, sim)
    assert await store.lines.tell(facts("a")) == Before("1" * 15, sim)


async def test_a_sim_is_shown_in_one_slot_only(store, clock):
    sim = await add_sim(store, clock)
    await store.lines.tell(facts("a", imei=IMEI, sim_id=sim))
    await store.lines.tell(facts("b", imei="1" * 15, sim_id=sim))
    shown = {line.slot: line.sim for line in await store.lines.known()}
    assert shown["a"] is None
    assert shown["b"] is not None
    await store.lines.tell(facts("a"))  # it knows of no SIM now, and takes none back
    assert {line.slot: line.sim for line in await store.lines.known()} == shown
