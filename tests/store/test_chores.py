"""What time does to parts, and what a start takes up again."""

import asyncio
import logging
from datetime import timedelta

import pytest

from appliance.chores import Chores
from appliance.config.settings import Messages
from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.policy.categories import Category
from appliance.store.chores import CHUNK
from appliance.store.values import Begun, LineFacts, Overdue
from tests.store.steps import (
    HOURS,
    another_sim,
    begun,
    end,
    lose,
    on_postgresql,
    part_states,
    report,
    rows,
    send_all,
    state,
    steps,
    story,
    told,
)
from tests.store.test_dispatch import begin, first_waiting, send


def overdue(world):
    now = world.clock.now()
    return Overdue(
        now=now,
        no_report_before=now - 72 * HOURS,
        uncertain_before=dict.fromkeys(Category, now - 24 * HOURS),
    )


async def test_after_a_crash_what_was_in_flight_is_uncertain_and_says_why(world):
    accepted = await world.accept()
    await begun(world)
    assert await world.store.chores.recover(world.clock.now()) == 1

    found = await story(world, accepted)
    assert (found.message.state, found.attempts[0].outcome) == (
        State.UNCERTAIN,
        Outcome.UNCERTAIN,
    )
    assert "daemon stopped" in found.message.cause
    assert await told(world) == [State.UNCERTAIN]


async def test_recovering_twice_makes_nothing_uncertain_twice(world):
    accepted = await world.accept()
    await begun(world)
    await world.store.chores.recover(world.clock.now())
    assert await world.store.chores.recover(world.clock.now()) == 0
    assert await steps(world, accepted) == [State.QUEUED, State.SENDING, State.UNCERTAIN]


@on_postgresql
async def test_what_another_daemon_has_in_flight_is_left_alone(world, open_store, url):
    accepted = await world.accept()
    await begun(world)
    other = await open_store("other")
    assert await other.chores.recover(world.clock.now()) == 0
    assert await state(world, accepted) is State.SENDING


async def test_the_rest_of_a_message_that_was_only_claimed_is_free_after_a_crash(world):
    await world.accept(text="x" * 200, parts=2)
    await end(world, *await begun(world))
    await world.store.chores.recover(world.clock.now())

    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert rest.todo == (2,)


async def test_the_rest_of_a_message_is_found_again_when_its_line_went_away(world):
    await world.accept(text="x" * 200, parts=2)
    beginning, attempt = await begun(world)
    await lose(world, beginning, attempt)  # the port is gone; nobody says what of the second part

    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    again, second = await begun(world, rest, 2)
    assert second.concat_reference == attempt.concat_reference
    await end(world, again, second)


async def test_what_waits_beyond_its_time_expires_and_the_account_is_told(world):
    soon = world.clock.now() + HOURS
    accepted = [await world.accept(expires_at=soon), await world.accept()]
    assert await world.store.chores.expire(soon - timedelta(seconds=1)) == 0
    world.clock.advance(HOURS)
    assert await world.store.chores.expire(soon) == 1

    assert [await state(world, one) for one in accepted] == [State.EXPIRED, State.QUEUED]
    assert await told(world) == [State.EXPIRED]


async def test_what_is_being_sent_does_not_expire(world):
    accepted = await world.accept(expires_at=world.clock.now() + HOURS)
    beginning = await begun(world)
    world.clock.advance(2 * HOURS)
    assert await world.store.chores.expire(world.clock.now()) == 0
    await end(world, *beginning)
    assert await state(world, accepted) is State.SENT


async def test_the_rest_of_a_begun_message_expires_even_while_its_line_waits_to_go_on(world):
    accepted = await world.accept(text="x" * 400, parts=3, expires_at=world.clock.now() + HOURS)
    waiting = await first_waiting(world)
    beginning, attempt = await begun(world, waiting)
    await end(world, beginning, attempt)
    world.clock.advance(HOURS)
    assert await world.store.chores.expire(world.clock.now()) == 2

    assert await part_states(world, accepted) == [State.SENT, State.EXPIRED, State.EXPIRED]
    late = begin(world, waiting, 2, first=False, reference=attempt.concat_reference)
    assert not isinstance(await world.store.dispatch.begin(late), Begun)


