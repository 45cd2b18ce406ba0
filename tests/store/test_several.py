"""Several daemons on one PostgreSQL: leases, what is taken over, bells, names, and who tells."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from appliance.chores import Chores
from appliance.clock import ManualClock
from appliance.config.settings import Messages
from appliance.errors import NameInUse
from appliance.inbox import reading
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store import Store
from appliance.store.bell import NOTICES, QUEUE
from appliance.store.tenure import Lease, Tenure
from appliance.store.values import LineFacts
from appliance.store.wire import heard, payloads
from tests.box import until
from tests.store.conftest import START
from tests.store.steps import begun, end, lose, on_postgresql, part_states, rows, state, story

PATIENCE = timedelta(seconds=20)  # what is waited for comes in milliseconds


def execute(url, statement):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)


def let_lapse(url, name="box"):
    """Let a daemon be silent for a day, as the database's clock has it."""
    execute(
        url,
        "UPDATE daemon SET lease_until = clock_timestamp() - interval '1 day'"
        f" WHERE name = '{name}'",
    )


# A lease, by the daemon's own clock


def tenure(**given):
    clock = ManualClock(START)
    return Tenure(clock, Lease(timedelta(seconds=60), timedelta(seconds=150)), **given), clock


def test_whoever_is_alone_needs_no_lease():
    alone, clock = tenure(shared=False)
    clock.advance(timedelta(days=1))
    assert alone.holds


def test_a_lease_counts_from_before_it_was_asked_for_and_a_clock_that_jumps_changes_nothing():
    one, clock = tenure(shared=True)
    assert not one.holds
    asked_at = one.moment()
    clock.advance(timedelta(seconds=10))  # the database's answer took so long
    one.renewed(asked_at)
    clock.advance(timedelta(seconds=49))
    clock.jump(START - timedelta(days=365))
    assert one.holds
    clock.advance(timedelta(seconds=1))
    assert not one.holds


def test_what_is_lost_holds_no_more():
    one, _ = tenure(shared=True)
    one.renewed(one.moment())
    one.lost()
    assert not one.holds


# Bells


TOPICS = st.one_of(
    st.sampled_from(["queue", "lanes", "changes"]),
    st.tuples(
        st.sampled_from(["queue", "notices", "requests"]),
        st.one_of(st.integers(0, 1 << 62), st.text("rabcxyz", min_size=1, max_size=13)),
    ),
)


@given(st.integers(1, 1 << 31), st.sets(TOPICS, max_size=500))
def test_topics_come_through_whole_in_payloads_that_postgresql_takes(daemon, topics):
    said = list(payloads(daemon, topics))
    assert all(len(payload) < 8000 for payload in said)
    assert {sender for sender, _ in map(heard, said)} <= {daemon}
    assert {topic for _, some in map(heard, said) for topic in some} == topics


@on_postgresql
async def test_a_message_that_one_accepts_wakes_the_other(world, open_store):
    other = await open_store("other")
    bell = other.bells.listen((QUEUE, 7))
    await world.accept(lane_id=7)
    assert await bell.wait(PATIENCE)


@on_postgresql
async def test_one_that_was_not_seen_yet_is_told_to_look_at_everything(world, url):
    ((ours,),) = rows(url, "SELECT id FROM daemon")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("LISTEN appliance")
        connection.execute("NOTIFY appliance, '99 tenure'")
        said = connection.notifies(timeout=PATIENCE.total_seconds(), stop_after=2)
        assert [one.payload for one in said] == ["99 tenure", str(ours)]


@on_postgresql
async def test_told_to_look_at_everything_all_bells_ring(world, open_store):
    bell = world.store.bells.listen("whatever")
    await open_store("other")
    assert await bell.wait(PATIENCE)


@on_postgresql
async def test_a_notice_that_one_owes_wakes_the_worker_of_the_other(world, open_store):
    other = await open_store("other")
    bell = other.bells.listen((NOTICES, world.account.id))
    await world.accept()
    await end(world, *await begun(world), Outcome.REFUSED, Event.REFUSE, cause="no")
    assert await bell.wait(PATIENCE)


@on_postgresql
async def test_a_connection_that_breaks_is_made_anew_and_all_bells_ring(world, url):
    bell = world.store.bells.listen("whatever")
    holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 1634758766"
    ((before,),) = rows(url, holder)
    execute(url, f"SELECT pg_terminate_backend({before})")
    assert await bell.wait(PATIENCE)
    ((after,),) = rows(url, holder)
    assert after != before
    assert world.store.tenure.holds


# Names


@on_postgresql
async def test_two_daemons_of_one_name_are_one_too_many(world, open_store, tmp_path):
    with pytest.raises(NameInUse, match="another daemon named 'box' works on this database"):
        await open_store("box", directory=tmp_path / "second")
    await world.store.close()
    await open_store("box", directory=tmp_path / "second")


# What is taken over


