"""What a modem is and offers, and what we would choose: asked, and nothing set for good.

No PIN is entered, nothing is read from its memories, and nothing is deleted.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from appliance.modem import inquiries
from appliance.modem.at import Said, prefixed
from appliance.modem.choices import (
    Notifications,
    choose_memories,
    choose_notifications,
    how_reports_come,
    needs_acknowledgement,
)
from appliance.modem.health import Pulse
from appliance.modem.link import Link
from appliance.modem.ports import Opener, open_port
from appliance.modem.profiles import BY_NAME, Profile
from appliance.modem.signs import READY_NOTE
from appliance.modem.startup import ACKNOWLEDGED, UNLOCKED, Setup, StartUp, attempt
from appliance.modem.tap import Tap
from appliance.modem.turns import Rank
from appliance.modem.values import ModemIdentity, SimRules, Timing

OFFERS: Final = ("CNMI=?", "CPMS=?", "CSMS=?", "CMGF=?")

SETTINGS: Final = ("CNMI?", "CPMS?", "CSMS?", "CMGF?", "CFUN?")


@dataclass(frozen=True, slots=True)
class Choice:
    """What start-up would choose.

    ``memories`` are swept, ``arrivals`` is where inbound messages are stored ('' if nowhere),
    ``notifications`` the values of AT+CNMI, ``reports`` as in Health.
    """

    memories: tuple[str, ...]
    arrivals: str
    notifications: tuple[int, ...]
    acknowledge: bool
    reports: str


@dataclass(frozen=True, slots=True)
class Card:
    """The SIM, as much of it as is told. ``pin`` is what it wants, "READY" if nothing."""

    pin: str
    tries: int | None = None
    iccid: str | None = None
    imsi: str | None = None
    number: str | None = None
    service_centre: str | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """Where it is registered ("home", …), by which operator, and how well it is heard."""

    registration: str
    operator: str | None
    signal_dbm: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found. ``offers``: what was asked, with the modem's own answer."""

    identity: ModemIdentity
    card: Card
    network: Network
    offers: tuple[tuple[str, str], ...]
    choice: Choice


async def probe(port: str, *, timing: Timing | None = None, opener: Opener = open_port) -> Findings:
    """Open the port, ask everything, and close it.

    Raises:
        PortBusy, PortGone: the port cannot be used.
        ModemError: the modem does not answer.

    """
    link = Link(port, on_indication=_pass, on_gone=_pass, timing=timing or Timing(), opener=opener)
    try:
        await link.open()
        async with link.turns.turn(Rank.CHORE):
            await link.resync()
        await attempt(link, "ATE0")
        await attempt(link, "AT+CMEE=1")
        identity = await inquiries.identity(link, port)
        profile = BY_NAME[identity.profile]
        for command in profile.mute:
            await attempt(link, command)
        return Findings(
            identity,
            await _card(link, profile),
            Network(
                await inquiries.registration(link),
                await inquiries.operator(link),
                await inquiries.signal_dbm(link),
            ),
            tuple([(text, await _said(link, text)) for text in (*OFFERS, *SETTINGS)]),
            await _choice(link, profile),
        )
    finally:
        await link.close()


async def start_up(
    port: str, tap: Tap, *, timing: Timing | None = None, opener: Opener = open_port
) -> Setup:
    """Go through the whole start-up without a PIN, for whoever listens at ``tap``.

    Raises:
        ModemError: it cannot send, and why.

    """
    ready = asyncio.Event()

    def hear(said: Said) -> None:
        if READY_NOTE.match(said.line):
            ready.set()

    link = Link(
        port, on_indication=hear, on_gone=_pass, timing=timing or Timing(), opener=opener, tap=tap
    )
    try:
        await link.open()
        pulse = Pulse(port, _pass)
        start = StartUp(
            link,
            pulse,
            slot=port,
            pin=lambda _sim: None,
            rules=lambda _sim: SimRules(roaming=True),
            ready=ready,
            proofs=lambda _modem: {},
        )
        return await start.run()
    finally:
        await link.close()


async def _card(link: Link, profile: Profile) -> Card:
    state, code = await inquiries.pin_state(link, profile)
    if code in inquiries.SIM_MISSING:
        state = "NOT INSERTED"
    elif not state:
        state = "no answer" if code is None else f"error {code}"
    card = Card(state, await inquiries.pin_tries(link, profile))
    if state != UNLOCKED:
        return card
    found = await inquiries.iccid(link, inquiries.iccid_commands(profile))
    return replace(
        card,
        iccid=found[0] if found else None,
        imsi=await inquiries.imsi(link),
        number=await inquiries.own_number(link),
        service_centre=await inquiries.service_centre(link),
    )


async def _choice(link: Link, profile: Profile) -> Choice:
    memories, arrivals = choose_memories(await inquiries.memories(link))
    offered = await inquiries.notification_choices(link)
    services = await inquiries.message_services(link)
    values = choose_notifications(offered, profile, stored=bool(memories))
    acknowledge = needs_acknowledgement(values) and (not services or ACKNOWLEDGED in services)
    reports = how_reports_come(Notifications(values, "", acknowledge), profile)
    return Choice(memories, arrivals, values, acknowledge, reports)


async def _said(link: Link, text: str) -> str:
    """Return the modem's own words, 'refused' where it has none."""
    prefix = f"+{text.rstrip('=?')}:"
    lines = await inquiries.lines(link, f"AT+{text}", prefixed(prefix))
    return " / ".join(line.removeprefix(prefix).strip() for line in lines) or "refused"


def _pass(_what: object) -> None:
    """Let it pass: nobody keeps this modem running."""
