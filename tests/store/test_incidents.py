"""Incidents: noted once while they last, told to the accounts that look after the lines."""

from datetime import timedelta

from appliance.incident import Incident, IncidentKind
from appliance.notice import IncidentNews
from appliance.store.accounts import NewAccount
from tests.store.steps import rows

SLOT = "usb-1.2"


def low(world, **given):
    facts = {
        "kind": IncidentKind.LOW_BALANCE,
        "sentence": "The balance is 1.20, below 2.00.",
        "next_step": "Top the SIM up.",
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
    assert await incidents.note(low(world))
    assert not await incidents.note(low(world, sentence="The balance is 1.10, below 2.00."))
    assert await incidents.end(IncidentKind.LOW_BALANCE, SLOT, world.clock.now())
    assert not await incidents.end(IncidentKind.LOW_BALANCE, SLOT, world.clock.now())
    assert await incidents.note(low(world))
    assert [one.ended_at is None for one in await incidents.shown()] == [True, False]


async def test_what_does_not_last_is_noted_every_time_and_never_ends(world):
    incidents = world.store.incidents
    mended = low(world, kind=IncidentKind.MENDED, lasting=False)
    assert await incidents.note(mended)
    assert await incidents.note(mended)
    assert not await incidents.end(IncidentKind.MENDED, SLOT, world.clock.now())
    assert await incidents.shown(lasting=True) == []


async def test_lines_and_the_box_itself_have_their_own(world):
    incidents = world.store.incidents
    for slot in (SLOT, "usb-1.3", None):
        assert await incidents.note(low(world, slot=slot))
        assert not await incidents.note(low(world, slot=slot))
    assert await incidents.end(IncidentKind.LOW_BALANCE, None, world.clock.now())
    assert {one.slot for one in await incidents.shown(lasting=True)} == {SLOT, "usb-1.3"}


async def test_admins_with_a_webhook_are_told_and_nobody_else(world, url):
    watch = await admin(world)
    await admin(world, "by-smpp", webhook_url=None)
    await admin(world, "app", admin=False)
    gone = await admin(world, "gone")
    await world.store.accounts.revoke(gone.name, world.clock.now())
    world.clock.advance(timedelta(seconds=1))
    assert await world.store.incidents.note(low(world))
    assert await world.store.incidents.note(low(world)) is False
    assert rows(url, "SELECT account_id FROM notice") == [(watch.id,)]
    (owed,) = (await world.store.notices.due(watch.id, 10, world.clock.now())).notices
    assert owed.notice.news == IncidentNews(
        incident_id=(await world.store.incidents.shown())[0].id,
        kind="low_balance",
        slot=SLOT,
        sim=(await world.store.incidents.shown())[0].sim,
        sentence="The balance is 1.20, below 2.00.",
        next_step="Top the SIM up.",
        lasting=True,
        at=world.clock.now(),
    )
    assert owed.notice.news.sim is not None