@on_postgresql
async def test_what_a_lost_daemon_had_is_uncertain_or_free(world, open_store, url):
    other = await open_store("other")
    in_flight, long = await world.accept(), await world.accept(text="x" * 200, parts=2)
    await begun(world)
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt)
    await world.store.lines.tell(
        LineFacts(
            slot="1-1",
            port="/dev/x",
            state="ready",
            cause="",
            next_step="",
            simulated=False,
            changed_at=START,
            sim_id=world.sim,
        )
    )
    assert await other.chores.take_over(world.clock.now()) == []

    let_lapse(url)
    (taken,) = await other.chores.take_over(world.clock.now())
    assert (taken.name, taken.uncertain) == ("box", 1)
    assert await state(world, in_flight) is State.UNCERTAIN
    assert await part_states(world, long) == [State.SENT, State.QUEUED]
    (rest,) = await other.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert rest.todo == (2,)  # by whoever has its SIM by now
    (line,) = await other.views.lines(world.clock.now())
    assert (line.state, line.cause) == ("no_answer", "its daemon has not been heard of for long")
    assert await other.chores.take_over(world.clock.now()) == []


@on_postgresql
async def test_a_daemon_that_is_lost_is_an_incident(world, open_store, url):
    other = await open_store("other")
    let_lapse(url)
    chores = Chores(other, world.clock, Messages())
    await chores.take_over()
    await chores.take_over()
    (incident,) = await other.incidents.shown()
    assert (incident.kind, incident.lasting) == ("daemon_lost", False)
    assert incident.sentence.startswith("The daemon box has not been heard of for long.")


@on_postgresql
async def test_a_lease_that_has_only_just_lapsed_is_left_its_grace(world, open_store, url):
    other = await open_store("other")
    await world.accept()
    await begun(world)
    execute(url, "UPDATE daemon SET lease_until = clock_timestamp() - interval '1 minute'")
    assert await other.chores.take_over(world.clock.now()) == []


@on_postgresql
async def test_whoever_comes_back_begins_anew(world, open_store, url, tmp_path, clock):
    sleeper = await Store.open(
        url,
        tmp_path,
        daemon="sleeper",
        clock=clock,
        reading=reading({}),
        lease=Lease(timedelta(seconds=0.6), timedelta()),
    )
    try:
        account, claimed = world.account.id, sleeper.charges
        assert await claimed.take(account)
        execute(url, "UPDATE daemon SET lease_until = NULL WHERE name = 'sleeper'")

        async def noticed():
            return sleeper.tenure.epoch == 1

        await until(noticed, "it has noticed")
        assert sleeper.tenure.holds
        assert await world.store.charges.take(account) is False  # it works again by now
    finally:
        await sleeper.close()


@on_postgresql
async def test_who_leaves_in_good_order_leaves_nothing_claimed(world, open_store, url):
    await world.accept(text="x" * 200, parts=2)
    await end(world, *await begun(world))
    assert await world.store.charges.take(world.account.id)
    await world.store.close()
    assert rows(url, "SELECT daemon FROM message") == [(None,)]
    assert rows(url, "SELECT notices_by FROM account") == [(None,)]
    assert rows(url, "SELECT lease_until FROM daemon") == [(None,)]


# What the one that was taken over from knows better


async def test_that_nothing_was_sent_frees_an_uncertain_part(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await lose(world, beginning, attempt)
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="too late")
    assert await state(world, accepted) is State.QUEUED


async def test_but_not_one_that_was_handed_to_a_sim_again(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await lose(world, beginning, attempt)
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="too late")
    second, again = await begun(world)
    await lose(world, second, again)
    with world.store._engine.begin() as connection:  # as if its end had not come before
        connection.execute(text("UPDATE attempt SET outcome = 'uncertain'"))
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="too late")
    assert await state(world, accepted) is State.UNCERTAIN


# A beginning of which nobody knows whether it was stored


async def test_a_beginning_that_was_stored_after_all_is_taken_back(world):
    accepted = await world.accept()
    beginning, _ = await begun(world)
    await world.store.dispatch.undo(beginning)
    found = await story(world, accepted)
    assert found.message.state is State.QUEUED
    assert found.attempts[0].outcome is Outcome.RELEASED
    await world.store.dispatch.undo(beginning)
    assert await state(world, accepted) is State.QUEUED


async def test_one_that_was_not_stored_or_has_ended_is_left_alone(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await end(world, beginning, attempt)
    await world.store.dispatch.undo(beginning)
    assert await state(world, accepted) is State.SENT


# Who tells


@on_postgresql
async def test_one_daemon_at_a_time_carries_the_notices_of_an_account(world, open_store, url):
    other = await open_store("other")
    first, second = world.store.charges, other.charges
    account = world.account.id
    assert await asyncio.gather(*(first.take(account) for _ in range(3))) == [True] * 3
    assert not await second.take(account)
    bell = other.bells.listen((NOTICES, account))
    await first.give_up(account)
    assert await bell.wait(PATIENCE)
    assert await second.take(account)
    assert not await first.take(account)
    let_lapse(url, "other")
    assert await first.take(account)


async def test_whoever_is_alone_tells_everybody(world):
    assert await world.store.charges.take(world.account.id)
    await world.store.charges.give_up(world.account.id)
    assert await world.store.charges.take(world.account.id)
