"""What a forecast starts from, read on both engines."""

from datetime import timedelta

from appliance.store.values import LineFacts
from tests.store.steps import another_sim, begun, end
from tests.store.test_lanes import key


async def sits(world, slot, sim, state="ready"):
    facts = LineFacts(
        slot=slot,
        port=f"/dev/{slot}",
        state=state,
        cause="",
        next_step="",
        simulated=False,
        changed_at=world.clock.now(),
        sim_id=sim,
    )
    await world.store.lines.tell(facts)


async def send(world, seconds):
    await world.accept()
    beginning, attempt = await begun(world)
    world.clock.advance(timedelta(seconds=seconds))
    await end(world, beginning, attempt, reference=7)


async def test_a_sims_pace_is_the_middle_of_its_last_parts_and_who_cannot_send_says_why(world):
    asleep, held = await another_sim(world), await another_sim(world, "89490200001234567892")
    await sits(world, "1-1", world.sim)
    await sits(world, "1-2", asleep, "no_network")
    await sits(world, "1-3", held)
    await world.store.lines.pause(held, "the card is wet", world.clock.now())
    for seconds in (9, 3, 4):
        await send(world, seconds)
    ready, searching, paused = await world.store.prospects.sims()
    assert (ready.why_not, ready.per_part) == ("", timedelta(seconds=4))
    assert (searching.why_not, searching.per_part) == ("no_network", None)
    assert "the card is wet" in paused.why_not


async def test_what_waits_is_counted_by_lane_length_sim_and_whether_it_is_due(world):
    lane = await world.store.lanes.of(key(world))
    now = world.clock.now()
    later = now + timedelta(hours=2)
    for parts, not_before in ((1, now), (1, now), (3, now), (1, later)):
        await world.accept(lane_id=lane, parts=parts, not_before=not_before)
    await world.accept(lane_id=lane, pinned_sim_id=world.sim)
    found = await world.store.prospects.queued(now)
    counted = {(each.parts, each.due_at, each.only_sim): each.messages for each in found}
    assert counted == {
        (1, now, None): 2,
        (3, now, None): 1,
        (1, later, None): 1,
        (1, now, world.sim): 1,
    }
    assert {each.account for each in found} == {world.account.name}
