"""Steps that tests of several of the store's verbs take."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import text

from appliance.lifecycle import Event, State
from appliance.models import Outcome
from appliance.store.engine import open_engine
from appliance.store.lines import SeenSim
from appliance.store.values import Begun, ReportFacts
from tests.store.conftest import ALICE
from tests.store.test_dispatch import begin, ended, first_waiting

CENTRE = "+491710760000"

on_postgresql = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
"""For tests of what only several writers can do: SQLite has one."""

_different = itertools.count()


def report(world, event=Event.DELIVER, *, reference=7, at=None, **given) -> ReportFacts:
    """Make a report about a part that its service centre took at ``at`` (now); each is new."""
    now = world.clock.now()
    status = {Event.DELIVER: 0x00, Event.EXPIRE: 0x46, Event.REFUSE: 0x41, None: 0x20}[event]
    fields = {
        "sim_id": world.sim,
        "service_centre": CENTRE,
        "reference": reference,
        "recipient": ALICE,
        "suffix": ALICE[-8:],
        "status": status,
        "event": event,
        "cause": None if status == 0 else f"status {status:02X}",
        "submitted_at": at or now,
        "discharged_at": at or now,
        "received_at": now,
        "fingerprint": (next(_different),),
    }
    return ReportFacts(**(fields | given))


async def begun(world, waiting=None, ordinal=1, *, first=True, reference=None, sim=None):
    """Begin a part (of the queue's head); return the beginning and its attempt."""
    waiting = waiting or await first_waiting(world)
    beginning = begin(world, waiting, ordinal, first=first, reference=reference, sim=sim)
    attempt = await world.store.dispatch.begin(beginning)
    assert isinstance(attempt, Begun), attempt
    return beginning, attempt


async def end(world, beginning, attempt, outcome=Outcome.SENT, event=Event.ACCEPT, **given):
    await world.store.dispatch.end(ended(world, attempt, beginning, outcome, event, **given))


async def lose(world, beginning, attempt):
    await end(world, beginning, attempt, Outcome.UNCERTAIN, Event.LOSE, cause="no answer")


async def send_all(world, accepted_parts, *, reference=7, sim=None):
    """Send every part of the queue's head; the n-th gets ``reference`` + n. Return its message."""
    waiting = await first_waiting(world)
    concat = None
    for ordinal in range(1, accepted_parts + 1):
        beginning, attempt = await begun(
            world, waiting, ordinal, first=ordinal == 1, reference=concat, sim=sim
        )
        concat = attempt.concat_reference
        await end(world, beginning, attempt, reference=(reference + ordinal - 1) % 256)
    return waiting


async def story(world, accepted):
    return await world.store.views.message(None, accepted.id)


async def state(world, accepted) -> State:
    return (await story(world, accepted)).message.state


async def part_states(world, accepted) -> list[State]:
    return [part.state for part in (await story(world, accepted)).parts]


async def steps(world, accepted) -> list[State]:
    """Return the states of a message's history, oldest first."""
    return [step.state for step in (await story(world, accepted)).history]


async def told(world, account_id=None) -> list[State]:
    """Return of which states an account is owed notices, in order."""
    owed = await world.store.notices.owed(account_id or world.account.id, 100)
    return [one.notice.news.state for one in owed]


async def unmatched(world) -> int:
    return (await world.store.views.queue()).unmatched_reports


async def another_sim(world, iccid="89490200009999999999") -> int:
    return await world.store.lines.saw(
        SeenSim(iccid=iccid, imsi=None, number=None, simulated=False, at=world.clock.now())
    )


def rows(url: str, statement: str, **given: object) -> list[tuple[object, ...]]:
    """Read with a connection of our own what is committed."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), given)]
    finally:
        engine.dispose()


HOURS = timedelta(hours=1)
