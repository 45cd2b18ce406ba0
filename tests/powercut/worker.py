"""A process that does with a store what a daemon does, and notes what it was told. Not a test.

``python -m tests.powercut.worker DIRECTORY``, with the recorder preloaded. Everything that is
noted was acknowledged before.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from appliance.clock import SystemClock
from appliance.lifecycle import Event
from appliance.models import Account, Outcome
from appliance.store import Store, engine
from appliance.store.accounts import NewAccount
from appliance.store.bell import NOTICES
from appliance.store.ids import private
from appliance.store.lines import SeenSim
from appliance.store.values import (
    AttemptEnd,
    Begin,
    Begun,
    InboundFacts,
    ReportFacts,
    Taken,
    Waiting,
)
from appliance.text import Encoding, septets
from tests.powercut import facts
from tests.powercut.facts import note
from tests.store.conftest import World

SYNCHRONOUS: Final = "STORE_SYNCHRONOUS"
"""An environment variable: another value for SQLite's pragma, to show that losses are seen."""

OPENINGS: Final = 2
LIVES: Final = 64  # messages, each time the store is opened
AT_ONCE: Final = 8
SIMS: Final = 4
STRANGERS: Final = 20


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a message: of each of its parts, in turn."""

    outcome: Outcome
    event: Event
    report: Event | None = None
    state: str | None = None  # after the report
    parts: int = 1
    early: bool = False  # the report comes while the answer is being stored


FATES: Final = (
    Fate(Outcome.SENT, Event.ACCEPT, Event.DELIVER, "delivered"),
    Fate(Outcome.SENT, Event.ACCEPT, Event.DELIVER, "delivered", parts=3),
    Fate(Outcome.SENT, Event.ACCEPT, Event.DELIVER, "delivered", early=True),
    Fate(Outcome.SENT, Event.ACCEPT, Event.EXPIRE, "expired"),
    Fate(Outcome.SENT, Event.ACCEPT),
    Fate(Outcome.REFUSED, Event.REFUSE),
    Fate(Outcome.UNCERTAIN, Event.LOSE, Event.DELIVER, "delivered"),
    Fate(Outcome.RELEASED, Event.RELEASE),
)

STATUS: Final = {Event.DELIVER: 0x00, Event.EXPIRE: 0x46}


class Daemon:
    """The store's user: lives of messages, inbound messages and notices, many at once."""

    def __init__(self, store: Store, account: int, sims: list[int], numbers: Iterator[int]) -> None:
        self._store, self._sims, self._numbers = store, sims, numbers
        self._account = account
        self._references = itertools.cycle(range(256))
        self._clock = SystemClock()
        owner = Account(id=account, name="shop", created_at=self._clock.now())
        self._world = World(store, owner, sims[0], self._clock)  # type: ignore[arg-type]
        self._over = False
        self._bell = store.bells.listen((NOTICES, account))

    async def work(self) -> None:
        """Do everything, and note it."""
        lives = iter(range(LIVES))
        async with asyncio.TaskGroup() as carrier:
            carrier.create_task(self._tell())
            async with asyncio.TaskGroup() as lines:
                for _ in range(AT_ONCE):
                    lines.create_task(self._lead(lives))
                lines.create_task(self._hear())
            self._over = True
            self._bell.nudge()

    async def _lead(self, lives: Iterator[int]) -> None:
        for life in lives:
            await self._live(FATES[life % len(FATES)])

    async def _live(self, fate: Fate) -> None:
        number = next(self._numbers)
        message = await self._accept(number, parts=fate.parts)
        sim = self._sims[number % SIMS]
        waiting = next(
            one
            for one in await self._store.dispatch.waiting(self._clock.now(), LIVES)
            if one.message_id == message
        )
        concat = None
        for ordinal in range(1, fate.parts + 1):
            begin = self._begin(waiting, ordinal, sim, concat)
            begun = await self._store.dispatch.begin(begin)
            assert isinstance(begun, Begun), begun
            concat = begun.concat_reference
            note(facts.BEGUN, id=begun.attempt_id, part=waiting.part_id(ordinal), sim=sim)
            await self._end(fate, begin, begun.attempt_id, next(self._references))

    async def _accept(self, number: int, *, parts: int = 1, held: bool = False) -> int:
        words = f"{number} " + "word " * (number * 7 % 25)
        new = self._world.new(
            recipient=_recipient(number),
            suffix=_recipient(number)[-8:],
            text=words,
            parts=parts,
            reference=f"order {number}",
            not_before=self._clock.now() + timedelta(days=held),
        )
        accepted = await self._store.messages.accept(new)
        message = private("message", "m", accepted.id)
        note(facts.ACCEPTED, id=message, parts=parts, text=words)
        return message

    def _begin(self, waiting: Waiting, ordinal: int, sim: int, concat: int | None) -> Begin:
        now = self._clock.now()
        return Begin(
            waiting=waiting,
            ordinal=ordinal,
            sim_id=sim,
            at=now,
            first=ordinal == 1,
            concat_reference=concat,
        )

    async def _end(self, fate: Fate, begin: Begin, attempt: int, reference: int) -> None:
        end = AttemptEnd(
            attempt_id=attempt,
            begin=begin,
            outcome=fate.outcome,
            event=fate.event,
            at=self._clock.now(),
            reference=reference if fate.outcome is Outcome.SENT else None,
        )
        ends = self._store.dispatch.end(end)
        if fate.early:
            report = self._report(fate, begin, reference)
            await asyncio.gather(ends, self._store.reports.take(report))
        else:
            await ends
        note(facts.ENDED, id=attempt, outcome=fate.outcome, reference=end.reference)
        if fate.report is None:
            return
        if not fate.early:
            await self._store.reports.take(self._report(fate, begin, reference))
        part, status = begin.waiting.part_id(begin.ordinal), STATUS[fate.report]
        note(facts.REPORTED, attempt=attempt, status=status, part=part, state=fate.state)

    def _report(self, fate: Fate, begin: Begin, reference: int) -> ReportFacts:
        assert fate.report is not None
        now = self._clock.now()
        return ReportFacts(
            sim_id=begin.sim_id,
            service_centre="+491710760000",
            reference=reference,
            recipient=begin.waiting.recipient,
            suffix=begin.waiting.recipient[-8:],
            status=STATUS[fate.report],
            event=fate.report,
            cause=None,
            submitted_at=now,
            discharged_at=now,
            received_at=now,
            fingerprint=(begin.waiting.message_id, begin.ordinal),
        )

    async def _hear(self) -> None:
        for stranger in range(STRANGERS):
            number = next(self._numbers)
            if stranger % 4 == 0:
                held = await self._accept(number, held=True)
                taken = await self._arrive(number, "STOP")
                note(facts.STOPPED, inbound=taken.inbound_id, cancelled=held)
            elif stranger % 4 == 1:
                await self._arrive(number, "first ", "and last")
            else:
                await self._arrive(number, "Hello")

    async def _arrive(self, number: int, *segments: str) -> Taken:
        for ordinal, segment in enumerate(segments, 1):
            taken = await self._store.inbound.take(
                InboundFacts(
                    sim_id=self._sims[number % SIMS],
                    sender=_recipient(number),
                    encoding=Encoding.GSM7,
                    payload=septets(segment),
                    language=0,
                    udh=b"",
                    concat_reference=number % 256 if len(segments) > 1 else None,
                    concat_wide=False,
                    total=len(segments),
                    ordinal=ordinal,
                    sent_at=self._clock.now(),
                    received_at=self._clock.now(),
                    fingerprint=(number, ordinal),
                )
            )
            text = "".join(segments) if taken.complete else None
            note(facts.ARRIVED, id=taken.inbound_id, ordinal=ordinal, text=text)
        return taken

    async def _tell(self) -> None:
        """Carry notices until all is over and none is left."""
        while True:
            last_look = self._over
            for owed in await self._store.notices.owed(self._account, 20):
                await self._store.notices.done(owed.notice.id, self._clock.now())
                note(facts.TOLD, id=owed.notice.id)
                last_look = False
            if last_look:
                return
            if not self._over:
                await self._bell.wait()


