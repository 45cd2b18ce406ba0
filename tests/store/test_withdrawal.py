"""Messages taken back: what had not left never does, whoever was quicker."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from appliance.chores import Chores
from appliance.clock import ManualClock
from appliance.config.settings import Messages
from appliance.errors import NotFound
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.policy.categories import Category
from appliance.store.values import Begun, NotBegun, Overdue
from appliance.store.withdrawal import CHUNK, Selection, Withdrawn
from appliance.withdrawal import cancel
from tests.store.conftest import ALICE
from tests.store.steps import (
    HOURS,
    begun,
    end,
    lose,
    on_postgresql,
    part_states,
    report,
    rows,
    send_all,
    state,
    story,
    told,
)
from tests.store.test_dispatch import begin, ended, first_waiting
from tests.store.test_optouts import MESSAGE_LOCK, in_this_order

BATCH = Selection(batch="sale")


async def withdrawn(world, selection, account_id=None):
    owner = account_id or world.account.id
    return await world.store.withdrawal.cancel(owner, selection, world.clock.now())


async def test_what_waits_is_cancelled_and_the_account_is_told(world):
    accepted = await world.accept(batch="sale")
    assert await withdrawn(world, BATCH) == Withdrawn(cancelled=1)
    assert await state(world, accepted) is State.CANCELLED
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []
    assert await told(world) == [State.CANCELLED]
    assert await withdrawn(world, BATCH) == Withdrawn(final=1)


async def test_of_a_long_message_on_its_way_the_rest_is_cancelled(world):
    accepted = await world.accept(text="x" * 400, parts=3)
    waiting = await first_waiting(world)
    beginning, attempt = await begun(world, waiting)
    await end(world, beginning, attempt)
    second = await begun(world, waiting, 2, first=False, reference=0)
    assert await withdrawn(world, Selection(ids=(accepted.id,))) == Withdrawn(on_air=1)

    assert await part_states(world, accepted) == [State.SENT, State.SENDING, State.CANCELLED]
    third = begin(world, waiting, 3, first=False, reference=0)
    assert not isinstance(await world.store.dispatch.begin(third), Begun)
    await end(world, *second, reference=8)
    for reference in (7, 8):
        await world.store.reports.take(report(world, reference=reference))
    expected = [State.DELIVERED, State.DELIVERED, State.CANCELLED]
    assert await part_states(world, accepted) == expected


@pytest.mark.parametrize(
    ("outcome", "event", "becomes"),
    [
        (Outcome.SENT, Event.ACCEPT, State.SENT),
        (Outcome.REFUSED, Event.RELEASE, State.CANCELLED),
        (Outcome.RELEASED, Event.RELEASE, State.CANCELLED),
        (Outcome.UNCERTAIN, Event.LOSE, State.UNCERTAIN),
    ],
)
async def test_what_was_cancelled_on_the_air_never_leaves_again(world, outcome, event, becomes):
    accepted = await world.accept(when_uncertain="resend")
    beginning = await begun(world)
    assert await withdrawn(world, Selection(ids=(accepted.id,))) == Withdrawn(on_air=1)
    assert await state(world, accepted) is State.SENDING
    await end(world, *beginning, outcome, event, cause="as it was")
    assert await state(world, accepted) is becomes

    now = world.clock.advance(30 * HOURS) or world.clock.now()
    bounds = {"no_report_before": now - 72 * HOURS}
    bounds["uncertain_before"] = dict.fromkeys(Category, now)
    await world.store.chores.settle(Overdue(now=now, **bounds))
    assert await world.store.dispatch.waiting(now, 10) == []
    if outcome is not Outcome.SENT:
        found = (await story(world, accepted)).message
        assert (found.state, found.cause) == (
            State.CANCELLED,
            "its account has cancelled it meanwhile",
        )


async def test_every_message_counts_once_as_what_it_is(world):
    to = {"recipient": ALICE, "priority": 3}
    await world.accept(**to)
    await send_all(world, 1)
    await world.accept(**to)
    await lose(world, *await begun(world))
    await world.accept(**to, reference="failed")
    await end(world, *await begun(world), Outcome.REFUSED, Event.REFUSE, cause="no")
    await world.accept(**to)
    await world.accept(recipient="+4915187654321")
    assert await withdrawn(world, Selection(to=ALICE)) == Withdrawn(cancelled=1, on_air=2, final=1)


async def test_an_id_that_is_none_is_refused_and_one_that_is_unknown_counts_nowhere(world):
    with pytest.raises(NotFound):
        await withdrawn(world, Selection(ids=("hello!",)))
    assert await withdrawn(world, Selection(ids=("m999",))) == Withdrawn()


async def test_many_are_gone_over_in_chunks_and_those_that_come_meanwhile_stay(world, url):
    await asyncio.gather(*(world.accept(batch="sale") for _ in range(2 * CHUNK + 5)))
    first = await withdrawn(world, BATCH)
    assert (first.cancelled, first.rest is None) == (CHUNK, False)
    world.clock.advance(timedelta(seconds=1))
    late = await world.accept(batch="sale")

    second = await world.store.withdrawal.go_on(first.rest, world.clock.now())
    assert (second.cancelled, second.rest) == (2 * CHUNK, first.rest)
    last = await world.store.withdrawal.go_on(first.rest, world.clock.now())
    assert last == Withdrawn(cancelled=2 * CHUNK + 5)
    assert await state(world, late) is State.QUEUED
    assert rows(url, "SELECT * FROM withdrawal") == []


async def test_what_is_left_of_many_is_cancelled_after_a_restart(world, open_store, tmp_path, url):
    await asyncio.gather(*(world.accept(batch="sale") for _ in range(3 * CHUNK)))
    clock = ManualClock(world.clock.now())
    found = await cancel(world.store, clock, world.account.id, BATCH, timedelta())
    assert (found.cancelled, found.rest is None) == (CHUNK, False)
    assert (await world.store.views.batch(world.account.id, "sale")).cancelling
    await world.store.close()

    store = await open_store()
    await Chores(store, world.clock, Messages()).withdraw()
    view = await store.views.batch(world.account.id, "sale")
    assert (view.states, view.cancelling) == ({State.CANCELLED: 3 * CHUNK}, False)


async def test_who_asks_and_the_chores_may_go_over_the_same_rest(world):
    await asyncio.gather(*(world.accept(batch="sale") for _ in range(4 * CHUNK)))
    asking = cancel(world.store, world.clock, world.account.id, BATCH)
    chores = Chores(world.store, world.clock, Messages())
    found, _ = await asyncio.gather(asking, chores.withdraw())
    await chores.withdraw()
    assert found.rest is None
    view = await world.store.views.batch(world.account.id, "sale")
    assert view.states == {State.CANCELLED: 4 * CHUNK}


async def race(world, stores):
    """Let claims and one cancelling of the same messages run side by side; count who won."""
    accepted = await asyncio.gather(
        *(world.accept(batch="sale", text="x" * 200, parts=2) for _ in range(60))
    )
    waiting = await world.store.dispatch.waiting(world.clock.now(), 100)
    claims = [stores[0].dispatch.begin(begin(world, one)) for one in waiting]
    taking = stores[-1].withdrawal.cancel(world.account.id, BATCH, world.clock.now())
    half = len(claims) // 2
    results = await asyncio.gather(*claims[:half], taking, *claims[half:])
    found = results.pop(half)
    taken = sum(isinstance(each, Begun) for each in results)
    assert (found.cancelled, found.on_air + found.cancelled) == (60 - taken, 60)
    for one in accepted:
        parts = await part_states(world, one)
        assert parts in (
            [State.CANCELLED, State.CANCELLED],
            [State.SENDING, State.CANCELLED],
        )
    assert await world.store.dispatch.waiting(world.clock.now(), 100) == []


async def test_a_claim_or_a_cancelling_wins_never_both(world):
    await race(world, [world.store])


@on_postgresql
async def test_a_claim_by_another_daemon_or_a_cancelling_wins_never_both(world, open_store, url):
    await race(world, [await open_store("other"), world.store])


@on_postgresql
@pytest.mark.parametrize("claim_first", [True, False])
@pytest.mark.parametrize("parts", [1, 2])
async def test_a_claim_and_a_cancelling_that_meet_agree(world, open_store, url, claim_first, parts):
    other = await open_store("other")
    accepted = await world.accept(text="x" * 200, parts=parts, batch="sale")
    beginning = begin(world, await first_waiting(world))
    claim = other.dispatch.begin(beginning)
    verbs = [claim, world.store.withdrawal.cancel(world.account.id, BATCH, world.clock.now())]
    results = await in_this_order(url, MESSAGE_LOCK, *(verbs if claim_first else verbs[::-1]))
    begun_, found = results if claim_first else results[::-1]
    if claim_first:
        assert isinstance(begun_, Begun)
        assert found == Withdrawn(on_air=1)
        expected = [State.SENDING, State.CANCELLED][:parts]
    else:
        assert isinstance(begun_, NotBegun)
        assert found == Withdrawn(cancelled=1)
        expected = [State.CANCELLED] * parts
    assert await part_states(world, accepted) == expected


@on_postgresql
@pytest.mark.parametrize("end_first", [True, False])
async def test_a_refusal_and_a_cancelling_that_meet_leave_nothing_to_send(
    world, open_store, url, end_first
):
    other = await open_store("other")
    accepted = await world.accept(batch="sale")
    beginning, attempt = await begun(world)
    refused = ended(world, attempt, beginning, Outcome.REFUSED, Event.RELEASE, cause="busy")
    verbs = [
        world.store.dispatch.end(refused),
        other.withdrawal.cancel(world.account.id, BATCH, world.clock.now()),
    ]
    await in_this_order(url, MESSAGE_LOCK, *(verbs if end_first else verbs[::-1]))
    assert await state(world, accepted) is State.CANCELLED


async def test_many_threads_that_claim_and_cancel_leave_each_message_with_one_of_them(world):
    accepted = [await world.accept(batch=str(n)) for n in range(40)]
    waiting = await world.store.dispatch.waiting(world.clock.now(), 100)
    loop = asyncio.get_running_loop()

    def claim(one):
        verb = world.store.dispatch.begin(begin(world, one))
        return asyncio.run_coroutine_threadsafe(verb, loop).result()

    def take_back(number):
        verb = withdrawn(world, Selection(batch=str(number)))
        return asyncio.run_coroutine_threadsafe(verb, loop).result()

    with ThreadPoolExecutor(16) as threads:
        claims = [loop.run_in_executor(threads, claim, one) for one in waiting]
        takings = [loop.run_in_executor(threads, take_back, n) for n in range(40)]
        results = await asyncio.gather(*claims, *takings)
    for one, claimed, found in zip(accepted, results[:40], results[40:], strict=True):
        won = isinstance(claimed, Begun)
        assert found == (Withdrawn(on_air=1) if won else Withdrawn(cancelled=1))
        assert await state(world, one) is (State.SENDING if won else State.CANCELLED)
