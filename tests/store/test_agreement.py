"""Whatever happens in whatever order: parts, messages, history and notices say the same."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from appliance.clock import ManualClock
from appliance.errors import OptedOut
from appliance.inbox import reading
from appliance.lifecycle import Event, State, message_state, next_state
from appliance.models import Attempt, History, Message, Notice, Outcome, Part
from appliance.policy.categories import Category
from appliance.store import Store
from appliance.store.changes import DEAD
from appliance.store.engine import open_engine
from appliance.store.tables import table_of
from appliance.store.values import AttemptEnd, Begin, Begun, NotBegun, Overdue
from tests.rooms import START, add_account, add_sim, sqlite_url
from tests.store.conftest import World
from tests.store.steps import HOURS, report
from tests.store.test_dispatch import begin, ended
from tests.store.test_messages import stop

ENDINGS = [
    (Outcome.SENT, Event.ACCEPT),
    (Outcome.UNCERTAIN, Event.LOSE),
    (Outcome.RELEASED, Event.RELEASE),
    (Outcome.REFUSED, Event.RELEASE),
    (Outcome.REFUSED, Event.REFUSE),
]

ON_THE_AIR = {Outcome.SENDING, Outcome.SENT, Outcome.UNCERTAIN}

REFERENCES = 4  # they come round soon here

OFTEN = {
    "accept": 2,
    "send": 5,
    "end": 3,
    "end_twice": 1,
    "answer_late": 1,
    "report": 6,
    "report_wrongly": 1,
    "opt_out_and_in": 1,
    "wait": 3,
    "crash": 1,
}


@dataclass(frozen=True)
class Step:
    """Something that happens; what it means is up to the kind."""

    kind: str
    pick: int
    parts: int
    policy: str
    endings: tuple[tuple[Outcome, Event], ...]
    event: Event | None
    hours: int


STEPS = st.builds(
    Step,
    kind=st.sampled_from([kind for kind, times in OFTEN.items() for _ in range(times)]),
    pick=st.integers(0, 7),
    parts=st.integers(1, 3),
    policy=st.sampled_from(["resend", "hold", "fail"]),
    endings=st.lists(st.sampled_from(ENDINGS), max_size=3).map(tuple),
    event=st.sampled_from([Event.DELIVER, Event.REFUSE, Event.EXPIRE, None]),
    hours=st.sampled_from([1, 25, 73]),
)


@dataclass
class Life:
    """Two SIMs send messages to one number, and everything that can happen to them does."""

    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    in_flight: dict[int, tuple[Begin, Begun]] = field(default_factory=dict)  # by SIM
    lost: list[tuple[Begin, Begun]] = field(default_factory=list)
    tried: list[Begin] = field(default_factory=list)
    counted: int = 0

    async def start(self) -> None:
        url = sqlite_url(self.folder)
        self.store = await Store.open(
            url, self.folder, daemon="box", clock=self.clock, reading=reading({})
        )
        account = await self.store.accounts.by_name("shop")
        account = account or await add_account(self.store, self.clock)
        self.sims = [await add_sim(self.store, self.clock, f"8949{n:016}") for n in (1, 2)]
        self.world = World(self.store, account, self.sims[0], self.clock)

    async def accept(self, step: Step) -> None:
        wanted = {"text": "x", "parts": step.parts, "when_uncertain": step.policy}
        expires_at = self.clock.now() + (2 if step.pick == 0 else 500) * HOURS
        with contextlib.suppress(OptedOut):
            await self.world.accept(expires_at=expires_at, **wanted)

    async def send(self, step: Step) -> None:
        """Let a SIM send something, with these answers; the part after them is left in flight."""
        sim, now, dispatch = self.sims[step.pick % 2], self.clock.now(), self.store.dispatch
        if sim not in self.in_flight:
            choice = await dispatch.under_way(sim, now, 4) or await dispatch.waiting(now, 4)
            if not choice:
                return
            waiting = choice[step.pick % len(choice)]
            await self._begin(begin(self.world, waiting, waiting.todo[0], sim=sim))
        for ending in step.endings:
            if sim in self.in_flight:
                await self._end(sim, ending)
                self.clock.advance(timedelta(seconds=step.pick))

    async def end(self, step: Step) -> None:
        for sim in list(self.in_flight)[:1]:
            await self._end(sim, step.endings[0] if step.endings else ENDINGS[0])

    async def end_twice(self, step: Step) -> None:
        for sim in list(self.in_flight)[:1]:
            answer = await self._end(sim, ENDINGS[step.pick % len(ENDINGS)])
            await self.send(step)
            await self.store.dispatch.end(answer)

    async def answer_late(self, step: Step) -> None:
        if self.lost:
            beginning, attempt = self.lost.pop(step.pick % len(self.lost))
            await self.store.dispatch.end(self._answer(beginning, attempt, ENDINGS[0]))

    async def report(self, step: Step) -> None:
        if self.tried:
            of = self.tried[-1 - step.pick % len(self.tried)]
            await self._report(of, step.event, self._reference(of))

    async def report_wrongly(self, step: Step) -> None:
        if self.tried:
            await self._report(self.tried[0], step.event, step.pick)

    async def opt_out_and_in(self, step: Step) -> None:
        for word in ("STOP", "START"):
            self.counted += 1
            await self.store.inbound.take(stop(self.world, word, fingerprint=(self.counted,)))
        await self.accept(step)

    async def wait(self, step: Step) -> None:
        """Let time pass, and the chores be done."""
        self.clock.advance(step.hours * HOURS)
        now, chores = self.clock.now(), self.store.chores
        overdue = Overdue(
            now=now,
            no_report_before=now - 72 * HOURS,
            uncertain_before=dict.fromkeys(Category, now - 24 * HOURS),
        )
        await chores.expire(now)
        await chores.silence(overdue)
        await chores.settle(overdue)

    async def crash(self, _step: Step) -> None:
        await self.store.close()
        await self.start()
        assert await self.store.chores.recover(self.clock.now()) == len(self.in_flight)
        self.in_flight.clear()
        self.lost.clear()

    async def _begin(self, beginning: Begin) -> None:
        attempt = await self.store.dispatch.begin(beginning)
        if not isinstance(attempt, NotBegun):
            self.in_flight[beginning.sim_id] = beginning, attempt
            self.tried.append(beginning)

    async def _end(self, sim: int, ending: tuple[Outcome, Event]) -> AttemptEnd:
        """Write an answer down; the line goes on with the next part if there is one."""
        beginning, attempt = self.in_flight.pop(sim)
        if ending[0] is Outcome.UNCERTAIN:
            self.lost.append((beginning, attempt))
        answer = self._answer(beginning, attempt, ending)
        await self.store.dispatch.end(answer)
        waiting, ordinal = beginning.waiting, beginning.ordinal + 1
        if ending[1] in (Event.ACCEPT, Event.LOSE) and ordinal in waiting.todo:
            reference = attempt.concat_reference
            following = begin(
                self.world, waiting, ordinal, first=False, reference=reference, sim=sim
            )
            await self._begin(following)
        return answer

    def _answer(self, of: Begin, attempt: Begun, ending: tuple[Outcome, Event]) -> AttemptEnd:
        given: dict[str, object] = {"cause": "so it said", "not_before": self.clock.now()}
        if ending[0] is Outcome.SENT:
            given = {"reference": self._reference(of)}
        return ended(self.world, attempt, of, *ending, **given)

    async def _report(self, of: Begin, event: Event | None, reference: int) -> None:
        facts = report(self.world, event, sim_id=of.sim_id, reference=reference, at=of.at)
        await self.store.reports.take(facts)

    def _reference(self, of: Begin) -> int:
        return self.tried.index(of) % REFERENCES


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, min_size=10, max_size=25))
def test_whatever_happens_everything_agrees(steps):
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        life = Life(Path(folder))
        engine = open_engine(sqlite_url(life.folder))
        runner.run(life.start())
        try:
            for policy in ("resend", "fail"):
                runner.run(life.accept(Step("accept", 1, 3, policy, (), None, 1)))
            for step in steps:
                life.clock.advance(timedelta(seconds=10))
                runner.run(getattr(life, step.kind)(step))
                check(engine)
        finally:
            runner.run(life.store.close())
            engine.dispose()


def check(engine):
    """Compare the tables with one another."""
    with engine.connect() as connection:
        messages, parts, attempts, history, notices = (
            connection.execute(select(table_of(model)).order_by(table_of(model).c.id)).all()
            for model in (Message, Part, Attempt, History, Notice)
        )
    siblings = {
        each.id: [part for part in parts if part.message_id == each.id] for each in messages
    }
    for message in messages:
        states = [part.state for part in siblings[message.id]]
        assert message.state is message_state(states)
        assert message.daemon is None or message.state is State.SENDING
        assert not (State.QUEUED in states and DEAD.keys() & set(states))
        if message.when_uncertain != "resend":
            nothing_is_on_the_air_twice(siblings[message.id], attempts)
        its_history = [step for step in history if step.message_id == message.id]
        became = iter(follow(siblings[message.id], its_history))
        told = [notice.state for notice in notices if notice.message_id == message.id]
        assert all(state in became for state in told)  # in the order in which it became so


def nothing_is_on_the_air_twice(parts, attempts):
    for part in parts:
        tries = [each for each in attempts if each.part_id == part.id]
        assert sum(each.outcome in ON_THE_AIR for each in tries) <= 1


def follow(parts, history) -> Iterator[State]:
    """Go with each part from its beginning to now by the table; yield the message's states."""
    states = {part.id: State.QUEUED for part in parts}
    for step in history:
        if step.part_id is not None and step.event is None:  # its service centre still tries
            assert step.state is states[step.part_id]
        elif step.part_id is not None:
            assert next_state(states[step.part_id], step.event) is step.state
            assert step.state is not states[step.part_id]
            states[step.part_id] = step.state
            yield message_state(states.values())
    assert states == {part.id: part.state for part in parts}
