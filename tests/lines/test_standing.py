"""Whose what comes is, and what fills up a memory: decided over restarts."""

from datetime import timedelta

import pytest

from appliance.clock import ManualClock
from appliance.incident import IncidentKind
from appliance.lines.alarms import RestartAlarm, StorageAlarm
from appliance.lines.standing import Standing
from appliance.modem.answers import Usage
from appliance.modem.values import CallArrived, Direct, LateReference, Stored, Undecodable
from appliance.store.proofs import LastSeen
from tests.rooms import START, add_sim, opened

FORMER, NOW = 1, 2

LAST = LastSeen(sim_id=FORMER, memory_sim_id=FORMER, reports_proven_at=START)


def came(place):
    return Undecodable(b"", "", place)


def test_what_lay_in_the_modems_own_memory_is_the_former_sims():
    standing = Standing.after(LAST, NOW)
    places = {
        Stored("ME", 0, old=True): FORMER,
        Stored("SR", 0, old=True): FORMER,
        Stored("SM", 0, old=True): NOW,
        Stored("MT", 0, old=True): NOW,
        Stored("ME", 1): NOW,
        Direct(acknowledge=True): NOW,
    }
    for place, whose in places.items():
        assert standing.whose(came(place)) == whose, place
    assert standing.whose(LateReference(7)) == standing.whose(CallArrived(None)) == NOW


def test_once_the_memory_was_emptied_it_is_the_sims_that_is_there():
    standing = Standing.after(LAST, NOW)
    assert standing.emptied()
    assert standing.whose(came(Stored("ME", 0, old=True))) == NOW
    assert not standing.emptied()


def test_a_modem_never_seen_before_holds_what_its_sim_was_sent():
    assert Standing.after(None, NOW) == Standing(NOW, NOW, None)


def test_that_reports_come_is_proved_for_this_sim_alone():
    assert Standing.after(LAST, FORMER).reports_proven_at == START
    standing = Standing.after(LAST, NOW)
    assert standing.reports_proven_at is None
    assert standing.proved(START)
    assert not standing.proved(START + timedelta(seconds=1))
    assert standing.reports_proven_at == START
    assert not standing.proved(START + timedelta(hours=1))
    assert standing.reports_proven_at == START + timedelta(hours=1)


@pytest.fixture
async def house(tmp_path):
    clock = ManualClock(START)
    async with opened(tmp_path, clock) as store:
        yield store, clock, await add_sim(store, clock)


async def standing_incidents(store):
    found = await store.incidents.shown(lasting=True)
    return [(one.kind, one.slot, "SM" in one.sentence) for one in found]


def sm(used):
    return (Usage("SR", 0, 50), Usage("SM", used, 50))


STANDS = [(IncidentKind.STORAGE, "slot0", True)]


async def test_a_memory_that_stays_nearly_full_is_an_incident_until_there_is_room(house):
    store, clock, sim = house
    alarm = StorageAlarm(store, clock, "slot0")
    for used, stands in ((39, []), (40, []), (41, STANDS), (36, STANDS), (41, STANDS), (34, [])):
        await alarm.look(sm(used), sim)
        assert await standing_incidents(store) == stands, used
    assert len(await store.incidents.shown()) == 1


async def test_much_that_came_at_once_and_is_gone_at_the_next_look_is_no_alarm(house):
    store, clock, sim = house
    alarm = StorageAlarm(store, clock, "slot0")
    for used in (50, 0, 50, 0):
        await alarm.look(sm(used), sim)
    assert await store.incidents.shown() == []


async def test_an_alarm_of_an_earlier_run_ends_when_there_is_room(house):
    store, clock, sim = house
    before = StorageAlarm(store, clock, "slot0")
    for _ in range(2):
        await before.look(sm(50), sim)
    again = StorageAlarm(store, clock, "slot0")
    for _ in range(2):
        await again.look(sm(50), sim)
    assert len(await store.incidents.shown()) == 1
    await again.look((), sim)
    assert await standing_incidents(store) == STANDS  # nothing is known of it
    await again.look(sm(0), sim)
    assert await standing_incidents(store) == []


async def test_a_memory_without_places_is_not_full(house):
    store, clock, sim = house
    alarm = StorageAlarm(store, clock, "slot0")
    for _ in range(2):
        await alarm.look((Usage("SM", 0, 0),), sim)
    assert await store.incidents.shown() == []


async def test_a_modem_that_restarts_again_and_again_is_an_incident_until_it_is_calm(house):
    store, clock, sim = house
    alarm = RestartAlarm(store, clock, "slot0")
    for restarts, stands in ((2, False), (3, True), (1, True), (4, True), (0, False)):
        await alarm.look(restarts, sim)
        kinds = [one.kind for one in await store.incidents.shown(lasting=True)]
        assert kinds == [IncidentKind.RESTARTS] * stands, restarts
    assert len(await store.incidents.shown()) == 1
    await alarm.look(3, sim)
    await RestartAlarm(store, clock, "slot0").look(0, sim)  # after a restart of the daemon
    assert await store.incidents.shown(lasting=True) == []
