"""Status reports find the part they speak of, whenever they come, and say what became of it."""

import asyncio
from datetime import timedelta

import pytest

from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.policy.categories import Category
from appliance.store.values import Overdue
from tests.store.steps import (
    CENTRE,
    HOURS,
    another_sim,
    begun,
    end,
    lose,
    part_states,
    report,
    rows,
    send_all,
    state,
    steps,
    story,
    told,
    unmatched,
)
from tests.store.test_dispatch import first_waiting


def overdue(world, **given):
    now = world.clock.now()
    bounds = {
        "no_report_before": now - 72 * HOURS,
        "uncertain_before": dict.fromkeys(Category, now - 24 * HOURS),
    }
    return Overdue(now=now, **(bounds | given))


async def sent(world, **given):
    accepted = await world.accept(**given)
    await send_all(world, given.get("parts", 1))
    return accepted


async def test_a_report_delivers_its_part_and_the_account_is_owed_the_news(world):
    accepted = await sent(world)
    assert await world.store.reports.take(report(world))

    assert await state(world, accepted) is State.DELIVERED
    assert await told(world) == [State.SENT, State.DELIVERED]
    (attempt,) = (await story(world, accepted)).attempts
    assert (attempt.status, attempt.reported_at) == (0, world.clock.now())


async def test_a_report_before_the_reference_waits_and_is_carried_out_with_it(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    assert not await world.store.reports.take(report(world))
    assert (await state(world, accepted), await unmatched(world)) == (State.SENDING, 1)

    await end(world, beginning, attempt, reference=7)
    assert await steps(world, accepted) == [
        State.QUEUED,
        State.SENDING,
        State.SENT,
        State.DELIVERED,
    ]
    assert (await told(world), await unmatched(world)) == ([State.SENT, State.DELIVERED], 0)


async def test_an_early_report_with_another_reference_keeps_waiting(world):
    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await world.store.reports.take(report(world, reference=8))

    await end(world, beginning, attempt, reference=7)
    assert (await state(world, accepted), await unmatched(world)) == (State.SENT, 1)


async def test_an_early_report_of_another_part_is_looked_at_again_when_this_one_is_refused(world):
    first = await sent(world)
    world.clock.advance(timedelta(minutes=20))
    await world.accept()
    beginning, attempt = await begun(world)
    # Of a centre whose clock is not known, the report may be about either.
    assert not await world.store.reports.take(report(world, at=world.clock.now() - 2 * HOURS))

    await end(world, beginning, attempt, Outcome.REFUSED, Event.REFUSE, cause="barred")
    assert (await state(world, first), await unmatched(world)) == (State.DELIVERED, 0)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (Event.DELIVER, State.DELIVERED),
        (Event.REFUSE, State.FAILED),
        (Event.EXPIRE, State.EXPIRED),
    ],
)
async def test_a_report_settles_a_part_that_was_lost_sight_of(world, event, outcome):
    accepted = await world.accept()
    await lose(world, *await begun(world))
    assert await world.store.reports.take(report(world, event))

    assert await state(world, accepted) is outcome
    assert await told(world) == [State.UNCERTAIN, outcome]


async def test_a_report_that_came_while_the_modem_was_at_it_settles_the_crash(world):
    accepted = await world.accept()
    await begun(world)
    await world.store.reports.take(report(world))

    await world.store.chores.recover(world.clock.now())
    assert await steps(world, accepted) == [
        State.QUEUED,
        State.SENDING,
        State.UNCERTAIN,
        State.DELIVERED,
    ]


async def test_a_late_answer_of_the_modem_brings_the_report_that_waited_for_it(world):
    accepted = await world.accept()
    lost = await begun(world)
    await lose(world, *lost)
    world.clock.advance(timedelta(seconds=40))
    await end(world, *lost, reference=200)
    assert await state(world, accepted) is State.SENT

    assert not await world.store.reports.take(report(world, reference=7))
    assert await world.store.reports.take(report(world, reference=200))
    assert await state(world, accepted) is State.DELIVERED


