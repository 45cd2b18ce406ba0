"""What the store remembers for limits is what the limits would have counted themselves."""

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from appliance.errors import StoreError
from appliance.lifecycle import Event
from appliance.lines.allowances import Allowances
from appliance.models import Outcome
from appliance.policy.contract import Contract
from appliance.policy.limits import (
    Allowance,
    Budget,
    Bundle,
    Daily,
    Days,
    Gap,
    Monthly,
    Months,
    Pace,
    Past,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
    Sent,
    midnight,
    recollect,
)
from appliance.store.values import AttemptEnd, Begin

ALICE, BOB = "+4915123456789", "+4915123456780"
BERLIN, KATMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
DAY = timedelta(days=1)


async def send(world, recipient=ALICE, price=None, outcome=Outcome.SENT):
    """Send one part at the world's time, and return what a memory should have of it."""
    now = world.clock.now()
    await world.accept(recipient=recipient)
    (waiting,) = await world.store.dispatch.waiting(now, 10)
    begin = Begin(
        waiting=waiting,
        ordinal=1,
        sim_id=world.sim,
        at=now,
        first=True,
        price=price,
    )
    begun = await world.store.dispatch.begin(begin)
    released = outcome is Outcome.RELEASED
    await world.store.dispatch.end(
        AttemptEnd(
            attempt_id=begun.attempt_id,
            begin=begin,
            outcome=outcome,
            event=Event.RELEASE if released else Event.ACCEPT,
            not_before=now + 90 * DAY if released else None,
            at=now,
        )
    )
    return [] if released else [Sent(now, waiting.recipient_key, price)]


async def everything(world, edges, price, since):
    """Return all that can be asked of a memory, from the store."""
    return await world.store.usage.read(
        world.sim, lambda memory: asked(memory, edges, price, since)
    )


def asked(memory, edges, price, since):
    return (
        list(memory.moments(since)),
        list(memory.counts(edges)),
        list(memory.costs(edges, price)),
        list(memory.recipients(edges)),
        memory.first(),
    )


@pytest.mark.parametrize("zone", [UTC, BERLIN, KATMANDU], ids=str)
async def test_the_store_remembers_what_was_sent_and_not_what_was_given_back(world, zone):
    sent = []
    steps = [
        (ALICE, 0.05, Outcome.RELEASED),
        (ALICE, 0.05, Outcome.SENT),
        (BOB, None, Outcome.SENT),
        (ALICE, 0.0999999, Outcome.UNCERTAIN),
        (BOB, 0.07, Outcome.SENT),
        (ALICE, 0.07, Outcome.RELEASED),
    ]
    for recipient, price, outcome in steps:
        sent += await send(world, recipient, price, outcome)
        world.clock.advance(timedelta(hours=5, minutes=7, microseconds=3))
    today = sent[0].at.astimezone(zone).date()
    edges = [midnight(today + number * DAY, zone) for number in range(2)]
    for since in (sent[0].at, sent[1].at, world.clock.now()):
        assert await everything(world, edges, 0.1, since) == asked(Past(sent), edges, 0.1, since)
    nothing = edges[1] + 30 * DAY
    assert await everything(world, [nothing], 0.1, nothing) == ([], [0], [0], [{}], sent[0].at)


async def test_a_sim_that_has_sent_nothing_remembers_nothing(world):
    edges = [world.clock.now()]
    assert await everything(world, edges, 1, edges[0]) == ([], [0], [0], [{}], None)


LIMITS = (
    Pace(6),
    Gap(timedelta(seconds=2), timedelta(seconds=9), "seed"),
    Rolling(20, timedelta(hours=30)),
    Daily(9, BERLIN),
    Monthly(200, KATMANDU, 31),
    RecipientsDaily(3, BERLIN),
    RecipientsMonthly(5, BERLIN),
    Budget(2, 0.1, Months(BERLIN)),
    Budget(0.4, 0.05, Days(BERLIN)),
    Bundle(40, date(2026, 5, 1), date(2026, 5, 31), BERLIN),
    RampUp((4, 8), BERLIN),
)


