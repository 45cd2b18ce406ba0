"""What a SIM has done before a restart is held against it after it."""

from datetime import timedelta

import pytest

from appliance.lifecycle import Event
from appliance.lines.judging import fate_of
from appliance.lines.watching import Watch
from appliance.models import Outcome
from appliance.modem.causes import cms_cause
from appliance.policy.judgement import Fate, JudgementRules
from appliance.store.lines import Ended
from tests.store.conftest import START
from tests.store.steps import another_sim, begun, end, report

BARRED, NUMBER, BUSY = 10, 1, 42
"""+CMS numbers: of this SIM, of the recipient, and passing."""

RULES = JudgementRules(consecutive=3, least_parts=99)


@pytest.mark.parametrize(
    ("outcome", "code", "fate"),
    [
        (Outcome.SENT, None, Fate.OUT),
        (Outcome.UNCERTAIN, None, Fate.FAILED),
        (Outcome.RELEASED, None, Fate.FAILED),
        (Outcome.REFUSED, BARRED, Fate.REFUSED),
        (Outcome.REFUSED, NUMBER, Fate.OUT),
        (Outcome.REFUSED, BUSY, Fate.FAILED),
    ],
)
def test_an_outcome_says_the_same_of_its_sim_as_when_it_came(outcome, code, fate):
    cause = cms_cause(code).sentence if code is not None else None
    assert fate_of(Ended(START, outcome, code, cause)) is fate


async def refused(world, times=1):
    for _ in range(times):
        world.clock.advance(timedelta(seconds=10))
        await world.accept()
        beginning, attempt = await begun(world)
        cause = cms_cause(BARRED).sentence
        await end(
            world, beginning, attempt, Outcome.REFUSED, Event.REFUSE, code=BARRED, cause=cause
        )


async def watch(world):
    """Watch the SIM as after a restart."""
    made = Watch(None, "1-1", store=world.store, clock=world.clock, rules=lambda: RULES)
    await made.recall(world.sim)
    return made.record(world.sim)


async def test_refusals_in_a_row_are_counted_over_a_restart(world):
    await refused(world, 2)
    record = await watch(world)
    why = record.take(Fate.REFUSED, world.clock.now(), "barred")
    assert why == "3 parts in a row were refused: barred"


async def test_what_was_before_the_window_is_over(world):
    await refused(world, 2)
    world.clock.advance(RULES.window)
    record = await watch(world)
    assert record.take(Fate.REFUSED, world.clock.now(), "barred") == ""


async def test_what_was_before_the_sim_was_resumed_is_not_held_against_it(world):
    await refused(world, 3)
    await world.store.lines.pause(world.sim, "judged: bad", world.clock.now())
    await world.store.lines.resume(world.sim, world.clock.now())
    await refused(world, 1)
    record = await watch(world)
    assert record.take(Fate.REFUSED, world.clock.now(), "barred") == ""
    assert record.take(Fate.REFUSED, world.clock.now(), "barred") != ""


async def sent(world, card, reported):
    await world.accept()
    beginning, attempt = await begun(world, sim=card)
    await end(world, beginning, attempt, reference=7)
    if reported:
        assert await world.store.reports.take(report(world, sim_id=card))
    world.clock.advance(timedelta(minutes=1))


async def test_sims_that_get_no_reports_at_all_are_none_of_the_others(world):
    """One SIM that reports is enough to miss those of another, however many have none."""
    good, mute = await another_sim(world), await another_sim(world, "8949020000777")
    for _ in range(3):
        await sent(world, world.sim, reported=False)
        await sent(world, good, reported=True)
        await sent(world, mute, reported=False)
    found = await world.store.lines.coverage(world.sim, world.clock.now(), 10)
    assert (found.sent, found.reported) == (3, 0)
    assert (found.others_sent, found.others_reported) == (3, 3)