async def test_a_later_part_does_not_leave_when_the_time_is_up(world):
    await world.accept(text="x" * 200, parts=2, expires_at=world.clock.now() + HOURS)
    waiting = await first_waiting(world)
    beginning, attempt = await begun(world, waiting)
    await end(world, beginning, attempt)
    world.clock.advance(HOURS)

    late = begin(world, waiting, 2, first=False, reference=attempt.concat_reference)
    assert not isinstance(await world.store.dispatch.begin(late), Begun)


@pytest.mark.parametrize(
    ("what", "outcome"), [("expire", State.EXPIRED), ("silence", State.NO_REPORT)]
)
async def test_a_pass_over_many_long_messages_leaves_none_of_them_half_done(
    world, url, what, outcome
):
    parts = 3
    several = CHUNK // parts + 2
    for number in range(several):
        await world.accept(text="x" * 400, parts=parts, reference=str(number))
        if what == "silence":
            await send_all(world, parts)
    world.clock.advance(80 * HOURS)
    given = world.clock.now() if what == "expire" else overdue(world)
    changed = []
    while not changed or changed[-1] >= CHUNK:
        changed.append(await getattr(world.store.chores, what)(given))

    assert sum(changed) == several * parts
    assert rows(url, "SELECT state, count(*) FROM part GROUP BY state") == [
        (outcome.value, several * parts)
    ]


async def test_an_unreported_part_is_given_up_after_its_time_and_not_before(world):
    accepted = await world.accept()
    await send_all(world, 1)
    world.clock.advance(72 * HOURS)
    assert await world.store.chores.silence(overdue(world)) == 0
    world.clock.advance(timedelta(seconds=1))
    assert await world.store.chores.silence(overdue(world)) == 1
    assert await state(world, accepted) is State.NO_REPORT


@pytest.mark.parametrize(
    ("policy", "outcome", "tells"),
    [
        ("hold", State.UNCERTAIN, [State.UNCERTAIN]),
        ("resend", State.QUEUED, [State.UNCERTAIN]),
        ("fail", State.FAILED, [State.UNCERTAIN, State.FAILED]),
    ],
)
async def test_a_long_uncertain_part_meets_its_messages_policy(world, policy, outcome, tells):
    accepted = await world.accept(when_uncertain=policy)
    await lose(world, *await begun(world))
    world.clock.advance(24 * HOURS)
    assert await world.store.chores.settle(overdue(world)) == 0
    world.clock.advance(timedelta(seconds=1))
    assert await world.store.chores.settle(overdue(world)) == (policy != "hold")

    assert (await state(world, accepted), await told(world)) == (outcome, tells)


async def test_a_part_to_be_sent_again_may_leave_by_any_sim(world):
    await world.accept(when_uncertain="resend")
    await lose(world, *await begun(world))
    world.clock.advance(25 * HOURS)
    await world.store.chores.settle(overdue(world))

    await begun(world, sim=await another_sim(world))


async def test_one_uncertain_part_of_a_long_message_is_sent_again_by_the_same_sim(world):
    accepted = await world.accept(text="x" * 400, parts=3, when_uncertain="resend")
    waiting = await first_waiting(world)
    for ordinal in (1, 2, 3):
        beginning, attempt = await begun(world, waiting, ordinal, first=ordinal == 1, reference=0)
        if ordinal == 2:
            await lose(world, beginning, attempt)
        else:
            await end(world, beginning, attempt, reference=ordinal)
    world.clock.advance(25 * HOURS)
    await world.store.chores.settle(overdue(world))

    assert await part_states(world, accepted) == [State.SENT, State.QUEUED, State.SENT]
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []
    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert (rest.todo, rest.concat_reference) == ((2,), 0)


