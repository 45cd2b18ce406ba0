"""How a message is coded is decided once and kept: its parts are the same at every sending."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from appliance.lifecycle import Event, State
from appliance.models import ConcatCounter, Outcome
from appliance.policy.retries import Again
from appliance.store.tables import table_of
from tests.store.steps import begun, end, first_waiting, part_states, state

counter = table_of(ConcatCounter)


async def test_what_was_decided_of_the_coding_comes_back_when_it_is_sent(world):
    plain = await world.accept()
    coded = await world.accept(
        text="şeker " * 40,
        parts=2,
        language=256,
        wide=True,
        service_centre="+491710760000",
    )
    found = await world.store.dispatch.waiting(world.clock.now(), 10)
    assert [
        (one.language, one.wide, one.service_centre, one.without_validity) for one in found
    ] == [
        (0, False, None, False),
        (256, True, "+491710760000", False),
    ]
    assert (plain.parts, coded.parts) == (1, 2)


async def test_the_rest_of_a_begun_message_is_coded_like_its_beginning(world):
    await world.accept(text="ş" * 200, parts=2, language=256, wide=True)
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt)
    second, again = await begun(
        world, beginning.waiting, 2, first=False, reference=attempt.concat_reference
    )
    await end(world, second, again, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert (rest.language, rest.wide, rest.todo) == (256, True, (2,))


@pytest.mark.parametrize(
    ("last", "wide", "reference"),
    [
        (None, True, 0),
        (254, False, 255),
        (255, False, 0),
        (255, True, 256),
        (65534, True, 65535),
        (65535, True, 0),
        (65535, False, 0),
        (1000, False, 1001 % 256),
    ],
)
async def test_references_come_round_by_their_width(world, last, wide, reference):
    if last is not None:
        await world.accept(text="x" * 200, parts=2)
        beginning, attempt = await begun(world)
        await end(world, beginning, attempt)
        with world.store._engine.begin() as connection:
            connection.execute(update(counter).values(last=last))
    await world.accept(text="x" * 200, parts=2, wide=wide)
    _, attempt = await begun(world)
    assert attempt.concat_reference == reference


async def refuse_validity(world):
    beginning, attempt = await begun(world)
    await end(
        world,
        beginning,
        attempt,
        Outcome.REFUSED,
        Event.RELEASE,
        code=198,
        cause="no validity periods",
        without_validity=True,
        again=Again.AS_IT_IS,
    )
    return beginning


async def test_after_a_refused_validity_the_part_may_go_at_once_and_without_one(world):
    accepted = await world.accept()
    await refuse_validity(world)
    assert await state(world, accepted) is State.QUEUED
    again = await first_waiting(world)
    assert again.without_validity
    beginning, attempt = await begun(world, again)
    await end(world, beginning, attempt)
    assert await state(world, accepted) is State.SENT


async def test_the_parts_that_follow_go_without_validity_too(world):
    accepted = await world.accept(text="x" * 200, parts=2)
    await refuse_validity(world)
    assert await part_states(world, accepted) == [State.QUEUED, State.QUEUED]
    waiting = await first_waiting(world)
    assert (waiting.without_validity, waiting.todo) == (True, (1, 2))


async def test_a_second_refusal_waits_as_others_do(world):
    await world.accept()
    await refuse_validity(world)
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt, Outcome.REFUSED, Event.RELEASE, code=198, cause="no")
    assert await world.store.dispatch.waiting(world.clock.now(), 1) == []
    world.clock.advance(timedelta(hours=1))
    assert (await first_waiting(world)).without_validity