async def test_an_allowance_read_from_the_store_answers_as_the_one_that_lived_through_it(world):
    allowance = Allowance(LIMITS)
    allowance.price = 0.1
    numbers = [f"+4915123456{number:03}" for number in range(5)]
    for number in range(24):
        world.clock.advance(timedelta(minutes=7 * number))
        recipient = numbers[number % 5]
        for part in await send(world, recipient, 0.1):
            allowance.spend(part.at, part.recipient)
    now = world.clock.now()
    read = await world.store.usage.read(world.sim, lambda memory: recollect(LIMITS, memory, now))
    again = Allowance()
    again.exchange(read)
    for later in (timedelta(), timedelta(seconds=5), timedelta(hours=9), 2 * DAY, 40 * DAY):
        for parts in (1, 3, 7):
            lived = allowance.earliest(now + later, parts, b"new" * 5)
            assert again.earliest(now + later, parts, b"new" * 5) == lived


async def test_every_question_is_answered_along_the_index_by_sim_and_time(world):
    """However much other SIMs have sent, and this one long ago: nothing of that is read."""
    if world.store.shared:
        pytest.skip("PostgreSQL plans by what the tables hold")
    now, statements = world.clock.now(), []

    def listen(memory):
        event.listen(
            memory._connection,
            "before_cursor_execute",
            lambda _connection, _cursor, *statement: statements.append(statement[:2]),
        )
        asked(memory, [now, now + DAY], 1, now)
        event_free = memory._connection.connection.cursor()
        return [
            event_free.execute(f"EXPLAIN QUERY PLAN {text}", parameters).fetchall()
            for text, parameters in statements
        ]

    plans = await world.store.usage.read(world.sim, listen)
    assert len(plans) == 8
    for (first, *_), (text, _) in zip(plans, statements, strict=True):
        assert "SEARCH attempt USING INDEX ix_attempt_limits (sim_id=? AND started_at" in (
            first[-1] if "LIMIT" not in text else f"{first[-1][:-1]} AND started_at"
        )


async def test_allowances_are_kept_for_a_sim_and_exchanged_while_it_sends(world):
    contracts = [Contract(limits=(Daily(5, UTC),), price=0.05)]
    allowances = Allowances(world.store, world.clock, lambda *_: contracts[-1], UTC)
    await send(world)
    await send(world, BOB)
    first = await allowances.of(world.sim, "8949", simulated=False)
    world.clock.advance(timedelta(seconds=1))
    now = world.clock.now()
    assert first.price == 0.05
    assert first.earliest(now, 3).at == now
    assert first.earliest(now, 4).at > now

    first.spend(now)  # in flight: not in the store yet
    contracts.append(Contract(limits=(Monthly(4, UTC), RecipientsDaily(2, UTC))))
    await allowances.refresh()
    assert first.price is None
    assert first.earliest(now, 1).at == now
    assert first.earliest(now, 2).reason == "month limit 3/4 for 2 parts, next at 1 June 00:00"
    assert first.earliest(now, 1, b"somebody else").at > now
    first.give_back(now)
    assert first.earliest(now, 2).at == now
    assert await allowances.of(world.sim, "8949", simulated=False) is first


async def test_where_the_store_cannot_be_read_the_old_limits_stay(world):
    contracts = [Contract(limits=(Daily(2, UTC),))]
    allowances = Allowances(world.store, world.clock, lambda *_: contracts[-1], UTC)
    await send(world)
    first = await allowances.of(world.sim, "8949", simulated=False)
    contracts.append(Contract())
    await world.store.close()
    with pytest.raises(StoreError):
        await allowances.refresh()
    now = world.clock.now()
    assert first.earliest(now, 2).at > now


async def test_a_bundle_that_was_over_before_the_sim_was_seen_is_read_like_any_other(world):
    await send(world)
    over, now = Bundle(5, date(2020, 1, 1), date(2020, 1, 31), UTC), world.clock.now()
    allowance = Allowance((over,))
    read = await world.store.usage.read(world.sim, lambda memory: recollect((over,), memory, now))
    allowance.exchange(read)
    assert allowance.earliest(now).reason == "bundle of 5 parts ended on 31 January 2020"
