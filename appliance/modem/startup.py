"""From an open port to a line that can send: the order is that of ``facts`` and of 27.005.

Each step asks what is there and chooses from it; the profile only overrides.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from appliance.errors import CommandRefused, ModemSilent
from appliance.modem import inquiries
from appliance.modem.health import Pulse, Trouble, registration_trouble
from appliance.modem.inquiries import SIM_FAILED, SIM_MISSING
from appliance.modem.link import Link
from appliance.modem.profiles import GENERIC, Profile, profile_for
from appliance.modem.turns import Rank
from appliance.modem.values import ModemIdentity, SimIdentity

logger = logging.getLogger(__name__)

T = TypeVar("T")

REFUSED_PINS: Final[set[tuple[str, str]]] = set()
"""SIM (or port, where the ICCID is locked too) and PIN: refused, and never tried again here."""

UNLOCKED: Final = "READY"

LOCKS: Final = {"SIM PUK": Trouble.PUK_NEEDED, "SIM PUK2": Trouble.PUK_NEEDED}

READABLE: Final = ("SM", "ME", "SR")  # what is swept, where it is offered

FALLBACKS: Final = ((2, 1, 0, 1, 0), (1, 1, 0, 1, 0), (2, 1, 0, 0, 0), (1, 1))


@dataclass(frozen=True, slots=True)
class Notifications:
    """How arrivals are told.

    ``values`` are those of AT+CNMI, () where it is refused; ``reports`` as in Health.
    """

    values: tuple[int, ...]
    reports: str
    acknowledge: bool  # AT+CSMS=1: what comes directly is acknowledged


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


class StartUp:
    """One run from the open port to READY; ``pulse`` hears what hinders it."""

    def __init__(
        self,
        link: Link,
        pulse: Pulse,
        *,
        slot: str,
        pin: Callable[[SimIdentity | None], str | None],
        roaming: bool,
    ) -> None:
        self._link = link
        self._pulse = pulse
        self._slot = slot
        self._pin = pin
        self._roaming = roaming
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
        await self._unlock()
        if not identity.imei:  # some tell nothing before the PIN
            identity = await self._identify()
        sim, iccid_command = await self._read_sim()
        await self._set_pdu_mode()
        offered = await inquiries.memories(self._link)
        memories, arrivals = choose_memories(offered)
        if arrivals:
            await attempt(self._link, select_command(arrivals, len(offered)))
        notifications = await self._subscribe(stored=bool(memories))
        await self._register()
        return Setup(identity, sim, iccid_command, self._profile, memories, arrivals, notifications)

    async def _wake(self) -> None:
        async with self._link.turns.turn(Rank.CHORE):
            await self._link.resync()
        self._pulse.answered()
        await attempt(self._link, "ATE0")
        await attempt(self._link, "AT+CMEE=1")

    async def _identify(self) -> ModemIdentity:
        maker = await inquiries.word(self._link, "AT+CGMI", "+CGMI:")
        model = await inquiries.word(self._link, "AT+CGMM", "+CGMM:")
        revision = await inquiries.word(self._link, "AT+CGMR", "+CGMR:")
        imei = await inquiries.word(self._link, "AT+CGSN", pattern=r'(?:\+CGSN:\s*)?"?\d{14,17}"?')
        self._profile = profile_for(maker, model)
        for command in self._profile.mute:
            await attempt(self._link, command)
        return ModemIdentity(imei, self._slot, maker, model, revision, self._profile.name)

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
        """Return what AT+CPIN? says, as soon as the SIM is awake."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.sim.total_seconds()
        while True:
            state, code = await inquiries.pin_state(self._link, self._profile)
            if state not in {"", "NOT READY", "NOT INSERTED"}:
                return state
            if code in SIM_MISSING or state == "NOT INSERTED":
                raise self._pulse.halt(Trouble.SIM_MISSING)
            if code in SIM_FAILED:
                raise self._pulse.halt(Trouble.SIM_FAILED)
            if loop.time() >= deadline:
                raise self._pulse.halt(Trouble.SIM_BUSY)
            await asyncio.sleep(self._timing.retry.total_seconds())

    async def _enter_pin(self) -> None:
        found = await self._iccid()
        iccid = found[0] if found else None
        pin = self._pin(SimIdentity(iccid) if iccid else None)
        if not pin:
            raise self._pulse.halt(Trouble.PIN_MISSING)
        tried = (iccid or self._link.port, pin)
        if tried in REFUSED_PINS:
            raise self._pulse.halt(Trouble.PIN_REFUSED)
        tries = await inquiries.pin_tries(self._link, self._profile)
        if tries is not None and tries <= 1:
            raise self._pulse.halt(Trouble.PIN_LAST_TRY)
        REFUSED_PINS.add(tried)  # before it is tried: silence must not lead to a second try
        try:
            await self._link.command(f'AT+CPIN="{pin}"')
        except CommandRefused:
            raise self._pulse.halt(Trouble.PIN_REFUSED) from None
        except ModemSilent as error:  # without the PIN in its sentence
            raise ModemSilent(error.port, "AT+CPIN", error.timeout) from None
        REFUSED_PINS.discard(tried)

    async def _read_sim(self) -> tuple[SimIdentity, str]:
        iccid, command = await self._patiently(self._iccid) or ("", "")
        imsi = await inquiries.imsi(self._link)
        if not iccid and not imsi:
            raise self._pulse.halt(Trouble.SIM_UNREADABLE)
        number = await inquiries.own_number(self._link)
        return SimIdentity(iccid or f"IMSI{imsi}", imsi, number), command

    async def _iccid(self) -> tuple[str, str] | None:
        commands = inquiries.iccid_commands(self._profile)
        return await inquiries.iccid(self._link, commands)

    async def _set_pdu_mode(self) -> None:
        """Set PDU mode; slow starters refuse it until their message service is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.sim.total_seconds()
        while True:
            try:
                await self._link.command("AT+CMGF=0")
            except CommandRefused as error:
                if loop.time() >= deadline:
                    raise self._pulse.halt(Trouble.NO_MESSAGES, error.final) from None
                await asyncio.sleep(self._timing.retry.total_seconds())
            else:
                return

    async def _subscribe(self, *, stored: bool) -> Notifications:
        offered = await inquiries.notification_choices(self._link)
        wanted = choose_notifications(offered, self._profile, stored=stored)
        acknowledge = False
        if needs_acknowledgement(wanted):
            acknowledge = await attempt(self._link, "AT+CSMS=1")
        if acknowledge:
            # What an earlier run left unacknowledged is refused, so that it comes again at once;
            # else its time-out would switch the notifications off under us (27.005 clause 3.4.4).
            await attempt(self._link, "AT+CNMA=2")
        else:
            await attempt(self._link, "AT+CSMS=0")
        values = await self._notify(wanted)
        chosen = Notifications(values, "", acknowledge)
        return replace(chosen, reports=how_reports_come(chosen, self._profile))

    async def _notify(self, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Set AT+CNMI and return what is set in the end."""
        for values in dict.fromkeys((wanted, *FALLBACKS)):
            if await attempt(self._link, f"AT+CNMI={','.join(map(str, values))}"):
                return await inquiries.notifications(self._link) or values
        return ()

    async def _register(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timing.registration.total_seconds()
        while True:
            registration = await inquiries.registration(self._link)
            trouble = registration_trouble(registration, roaming=self._roaming)
            if trouble is not Trouble.SEARCHING or loop.time() >= deadline:
                break
            self._pulse.tell(trouble)
            await asyncio.sleep(self._timing.retry.total_seconds())
        operator = await inquiries.operator(self._link)
        self._pulse.note_network(registration, operator, await inquiries.signal_dbm(self._link))
        if trouble is not Trouble.NONE:
            raise self._pulse.halt(trouble)
        if not await self._patiently(lambda: inquiries.service_centre(self._link)):
            logger.warning("%s: the SIM tells no service centre", self._link.port)

    async def _patiently(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """Ask once more after a while: a SIM that was just unlocked may still be busy."""
        if found := await ask():
            return found
        await asyncio.sleep(self._timing.retry.total_seconds())
        return await ask()


async def attempt(link: Link, command: str) -> bool:
    """Send a command that may be refused; say whether it was taken."""
    try:
        await link.command(command, inquiries.ANYTHING)
    except CommandRefused as error:
        logger.debug("%s", error)
        return False
    return True


async def restore(link: Link, setup: Setup) -> None:
    """Set everything again that a modem forgets when it restarts."""
    chosen = setup.notifications
    await attempt(link, "ATE0")
    await attempt(link, "AT+CMEE=1")
    for command in setup.profile.mute:
        await attempt(link, command)
    await attempt(link, "AT+CMGF=0")
    await attempt(link, f"AT+CSMS={int(chosen.acknowledge)}")
    if setup.arrivals:
        await attempt(link, select_command(setup.arrivals, 3))
    if chosen.values:
        await attempt(link, f"AT+CNMI={','.join(map(str, chosen.values))}")


def select_command(memory: str, places: int) -> str:
    """Return the command that uses ``memory`` for reading, writing and arrivals (1-3 places)."""
    return "AT+CPMS=" + ",".join([f'"{memory}"'] * min(max(places, 1), 3))


def choose_memories(offered: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], str]:
    """Return the memories to sweep and the one for arrivals ('' if there is none).

    The SIM's own comes first for arrivals, because what lies there moves with the SIM.
    """
    first = offered[0] if offered else ()
    swept = tuple(memory for memory in READABLE if memory in first)
    if not {"SM", "ME"} & set(swept) and "MT" in first:
        swept = ("MT", *swept)
    last = offered[-1] if offered else ()
    arrivals = next((memory for memory in ("SM", "ME", "MT") if memory in last), "")
    return swept, arrivals


def choose_notifications(
    offered: Sequence[frozenset[int]], profile: Profile, *, stored: bool
) -> tuple[int, ...]:
    """Return the five values for AT+CNMI (27.005 clause 3.4.1).

    Inbound messages are stored (mt=1) where there is a memory, because that survives a crash;
    reports too (ds=2) where they were proved readable, else they come directly (ds=1).
    """
    if len(offered) < 4:
        return (
            profile.cnmi_mode or 2,
            1 if stored else 2,
            0,
            2 if profile.stored_reports else 1,
            0,
        )
    modes, arrivals, _, reports, *rest = offered
    mode = _first(modes, profile.cnmi_mode, 2, 1, 3)
    mt = _first(arrivals, *((1, 2) if stored else (2, 1)))
    ds = _first(reports, *((2, 1) if profile.stored_reports else (1, 2)))
    return (
        mode,
        mt,
        0,
        ds if profile.reports else 0,
        *(_first(buffer, 0, 1) for buffer in rest[:1]),
    )


def needs_acknowledgement(values: Sequence[int]) -> bool:
    """Say whether something comes directly, and so is lost unless it is acknowledged."""
    return values[1] in (2, 3) or values[3] == 1


def how_reports_come(chosen: Notifications, profile: Profile) -> str:
    """Return the word of Health.reports for what is set."""
    ds = chosen.values[3] if len(chosen.values) > 3 else 0
    if not profile.reports or ds == 0:
        return "none"
    if ds == 2:
        return "stored"
    return "acknowledged" if chosen.acknowledge else "direct"


def _first(offered: frozenset[int], *wanted: int | None) -> int:
    return next((value for value in wanted if value in offered), min(offered, default=0))