async def test_a_report_that_comes_when_none_was_hoped_for_is_believed(world):
    accepted, sent_at = await sent(world), world.clock.now()
    world.clock.advance(73 * HOURS)
    await world.store.chores.silence(overdue(world))
    assert await state(world, accepted) is State.NO_REPORT

    world.clock.advance(24 * HOURS)
    assert await world.store.reports.take(report(world, at=sent_at))
    assert await told(world) == [State.SENT, State.NO_REPORT, State.DELIVERED]


@pytest.mark.parametrize("event", [Event.REFUSE, Event.EXPIRE])
async def test_a_contradicting_report_corrects_a_failure_and_the_account_is_told(world, event):
    accepted = await sent(world)
    at = world.clock.now()
    await world.store.reports.take(report(world, event, at=at))
    failed = await state(world, accepted)
    world.clock.advance(HOURS)
    await world.store.reports.take(report(world, at=at))

    found = (await story(world, accepted)).message
    assert (found.state, found.cause, found.cause_code) == (State.DELIVERED, None, None)
    assert await told(world) == [State.SENT, failed, State.DELIVERED]


@pytest.mark.parametrize("event", [Event.REFUSE, Event.EXPIRE])
async def test_nothing_takes_back_a_delivery(world, event):
    accepted = await sent(world)
    await world.store.reports.take(report(world))
    assert await world.store.reports.take(report(world, event))

    assert await state(world, accepted) is State.DELIVERED
    assert await told(world) == [State.SENT, State.DELIVERED]


async def test_the_same_report_twice_is_harmless(world):
    accepted = await sent(world)
    facts = report(world)
    assert await world.store.reports.take(facts)
    assert not await world.store.reports.take(facts)

    assert len(await steps(world, accepted)) == 4
    assert await told(world) == [State.SENT, State.DELIVERED]
    assert await unmatched(world) == 0


async def test_the_same_report_many_times_at_once_is_stored_once(world, url):
    await sent(world)
    facts = report(world)
    taken = await asyncio.gather(*(world.store.reports.take(facts) for _ in range(10)))

    assert sum(taken) == 1
    assert rows(url, "SELECT count(*) FROM report") == [(1,)]


async def test_one_pdu_read_from_two_sims_is_two_reports(world, url):
    await sent(world)
    facts = report(world)
    other = report(world, sim_id=await another_sim(world), fingerprint=facts.fingerprint)
    assert await world.store.reports.take(facts)
    assert not await world.store.reports.take(other)
    assert rows(url, "SELECT count(*) FROM report") == [(2,)]


async def test_a_report_for_another_sim_matches_where_only_a_change_of_sims_explains_it(world):
    """The part left by the new SIM before anybody knew of it."""
    accepted = await sent(world)
    assert await world.store.reports.take(report(world, sim_id=await another_sim(world)))
    assert (await state(world, accepted), await unmatched(world)) == (State.DELIVERED, 0)


@pytest.mark.parametrize(
    "given",
    [
        {"reference": 8},
        {"recipient": "+4915187654321"},  # the same last digits
        {"submitted_at": None},
        {"at": timedelta(hours=2)},
    ],
    ids=str,
)
async def test_a_report_for_another_sim_matches_nothing_that_it_may_not_mean(world, given):
    accepted = await sent(world)
    if "at" in given:
        given = {"at": world.clock.now() - given["at"]}
    assert not await world.store.reports.take(
        report(world, sim_id=await another_sim(world), **given)
    )
    assert (await state(world, accepted), await unmatched(world)) == (State.SENT, 1)


async def test_an_attempt_that_has_its_report_is_not_meant_by_one_for_another_sim(world):
    accepted = await sent(world)
    assert await world.store.reports.take(report(world, Event.REFUSE))
    assert not await world.store.reports.take(report(world, sim_id=await another_sim(world)))
    assert (await state(world, accepted), await unmatched(world)) == (State.FAILED, 1)


async def test_a_report_about_another_number_never_matches(world):
    accepted = await sent(world)
    facts = report(world, recipient="+4915187654321", suffix="87654321")
    assert not await world.store.reports.take(facts)
    assert (await state(world, accepted), await unmatched(world)) == (State.SENT, 1)