async def test_refusals_that_pass_wait_longer_each_time(world):
    await world.accept(expires_at=world.clock.now() + 48 * HOURS)
    waits = []
    for _ in range(4):
        at = world.clock.now()
        await send(world, Outcome.REFUSED, Event.RELEASE, cause="congestion", not_before=at)
        (message,) = await world.store.views.messages(None)
        waits.append(message.not_before - at)
        world.clock.jump(message.not_before)
    assert waits == sorted(set(waits))


async def test_an_outcome_written_twice_counts_once(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    release = {"outcome": Outcome.RELEASED, "event": Event.RELEASE, "cause": "no prompt"}
    await end(world, beginning, attempt, **release)
    again, second = await begun(world)
    await end(world, beginning, attempt, **release)  # the daemon was not sure that it was written

    assert await state(world, accepted) is State.SENDING
    await end(world, again, second)
    assert await state(world, accepted) is State.SENT


async def test_the_chores_are_done_all_at_once_and_to_their_end(world):
    now = world.clock.now()
    late = {"expires_at": now + HOURS, "receipts": "none"}
    await asyncio.gather(*(world.accept(**late) for _ in range(CHUNK + 5)))
    reported, uncertain = [
        await world.accept(expires_at=now + 400 * HOURS, when_uncertain="fail", priority=3)
        for _ in range(2)
    ]
    await send_all(world, 1)
    await lose(world, *await begun(world))
    world.clock.advance(100 * HOURS)
    await Chores(world.store, world.clock, Messages()).run()

    assert (await world.store.views.queue()).queued == 0
    assert await state(world, reported) is State.NO_REPORT
    assert await state(world, uncertain) is State.FAILED
    world.clock.advance(8 * 24 * HOURS)
    await Chores(world.store, world.clock, Messages()).run()
    assert await told(world) == []


async def test_the_chores_survive_a_database_that_fails(open_store, clock, caplog):
    store = await open_store()
    await store.close()
    with caplog.at_level(logging.WARNING):
        await Chores(store, clock, Messages()).run()
    assert "not finished" in caplog.text


async def test_a_scheduler_does_the_chores_one_run_at_a_time(store, clock):
    jobs = Chores(store, clock, Messages()).schedule().get_jobs()
    others = [(1, True, timedelta(seconds=10))] if store.shared else []  # may be lost
    assert [(job.max_instances, job.coalesce, job.trigger.interval) for job in jobs] == [
        (1, True, timedelta(seconds=30)),
        (1, True, timedelta(seconds=5)),
        *others,
    ]


async def test_a_late_report_undoes_a_failure_by_policy(world):
    accepted, sent_at = await world.accept(when_uncertain="fail"), world.clock.now()
    await lose(world, *await begun(world))
    world.clock.advance(25 * HOURS)
    await world.store.chores.settle(overdue(world))
    await world.store.reports.take(report(world, at=sent_at))
    assert await state(world, accepted) is State.DELIVERED
    assert await told(world) == [State.UNCERTAIN, State.FAILED, State.DELIVERED]


async def test_a_line_of_the_last_run_is_not_ready_until_it_is_found_again(world):
    facts = LineFacts(
        slot="usb-1",
        port="/dev/ttyUSB0",
        state="ready",
        cause="",
        next_step="",
        simulated=False,
        changed_at=world.clock.now(),
    )
    await world.store.lines.tell(facts)
    await world.store.chores.recover(world.clock.now())
    (shown,) = await world.store.views.lines(world.clock.now())
    assert (shown.state, shown.cause) == ("no_answer", "not found since the daemon started")

    await world.store.lines.tell(facts)
    (shown,) = await world.store.views.lines(world.clock.now())
    assert (shown.state, shown.cause) == ("ready", "")
