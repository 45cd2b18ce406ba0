"""A modem that was opened: its parts, what it says to them unasked, and looking after it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import ModemError, PortGone
from appliance.modem import inquiries
from appliance.modem.arrivals import Arrivals
from appliance.modem.at import Said
from appliance.modem.calls import Calls
from appliance.modem.causes import Overrides
from appliance.modem.health import Pulse, Trouble, registration_trouble
from appliance.modem.link import Link
from appliance.modem.mailbox import Mailbox
from appliance.modem.ports import Opener
from appliance.modem.rescue import MayTake, prove
from appliance.modem.sending import Sender
from appliance.modem.shelf import Habits
from appliance.modem.signs import BEGINS, READY_NOTE, RESTARTED, SIM_NOTE
from appliance.modem.simwatch import SimWatch
from appliance.modem.startup import Setup, restore
from appliance.modem.tap import Tap
from appliance.modem.upkeep import Upkeep
from appliance.modem.ussd import Ussd
from appliance.modem.values import LateReference, SimRules, Timing

logger = logging.getLogger(__name__)

CLOCK_JITTER: Final = 3
"""Seconds by which a modem's clock may seem to move: asking takes its time."""

LAST_TIDY: Final = timedelta(seconds=2)


class Running:
    """What a started modem consists of, from opening to closing its port."""

    setup: Setup

    def __init__(
        self,
        port: str,
        pulse: Pulse,
        timing: Timing,
        opener: Opener,
        clock: Clock,
        *,
        habits: Habits,
        tap: Tap,
        overrides: Callable[[], Overrides],
    ) -> None:
        """Begin with nothing open; ``overrides``: what is set over the table of causes."""
        self.ready = asyncio.Event()  # it said that something has come up
        self._clock, self._habits = clock, habits
        self._sim_watch: SimWatch | None = None  # once it has been started
        self.link = Link(
            port,
            on_indication=self.indicated,
            on_gone=self.gone,
            on_resync=self.in_step,
            timing=timing,
            opener=opener,
            tap=tap,
        )
        self.arrivals = Arrivals()
        self.mailbox = Mailbox(self.link, self.arrivals, habits)
        self.upkeep = Upkeep(self.link, self.mailbox, pulse, self._restore)
        self.calls = Calls(self.link, self.arrivals.put)
        self.ussd = Ussd(self.link)
        self.sender = Sender(self.link, overrides)
        self._pulse = pulse
        self._housekeeper: asyncio.Task[None] | None = None

    async def begin(self, setup: Setup, rules: SimRules) -> None:
        """Take over from start-up: sweep the memories, then keep house."""
        self.setup = setup
        self._note_reports(rules)
        self.sender.own = setup.profile.causes
        slowest = timedelta(seconds=setup.profile.send_seconds)
        self.sender.within = self.link.timing.send or slowest
        self.calls.profile = self.ussd.profile = setup.profile
        await self.calls.begin()
        watch = SimWatch(self.link, self._pulse, setup, self.arrivals.end)
        self.mailbox.same_sim = watch.prove
        await self.upkeep.begin(setup)
        await self._note_clock()
        self._housekeeper = asyncio.create_task(self.upkeep.keep())
        self._sim_watch = watch

    def indicated(self, said: Said) -> None:
        """Take what the modem says unasked."""
        if READY_NOTE.match(said.line):
            self.ready.set()
        if self._sim_watch and SIM_NOTE.match(said.line):
            self._sim_watch.suspect()
        if said.line.startswith("+CMGS:"):
            reference = self.sender.late_reference(said.line)
            if reference is not None:
                self.arrivals.put(LateReference(reference))
        elif said.line.startswith(RESTARTED) and self._housekeeper:
            if said.line.startswith(BEGINS):
                logger.warning("%s: it has restarted by itself (%s)", self.link.port, said.line)
                self._habits.counts["restarts"] += 1
                self._habits.restarts.append(asyncio.get_running_loop().time())
                self.link.forgotten(said.line)
            self.upkeep.suspect()
        elif not (self.ussd.indicated(said) or self.calls.indicated(said)):
            self.mailbox.indicated(said)

    def in_step(self) -> None:
        """Look for what was said while nobody could understand it."""
        self.upkeep.in_step()

    def gone(self, gone: PortGone) -> None:
        """Tell everybody that the port died."""
        self.arrivals.end(gone)
        self.ussd.gone(gone)
        if self._housekeeper:
            self._pulse.explain(gone)

    async def check(self, rules: SimRules, may_take: MayTake) -> None:
        """Do what ``Modem.check`` says."""
        if not rules.enabled:
            raise self._pulse.halt(Trouble.DISABLED, self.setup.sim.tail)
        self._note_reports(rules)
        await prove(self.link, may_take, lambda why: self._pulse.tell(Trouble.RECOVERING, why))
        if self._sim_watch:
            await self._sim_watch.check()
        registration = await inquiries.registration(self.link)
        self._pulse.note_network(
            registration,
            await inquiries.operator(self.link),
            await inquiries.signal_dbm(self.link),
        )
        await self.upkeep.sweep()
        await self._note_clock()
        self._pulse.tell(registration_trouble(registration, roaming=rules.roaming))

    async def close(self) -> None:
        """Close the port; quick, and nothing raises."""
        idle = self.link.alive and not self.link.turns.held
        if idle and self._housekeeper and self.mailbox.settled:
            with contextlib.suppress(ModemError, TimeoutError):
                async with asyncio.timeout(LAST_TIDY.total_seconds()):
                    self.mailbox.tidy_now()
                    await self.mailbox.tidy()
        housekeeper, self._housekeeper = self._housekeeper, None
        if housekeeper:
            housekeeper.cancel()
        if self._sim_watch:
            self._sim_watch.close()
        self.mailbox.close()
        self.calls.close()
        await self.link.close()

    def _note_reports(self, rules: SimRules) -> None:
        come = self.setup.notifications.reports
        self._pulse.note_reports(come if rules.reports or come == "none" else "off")

    async def _note_clock(self) -> None:
        """Note how far the modem's clock is off; a second or two of asking is no news."""
        told = await inquiries.clock(self.link)
        offset = round((told - self._clock.now()).total_seconds()) if told else None
        noted = self._pulse.health.clock_offset
        if offset is None or noted is None or abs(offset - noted) > CLOCK_JITTER:
            self._pulse.note_clock(offset)

    async def _restore(self) -> None:
        self.ussd.restarted()
        await restore(self.link, self.setup)
        await self.calls.begin()