async def test_a_report_of_nothing_we_know_is_kept_and_counted(world):
    assert not await world.store.reports.take(report(world))
    assert await unmatched(world) == 1


async def test_a_temporary_status_changes_no_state_but_is_shown_with_its_message(world):
    accepted = await sent(world)
    for status in range(0x20, 0x26):
        cause = f"status {status:02X}"
        await world.store.reports.take(report(world, None, status=status, cause=cause))

    found = await story(world, accepted)
    assert (found.message.state, found.message.cause) == (State.SENT, "status 25")
    assert (found.parts[0].cause, found.attempts[0].status) == ("status 25", 0x25)
    assert [(step.event, step.state, step.cause) for step in found.history[-2:]] == [
        ("be delivered yet", State.SENT, "status 24"),
        ("be delivered yet", State.SENT, "status 25"),
    ]
    assert await told(world) == [State.SENT]
    await world.store.reports.take(report(world))
    found = (await story(world, accepted)).message
    assert (found.state, found.cause) == (State.DELIVERED, None)


@pytest.mark.parametrize(
    ("wish", "tells"),
    [("all", [State.SENT, State.SENT]), ("final", []), (None, [State.SENT])],
)
async def test_only_who_asked_for_all_news_is_told_that_a_centre_still_tries(world, wish, tells):
    await sent(world, receipts=wish)
    await world.store.reports.take(report(world, None, cause="congestion, still trying"))
    owed = await world.store.notices.owed(world.account.id, 10)
    assert [one.notice.news.state for one in owed] == tells
    if wish == "all":
        news = owed[-1].notice.news
        assert (news.cause, news.cause_code, news.final) == (
            "congestion, still trying",
            0x20,
            False,
        )


async def test_that_a_centre_still_tried_never_hides_what_became_of_the_part(world):
    accepted = await sent(world)
    await world.store.reports.take(report(world))
    before = await story(world, accepted)
    assert await world.store.reports.take(report(world, None))  # it was on its way for longer
    assert await story(world, accepted) == before


async def test_an_uncertain_part_that_a_centre_still_tries_was_sent_and_is_not_sent_again(world):
    accepted = await world.accept(when_uncertain="resend")
    await lose(world, *await begun(world))
    await world.store.reports.take(report(world, None, cause="congestion, still trying"))
    found = (await story(world, accepted)).message
    assert (found.state, found.cause) == (State.SENT, "congestion, still trying")
    world.clock.advance(30 * HOURS)
    now = world.clock.now()
    bounds = {"no_report_before": now - 72 * HOURS}
    bounds["uncertain_before"] = dict.fromkeys(Category, now)
    assert await world.store.chores.settle(Overdue(now=now, **bounds)) == 0


@pytest.mark.parametrize("gone", [State.EXPIRED, State.NO_REPORT])
@pytest.mark.parametrize("event", [Event.DELIVER, Event.REFUSE])
async def test_a_late_report_is_recorded_and_told_where_it_is_news(world, gone, event):
    accepted = await sent(world)
    sent_at = world.clock.now()
    if gone is State.EXPIRED:
        await world.store.reports.take(report(world, Event.EXPIRE))
    else:
        world.clock.advance(80 * HOURS)
        bounds = {"no_report_before": world.clock.now(), "uncertain_before": {}}
        await world.store.chores.silence(Overdue(now=world.clock.now(), **bounds))
    assert await state(world, accepted) is gone
    world.clock.advance(HOURS)
    assert await world.store.reports.take(report(world, event, at=sent_at))

    becomes = {Event.DELIVER: State.DELIVERED, Event.REFUSE: State.FAILED}[event]
    if (gone, event) == (State.EXPIRED, Event.REFUSE):
        becomes = State.EXPIRED  # the first word of it stays; only a delivery is better news
    found = await story(world, accepted)
    assert (found.message.state, found.attempts[0].reported_at) == (becomes, world.clock.now())
    assert await told(world) == [State.SENT, gone] + [becomes] * (becomes is not gone)


