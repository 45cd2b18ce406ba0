"""Whatever happens in whatever order: parts, messages, history and notices say the same."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import select

from appliance.clock import ManualClock
from appliance.errors import OptedOut
from appliance.inbox import reading
from appliance.lifecycle import Event, State, message_state, next_state
from appliance.models import Attempt, History, Message, Notice, Outcome, Part
from appliance.store import Store
from appliance.store.changes import DEAD
from appliance.store.engine import open_engine
from appliance.store.tables import table_of
from appliance.store.values import Begin, Begun, NotBegun, Overdue
from tests.rooms import START, add_account, add_sim, sqlite_url
from tests.store.conftest import World
from tests.store.steps import HOURS, report
from tests.store.test_dispatch import begin, ended
from tests.store.test_messages import stop

ENDS = {
    Outcome.SENT: [Event.ACCEPT],
    Outcome.REFUSED: [Event.REFUSE, Event.RELEASE],
    Outcome.RELEASED: [Event.RELEASE],
    Outcome.UNCERTAIN: [Event.LOSE],
}

ENDINGS = [(outcome, event) for outcome, events in ENDS.items() for event in events]

ON_THE_AIR = {Outcome.SENDING, Outcome.SENT, Outcome.UNCERTAIN}

WANTED = st.tuples(
    st.sampled_from([3, 2, 1]),
    st.sampled_from(["resend", "hold", "fail"]),
    st.sampled_from([500, 500, 500, 2]),
)
"""Parts, what becomes of an uncertain one, and hours until it expires."""

REPORTS = [Event.DELIVER, Event.REFUSE, Event.EXPIRE, None]


class Life(RuleBasedStateMachine):
    """Two SIMs send messages to one number, and everything that can happen to them does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.clock = ManualClock(START)
        self.engine = open_engine(sqlite_url(Path(self.folder.name)))
        self.in_flight: dict[int, tuple[Begin, Begun]] = {}  # by SIM
        self.lost: list[tuple[Begin, Begun]] = []
        self.tried: dict[int, tuple[Begin, int]] = {}  # with a reference that comes round soon
        self.world = self.do(self.start())
        self.sims = [self.world.sim, self.do(add_sim(self.world.store, self.clock, "8949" * 5))]

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    async def start(self) -> World:
        folder = Path(self.folder.name)
        store = await Store.open(
            sqlite_url(folder), folder, daemon="box", clock=self.clock, reading=reading({})
        )
        account = await store.accounts.by_name("shop") or await add_account(store, self.clock)
        return World(store, account, await add_sim(store, self.clock), self.clock)

    def teardown(self) -> None:
        self.do(self.world.store.close())
        self.engine.dispose()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @initialize(wanted=st.lists(WANTED, min_size=3, max_size=5))
    def begin_with(self, wanted):
        for each in wanted:
            self.accept(each)

    @rule(wanted=WANTED)
    def accept(self, wanted):
        parts, policy, hours = wanted
        self.clock.advance(timedelta(seconds=1))
        given = {"text": "x", "parts": parts, "when_uncertain": policy}
        with contextlib.suppress(OptedOut):
            expires_at = self.clock.now() + hours * HOURS
            self.do(self.world.accept(expires_at=expires_at, **given))

    @rule(
        which=st.integers(0, 1),
        pick=st.integers(0, 3),
        seconds=st.integers(10, 120),
        endings=st.lists(st.sampled_from(ENDINGS), min_size=1, max_size=3),
    )
    def send(self, which, pick, seconds, endings):
        """Let a SIM that is free send something; after the last ending the next part is begun."""
        self.clock.advance(timedelta(seconds=seconds))
        sim, now, dispatch = self.sims[which], self.clock.now(), self.world.store.dispatch
        if sim in self.in_flight:
            return
        choice = self.do(dispatch.under_way(sim, now, 4)) or self.do(dispatch.waiting(now, 4))
        if choice:
            waiting = choice[pick % len(choice)]
            self.take(begin(self.world, waiting, waiting.todo[0], sim=sim))
            for ending in endings:
                if sim in self.in_flight:
                    self.end_one(sim, ending)

    def take(self, beginning):
        attempt = self.do(self.world.store.dispatch.begin(beginning))
        if not isinstance(attempt, NotBegun):
            self.in_flight[beginning.sim_id] = beginning, attempt
            self.tried[attempt.attempt_id] = beginning, len(self.tried) % 4

    @precondition(lambda self: self.in_flight)
    @rule(pick=st.integers(0, 1), ending=st.sampled_from(ENDINGS), twice=st.booleans())
    def end(self, pick, ending, twice):
        """Let a modem answer, which is perhaps written down twice."""
        sim = sorted(self.in_flight)[pick % len(self.in_flight)]
        answer = self.end_one(sim, ending)
        if twice:
            self.do(self.world.store.dispatch.end(answer))

    def end_one(self, sim, ending):
        """Write an answer down; the line goes on with the next part if there is one."""
        beginning, attempt = self.in_flight.pop(sim)
        outcome, event = ending
        given = {"cause": "so it said", "not_before": self.clock.now()}
        if outcome is Outcome.SENT:
            given = {"reference": self.tried[attempt.attempt_id][1]}
        if outcome is Outcome.UNCERTAIN:
            self.lost.append((beginning, attempt))
        answer = ended(self.world, attempt, beginning, outcome, event, **given)
        self.do(self.world.store.dispatch.end(answer))
        waiting = beginning.waiting
        if event in (Event.ACCEPT, Event.LOSE) and beginning.ordinal < waiting.parts:
            following = {"first": False, "reference": attempt.concat_reference, "sim": sim}
            self.take(begin(self.world, waiting, beginning.ordinal + 1, **following))
        return answer

    @precondition(lambda self: self.lost)
    @rule(pick=st.integers(0, 3))
    def answer_late(self, pick):
        beginning, attempt = self.lost.pop(pick % len(self.lost))
        self.do(
            self.world.store.dispatch.end(
                ended(self.world, attempt, beginning, reference=self.tried[attempt.attempt_id][1])
            )
        )

    @precondition(lambda self: self.tried)
    @rule(event=st.sampled_from(REPORTS), pick=st.integers(0, 5), right=st.sampled_from([1, 1, 0]))
    def report(self, event, pick, right):
        """Let the network report on something that one of the SIMs has tried to send."""
        of = list(self.tried)[-1 - pick % len(self.tried)]
        beginning, reference = self.tried[of]
        facts = report(
            self.world,
            event,
            sim_id=beginning.sim_id,
            reference=reference if right else 1,
            at=beginning.at,
        )
        self.do(self.world.store.reports.take(facts))

    @rule()
    def opt_out_and_in(self):
        for word in ("STOP", "START"):
            self.clock.advance(timedelta(seconds=1))
            self.do(self.world.store.inbound.take(stop(self.world, word)))
        self.accept((3, "resend", 500))

    @rule(hours=st.sampled_from([1, 25, 73]))
    def wait(self, hours):
        """Let time pass, and the chores be done."""
        self.clock.advance(hours * HOURS)
        now, chores = self.clock.now(), self.world.store.chores
        overdue = Overdue(
            now=now, no_report_before=now - 72 * HOURS, uncertain_before=now - 24 * HOURS
        )
        self.do(chores.expire(now))
        self.do(chores.silence(overdue))
        self.do(chores.settle(overdue))

    @rule()
    def crash(self):
        self.do(self.world.store.close())
        self.world = self.do(self.start())
        lost = self.do(self.world.store.chores.recover(self.clock.now()))
        assert lost == len(self.in_flight)
        self.in_flight.clear()
        self.lost.clear()

    def rows(self, model):
        table = table_of(model)
        with self.engine.connect() as connection:
            return connection.execute(select(table).order_by(table.c.id)).all()

    @invariant()
    def everything_agrees(self):
        messages = {row.id: row for row in self.rows(Message)}
        parts = {row.id: row for row in self.rows(Part)}
        for message in messages.values():
            states = [part.state for part in parts.values() if part.message_id == message.id]
            assert message.state is message_state(states)
            assert message.daemon is None or message.state is State.SENDING
            assert not (State.QUEUED in states and DEAD.keys() & set(states))
        self.nothing_is_on_the_air_twice(messages, parts)
        told = self.history_is_the_tables_way(messages, parts)
        for notice in self.rows(Notice):
            if notice.message_id is not None:  # in the order in which it became so
                assert notice.state in told[notice.message_id]

    def nothing_is_on_the_air_twice(self, messages, parts):
        on_the_air = [row.part_id for row in self.rows(Attempt) if row.outcome in ON_THE_AIR]
        for part_id in set(on_the_air):
            resends = messages[parts[part_id].message_id].when_uncertain == "resend"
            assert resends or on_the_air.count(part_id) == 1

    def history_is_the_tables_way(self, messages, parts):
        """Follow each part from its beginning; return the states that each message had."""
        states = dict.fromkeys(parts, State.QUEUED)
        told = {message_id: _Subsequence() for message_id in messages}
        for step in self.rows(History):
            if step.part_id is None:
                continue
            assert next_state(states[step.part_id], step.event) is step.state
            states[step.part_id] = step.state
            its = [states[row.id] for row in parts.values() if row.message_id == step.message_id]
            told[step.message_id].append(message_state(its))
        assert states == {part_id: part.state for part_id, part in parts.items()}
        return told


class _Subsequence(list):
    """What was so, in order: something is found in it only after what was found before."""

    def __contains__(self, state):
        while self:
            if self.pop(0) is state:
                return True
        return False


Life.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, print_blob=True
)

TestLife = Life.TestCase
