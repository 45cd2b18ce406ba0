"""``Modem``: one stick and its SIM. Starts, sends, listens, forgets, and says how it does."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from appliance.errors import ModemError, PortGone
from appliance.modem import inquiries
from appliance.modem.at import Said
from appliance.modem.health import Pulse, Trouble, registration_trouble
from appliance.modem.link import Link
from appliance.modem.mailbox import Arrivals, Mailbox
from appliance.modem.pdu import EncodedSubmit
from appliance.modem.ports import Opener, open_port
from appliance.modem.sending import Sender
from appliance.modem.startup import UNLOCKED, Setup, StartUp, restore
from appliance.modem.turns import Rank
from appliance.modem.values import (
    Arrival,
    Health,
    LateReference,
    LineState,
    ModemIdentity,
    NotSent,
    Outcome,
    SimIdentity,
    Timing,
)

logger = logging.getLogger(__name__)

RESTARTED: Final = ("RDY", "^SYSSTART", "SMS Ready", "SMS DONE")  # its settings are gone

LAST_TIDY: Final = timedelta(seconds=2)


def no_pin(_sim: SimIdentity | None) -> str | None:
    """Know no PIN."""
    return None


def ignore(_health: Health) -> None:
    """Do nothing with a change of health."""


class Modem:
    """A modem at ``port``.

    Args:
        port: a tty, a pty, or ``socket://host:port``.
        slot: where it sits (ID_PATH); part of its identity.
        pin: asked once for the PIN when the SIM wants it; gets the SIM if its ICCID can be read.
        roaming: whether the line may be used in a foreign network.
        on_health: called from the event loop whenever ``health`` changes; may be set later.
        timing: how long to wait for what.
        opener: opens the port, in a thread.

    """

    def __init__(
        self,
        port: str,
        *,
        slot: str,
        pin: Callable[[SimIdentity | None], str | None] = no_pin,
        roaming: bool = False,
        on_health: Callable[[Health], None] = ignore,
        timing: Timing | None = None,
        opener: Opener = open_port,
    ) -> None:
        self.port = port
        self.slot = slot
        self._pin = pin
        self._roaming = roaming
        self._timing = timing or Timing()
        self._opener = opener
        self.on_health = on_health
        self._pulse = Pulse(port, self._health_changed)
        self._line: _Line | None = None

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

    async def start(self) -> None:
        """Open the port and bring the modem to READY. May be called again after ``close``.

        Raises:
            ModemError: it cannot send; ``health`` says why, and the port is closed again.

        """
        await self.close()
        self._pulse.begin()
        line = _Line(self.port, self._pulse, self._timing, self._opener)
        try:
            await line.link.open()
            start = StartUp(
                line.link, self._pulse, slot=self.slot, pin=self._pin, roaming=self._roaming
            )
            await line.begin(await start.run())
        except ModemError as error:
            self._pulse.explain(error)
            await line.close()
            raise
        except BaseException:
            await line.close()
            raise
        self._line = line
        self._pulse.tell(Trouble.NONE)

    async def send(
        self, encoded: EncodedSubmit, committed: Awaitable[object], *, more: bool = False
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

        Returns:
            Sent, NotSent (release the part), Refused, or MaybeSent (never resend blindly).

        """
        if self._line is None:
            await asyncio.gather(committed, return_exceptions=True)
            return NotSent("the modem is not started")
        return await self._line.sender.send(encoded, committed, more=more)

    async def next_arrival(self) -> Arrival:
        """Wait for the next thing the network says.

        Raises:
            PortGone: the port died or is closed, and everything from it was handed out.

        """
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        return await self._line.arrivals.next()

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
            NotReady: the SIM went, was changed, or wants its PIN: start anew.
            ModemError: the modem did not answer, or the port went.

        """
        if self._line is None:
            raise PortGone(self.port, "", "the port is not open")
        try:
            await self._line.check(roaming=self._roaming)
        except ModemError as error:
            self._pulse.explain(error)
            raise

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

    def _health_changed(self, health: Health) -> None:
        self.on_health(health)

    async def close(self) -> None:
        """Delete what is settled, if that is quick, and close the port; never raises."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()
            if self.health.state is LineState.ready:  # else the cause of the trouble stays
                self._pulse.tell(Trouble.CLOSED)


