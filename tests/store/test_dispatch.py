"""Claims, attempts and what became of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.policy.retries import MOST_TRIES
from appliance.store.values import AttemptEnd, Begin, Begun, NotBegun
from tests.store.test_messages import stop


def begin(world, waiting, ordinal=1, *, first=True, reference=None, sim=None):
    now = world.clock.now()
    return Begin(
        waiting=waiting,
        ordinal=ordinal,
        sim_id=sim or world.sim,
        at=now,
        first=first,
        concat_reference=reference,
    )


def ended(world, begun, of, outcome=Outcome.SENT, event=Event.ACCEPT, **given):
    given.setdefault("reference", 7 if outcome is Outcome.SENT else None)
    return AttemptEnd(
        attempt_id=begun.attempt_id,
        begin=of,
        outcome=outcome,
        event=event,
        at=world.clock.now(),
        **given,
    )


async def first_waiting(world):
    return (await world.store.dispatch.waiting(world.clock.now(), 1))[0]


async def state_of(world, accepted):
    return (await world.store.views.message(None, accepted.id)).message.state


async def send(world, outcome=Outcome.SENT, event=Event.ACCEPT, **given):
    beginning = begin(world, await first_waiting(world))
    begun = await world.store.dispatch.begin(beginning)
    assert isinstance(begun, Begun), begun
    await world.store.dispatch.end(ended(world, begun, beginning, outcome, event, **given))
    return begun


async def test_the_queue_is_read_by_priority_then_age(world):
    names = [("old", 1), ("later", 1), ("campaign", 0), ("code", 3)]
    for text, priority in names:
        await world.accept(text=text, priority=priority)

    found = await world.store.dispatch.waiting(world.clock.now(), 10)
    assert [one.text for one in found] == ["code", "old", "later", "campaign"]


async def test_a_message_before_its_time_does_not_wait_in_the_queue(world):
    soon = world.clock.now() + timedelta(minutes=5)
    await world.accept(not_before=soon)

    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []
    world.clock.advance(timedelta(minutes=5))
    assert len(await world.store.dispatch.waiting(world.clock.now(), 10)) == 1


async def test_two_lines_never_take_one_message(world):
    await world.accept()
    waiting = await first_waiting(world)

    results = await asyncio.gather(
        *(world.store.dispatch.begin(begin(world, waiting)) for _ in range(5))
    )
    assert sum(isinstance(one, Begun) for one in results) == 1


async def test_two_daemons_never_take_one_message(world, open_store, tmp_path, url):
    if "sqlite" in url:
        pytest.skip("SQLite has one daemon")
    other = await open_store("other")
    await asyncio.gather(*(world.accept(text=str(n)) for n in range(20)))
    waiting = await world.store.dispatch.waiting(world.clock.now(), 50)

    tries = [
        store.dispatch.begin(begin(world, one)) for one in waiting for store in (world.store, other)
    ]
    results = await asyncio.gather(*tries)
    assert sum(isinstance(one, Begun) for one in results) == 20


async def test_a_claimed_message_is_on_its_way_and_no_longer_in_the_queue(world):
    accepted = await world.accept()
    await world.store.dispatch.begin(begin(world, await first_waiting(world)))

    assert await state_of(world, accepted) is State.SENDING
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []


async def test_stop_between_reading_and_claiming_holds_the_message(world):
    accepted = await world.accept()
    waiting = await first_waiting(world)
    await world.store.inbound.take(stop(world))

    result = await world.store.dispatch.begin(begin(world, waiting))
    assert isinstance(result, NotBegun)
    assert await state_of(world, accepted) is State.CANCELLED


async def test_stop_between_two_parts_holds_the_second(world):
    accepted = await world.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(world)
    first = begin(world, waiting)
    begun = await world.store.dispatch.begin(first)
    await world.store.dispatch.end(ended(world, begun, first))
    await world.store.inbound.take(stop(world))

    again = begin(world, waiting, 2, first=False, reference=begun.concat_reference)
    assert isinstance(await world.store.dispatch.begin(again), NotBegun)
    story = await world.store.views.message(None, accepted.id)
    assert [part.state for part in story.parts] == [State.SENT, State.CANCELLED]


async def test_an_expired_message_is_not_claimed(world):
    await world.accept(expires_at=world.clock.now() + timedelta(minutes=1))
    waiting = await first_waiting(world)
    world.clock.advance(timedelta(minutes=1))

    result = await world.store.dispatch.begin(begin(world, waiting))
    assert result == NotBegun("its time is up")


async def test_long_messages_to_one_number_get_different_references(world):
    seen = []
    for _ in range(3):
        await world.accept(text="x" * 200, parts=2)
        seen.append(await world.store.dispatch.begin(begin(world, await first_waiting(world))))
    assert [one.concat_reference for one in seen] == [0, 1, 2]


async def test_the_concatenation_reference_comes_round(world):
    for number in range(258):
        await world.accept(text="x" * 200, parts=2)
        begun = await world.store.dispatch.begin(begin(world, await first_waiting(world)))
        assert begun.concat_reference == number % 256


async def test_a_long_message_is_sent_when_its_last_part_is(world):
    accepted = await world.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(world)
    states = []
    for ordinal in (1, 2):
        beginning = begin(world, waiting, ordinal, first=ordinal == 1, reference=0)
        begun = await world.store.dispatch.begin(beginning)
        await world.store.dispatch.end(ended(world, begun, beginning))
        states.append(await state_of(world, accepted))
    assert states == [State.SENDING, State.SENT]


async def test_a_part_refused_for_good_cancels_the_rest(world):
    accepted = await world.accept(text="x" * 400, parts=3)
    await send(world, Outcome.REFUSED, Event.REFUSE, code=1, cause="unassigned number")

    story = await world.store.views.message(None, accepted.id)
    assert [part.state for part in story.parts] == [
        State.FAILED,
        State.CANCELLED,
        State.CANCELLED,
    ]
    assert (story.message.state, story.message.cause, story.message.cause_code) == (
        State.FAILED,
        "unassigned number",
        1,
    )


async def test_a_released_message_waits_for_its_time_and_says_why(world):
    accepted = await world.accept()
    later = world.clock.now() + timedelta(seconds=30)
    await send(world, Outcome.REFUSED, Event.RELEASE, code=42, cause="congestion", not_before=later)

    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []
    story = await world.store.views.message(None, accepted.id)
    assert (story.message.state, story.message.cause) == (State.QUEUED, "congestion")
    world.clock.advance(timedelta(seconds=30))
    assert len(await world.store.dispatch.waiting(world.clock.now(), 10)) == 1


async def test_refusals_that_pass_are_tried_again_a_few_times_only(world):
    accepted = await world.accept()
    for _ in range(MOST_TRIES):
        await send(world, Outcome.REFUSED, Event.RELEASE, cause="congestion")
        world.clock.advance(timedelta(hours=1))
    story = await world.store.views.message(None, accepted.id)
    assert story.message.state is State.FAILED
    assert "given up" in story.message.cause


async def test_the_rest_of_a_begun_message_waits_for_its_own_sim(world):
    await world.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(world)
    first = begin(world, waiting)
    begun = await world.store.dispatch.begin(first)
    await world.store.dispatch.end(ended(world, begun, first))
    second = begin(world, waiting, 2, first=False, reference=begun.concat_reference)
    again = await world.store.dispatch.begin(second)
    await world.store.dispatch.end(
        ended(world, again, second, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    )

    now = world.clock.now()
    assert await world.store.dispatch.waiting(now, 10) == []
    (rest,) = await world.store.dispatch.under_way(world.sim, now, 10)
    assert (rest.todo, rest.concat_reference) == ((2,), begun.concat_reference)
    assert await world.store.dispatch.under_way(world.sim + 1, now, 10) == []


async def test_what_was_in_flight_at_a_crash_is_uncertain_and_never_sent_again(world):
    accepted = await world.accept()
    await world.store.dispatch.begin(begin(world, await first_waiting(world)))

    assert await world.store.chores.recover(world.clock.now()) == 1
    assert await state_of(world, accepted) is State.UNCERTAIN
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []


async def test_a_crash_between_two_parts_loses_nothing(world):
    accepted = await world.accept(text="x" * 400, parts=3)
    waiting = await first_waiting(world)
    for ordinal in (1, 2):
        beginning = begin(world, waiting, ordinal, first=ordinal == 1, reference=0)
        begun = await world.store.dispatch.begin(beginning)
        if ordinal == 1:
            await world.store.dispatch.end(ended(world, begun, beginning))

    await world.store.chores.recover(world.clock.now())
    story = await world.store.views.message(None, accepted.id)
    assert [part.state for part in story.parts] == [State.SENT, State.UNCERTAIN, State.QUEUED]
    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert rest.todo == (3,)


async def test_a_clean_restart_makes_nothing_uncertain(world):
    await world.accept()
    await send(world)
    assert await world.store.chores.recover(world.clock.now()) == 0


async def test_limits_read_back_what_was_sent_but_not_what_was_given_back(world):
    moments = []
    for outcome, event in [
        (Outcome.SENT, Event.ACCEPT),
        (Outcome.RELEASED, Event.RELEASE),
        (Outcome.UNCERTAIN, Event.LOSE),
    ]:
        await world.accept()
        world.clock.advance(timedelta(seconds=1))
        moments.append(world.clock.now())
        await send(world, outcome, event, not_before=world.clock.now() + timedelta(days=1))

    sent = await world.store.lines.sent_since(world.sim, world.clock.now() - timedelta(minutes=1))
    assert sent == [moments[0], moments[2]]


async def test_history_tells_every_step_with_its_cause(world):
    accepted = await world.accept()
    await send(world, Outcome.REFUSED, Event.REFUSE, cause="unassigned number", code=1)

    story = await world.store.views.message(None, accepted.id)
    steps = [(step.event, step.state, step.cause) for step in story.history]
    assert steps == [
        ("be accepted", State.QUEUED, None),
        ("be claimed", State.SENDING, None),
        ("be refused", State.FAILED, "unassigned number"),
    ]


async def test_what_is_sent_without_asking_for_a_report_is_known_to_stay_without_one(world):
    accepted = await world.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(world)
    first = replace(begin(world, waiting), unreported="no report is asked for by this SIM")
    begun = await world.store.dispatch.begin(first)
    await world.store.dispatch.end(ended(world, begun, first))
    assert await state_of(world, accepted) is State.SENDING  # the other part waits
    second = replace(
        begin(world, waiting, 2, first=False, reference=begun.concat_reference),
        unreported=first.unreported,
    )
    begun = await world.store.dispatch.begin(second)
    await world.store.dispatch.end(ended(world, begun, second, reference=8))

    found = await world.store.views.message(None, accepted.id)
    assert found.message.state is State.NO_REPORT
    assert found.message.cause == "sent; no report is asked for by this SIM"
    assert [part.state for part in found.parts] == [State.NO_REPORT] * 2
    assert [step.state for step in found.history][-1] is State.NO_REPORT


async def test_what_was_not_sent_is_not_said_to_be_without_a_report(world):
    accepted = await world.accept()
    first = replace(begin(world, await first_waiting(world)), unreported="it hands out none")
    begun = await world.store.dispatch.begin(first)
    lost = ended(world, begun, first, Outcome.UNCERTAIN, Event.LOSE, cause="no answer")
    await world.store.dispatch.end(lost)
    assert await state_of(world, accepted) is State.UNCERTAIN
    late = replace(lost, outcome=Outcome.SENT, event=Event.ACCEPT, reference=7, cause=None)
    await world.store.dispatch.end(late)
    assert await state_of(world, accepted) is State.NO_REPORT
