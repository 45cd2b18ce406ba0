"""Ids grow, whatever the clock does, and have one form outside."""

import asyncio
import itertools
import string
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger
from sqlmodel import SQLModel

from appliance.clock import ManualClock
from appliance.errors import NotFound
from appliance.store.ids import Ids, private, public
from tests.store.steps import begun, end, report, rows, send_all
from tests.store.test_messages import stop

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

LARGEST = (1 << 63) - 1

STEPS = st.integers(-86_400_000, 86_400_000)


@settings(max_examples=100)
@given(st.lists(st.tuples(STEPS, st.integers(1, 256)), max_size=30), st.integers(0, 200))
def test_ids_grow_even_when_the_clock_steps_back(steps, node):
    clock = ManualClock(START)
    ids = Ids(clock, node=node)
    last = 0
    for milliseconds, count in steps:
        clock.advance(timedelta(milliseconds=milliseconds))
        first = ids.take(count)
        assert first > last
        last = first + count - 1


@settings(max_examples=50)
@given(st.integers(-3650, 3650), st.integers(1, 256))
def test_ids_go_on_above_the_last_one_after_a_start_at_any_time(days, count):
    before = Ids(ManualClock(START), node=3)
    last = before.take(count) + count - 1
    clock = ManualClock(START + timedelta(days=days / 10))
    assert Ids(clock, node=3, last=last).take() > last


def test_a_millisecond_may_hold_more_ids_than_it_has_room_for():
    ids = Ids(ManualClock(START))
    taken = [ids.take(256) for _ in range(600)]
    assert taken == sorted(set(taken))
    assert all(after - before >= 256 for before, after in itertools.pairwise(taken))


def test_two_daemons_make_different_ids_in_the_same_millisecond():
    ours, theirs = (Ids(ManualClock(START), node=node) for node in (1, 2))
    assert not {ours.take() for _ in range(100)} & {theirs.take() for _ in range(100)}


def test_threads_never_get_the_same_id():
    ids = Ids(ManualClock(START))
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: ids.take(3), range(1000)))
    assert len(set(taken)) == 1000


@given(st.integers(1, LARGEST), st.sampled_from(["m", "i", "n"]), st.booleans())
@example(1, "m", False)
@example(LARGEST, "m", True)
def test_what_is_shown_is_understood_in_any_case(number, prefix, capitals):
    name = public(prefix, number)
    assert private("message", prefix, name.upper() if capitals else name) == number
    assert name.isascii()
    assert name[0] == prefix


@given(st.integers(1, LARGEST), st.integers(1, LARGEST))
def test_older_ids_come_first_among_those_of_one_length(one, other):
    names = public("m", one), public("m", other)
    if len(names[0]) == len(names[1]):
        assert (names[0] < names[1]) == (one < other)


@given(st.text(max_size=20) | st.text(alphabet=string.printable, max_size=20))
@example("mzzzzzzzzzzzzz")
@example("m")
@example("İ")
def test_nonsense_is_no_id_or_a_number_that_fits(name):
    try:
        number = private("message", "m", name)
    except NotFound:
        return
    assert 0 <= number <= LARGEST


@pytest.mark.parametrize(
    "name", ["m" + letter * 5 for letter in "ilou"] + ["x1", "", "m8zzzzzzzzzzzz"]
)
def test_letters_that_are_misread_and_other_kinds_are_no_ids(name):
    with pytest.raises(NotFound):
        private("message", "m", name)


async def test_after_a_start_in_the_past_no_id_of_any_table_is_used_again(
    world, open_store, url, clock
):
    await world.accept(text="x" * 200, parts=2, recipient="+4915187654321")
    await send_all(world, 2)
    await world.store.reports.take(report(world))
    await world.store.inbound.take(stop(world))
    # The last thing written is a part of a long message: it has no other row than its own.
    for ordinal in (1, 2):
        world.clock.advance(timedelta(seconds=1))
        part = {"total": 3, "ordinal": ordinal, "concat_reference": 1, "fingerprint": (ordinal,)}
        await world.store.inbound.take(stop(world, "x", **part))
    await world.store.close()
    tables = [
        table
        for table in SQLModel.metadata.sorted_tables
        if "id" in table.c and isinstance(table.c.id.type, BigInteger)
    ]
    assert len(tables) > 9
    newest = max(rows(url, f"SELECT max(id) FROM {table.name}")[0][0] or 0 for table in tables)

    clock.jump(START - timedelta(days=365))
    again = await open_store()
    assert again._base.ids.take() > newest


async def test_messages_of_one_moment_keep_their_order(world):
    accepted = [await world.accept(text=str(number)) for number in range(5)]
    assert [one.id for one in accepted] == sorted(one.id for one in accepted)
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt)
    await asyncio.gather(*(world.accept() for _ in range(3)))
    waiting = await world.store.dispatch.waiting(world.clock.now(), 20)
    assert [one.text for one in waiting][:4] == ["1", "2", "3", "4"]