@pytest.mark.parametrize("which", [0, 1])
async def test_of_two_parts_with_one_reference_the_one_sent_then_is_meant(world, which):
    accepted, sent_at = [], []
    for _ in range(2):
        accepted.append(await sent(world))
        sent_at.append(world.clock.now())
        world.clock.advance(5 * HOURS)

    assert await world.store.reports.take(report(world, at=sent_at[which] + timedelta(seconds=3)))
    assert await state(world, accepted[which]) is State.DELIVERED
    assert await state(world, accepted[1 - which]) is State.SENT


async def test_a_reference_that_came_round_finds_the_right_part_of_many(world):
    accepted, sent_at = [], []
    for number in range(10):
        accepted.append(await world.accept())
        await send_all(world, 1, reference=250 + number % 5)
        sent_at.append(world.clock.now())
        world.clock.advance(timedelta(minutes=30))

    for number in (9, 0, 5, 4):
        facts = report(world, reference=250 + number % 5, at=sent_at[number])
        assert await world.store.reports.take(facts)
    found = [await state(world, one) for one in accepted]
    assert [n for n, each in enumerate(found) if each is State.DELIVERED] == [0, 4, 5, 9]


async def test_a_number_that_the_network_writes_otherwise_is_known_by_its_end(world):
    accepted = await sent(world)
    assert await world.store.reports.take(report(world, recipient="015123456789"))
    assert await state(world, accepted) is State.DELIVERED


async def test_the_whole_number_counts_for_more_than_its_end(world):
    ours = await sent(world)
    other = await sent(world, recipient="+4315123456789")
    assert await world.store.reports.take(report(world))

    assert await state(world, ours) is State.DELIVERED
    assert await state(world, other) is State.SENT


async def test_a_report_that_may_mean_two_parts_is_kept_unmatched_and_counted(world):
    accepted = []
    for _ in range(2):
        accepted.append(await world.accept())
        await lose(world, *await begun(world))
        world.clock.advance(timedelta(seconds=2))
    assert not await world.store.reports.take(report(world))

    assert [await state(world, one) for one in accepted] == [State.UNCERTAIN] * 2
    assert await unmatched(world) == 1


async def test_an_ambiguous_report_is_settled_when_one_of_two_parts_gets_its_reference(world):
    lost = []
    accepted = []
    for _ in range(2):
        accepted.append(await world.accept())
        lost.append(await begun(world))
        await lose(world, *lost[-1])
        world.clock.advance(timedelta(seconds=2))
    await world.store.reports.take(report(world, reference=8))
    await end(world, *lost[0], reference=7)

    assert [await state(world, one) for one in accepted] == [State.SENT, State.DELIVERED]
    assert await unmatched(world) == 0


async def test_how_far_a_service_centres_clock_is_off_is_learned(world, url):
    ahead = 2 * HOURS + timedelta(seconds=4)
    await sent(world)
    await world.store.reports.take(report(world, at=world.clock.now() + ahead))
    assert rows(url, "SELECT address, offset_seconds, samples FROM service_centre") == [
        (CENTRE, ahead.total_seconds(), 1)
    ]

    world.clock.advance(20 * HOURS)
    accepted, sent_at = [], []
    for _ in range(2):  # the second begins when the first one seems to be stamped
        accepted.append(await sent(world))
        sent_at.append(world.clock.now())
        world.clock.advance(2 * HOURS)
    assert await world.store.reports.take(report(world, at=sent_at[0] + ahead))
    assert [await state(world, one) for one in accepted] == [State.DELIVERED, State.SENT]


async def test_a_centre_that_moves_its_clock_is_followed(world, url):
    learned = []
    for number, ahead in enumerate((2 * HOURS, HOURS)):  # winter time
        await world.accept()
        await send_all(world, 1, reference=number)
        at = world.clock.now() + ahead
        assert await world.store.reports.take(report(world, reference=number, at=at))
        learned += rows(url, "SELECT offset_seconds FROM service_centre")
        world.clock.advance(30 * HOURS)
    assert learned == [(7200,), (3600,)]


