"""Incidents: noted once while they last, told to the accounts that look after the lines."""

from datetime import timedelta

from appliance.incident import Incident, IncidentKind
from appliance.notice import IncidentNews
from appliance.store.accounts import NewAccount
from tests.store.steps import rows

SLOT = "usb-1.2"


def full(world, **given):
    facts = {
        "kind": IncidentKind.STORAGE,
        "sentence": "SM is 92 % full.",
        "next_step": "Look into it.",
        "slot": SLOT,
        "sim_id": world.sim,
        "lasting": True,
        "at": world.clock.now(),
    }
    return Incident(**(facts | given))


async def admin(world, name="watch", **given):
    facts = {"name": name, "webhook_url": "https://watch.example/hook", "admin": True}
    await world.store.accounts.add(NewAccount(**(facts | given)), world.clock.now())
    found = await world.store.accounts.by_name(name)
    assert found is not None
    return found


async def test_a_lasting_incident_is_noted_once_until_it_has_ended(world):
    incidents = world.store.incidents
    assert await incidents.note(full(world))
    assert not await incidents.note(full(world, sentence="SM is 95 % full."))
    assert await incidents.end(IncidentKind.STORAGE, SLOT, world.clock.now())
    assert not await incidents.end(IncidentKind.STORAGE, SLOT, world.clock.now())
    assert await incidents.note(full(world))
    assert [one.ended_at is None for one in await incidents.shown()] == [True, False]


async def test_what_does_not_last_is_noted_every_time_and_never_ends(world):
    incidents = world.store.incidents
    mended = full(world, kind=IncidentKind.MENDED, lasting=False)
    assert await incidents.note(mended)
    assert await incidents.note(mended)
    assert not await incidents.end(IncidentKind.MENDED, SLOT, world.clock.now())
    assert await incidents.shown(lasting=True) == []


async def test_lines_and_the_box_itself_have_their_own(world):
    incidents = world.store.incidents
    for slot in (SLOT, "usb-1.3", None):
        assert await incidents.note(full(world, slot=slot))
        assert not await incidents.note(full(world, slot=slot))
    assert await incidents.end(IncidentKind.STORAGE, None, world.clock.now())
    assert {one.slot for one in await incidents.shown(lasting=True)} == {SLOT, "usb-1.3"}


async def test_what_is_a_sims_goes_with_it_to_another_modem_and_ends_there(world):
    incidents, now = world.store.incidents, world.clock.now()
    balance = {"kind": IncidentKind.LOW_BALANCE, "sentence": "The balance is 1.20, below 2.00."}
    assert await incidents.note(full(world, **balance))
    assert not await incidents.note(full(world, **balance, slot="usb-1.3"))
    (shown,) = await incidents.shown(lasting=True)
    assert shown.slot == "usb-1.3"
    assert not await incidents.end_for_sim(IncidentKind.NO_BALANCE, world.sim, now)
    assert await incidents.end_for_sim(IncidentKind.LOW_BALANCE, world.sim, now)
    assert not await incidents.end_for_sim(IncidentKind.LOW_BALANCE, world.sim, now)
    assert await incidents.shown(lasting=True) == []


async def test_admins_with_a_webhook_are_told_and_nobody_else(world, url):
    watch = await admin(world)
    await admin(world, "by-smpp", webhook_url=None)
    await admin(world, "app", admin=False)
    gone = await admin(world, "gone")
    await world.store.accounts.revoke(gone.name, world.clock.now())
    world.clock.advance(timedelta(seconds=1))
    assert await world.store.incidents.note(full(world))
    assert await world.store.incidents.note(full(world)) is False
    assert rows(url, "SELECT account_id FROM notice") == [(watch.id,)]
    (owed,) = (await world.store.notices.due(watch.id, 10, world.clock.now())).notices
    assert owed.notice.news == IncidentNews(
        incident_id=(await world.store.incidents.shown())[0].id,
        kind="storage",
        slot=SLOT,
        sim=(await world.store.incidents.shown())[0].sim,
        sentence="SM is 92 % full.",
        next_step="Look into it.",
        lasting=True,
        at=world.clock.now(),
    )
    assert owed.notice.news.sim is not None
