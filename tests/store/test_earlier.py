"""Caps are judged in accept's own transaction: two messages at once are not both the last one."""

import asyncio
from datetime import timedelta

import pytest

from appliance.errors import TooLate, TooOften
from appliance.policy.caps import Answer, Cap, Caps, SameText
from tests.store.steps import begun, end, on_postgresql
from tests.store.test_replacement import replaced

TWICE_A_DAY = Caps((Cap(most=2, window=timedelta(days=1)),))

NOT_TWICE = Caps((), SameText(window=timedelta(minutes=10), answer=Answer.REFUSE))


async def taken(*accepts):
    """Return how many were taken; the others were too often."""
    results = await asyncio.gather(*accepts, return_exceptions=True)
    refused = [each for each in results if isinstance(each, TooOften)]
    assert all(isinstance(each, TooOften) or each.id for each in results), results
    return len(results) - len(refused)


async def test_of_many_at_once_no_more_are_taken_than_may(world):
    many = (world.accept(text=str(number), caps=TWICE_A_DAY) for number in range(6))
    assert await taken(*many) == 2


async def test_after_the_window_there_is_room_again(world):
    assert await taken(*(world.accept(text=str(n), caps=TWICE_A_DAY) for n in range(3))) == 2
    world.clock.advance(timedelta(days=1, seconds=1))
    assert await taken(world.accept(caps=TWICE_A_DAY)) == 1


async def test_messages_for_one_day_count_on_that_day_whenever_they_were_handed_in(world):
    day = world.clock.now() + timedelta(days=5)
    for number in range(2):
        assert await taken(world.accept(text=str(number), caps=TWICE_A_DAY, not_before=day)) == 1
        assert await taken(world.accept(text=f"{number} now", caps=TWICE_A_DAY)) == 1
        world.clock.advance(timedelta(days=1, seconds=1))
    third = {"text": "3", "caps": TWICE_A_DAY, "not_before": day + timedelta(hours=2)}
    assert await taken(world.accept(**third)) == 0
    world.clock.advance(day - world.clock.now())
    assert await taken(world.accept(text="4", caps=TWICE_A_DAY)) == 0


async def test_the_same_text_at_once_is_taken_once(world):
    assert await taken(*(world.accept(caps=NOT_TWICE) for _ in range(5))) == 1


async def test_a_message_that_is_replaced_counts_as_what_it_is_by_then(world):
    first = await world.accept(text="one", caps=NOT_TWICE)
    second = await world.accept(text="two", caps=NOT_TWICE)
    with pytest.raises(TooOften):
        await replaced(world, second, text="one", caps=NOT_TWICE)
    assert (await world.store.replacement.known(world.account.id, second.id)).asked.text == "two"
    await replaced(world, first, text="one", caps=NOT_TWICE)  # it is not twice itself
    await replaced(world, first, text="three", caps=NOT_TWICE)
    await replaced(world, second, text="one", caps=NOT_TWICE)


async def test_a_message_that_is_put_off_counts_on_its_new_day(world):
    day = world.clock.now() + timedelta(days=3)
    for number in range(2):
        await world.accept(text=f"then {number}", caps=TWICE_A_DAY, not_before=day)
    put_off = await world.accept(text="now", caps=TWICE_A_DAY)
    with pytest.raises(TooOften):
        await replaced(world, put_off, text="now", caps=TWICE_A_DAY, not_before=day)
    await replaced(world, put_off, text="now", caps=TWICE_A_DAY, not_before=day + timedelta(days=2))


async def test_what_has_left_is_too_late_to_replace_however_often_its_recipient_is_written_to(
    world,
):
    first = await world.accept(text="one", caps=NOT_TWICE)
    await end(world, *await begun(world))
    await world.accept(text="two", caps=NOT_TWICE)
    with pytest.raises(TooLate):
        await replaced(world, first, text="two", caps=NOT_TWICE)


@on_postgresql
async def test_two_daemons_together_take_no_more_than_may(world, open_store):
    other = await open_store("other")
    for number in range(8):
        to = f"+4915120000{number:03d}"
        new = [
            world.new(text=str(each), recipient=to, suffix=to[-8:], caps=TWICE_A_DAY)
            for each in range(6)
        ]
        stores = (world.store, other) * 3
        accepts = (store.messages.accept(each) for store, each in zip(stores, new, strict=True))
        assert await taken(*accepts) == 2