async def test_a_report_without_service_centre_or_time_stamp_is_matched_by_its_reference(world):
    accepted = await sent(world)
    facts = report(world, service_centre=None, submitted_at=None, discharged_at=None)
    assert await world.store.reports.take(facts)
    assert await state(world, accepted) is State.DELIVERED


async def test_a_long_message_is_delivered_when_every_part_is(world):
    accepted = await sent(world, text="x" * 400, parts=3)
    for reference in (9, 7):
        await world.store.reports.take(report(world, reference=reference))
    assert await state(world, accepted) is State.SENT
    await world.store.reports.take(report(world, reference=8))

    assert await state(world, accepted) is State.DELIVERED
    owed = await world.store.notices.owed(world.account.id, 10)
    assert [(one.notice.news.state, one.notice.news.parts_delivered) for one in owed] == [
        (State.SENT, 0),
        (State.DELIVERED, 3),
    ]


@pytest.mark.parametrize(
    ("event", "outcome"), [(Event.REFUSE, State.FAILED), (Event.EXPIRE, State.EXPIRED)]
)
async def test_a_part_that_never_arrives_takes_the_waiting_ones_with_it(world, event, outcome):
    accepted = await world.accept(text="x" * 400, parts=3)
    await end(world, *await begun(world), reference=7)
    await world.store.reports.take(report(world, event))

    assert await part_states(world, accepted) == [outcome, State.CANCELLED, State.CANCELLED]
    assert await state(world, accepted) is outcome
    assert await told(world) == [outcome]


async def test_a_part_released_after_another_one_failed_is_not_left_waiting(world):
    accepted = await world.accept(text="x" * 400, parts=3)
    waiting = await first_waiting(world)
    first, attempt = await begun(world, waiting)
    await end(world, first, attempt, reference=7)
    second = await begun(world, waiting, 2, first=False, reference=attempt.concat_reference)
    await world.store.reports.take(report(world, Event.REFUSE))
    await end(world, *second, Outcome.RELEASED, Event.RELEASE, cause="no prompt")

    assert await part_states(world, accepted) == [State.FAILED, State.CANCELLED, State.CANCELLED]
    assert await state(world, accepted) is State.FAILED


async def uncertain_and_released(world, **given):
    accepted = await world.accept(when_uncertain="resend", **given)
    waiting = await first_waiting(world)
    await lose(world, *await begun(world, waiting))
    world.clock.advance(25 * HOURS)
    await world.store.chores.settle(overdue(world))
    return accepted


async def test_a_report_calls_off_the_resend_that_its_part_waits_for(world):
    sent_at = world.clock.now()
    accepted = await uncertain_and_released(world)
    assert await state(world, accepted) is State.QUEUED

    assert await world.store.reports.take(report(world, at=sent_at))
    assert await state(world, accepted) is State.DELIVERED
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []


async def test_a_report_of_the_first_try_delivers_a_part_that_is_being_resent(world):
    sent_at = world.clock.now()
    accepted = await uncertain_and_released(world)
    second = await begun(world)
    assert await world.store.reports.take(report(world, at=sent_at))
    assert await state(world, accepted) is State.DELIVERED

    await end(world, *second, reference=99)
    assert await state(world, accepted) is State.DELIVERED
    outcomes = [attempt.outcome for attempt in (await story(world, accepted)).attempts]
    assert outcomes == [Outcome.UNCERTAIN, Outcome.SENT]


async def test_a_part_that_was_delivered_just_now_is_not_said_to_be_tried_still(world):
    sent_at = world.clock.now()
    accepted = await uncertain_and_released(world)
    await end(world, *await begun(world), reference=99)
    second = report(world, reference=99)
    first = report(world, None, reference=7, at=sent_at)
    assert await asyncio.gather(*map(world.store.reports.take, (second, first))) == [True, True]

    found = await story(world, accepted)
    assert (found.message.state, found.parts[0].cause) == (State.DELIVERED, None)
    assert "be delivered yet" not in [step.event for step in found.history]