def _recipient(number: int) -> str:
    return f"+4915{number:09d}"


async def _settle_in(store: Store) -> tuple[int, list[int]]:
    now = SystemClock().now()
    shop = NewAccount(name="shop", webhook_url="http://127.0.0.1:1/")
    issued = await store.accounts.add(shop, now)
    note(facts.ACCOUNT, id=issued.account_id, name="shop")
    sims = []
    for iccid in (f"8949020000{number:010d}" for number in range(SIMS)):
        seen = SeenSim(iccid=iccid, imsi=None, number=None, simulated=False, at=now)
        sims.append(await store.lines.saw(seen))
        note(facts.SIM, id=sims[-1], iccid=iccid)
    return issued.account_id, sims


async def _main(directory: Path) -> None:
    if synchronous := os.environ.get(SYNCHRONOUS):
        weaker = f"PRAGMA synchronous = {synchronous}"
        engine.PRAGMAS = (*engine.PRAGMAS, weaker)  # type: ignore[assignment,misc]
    numbers = itertools.count(1)
    settled = None
    for _ in range(OPENINGS):
        store = await facts.open_store(directory)
        note(facts.OPENED, **facts.marks_of(store, directory))
        settled = settled or await _settle_in(store)
        await Daemon(store, *settled, numbers).work()
        await store.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
