"""Messages replaced before they leave: what leaves is what they are by then."""

import asyncio

import pytest

from appliance.errors import NotFound, TooLate
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store.values import Begun, NotBegun
from tests.store.steps import HOURS, begun, end, lose, on_postgresql, part_states, state, story
from tests.store.test_chores import overdue
from tests.store.test_dispatch import begin, first_waiting
from tests.store.test_optouts import MESSAGE_LOCK, in_this_order


async def replaced(world, accepted, **given):
    known = await world.store.replacement.known(world.account.id, accepted.id)
    return await world.store.replacement.replace(known, world.new(**given))


async def test_a_message_has_as_many_parts_as_it_needs_by_then(world):
    accepted = await world.accept()
    neighbour = await world.accept(text="y" * 400, parts=3)
    for parts in (4, 2, 255, 1):
        found = await replaced(world, accepted, text="x" * parts, parts=parts)
        assert (found.id, found.parts) == (accepted.id, parts)
        assert await part_states(world, accepted) == [State.QUEUED] * parts
    assert await part_states(world, neighbour) == [State.QUEUED] * 3
    await end(world, *await begun(world))
    assert await state(world, accepted) is State.SENT


async def test_what_was_read_before_is_not_sent_as_it_was(world):
    accepted = await world.accept(text="old")
    stale = await first_waiting(world)
    await replaced(world, accepted, text="new")
    assert await world.store.dispatch.begin(begin(world, stale)) == NotBegun(
        "it was replaced meanwhile"
    )
    waiting = await first_waiting(world)
    assert waiting.text == "new"
    assert isinstance(await world.store.dispatch.begin(begin(world, waiting)), Begun)


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (None, None),
        (Outcome.SENT, Event.ACCEPT),
        (Outcome.REFUSED, Event.REFUSE),
        (Outcome.UNCERTAIN, Event.LOSE),
    ],
)
async def test_what_has_left_or_came_to_its_end_is_not_replaced(world, outcome, event):
    accepted = await world.accept(text="old")
    known = await world.store.replacement.known(world.account.id, accepted.id)
    beginning = await begun(world)
    if outcome:
        await end(world, *beginning, outcome, event, cause="so")
    with pytest.raises(TooLate):
        await world.store.replacement.replace(known, world.new(text="new"))
    assert (await story(world, accepted)).message.text == "old"


async def test_what_waits_to_be_sent_again_is_not_replaced_because_it_may_have_left(world):
    accepted = await world.accept(when_uncertain="resend")
    await lose(world, *await begun(world))
    world.clock.advance(30 * HOURS)
    await world.store.chores.settle(overdue(world))
    assert await state(world, accepted) is State.QUEUED
    with pytest.raises(TooLate, match="may be on the air"):
        await replaced(world, accepted, text="new")


async def test_what_was_refused_and_waits_may_be_replaced(world):
    accepted = await world.accept(text="x" * 400, parts=3)
    await end(world, *await begun(world), Outcome.REFUSED, Event.RELEASE, cause="congestion")
    await replaced(world, accepted, text="short", parts=1)
    found = await story(world, accepted)
    assert (found.message.cause, found.parts[0].cause) == (None, None)
    assert len(found.attempts) == 1


async def test_of_two_replacements_of_the_same_message_one_wins(world):
    accepted = await world.accept()
    known = await world.store.replacement.known(world.account.id, accepted.id)
    news = [world.new(text=f"text {n}", parts=n) for n in range(1, 6)]
    results = await asyncio.gather(
        *(world.store.replacement.replace(known, new) for new in news), return_exceptions=True
    )
    (winner,) = [each for each in results if not isinstance(each, TooLate)]
    assert len(await part_states(world, accepted)) == winner.parts


@pytest.mark.parametrize("name", ["m999", "nothing!"])
async def test_what_is_not_there_is_not_replaced(world, name):
    with pytest.raises(NotFound):
        await world.store.replacement.known(world.account.id, name)


async def race(world, claiming, replacing):
    accepted = [await world.accept(text="old") for _ in range(40)]
    waiting = await world.store.dispatch.waiting(world.clock.now(), 100)
    known = [await world.store.replacement.known(world.account.id, each.id) for each in accepted]
    work = []
    for number, (stale, mine) in enumerate(zip(waiting, known, strict=True)):
        pair = [
            claiming.dispatch.begin(begin(world, stale)),
            replacing.replacement.replace(mine, world.new(text="new", parts=2)),
        ]
        work += pair if number % 2 else pair[::-1]
    results = await asyncio.gather(*work, return_exceptions=True)
    for number, one in enumerate(accepted):
        two = results[2 * number : 2 * number + 2]
        claimed, taken = two if number % 2 else two[::-1]
        assert isinstance(claimed, Begun) is isinstance(taken, TooLate)
        found = await story(world, one)
        assert found.message.text == ("old" if isinstance(claimed, Begun) else "new")
        assert len(found.parts) == (1 if isinstance(claimed, Begun) else 2)


async def test_a_claim_or_a_replacement_wins_never_both(world):
    await race(world, world.store, world.store)


@on_postgresql
async def test_a_claim_by_another_daemon_or_a_replacement_wins_never_both(world, open_store, url):
    await race(world, await open_store("other"), world.store)


@on_postgresql
@pytest.mark.parametrize("claim_first", [True, False])
async def test_a_claim_and_a_replacement_that_meet_agree(world, open_store, url, claim_first):
    other = await open_store("other")
    accepted = await world.accept(text="old")
    known = await world.store.replacement.known(world.account.id, accepted.id)
    verbs = [
        other.dispatch.begin(begin(world, await first_waiting(world))),
        world.store.replacement.replace(known, world.new(text="new", parts=2)),
    ]
    results = await in_this_order(url, MESSAGE_LOCK, *(verbs if claim_first else verbs[::-1]))
    claimed, taken = results if claim_first else results[::-1]
    assert isinstance(claimed, Begun if claim_first else NotBegun)
    assert isinstance(taken, TooLate) is claim_first
    assert (await story(world, accepted)).message.text == ("old" if claim_first else "new")