async def test_a_message_goes_on_whose_resent_part_was_delivered_by_its_first_try(world):
    sent_at = world.clock.now()
    accepted = await world.accept(
        text="x" * 200, parts=2, when_uncertain="resend", expires_at=sent_at + 100 * HOURS
    )
    waiting = await first_waiting(world)
    await lose(world, *await begun(world, waiting))
    world.clock.advance(timedelta(seconds=30))
    await lose(world, *await begun(world, waiting, 2, first=False, reference=0))
    world.clock.advance(25 * HOURS)
    await world.store.chores.settle(overdue(world))
    again = await begun(world, await first_waiting(world))
    assert await world.store.reports.take(report(world, at=sent_at))
    assert await part_states(world, accepted) == [State.DELIVERED, State.QUEUED]
    await end(world, *again, Outcome.RELEASED, Event.RELEASE, cause="no prompt")

    (rest,) = await world.store.dispatch.under_way(world.sim, world.clock.now(), 10)
    assert rest.todo == (2,)
    await begun(world, rest, 2)


async def test_many_reports_at_once_each_find_their_part(world):
    accepted = []
    for number in range(12):
        accepted.append(
            await world.accept(recipient=f"+49151234500{number:02}", suffix=f"{number}")
        )
        await send_all(world, 1, reference=number)
    facts = [
        report(world, reference=n, recipient=f"+49151234500{n:02}", suffix=f"{n}")
        for n in range(12)
    ]
    assert all(await asyncio.gather(*(world.store.reports.take(each) for each in facts)))
    assert {await state(world, one) for one in accepted} == {State.DELIVERED}


async def lose_two_parts(world):
    """Let the daemon die twice, each time with a part of the same message in flight."""
    accepted = await world.accept(text="x" * 200, parts=2)
    for ordinal in (1, 2):
        now = world.clock.now()
        found = await world.store.dispatch.waiting(now, 1)
        found = found or await world.store.dispatch.under_way(world.sim, now, 1)
        await begun(world, found[0], ordinal)
        world.clock.advance(timedelta(seconds=1))
        await world.store.chores.recover(world.clock.now())
        world.clock.advance(timedelta(seconds=1))
    return accepted


async def test_two_lost_parts_of_one_message_are_both_settled_by_their_two_reports(world):
    accepted = await lose_two_parts(world)
    now = world.clock.now()
    await world.store.reports.take(report(world, reference=35, at=now - timedelta(seconds=2)))
    await world.store.reports.take(report(world, reference=34, at=now - timedelta(seconds=4)))

    assert await part_states(world, accepted) == [State.DELIVERED, State.DELIVERED]
    assert [one.reference for one in (await story(world, accepted)).attempts] == [34, 35]
    assert await unmatched(world) == 0


async def test_one_report_does_not_say_which_of_two_lost_parts_it_means(world):
    accepted = await lose_two_parts(world)
    at = world.clock.now() - timedelta(seconds=3)
    await world.store.reports.take(report(world, reference=34, at=at))

    assert await part_states(world, accepted) == [State.UNCERTAIN, State.UNCERTAIN]
    assert await unmatched(world) == 1


async def test_reports_that_say_different_things_are_not_paired(world):
    accepted = await lose_two_parts(world)
    now = world.clock.now()
    await world.store.reports.take(report(world, reference=34, at=now - timedelta(seconds=4)))
    await world.store.reports.take(
        report(world, Event.REFUSE, reference=35, at=now - timedelta(seconds=2))
    )
    assert await part_states(world, accepted) == [State.UNCERTAIN, State.UNCERTAIN]


async def test_a_lost_part_that_was_reported_is_no_candidate_for_the_next_report(world):
    """Its reference is known from its report."""
    accepted = await lose_two_parts(world)
    now = world.clock.now()
    far_apart = timedelta(seconds=30)
    await world.store.reports.take(report(world, reference=34, at=now - far_apart))
    await world.store.reports.take(report(world, reference=35, at=now))
    assert await part_states(world, accepted) == [State.DELIVERED, State.DELIVERED]
