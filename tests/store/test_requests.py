"""What is asked of lines: taken once, answered once, and nothing secret stays behind."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.errors import NotFound
from appliance.lifecycle import Event
from appliance.models import Outcome, RequestState
from appliance.store.bell import CHANGES, QUEUE, REQUESTS
from appliance.store.requests import (
    CUT_SHORT,
    NOBODY,
    NOT_BEGUN,
    Bounds,
    Finished,
    NewRequest,
)
from appliance.store.values import NotBegun
from tests.store.steps import another_sim, begun, end, rows
from tests.store.test_dispatch import begin, first_waiting

SECRET = "48151623"


@pytest.fixture
def asked(store, clock):
    """Give what asks the line at slot 1-1 of a daemon (None: our own) for something."""

    async def asked(kind="pin", daemon=None, asking=store, **arguments):
        new = NewRequest(
            daemon=store.requests.daemon if daemon is None else daemon,
            slot="1-1",
            kind=kind,
            arguments=arguments,
            account_id=None,
            at=clock.now(),
        )
        return await asking.requests.open(new)

    return asked


@pytest.fixture
async def other(open_store, tmp_path):
    """Give another daemon on the same database."""
    (tmp_path / "other").mkdir()
    return await open_store("other", directory=tmp_path / "other")


async def state_of(store, name):
    return (await store.requests.get(name)).state


def overdue(clock, **ago):
    now = clock.now()
    bounds = {"open": timedelta(minutes=5), "answered": timedelta(days=1)} | ago
    return Bounds(
        now=now, open_before=now - bounds["open"], answered_before=now - bounds["answered"]
    )


async def test_a_request_is_taken_once_with_its_arguments_and_answered(store, asked, clock):
    name = await asked("ussd", code="*100#")
    found = await store.requests.get(name)
    assert (found.line, found.kind, found.state, found.local) == ("1-1", "ussd", "open", True)

    (taken,) = await store.requests.take(clock.now())
    assert (taken.slot, taken.kind, taken.arguments) == ("1-1", "ussd", {"code": "*100#"})
    assert await state_of(store, name) is RequestState.TAKEN
    assert await store.requests.take(clock.now()) == []

    await store.requests.finish(Finished(id=taken.id, at=clock.now(), answer={"text": "10 €"}))
    found = await store.requests.get(name)
    assert (found.state, found.answer, found.error) == (RequestState.DONE, {"text": "10 €"}, None)
    assert found.ended


async def test_a_request_that_failed_says_why(store, asked, clock):
    name = await asked()
    (taken,) = await store.requests.take(clock.now())
    await store.requests.finish(Finished(id=taken.id, at=clock.now(), error="no answer"))
    found = await store.requests.get(name)
    assert (found.state, found.answer, found.error) == (RequestState.FAILED, None, "no answer")


async def test_two_that_take_at_once_never_get_the_same(store, asked, clock):
    for _ in range(5):
        await asked()
    found = await asyncio.gather(*(store.requests.take(clock.now()) for _ in range(4)))
    taken = [one.id for some in found for one in some]
    assert len(taken) == len(set(taken)) == 5


async def test_arguments_for_a_line_of_this_daemon_are_never_written(store, asked, url, clock):
    await asked(pin=SECRET)
    assert rows(url, "SELECT arguments FROM request") == [(None,)]
    (taken,) = await store.requests.take(clock.now())
    assert taken.arguments == {"pin": SECRET}
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        written = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
        assert b"1-1" in written
        assert SECRET.encode() not in written


async def test_arguments_for_another_daemon_are_gone_from_the_row_once_taken(
    store, other, asked, url, clock
):
    name = await asked(daemon=other.requests.daemon, pin=SECRET)
    assert SECRET in str(rows(url, "SELECT arguments FROM request"))
    assert not (await store.requests.get(name)).local
    assert await store.requests.take(clock.now()) == []

    (taken,) = await other.requests.take(clock.now())
    assert taken.arguments == {"pin": SECRET}
    assert rows(url, "SELECT arguments FROM request") == [(None,)]


async def test_what_was_being_carried_out_when_the_daemon_stopped_is_never_repeated(
    store, asked, clock
):
    name = await asked()
    await store.requests.take(clock.now())
    await store.requests.recover(clock.now())
    found = await store.requests.get(name)
    assert (found.state, found.error) == (RequestState.FAILED, CUT_SHORT)
    assert await store.requests.take(clock.now()) == []


async def test_what_this_daemon_asked_itself_and_had_not_taken_fails_at_its_next_start(
    store, asked, clock
):
    name = await asked()
    await store.requests.recover(clock.now())
    found = await store.requests.get(name)
    assert (found.state, found.error) == (RequestState.FAILED, NOT_BEGUN)


async def test_what_another_daemon_asks_outlives_a_restart(store, other, asked, clock):
    name = await asked(daemon=other.requests.daemon, pin=SECRET)
    await other.requests.recover(clock.now())
    assert await state_of(store, name) is RequestState.OPEN
    (taken,) = await other.requests.take(clock.now())
    assert taken.arguments == {"pin": SECRET}


async def test_a_restart_of_one_daemon_leaves_alone_what_another_carries_out(
    store, other, asked, clock
):
    name = await asked(daemon=other.requests.daemon)
    await other.requests.take(clock.now())
    await store.requests.recover(clock.now())
    assert await state_of(store, name) is RequestState.TAKEN


async def test_an_answer_that_comes_after_the_request_was_given_up_changes_nothing(
    store, asked, clock
):
    name = await asked()
    (taken,) = await store.requests.take(clock.now())
    await store.requests.recover(clock.now())
    await store.requests.finish(Finished(id=taken.id, at=clock.now(), answer={}))
    assert await state_of(store, name) is RequestState.FAILED


async def test_what_nobody_takes_fails_in_time_and_not_before(store, other, asked, url, clock):
    name = await asked(daemon=other.requests.daemon, pin=SECRET)
    clock.advance(timedelta(minutes=5))
    await store.requests.overdue(overdue(clock))
    assert await state_of(store, name) is RequestState.OPEN

    clock.advance(timedelta(seconds=1))
    await store.requests.overdue(overdue(clock))
    found = await store.requests.get(name)
    assert (found.state, found.error) == (RequestState.FAILED, NOBODY)
    assert rows(url, "SELECT arguments FROM request") == [(None,)]
    assert await other.requests.take(clock.now()) == []


async def test_answers_are_forgotten_after_their_time(store, asked, clock):
    name = await asked()
    (taken,) = await store.requests.take(clock.now())
    await store.requests.finish(Finished(id=taken.id, at=clock.now(), answer={"text": "10 €"}))
    await store.requests.overdue(overdue(clock))
    assert (await store.requests.get(name)).answer == {"text": "10 €"}

    clock.advance(timedelta(days=1, seconds=1))
    await store.requests.overdue(overdue(clock))
    found = await store.requests.get(name)
    assert (found.state, found.answer) == (RequestState.DONE, None)


async def test_bells_tell_the_daemon_that_is_asked_and_whoever_waits(store, asked, clock):
    wanted = store.bells.listen((REQUESTS, store.requests.daemon))
    name = await asked()
    answered = store.bells.listen((REQUESTS, name))
    assert await wanted.wait()
    (taken,) = await store.requests.take(clock.now())
    await store.requests.finish(Finished(id=taken.id, at=clock.now(), answer={}))
    assert await answered.wait()


async def test_what_is_no_request_is_not_found(store):
    assert await store.requests.get("r1") is None
    for name in ("m1", "", "r", "r!"):
        with pytest.raises(NotFound):
            await store.requests.get(name)


async def test_a_paused_sim_stays_so_over_a_restart_until_it_is_resumed(
    store, open_store, sim, clock, tmp_path
):
    assert store.lines.pause_reason(sim) is None
    await store.lines.pause(sim, "paused by somebody", clock.now())
    assert store.lines.pause_reason(sim) == "paused by somebody"
    await store.close()

    again = await open_store()
    assert again.lines.pause_reason(sim) == "paused by somebody"
    assert await again.lines.resume(sim, clock.now())
    assert again.lines.pause_reason(sim) is None
    assert not await again.lines.resume(sim, clock.now())
    await again.close()
    assert (await open_store()).lines.pause_reason(sim) is None


async def test_a_sim_is_resumed_only_if_it_is_paused_for_the_reason_given(store, sim, clock):
    await store.lines.pause(sim, "paused by account ops", clock.now())
    assert not await store.lines.resume(sim, clock.now(), only_reason_prefix="low balance")
    assert store.lines.pause_reason(sim) == "paused by account ops"
    await store.lines.pause(sim, "low balance: 0.20", clock.now())
    assert await store.lines.resume(sim, clock.now(), only_reason_prefix="low balance")
    assert store.lines.pause_reason(sim) is None


async def test_a_sim_that_comes_from_another_daemon_brings_its_pause(store, other, world, clock):
    sim = await another_sim(world)
    await other.lines.pause(sim, "paused there", clock.now())
    assert store.lines.pause_reason(sim) is None
    await another_sim(world)
    assert store.lines.pause_reason(sim) == "paused there"
    await other.lines.resume(sim, clock.now())
    await another_sim(world)
    assert store.lines.pause_reason(sim) is None


async def test_pausing_and_resuming_ring_for_the_queue_and_the_page(store, sim, clock):
    bell = store.bells.listen(QUEUE, CHANGES)
    await store.lines.pause(sim, "why", clock.now())
    await bell.wait()
    assert bell.heard() == {QUEUE, CHANGES}
    await store.lines.resume(sim, clock.now())
    await bell.wait()
    assert bell.heard() == {QUEUE, CHANGES}


async def test_a_message_for_one_sim_is_taken_by_no_other_whatever_becomes_of_it(world):
    other = await another_sim(world)
    await world.accept(pinned_sim_id=world.sim)
    for _ in range(2):
        waiting = await first_waiting(world)
        assert waiting.sim_id == world.sim
        refused = await world.store.dispatch.begin(begin(world, waiting, sim=other))
        assert isinstance(refused, NotBegun)
        beginning, attempt = await begun(world, waiting)
        await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE)
        await world.store.chores.recover(world.clock.now())
