"""From an open port to a line that can send: the order is that of ``facts`` and of 27.005.

Each step asks what is there and chooses from it; the profile only overrides.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar

from appliance.errors import CommandRefused, ModemSilent
from appliance.modem import inquiries
from appliance.modem.choices import (
    Notifications,
    choose_memories,
    choose_notifications,
    how_reports_come,
    needs_acknowledgement,
    same_ways,
    select_command,
)
from appliance.modem.health import Pulse, Trouble, registration_trouble
from appliance.modem.inquiries import SIM_FAILED, SIM_MISSING
from appliance.modem.link import Link
from appliance.modem.pins import Pins, in_memory
from appliance.modem.profiles import BY_NAME, GENERIC, Profile
from appliance.modem.turns import Rank
from appliance.modem.values import ModemIdentity, SimIdentity, SimRules

logger = logging.getLogger(__name__)

T = TypeVar("T")

UNLOCKED: Final = "READY"

LOCKS: Final = {"SIM PUK": Trouble.PUK_NEEDED, "SIM PUK2": Trouble.PUK_NEEDED}

RADIO_OFF: Final = frozenset({0, 4})
"""Values of AT+CFUN without a radio: so other programs leave a modem when they let it go, and some
never take it back by themselves."""

DEREGISTERED: Final = 2  # of AT+COPS: told to stay away from every network

ACKNOWLEDGED: Final = 1  # of AT+CSMS, 27.005 clause 3.2.1: what comes directly is acknowledged

FALLBACKS: Final = ((2, 1, 0, 1, 0), (1, 1, 0, 1, 0), (2, 1, 0, 0, 0), (1, 1))


@dataclass(frozen=True, slots=True)
class Setup:
    """What start-up found and chose."""

    modem: ModemIdentity
    sim: SimIdentity
    iccid_command: str  # '' where none tells it
    profile: Profile
    memories: tuple[str, ...]  # to sweep
    arrivals: str  # the memory that inbound messages are stored in, '' if none
    notifications: Notifications
    service_centre: str  # as it is set for the SIM, '' for its own


class StartUp:
    """One run from the open port to READY; ``pulse`` hears what hinders it."""

    def __init__(
        self,
        link: Link,
        pulse: Pulse,
        *,
        slot: str,
        pin: Callable[[SimIdentity | None], str | None],
        rules: Callable[[SimIdentity], SimRules],
        proofs: Callable[[ModemIdentity], Mapping[str, bool]],
        ready: asyncio.Event,
        pins: Pins | None = None,
        by_hand: bool = False,
    ) -> None:
        """Take what it works with.

        ``ready`` is set when the modem says that something has come up: see ``signs``. ``pins``
        remembers PINs, None: nothing is remembered; ``by_hand``: somebody has just typed it.
        """
        self._ready = ready
        self._link = link
        self._pulse = pulse
        self._slot = slot
        self._pin = pin
        self._pins, self._by_hand = pins or in_memory(), by_hand
        self._rules = rules
        self._proofs = proofs
        self._timing = link.timing
        self._profile = GENERIC

    async def run(self) -> Setup:
        """Do it all.

        Raises:
            NotReady: the modem answers, but cannot send; ``pulse`` knows why.
            ModemError: it does not answer, or the port went.

        """
        await self._wake()
        identity = await self._identify()
        await self._switch_on()
        await self._unlock()
        if not identity.imei:  # some tell nothing before the PIN
            identity = await self._identify()
        sim, iccid_command = await self._read_sim()
        await self._set_pdu_mode()
        offered = await inquiries.memories(self._link)
        memories, arrivals = choose_memories(offered)
        if arrivals:
            await attempt(self._link, select_command(arrivals, len(offered)))
        proved = self._proofs(identity)
        notifications = await self._subscribe(proved, stored=bool(memories))
        await self._register(self._rules(sim))
        centre = self._rules(sim).service_centre
        return Setup(
            identity, sim, iccid_command, self._profile, memories, arrivals, notifications, centre
        )

    async def _wake(self) -> None:
        async with self._link.turns.turn(Rank.CHORE):
            await self._link.resync()
        self._pulse.answered()
        await attempt(self._link, "ATE0")
        await attempt(self._link, "AT+CMEE=1")

    async def _identify(self) -> ModemIdentity:
        identity = await inquiries.identity(self._link, self._slot)
        self._profile = BY_NAME[identity.profile]
        for command in self._profile.mute:
            await attempt(self._link, command)
        return identity

    async def _switch_on(self) -> None:
        if await inquiries.functionality(self._link) in RADIO_OFF:
            logger.info("%s: its radio was off; it is switched on", self._link.port)
            await self._take_its_time("AT+CFUN=1")

    async def _unlock(self) -> None:
        state = await self._sim_state()
        if state == UNLOCKED:
            return
        if state != "SIM PIN":
            raise self._pulse.halt(LOCKS.get(state, Trouble.PHONE_LOCKED), state)
        await self._enter_pin()
        state = await self._sim_state()
        if state != UNLOCKED:
            raise self._pulse.halt(Trouble.PIN_REFUSED)

    async def _sim_state(self) -> str:
        return await sim_state(self._link, self._profile, self._pulse, self._pause)

    async def _enter_pin(self) -> None:
        found = await self._iccid()
        iccid = found[0] if found else None
        if iccid:
            self._refuse_disabled(SimIdentity(iccid))
        pin = self._pin(SimIdentity(iccid) if iccid else None)
        if not pin:
            raise self._pulse.halt(Trouble.PIN_MISSING)
        card = iccid or self._slot
        tries = await inquiries.pin_tries(self._link, self._profile)
        if await self._pins.was_refused(card, pin, tries=tries, by_hand=self._by_hand):
            raise self._pulse.halt(Trouble.PIN_REFUSED)
        if tries is not None and tries <= 1:
            raise self._pulse.halt(Trouble.PIN_LAST_TRY)
        await self._pins.begin(card, pin)  # before it is tried: silence leads to no second try
        try:
            await self._link.command(f'AT+CPIN="{pin}"', within=self._timing.sim)
        except CommandRefused:
            await self._pins.refuse(card, pin)
            raise self._pulse.halt(Trouble.PIN_REFUSED) from None
        except ModemSilent as error:  # without the PIN in its sentence
            raise ModemSilent(error.port, "AT+CPIN", error.timeout) from None
        await self._pins.take(card, pin)

    async def _read_sim(self) -> tuple[SimIdentity, str]:
        iccid, command = await self._patiently(self._iccid) or ("", "")
        imsi = await inquiries.imsi(self._link)
        if not iccid and not imsi:
            raise self._pulse.halt(Trouble.SIM_UNREADABLE)
        number = await inquiries.own_number(self._link)
        sim = SimIdentity(iccid or f"IMSI{imsi}", imsi, number)
        await self._pins.opened(sim.iccid, self._slot)
        self._refuse_disabled(sim)
        return sim, command

    def _refuse_disabled(self, sim: SimIdentity) -> None:
        if not self._rules(sim).enabled:
            raise self._pulse.halt(Trouble.DISABLED, sim.tail)

    async def _iccid(self) -> tuple[str, str] | None:
        commands = inquiries.iccid_commands(self._profile)
        return await inquiries.iccid(self._link, commands)

    async def _set_pdu_mode(self) -> None:
        """Set PDU mode; slow starters refuse it until their message service is up."""
        offered = await inquiries.message_formats(self._link)
        if offered and inquiries.PDU_MODE not in offered:
            raise self._pulse.halt(Trouble.NO_MESSAGES, "it offers text mode only")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.sim.total_seconds()
        while True:
            try:
                await self._link.command("AT+CMGF=0")
            except CommandRefused as error:
                if loop.time() >= deadline:
                    raise self._pulse.halt(Trouble.NO_MESSAGES, error.final) from None
                await self._pause()
            else:
                return

    async def _subscribe(self, proved: Mapping[str, bool], *, stored: bool) -> Notifications:
        offered = await inquiries.notification_choices(self._link)
        wanted = choose_notifications(offered, self._profile, stored=stored, proved=proved)
        acknowledge = False
        services = await inquiries.message_services(self._link)
        if needs_acknowledgement(wanted) and (not services or ACKNOWLEDGED in services):
            acknowledge = await attempt(self._link, "AT+CSMS=1")
        if acknowledge:
            # What an earlier run left unacknowledged is refused, so that it comes again at once;
            # else its time-out would switch the notifications off under us (27.005 clause 3.4.4).
            await attempt(self._link, "AT+CNMA=2")
        else:
            await attempt(self._link, "AT+CSMS=0")
        values, set_now = await self._notify(wanted)
        if self._profile.report_command:
            await attempt(self._link, self._profile.report_command)
        chosen = Notifications(set_now, "", acknowledge)
        return replace(chosen, values=values, reports=how_reports_come(chosen, self._profile))

    async def _notify(self, wanted: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Set AT+CNMI; return what is to be set again and again, and what is set now.

        Some say OK and take nothing: then the next form is tried, and each sweep tries again.
        """
        ignored = False
        for values in dict.fromkeys((wanted, *FALLBACKS)):
            if await attempt(self._link, f"AT+CNMI={','.join(map(str, values))}"):
                set_now = await inquiries.notifications(self._link) or values
                if same_ways(values, set_now):
                    good = not ignored or same_ways(wanted, set_now)
                    return set_now if good else wanted, set_now
                ignored = True
        return wanted if ignored else (), ()

    async def _register(self, rules: SimRules) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.registration.total_seconds()
        if await inquiries.operator_mode(self._link) == DEREGISTERED:
            logger.info("%s: it was told to use no network; it may again", self._link.port)
            await self._take_its_time("AT+COPS=0")
        while True:
            registration = await inquiries.registration(self._link)
            trouble = registration_trouble(registration, roaming=rules.roaming)
            if trouble is not Trouble.SEARCHING or loop.time() >= deadline:
                break
            self._pulse.tell(trouble)
            await self._pause()
        operator = await inquiries.operator(self._link)
        self._pulse.note_network(registration, operator, await inquiries.signal_dbm(self._link))
        if trouble is not Trouble.NONE:
            raise self._pulse.halt(trouble)
        await self._settle_centre(rules.service_centre)

    async def _settle_centre(self, wanted: str) -> None:
        """Find out where parts are handed in; ``wanted``: what is set, '' for the SIM's own."""
        centre = await self._patiently(lambda: inquiries.service_centre(self._link))
        if wanted and wanted != centre and await attempt(self._link, centre_command(wanted)):
            centre = wanted
        self._pulse.note_service(centre)
        if not centre:
            logger.warning("%s: the SIM tells no service centre", self._link.port)

    async def _take_its_time(self, command: str) -> None:
        """Send a command that takes as long as finding a network; what comes of it is seen then."""
        with contextlib.suppress(ModemSilent):
            await attempt(self._link, command, within=self._timing.registration)

    async def _patiently(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """Ask once more after a while: a SIM that was just unlocked may still be busy."""
        if found := await ask():
            return found
        await self._pause()
        return await ask()

    async def _pause(self) -> None:
        """Wait before asking again; less if the modem says that something has come up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.retry.total_seconds()):
                await self._ready.wait()
        self._ready.clear()


async def sim_state(
    link: Link, profile: Profile, pulse: Pulse, pause: Callable[[], Awaitable[None]]
) -> str:
    """Return what AT+CPIN? says ("READY", "SIM PIN", …), as soon as the SIM is awake.

    ``pause`` is awaited between two looks.

    Raises:
        NotReady: there is no SIM, it fails, or it stays busy for ``timing.sim``.
        ModemError: the modem does not answer.

    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + link.timing.sim.total_seconds()
    while True:
        state, code = await inquiries.pin_state(link, profile)
        if state not in {"", "NOT READY", "NOT INSERTED"}:
            return state
        if code in SIM_MISSING or state == "NOT INSERTED":
            raise pulse.halt(Trouble.SIM_MISSING)
        if code in SIM_FAILED:
            raise pulse.halt(Trouble.SIM_FAILED)
        if loop.time() >= deadline:
            raise pulse.halt(Trouble.SIM_BUSY)
        await pause()


async def attempt(link: Link, command: str, *, within: timedelta | None = None) -> bool:
    """Send a command that may be refused; say whether it was taken. ``within`` as in ``ask``."""
    try:
        await link.command(command, inquiries.ANYTHING, within=within)
    except CommandRefused as error:
        logger.debug("%s", error)
        return False
    return True


def centre_command(number: str) -> str:
    """Return the command for a service centre, an international number with + (27.005, 3.3.1)."""
    return f'AT+CSCA="{number}",145'


async def restore(link: Link, setup: Setup) -> None:
    """Set everything again that a modem forgets when it restarts."""
    chosen = setup.notifications
    await attempt(link, "ATE0")
    await attempt(link, "AT+CMEE=1")
    for command in setup.profile.mute:
        await attempt(link, command)
    await attempt(link, "AT+CMGF=0")
    await attempt(link, f"AT+CSMS={int(chosen.acknowledge)}")
    if setup.service_centre:
        await attempt(link, centre_command(setup.service_centre))
    if setup.arrivals:
        await attempt(link, select_command(setup.arrivals, 3))
    if chosen.values:
        await attempt(link, f"AT+CNMI={','.join(map(str, chosen.values))}")
    if setup.profile.report_command:
        await attempt(link, setup.profile.report_command)
