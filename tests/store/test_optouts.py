"""Nobody is written to after STOP, whatever else goes on at that moment.

Between several daemons only PostgreSQL's locks stand: each test makes two of them meet.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from appliance.errors import OptedOut
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store.engine import open_engine
from appliance.store.values import Begun, NotBegun
from tests.store.conftest import ALICE, World
from tests.store.steps import begun, end, on_postgresql, part_states, rows, state, steps
from tests.store.test_dispatch import begin, ended, first_waiting
from tests.store.test_messages import stop

PATIENCE = 20  # seconds; what is waited for comes in milliseconds

WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks"
    " WHERE NOT granted AND (database IS NULL OR database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


@pytest.fixture
async def two(world, open_store):
    """Give the same database as two daemons see it."""
    other = await open_store("other")
    return world, World(other, world.account, world.sim, world.clock)


@asynccontextmanager
async def locked(url, statement, **given):
    """Hold a lock as a third session, so that others meet at it."""
    engine = open_engine(url)
    with engine.connect() as connection:
        connection.execute(text(statement), given)
        yield
        connection.rollback()
    engine.dispose()


async def until_waiting(url, sessions):
    """Return when so many sessions wait for a lock."""
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(rows, url, WAITING))[0][0] < sessions:
            pass


async def in_this_order(url, lock, first, second):
    """Let two verbs meet at a lock, the first one before it; return their results."""
    statement, given = lock
    async with locked(url, statement, **given):
        tasks = []
        for verb in (first, second):
            tasks.append(asyncio.create_task(verb))
            await until_waiting(url, len(tasks))
    return await asyncio.gather(*tasks, return_exceptions=True)


def recipient_lock(world):
    key = world.store._base.keys.suffix(ALICE[-8:])
    number = int.from_bytes(key[:8], "big", signed=True)
    return "SELECT pg_advisory_xact_lock(:key)", {"key": number}


MESSAGE_LOCK = ("SELECT id FROM message FOR UPDATE", {})


async def nothing_may_leave(world):
    for waiting in await world.store.dispatch.waiting(world.clock.now(), 100):
        assert isinstance(await world.store.dispatch.begin(begin(world, waiting)), NotBegun)
    for rest in await world.store.dispatch.under_way(world.sim, world.clock.now(), 100):
        late = begin(world, rest, rest.todo[0])
        assert isinstance(await world.store.dispatch.begin(late), NotBegun)
    with pytest.raises(OptedOut):
        await world.accept()


@on_postgresql
async def test_a_message_taken_just_before_stop_is_cancelled_by_it(two, url):
    ours, theirs = two
    accepted, _ = await in_this_order(
        url, recipient_lock(ours), ours.accept(), theirs.store.inbound.take(stop(theirs))
    )
    assert await state(ours, accepted) is State.CANCELLED
    await nothing_may_leave(ours)


@on_postgresql
async def test_a_message_asked_for_just_after_stop_is_refused(two, url):
    ours, theirs = two
    _, refused = await in_this_order(
        url, recipient_lock(ours), theirs.store.inbound.take(stop(theirs)), ours.accept()
    )
    assert isinstance(refused, OptedOut)
    await nothing_may_leave(ours)


@on_postgresql
async def test_many_messages_and_stop_at_once_leave_nothing_that_may_leave(two):
    ours, theirs = two
    for number in range(10):
        facts = stop(theirs, fingerprint=(number,))
        asked = [world.accept(text=str(n)) for n in range(3) for world in two]
        asked.insert(number % 7, theirs.store.inbound.take(facts))
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert not [
            each
            for each in results
            if isinstance(each, Exception) and not isinstance(each, OptedOut)
        ]
        await nothing_may_leave(theirs)
        start = stop(ours, "START", fingerprint=("start", number))
        await ours.store.inbound.take(start)


@on_postgresql
async def test_a_part_claimed_just_before_stop_is_not_called_cancelled(two, url):
    ours, theirs = two
    accepted = await ours.accept()
    beginning = begin(ours, await first_waiting(ours))
    attempt, _ = await in_this_order(
        url,
        MESSAGE_LOCK,
        ours.store.dispatch.begin(beginning),
        theirs.store.inbound.take(stop(theirs)),
    )
    assert isinstance(attempt, Begun)
    assert (await state(ours, accepted), await part_states(ours, accepted)) == (
        State.SENDING,
        [State.SENDING],
    )
    await end(ours, beginning, attempt)
    assert await steps(ours, accepted) == [State.QUEUED, State.SENDING, State.SENT]
    await nothing_may_leave(ours)


@on_postgresql
async def test_a_claim_that_waits_for_stop_is_refused(two, url):
    ours, theirs = two
    accepted = await ours.accept()
    beginning = begin(ours, await first_waiting(ours))
    _, refused = await in_this_order(
        url,
        MESSAGE_LOCK,
        theirs.store.inbound.take(stop(theirs)),
        ours.store.dispatch.begin(beginning),
    )
    assert isinstance(refused, NotBegun)
    assert await state(ours, accepted) is State.CANCELLED


@on_postgresql
@pytest.mark.parametrize("stop_first", [True, False])
async def test_stop_and_an_outcome_of_one_message_agree_on_its_state(two, url, stop_first):
    ours, theirs = two
    accepted = await ours.accept(text="x" * 200, parts=2)
    beginning, attempt = await begun(ours)
    verbs = [
        ours.store.dispatch.end(ended(ours, attempt, beginning)),
        theirs.store.inbound.take(stop(theirs)),
    ]
    if stop_first:
        verbs.reverse()
    await in_this_order(url, MESSAGE_LOCK, *verbs)
    assert await part_states(ours, accepted) == [State.SENT, State.CANCELLED]
    assert await state(ours, accepted) is State.CANCELLED


@on_postgresql
@pytest.mark.parametrize("stop_first", [True, False])
async def test_stop_and_the_next_part_of_a_message_agree_on_it(two, url, stop_first):
    ours, theirs = two
    accepted = await ours.accept(text="x" * 200, parts=2)
    waiting = await first_waiting(ours)
    first, attempt = await begun(ours, waiting)
    await end(ours, first, attempt)
    second = begin(ours, waiting, 2, first=False, reference=attempt.concat_reference)
    verbs = [ours.store.dispatch.begin(second), theirs.store.inbound.take(stop(theirs))]
    if stop_first:
        verbs.reverse()
    results = await in_this_order(url, MESSAGE_LOCK, *verbs)
    if stop_first:
        assert isinstance(results[1], NotBegun)
        assert await part_states(ours, accepted) == [State.SENT, State.CANCELLED]
    else:
        assert isinstance(results[0], Begun)
        assert await part_states(ours, accepted) == [State.SENT, State.SENDING]


@on_postgresql
@pytest.mark.parametrize("expire_first", [True, False])
async def test_a_part_that_is_claimed_while_it_expires_is_one_or_the_other(two, url, expire_first):
    ours, theirs = two
    accepted = await ours.accept(expires_at=ours.clock.now().replace(hour=13))
    beginning = begin(ours, await first_waiting(ours))  # before its time was up
    late = ours.clock.now().replace(hour=14)
    verbs = [ours.store.dispatch.begin(beginning), theirs.store.chores.expire(late)]
    if expire_first:
        verbs.reverse()
    await in_this_order(url, MESSAGE_LOCK, *verbs)
    expected = State.EXPIRED if expire_first else State.SENDING
    assert await part_states(ours, accepted) == [expected]
    assert await state(ours, accepted) is expected


async def test_stop_holds_back_what_its_line_gives_back_later(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await world.store.inbound.take(stop(world))
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    await nothing_may_leave(world)
    assert await state(world, accepted) is State.CANCELLED


async def insert(url, **given):
    """Store an opt-out as another way than STOP by SMS would."""
    engine = open_engine(url)
    columns = ", ".join(given)
    values = ", ".join(f":{name}" for name in given)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO opt_out ({columns}) VALUES ({values})"), given)
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, True),
        ({"category": "transactional"}, True),
        ({"category": "marketing"}, False),
        ({"account_id": 1}, True),
        ({"account_id": 2}, False),
        ({"until": "2026-05-04 12:00:01"}, True),
        ({"until": "2026-05-04 12:00:00"}, False),
        ({"ended_at": "2026-05-01 00:00:00"}, False),
    ],
    ids=str,
)
async def test_an_opt_out_holds_for_what_it_names_and_until_its_end(world, url, given, refused):
    from appliance.store.accounts import NewAccount

    await world.store.accounts.add(NewAccount(name="bank", local=True), world.clock.now())
    accepted = await world.accept()
    if "sqlite" not in url:
        given = {
            name: f"{value}+00" if name in ("until", "ended_at") else value
            for name, value in given.items()
        }
    fixed = {
        "id": 1,
        "recipient_key": world.store._base.keys.number(ALICE),
        "reason": "asked for by letter",
        "created_at": "2026-05-01 00:00:00" + ("" if "sqlite" in url else "+00"),
    }
    await insert(url, **(fixed | given))

    result = await world.store.dispatch.begin(begin(world, await first_waiting(world)))
    assert isinstance(result, NotBegun if refused else Begun)
    assert await state(world, accepted) is (State.CANCELLED if refused else State.SENDING)
    if refused:
        with pytest.raises(OptedOut):
            await world.accept()
    else:
        await world.accept()
