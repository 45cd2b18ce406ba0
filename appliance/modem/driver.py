"""``Modem``: one stick and its SIM. Starts, sends, listens, forgets, and says how it does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from appliance.clock import Clock, SystemClock
from appliance.errors import ModemError, NotReady, PortGone
from appliance.modem.answers import Usage
from appliance.modem.causes import Overrides
from appliance.modem.health import Pulse, Trouble
from appliance.modem.pdu import EncodedSubmit
from appliance.modem.pins import Pins, in_memory
from appliance.modem.ports import Opener, open_port
from appliance.modem.profiles import GENERIC
from appliance.modem.proving import Place
from appliance.modem.rescue import MayTake, reset
from appliance.modem.running import Running
from appliance.modem.shelf import Habits
from appliance.modem.startup import StartUp
from appliance.modem.tap import Tap
from appliance.modem.turns import Rank
from appliance.modem.values import (
    Arrival,
    Health,
    LineState,
    ModemIdentity,
    NotSent,
    Outcome,
    SimIdentity,
    SimRules,
    Timing,
    UssdReply,
)

logger = logging.getLogger(__name__)

USSD_WITHIN: Final = timedelta(seconds=60)


def no_pin(_sim: SimIdentity | None) -> str | None:
    """Know no PIN."""
    return None


def usual_rules(_sim: SimIdentity) -> SimRules:
    """Have nothing set for any SIM."""
    return SimRules()


def nothing_proved(_modem: ModemIdentity) -> Mapping[str, bool]:
    """Know nothing of its model."""
    return {}


def ignore(_health: Health) -> None:
    """Do nothing with a change of health."""


class Modem:
    """A modem at ``port``.

    Args:
        port: a tty, a pty, or ``socket://host:port``.
        slot: where it sits (ID_PATH); part of its identity.
        pin: asked once for the PIN when the SIM wants it; gets the SIM if its ICCID can be read.
        pins: remembers which were tried; None: for this process only.
        rules: what is set for a SIM; asked again with each look and each part.
        overrides: what is set over the table of causes; asked with each refusal.
        proofs: asked for the ways (as in Health.reports) in which reports were proved to
            outlive a restart on its model (True), or not to (False).
        on_health: called from the event loop whenever ``health`` changes; may be set later.
        timing: how long to wait for what.
        opener: opens the port, in a thread.
        candidates: the ports among which the right one has to be found first.
        known: it is ``port``, unless that is mute.
        clock: what the modem's own is compared with; None: the machine's.

    """

    def __init__(
        self,
        port: str,
        *,
        slot: str,
        pin: Callable[[SimIdentity | None], str | None] = no_pin,
        pins: Pins | None = None,
        rules: Callable[[SimIdentity], SimRules] = usual_rules,
        overrides: Callable[[], Overrides] = Overrides,
        proofs: Callable[[ModemIdentity], Mapping[str, bool]] = nothing_proved,
        on_health: Callable[[Health], None] = ignore,
        timing: Timing | None = None,
        opener: Opener = open_port,
        candidates: tuple[str, ...] = (),
        known: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.place = Place(port, candidates, known=known)
        self.tap = Tap(clock or SystemClock())
        self._clock = clock or SystemClock()
        self.slot = slot
        self._pin, self._pins = pin, pins or in_memory()
        self._rules, self._overrides = rules, overrides
        self._proofs = proofs
        self._habits = Habits()
        self._asleep_until = 0.0
        self._timing = timing or Timing()
        self._opener = opener
        self.on_health = on_health
        self.may_take: MayTake = lambda _rung: True  # asked before a step of the mending
        self.doubt = asyncio.Event()  # it should be looked at now
        self._restart_command = GENERIC.reset
        self._pulse = Pulse(port, self._health_changed)
        self._line: Running | None = None

    @property
    def port(self) -> str:
        """What is opened, or would be."""
        return self.place.port

    @property
    def health(self) -> Health:
        """How it does now."""
        return self._pulse.health

    @property
    def identity(self) -> ModemIdentity | None:
        """The device, None before it was started."""
        return self._line.setup.modem if self._line else None

    @property
    def sim(self) -> SimIdentity | None:
        """The SIM in it, None before it was started."""
        return self._line.setup.sim if self._line else None

    @property
    def unreported(self) -> str | None:
        """Why the network is asked for no report with a part, None: it is asked."""
        if self._line is None:
            return None
        setup = self._line.setup
        if not setup.profile.reports:
            return "this modem hands out no reports"
        return None if self._rules(setup.sim).reports else "no report is asked for by this SIM"

    async def start(self, pin: str | None = None) -> None:
        """Open the port and bring the modem to READY. May be called again after ``close``.

        Args:
            pin: taken instead of the one that is set, for this start only.

        Raises:
            ModemError: it cannot send; ``health`` says why, and the port is closed again.
            StoreError: ``pins`` could not remember a try, and so it was not made.

        """
        await self.close()
        self._pulse.begin()
        line = None
        try:
            await asyncio.sleep(self._asleep_until - asyncio.get_running_loop().time())
            self._pulse.port = await self.place.choose(self._timing, self._opener, self.tap)
            line = Running(
                self.port,
                self._pulse,
                self._timing,
                self._opener,
                self._clock,
                habits=self._habits,
                tap=self.tap,
                overrides=self._overrides,
            )
            await self._set_up(line, pin)
        except BaseException as error:
            if isinstance(error, ModemError):
                self._pulse.explain(error)
            if line is not None:
                await line.close()
            raise
        self._line = line
        self._restart_command = line.setup.profile.reset
        line.link.on_garbage = self.doubt.set
        self._pulse.tell(Trouble.NONE)

    async def _set_up(self, line: Running, pin: str | None) -> None:
        await line.link.open()
        start = StartUp(
            line.link,
            self._pulse,
            slot=self.slot,
            pin=self._pin if pin is None else lambda _sim: pin,
            pins=self._pins,
            by_hand=pin is not None,
            rules=self._rules,
            ready=line.ready,
            proofs=self._proofs,
        )
        setup = await start.run()
        await line.begin(setup, self._rules(setup.sim))

    def refuse_sim(self, other: str) -> None:
        """Say that the modem at ``other`` holds the same SIM, and so this one must not use it."""
        self._pulse.tell(Trouble.SIM_TWICE, other)

    async def send(
        self,
        encoded: EncodedSubmit,
        committed: Awaitable[object],
        *,
        more: bool = False,
        in_time: Callable[[], bool] = lambda: True,
    ) -> Outcome:
        """Send one part.

        AT+CMGS is written at once; the PDU and Ctrl-Z only when the prompt is there and
        ``committed`` has succeeded, which may take its time meanwhile. ``committed`` is always
        awaited to its end.

        A caller that is cancelled before Ctrl-Z gets its CancelledError, and nothing was sent.
        After Ctrl-Z the answer is waited for all the same and its outcome returned.

        Args:
            encoded: the PDU and its length for AT+CMGS.
            committed: the record that this attempt begins. Raising, or returning False: ESC.
            more: more parts of the same message follow.
            in_time: asked right before the PDU and Ctrl-Z are written; False: ESC.

        Returns:
            Sent, NotSent (release the part), Refused, or MaybeSent (never resend blindly).

        """
        if self._line is None:
            await asyncio.gather(committed, return_exceptions=True)
            return NotSent("the modem is not started")
        return await self._line.sender.send(encoded, committed, more=more, in_time=in_time)

    async def next_arrival(self) -> Arrival:
        """Wait for the next thing the network says.

        Raises:
            NotReady: the SIM went or was changed, and everything was handed out: start anew.
            PortGone: the port died or is closed, and everything from it was handed out.

        """
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        return await self._line.arrivals.next()

    async def ussd(self, code: str, within: timedelta = USSD_WITHIN) -> UssdReply:
        """Send a USSD code and wait for the network's reply; sending goes on meanwhile.

        Where the reply has ``more``, the network waits for ``ussd_answer``, some minutes at most.

        Raises:
            UssdFailed: a dialogue is under way, the network said no, or nothing in time.
            CommandRefused, ModemSilent, PortGone: the modem did not take it.

        """
        return await self._started.ussd.ask(code, within)

    async def ussd_answer(self, text: str, within: timedelta = USSD_WITHIN) -> UssdReply:
        """Answer what the network has asked; raises as ``ussd`` does."""
        return await self._started.ussd.answer(text, within)

    async def ussd_cancel(self) -> None:
        """End a USSD dialogue, if there is one; who waits for its reply gets a UssdFailed."""
        await self._started.ussd.cancel()

    @property
    def _started(self) -> "Running":
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        return self._line

    async def settle(self, arrival: Arrival) -> None:
        """Let go of what is committed: acknowledge a direct arrival, delete a stored one.

        Returns at once; it happens as soon as the port is free, deletions several at a time.
        If it never does, the arrival comes again after the next start.
        """
        if self._line:
            self._line.mailbox.settle(arrival)

    async def check(self) -> None:
        """Look after everything: answer, SIM, network, notifications, memories; to be repeated.

        Raises:
            NotReady: the SIM went, was changed, wants its PIN or was disabled: start anew.
            ModemUnwell: it says garbage without end.
            ModemError: the modem did not answer, or the port went.

        """
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        try:
            await self._line.check(self._rules(self._line.setup.sim), self.may_take)
        except ModemError as error:
            self._pulse.explain(error)
            if isinstance(error, NotReady):
                self._line.arrivals.end(error)
            raise

    async def reset(self) -> None:
        """Have the modem restart, well or not; its port is closed afterwards.

        Raises:
            PortBusy, PortGone: the port cannot be opened, so nobody can tell it to.

        """
        await self.close()
        await reset(self.port, self._restart_command, self._timing, self._opener)

    async def resync(self) -> None:
        """Bring question and answer into step: ESC and AT until a quiet OK.

        Raises:
            ModemSilent: it does not answer.
            PortGone: the port died or is closed.

        """
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        async with self._line.link.turns.turn(Rank.URGENT):
            await self._line.link.resync()

    @property
    def usages(self) -> tuple[Usage, ...]:
        """How full each of its memories was when last seen, () while it is not started."""
        return self._line.mailbox.usages if self._line else ()

    @property
    def holds_old(self) -> bool:
        """Whether its own memory may hold what lay there when it was started, to be settled."""
        return self._line is None or self._line.mailbox.holds_old

    @property
    def counts(self) -> Mapping[str, int]:
        """How often what happened since it was found: "broadcasts", "full" …."""
        return self._habits.counts

    def restarts(self, within: timedelta) -> int:
        """Return how often it restarted by itself lately, as far as it said so; 16 at most."""
        since = asyncio.get_running_loop().time() - within.total_seconds()
        return sum(moment > since for moment in self._habits.restarts)

    async def nap(self, length: timedelta) -> None:
        """Close the port as a stop does; the next ``start`` waits until ``length`` is over."""
        self._asleep_until = asyncio.get_running_loop().time() + length.total_seconds()
        await self.close()

    def _health_changed(self, health: Health) -> None:
        self.on_health(health)

    async def close(self) -> None:
        """Delete what is settled, if that is quick, and close the port; never raises."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()
            if self.health.state is LineState.ready:  # else the cause of the trouble stays
                self._pulse.tell(Trouble.CLOSED)
