"""Refused parts: tried again by the class of the error, by another SIM, and at most so often."""

from datetime import timedelta

import pytest

from appliance.inbox import reading
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.policy.categories import Category
from appliance.policy.retries import BACK_OFF, Again
from appliance.store import Store
from appliance.store.values import Overdue
from tests.store.conftest import World
from tests.store.steps import another_sim, begun, end, lose, state, story
from tests.store.test_dispatch import first_waiting


async def refused(world, again, code=21, *, sim=None, waiting=None):
    beginning, attempt = await begun(world, waiting, sim=sim)
    given = {"again": again, "code": code, "cause": "refused"}
    event = Event.REFUSE if again is Again.NEVER else Event.RELEASE
    await end(world, beginning, attempt, Outcome.REFUSED, event, **given)
    world.clock.advance(timedelta(milliseconds=1))


async def test_what_one_sim_may_not_is_there_for_another_at_once(world):
    await world.accept()
    at = world.clock.now()
    await refused(world, Again.ANOTHER_SIM)
    waiting = await first_waiting(world)
    assert (waiting.refused_by, waiting.refused_until) == ((world.sim,), at + BACK_OFF[0])

    other = await another_sim(world)
    at = world.clock.now()
    await refused(world, Again.ANOTHER_SIM, sim=other)
    waiting = await first_waiting(world)
    assert waiting.refused_by == tuple(sorted((world.sim, other)))
    assert waiting.refused_until == at + BACK_OFF[1]
    await end(world, *await begun(world))


async def test_what_must_stay_with_its_sim_waits_instead(world):
    accepted = await world.accept(pinned_sim_id=world.sim)
    at = world.clock.now()
    await refused(world, Again.ANOTHER_SIM)
    found = (await story(world, accepted)).message
    assert (found.state, found.not_before) == (State.QUEUED, at + BACK_OFF[0])
    world.clock.jump(found.not_before)
    assert (await first_waiting(world)).refused_by == ()


async def test_the_second_part_of_a_message_waits_for_its_own_sim(world):
    accepted = await world.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(world)
    await end(world, *await begun(world, waiting))
    beginning, attempt = await begun(world, waiting, 2, first=False, reference=0)
    at = world.clock.now()
    given = {"again": Again.ANOTHER_SIM, "cause": "barred"}
    await end(world, beginning, attempt, Outcome.REFUSED, Event.RELEASE, **given)
    assert (await story(world, accepted)).message.not_before == at + BACK_OFF[0]
    world.clock.advance(BACK_OFF[0])
    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert (rest.todo, rest.refused_by) == ((2,), ())


async def test_an_unknown_subscriber_is_one_when_a_second_sim_is_told_so(world):
    accepted = await world.accept()
    await refused(world, Again.SECOND_OPINION, 30)
    assert await state(world, accepted) is State.QUEUED
    await refused(world, Again.SECOND_OPINION, 30, sim=await another_sim(world))
    found = (await story(world, accepted)).message
    assert (found.state, found.cause, found.cause_code) == (State.FAILED, "refused", 30)


async def test_a_second_sim_that_knows_the_subscriber_sends_the_part(world):
    accepted = await world.accept()
    await refused(world, Again.SECOND_OPINION, 30)
    await end(world, *await begun(world, sim=await another_sim(world)))
    assert await state(world, accepted) is State.SENT


@pytest.mark.parametrize("most", [1, 3])
async def test_a_part_is_tried_as_often_as_is_set_and_no_oftener(world, url, tmp_path, most):
    await world.store.close()
    given = {"daemon": "box", "clock": world.clock, "reading": reading({})}
    few = await Store.open(url, tmp_path, most_tries=most, **given)
    world = World(few, world.account, world.sim, world.clock)
    accepted = await world.accept()
    for number in range(most):
        assert await state(world, accepted) is State.QUEUED
        await refused(world, (Again.TIME, Again.ANOTHER_SIM)[number % 2], 42)
        world.clock.advance(BACK_OFF[number])
    found = (await story(world, accepted)).message
    words = "1 try" if most == 1 else f"{most} tries"
    assert (found.state, found.cause) == (State.FAILED, f"refused; given up after {words}")
    await few.close()


async def test_a_part_that_stays_uncertain_is_not_sent_again_for_ever(world):
    accepted = await world.accept(when_uncertain="resend", category="otp")
    tries = 0
    while await state(world, accepted) is State.QUEUED:
        await lose(world, *await begun(world))
        tries += 1
        world.clock.advance(timedelta(minutes=3))
        now = world.clock.now()
        before = dict.fromkeys(Category, now - timedelta(days=1))
        before[Category.OTP] = now - timedelta(minutes=2)
        overdue = Overdue(
            now=now, no_report_before=now - timedelta(days=3), uncertain_before=before
        )
        assert await world.store.chores.settle(overdue) == 1
    found = (await story(world, accepted)).message
    assert (found.state, tries) == (State.FAILED, 5)
    assert found.cause == "no word of it came; given up after 5 tries"


async def test_each_category_has_its_own_time_until_it_is_decided_upon(world):
    accepted = {
        category: await world.accept(category=category.value, when_uncertain="fail", priority=3)
        for category in Category
    }
    for _ in Category:
        await lose(world, *await begun(world))
    world.clock.advance(timedelta(minutes=3))
    now = world.clock.now()
    before = dict.fromkeys(Category, now - timedelta(days=1))
    before[Category.OTP] = now - timedelta(minutes=2)
    overdue = Overdue(now=now, no_report_before=now - timedelta(days=3), uncertain_before=before)
    assert await world.store.chores.settle(overdue) == 1
    found = {category: await state(world, one) for category, one in accepted.items()}
    expected = dict.fromkeys(Category, State.UNCERTAIN)
    assert found == expected | {Category.OTP: State.FAILED}