class _Line:
    """What a started modem consists of, from opening to closing its port."""

    setup: Setup

    def __init__(self, port: str, pulse: Pulse, timing: Timing, opener: Opener) -> None:
        self.link = Link(
            port,
            on_indication=self.indicated,
            on_gone=self.gone,
            timing=timing,
            opener=opener,
        )
        self.arrivals = Arrivals()
        self.mailbox = Mailbox(self.link, self.arrivals)
        self.sender = Sender(self.link)
        self._pulse = pulse
        self._restarted = False
        self._housekeeper: asyncio.Task[None] | None = None

    async def begin(self, setup: Setup) -> None:
        """Take over from start-up: sweep the memories, then keep house."""
        self.setup = setup
        slowest = timedelta(seconds=setup.profile.send_seconds)
        self.sender.within = self.link.timing.send or slowest
        self.mailbox.memories = setup.memories
        self.mailbox.acknowledge = setup.notifications.acknowledge
        self._pulse.note_reports(setup.notifications.reports)
        self.mailbox.sweep_all()
        await self.mailbox.tidy()
        await self._note_storage()
        self._restarted = False  # what it said while starting is no restart
        self._housekeeper = asyncio.create_task(self._keep_house())

    def indicated(self, said: Said) -> None:
        """Take what the modem says unasked."""
        if said.line.startswith("+CMGS:"):
            reference = self.sender.late_reference(said.line)
            if reference is not None:
                self.arrivals.put(LateReference(reference))
        elif said.line.startswith(RESTARTED) and self._housekeeper:
            self._restarted = True
            self.mailbox.sweep_all()
        else:
            self.mailbox.indicated(said)

    def gone(self, gone: PortGone) -> None:
        """Tell everybody that the port died."""
        self.arrivals.end(gone)
        if self._housekeeper:
            self._pulse.explain(gone)

    async def check(self, *, roaming: bool) -> None:
        """Do what ``Modem.check`` says."""
        if self.link.silence:
            self._pulse.tell(Trouble.RECOVERING, self.link.silence)
        await self.link.command("AT")
        await self._check_sim()
        registration = await inquiries.registration(self.link)
        self._pulse.note_network(
            registration,
            await inquiries.operator(self.link),
            await inquiries.signal_dbm(self.link),
        )
        set_now = await inquiries.notifications(self.link)
        if self.mailbox.doubtful or (set_now and set_now != self.setup.notifications.values):
            await self._restore()
        self.mailbox.sweep_all()
        await self.mailbox.tidy()
        await self._note_storage()
        self._pulse.tell(registration_trouble(registration, roaming=roaming))

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
        self.mailbox.close()
        await self.link.close()

    async def _check_sim(self) -> None:
        state, _code = await inquiries.pin_state(self.link, self.setup.profile)
        if state != UNLOCKED:
            raise self._pulse.halt(
                Trouble.PIN_MISSING if state == "SIM PIN" else Trouble.SIM_MISSING
            )
        if not self.setup.iccid_command:
            return
        found = await inquiries.iccid(self.link, (self.setup.iccid_command,))
        if found and found[0] != self.setup.sim.iccid:
            raise self._pulse.halt(Trouble.SIM_CHANGED)

    async def _note_storage(self) -> None:
        if self.setup.arrivals:
            usage = await inquiries.usage(self.link, self.setup.arrivals)
            self._pulse.note_storage(str(usage) if usage else None)

    async def _restore(self) -> None:
        self._restarted = self.mailbox.doubtful = False
        self.mailbox.forget_selection()
        await restore(self.link, self.setup)

    async def _keep_house(self) -> None:
        """Read and delete as it falls due, until the port goes."""
        while self.link.alive:
            await self.mailbox.wanted()
            try:
                if self._restarted:
                    await self._restore()
                await self.mailbox.tidy()
            except PortGone:
                return
            except ModemError as error:
                logger.warning("%s; its memories are looked through later", error)
