"""How a modem does, in words for the technician: a table of troubles and their next steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

from appliance.errors import (
    CommandRefused,
    ModemError,
    ModemSilent,
    ModemUnwell,
    NotReady,
    PortBusy,
    PortGone,
    PortHangs,
)
from appliance.modem.values import Health, LineState


class Trouble(Enum):
    """Why a line does not send, as finely as a technician would act on it."""

    NONE = auto()
    CLOSED = auto()
    STARTING = auto()
    PORT_GONE = auto()
    PORT_BUSY = auto()
    NO_ANSWER = auto()
    COMMAND_REFUSED = auto()
    SIM_MISSING = auto()
    SIM_FAILED = auto()
    SIM_BUSY = auto()
    SIM_CHANGED = auto()
    SIM_UNREADABLE = auto()
    SIM_TWICE = auto()
    PIN_MISSING = auto()
    PIN_REFUSED = auto()
    PIN_LAST_TRY = auto()
    PUK_NEEDED = auto()
    PHONE_LOCKED = auto()
    NO_MESSAGES = auto()
    SEARCHING = auto()
    DENIED = auto()
    ROAMING = auto()
    RECOVERING = auto()
    UNWELL = auto()
    DISABLED = auto()


@dataclass(frozen=True, slots=True)
class Advice:
    """What a trouble means. ``{fact}`` in ``cause`` is filled in."""

    state: LineState
    cause: str = ""
    next_step: str = ""


S = LineState

ADVICE: Final[Mapping[Trouble, Advice]] = {
    Trouble.NONE: Advice(S.ready),
    Trouble.CLOSED: Advice(
        S.no_answer, "The port is closed.", "It is opened when the line starts."
    ),
    Trouble.STARTING: Advice(S.starting, "The modem is being started.", "Wait a moment."),
    Trouble.PORT_GONE: Advice(
        S.no_answer,
        "The port cannot be used: {fact}.",
        "Check plug, cable and power (a powered hub helps); for 'permission denied' add the"
        " daemon's user to the group dialout.",
    ),
    Trouble.PORT_BUSY: Advice(
        S.blocked,
        "The port is held by {fact}.",
        "Stop that program, or tell it to leave this modem alone.",
    ),
    Trouble.NO_ANSWER: Advice(
        S.no_answer,
        "The port opens, but the modem does not answer ({fact}).",
        "Check that it is the modem's AT port; else unplug the modem, wait, and plug it in again.",
    ),
    Trouble.COMMAND_REFUSED: Advice(
        S.blocked,
        "The modem refuses a command it must know ({fact}).",
        "Report the model; try another firmware or modem.",
    ),
    Trouble.SIM_MISSING: Advice(
        S.sim_missing, "The modem finds no SIM.", "Insert the SIM, contacts down, and clean them."
    ),
    Trouble.SIM_FAILED: Advice(
        S.blocked, "The SIM fails.", "Try the SIM in a phone; replace it if it fails there too."
    ),
    Trouble.SIM_BUSY: Advice(
        S.starting,
        "The SIM is still busy.",
        "Wait; if it stays so for minutes, unplug the modem and plug it in again.",
    ),
    Trouble.SIM_CHANGED: Advice(
        S.starting, "Another SIM was inserted.", "Nothing: the line starts anew with it."
    ),
    Trouble.SIM_UNREADABLE: Advice(
        S.blocked,
        "The modem tells neither the SIM's ICCID nor its IMSI.",
        "Report the model; try another modem.",
    ),
    Trouble.SIM_TWICE: Advice(
        S.blocked,
        "The SIM tells the same ICCID as the one at {fact}, which works.",
        "Take one of the two out: they cannot be told apart, and would share their limits.",
    ),
    Trouble.PIN_MISSING: Advice(
        S.pin_needed,
        "The SIM wants its PIN, and none is configured for it.",
        "Put the PIN into the configuration, or switch it off with a phone.",
    ),
    Trouble.PIN_REFUSED: Advice(
        S.pin_needed,
        "The SIM has refused the PIN; it is not tried again.",
        "Correct the PIN in the configuration, then: appliance reload. Or enter it by hand:"
        " appliance modems pin",
    ),
    Trouble.PIN_LAST_TRY: Advice(
        S.pin_needed,
        "The PIN is not tried, because only one try is left before the SIM blocks.",
        "Put the SIM into a phone and enter the right PIN there.",
    ),
    Trouble.PUK_NEEDED: Advice(
        S.puk_needed,
        "The SIM is blocked and wants its PUK.",
        "Put the SIM into a phone and enter PUK and a new PIN; the operator knows the PUK.",
    ),
    Trouble.PHONE_LOCKED: Advice(
        S.blocked,
        "The modem is locked to another operator or SIM ({fact}).",
        "Use a SIM of that operator, or have the modem unlocked.",
    ),
    Trouble.NO_MESSAGES: Advice(
        S.blocked,
        "The modem cannot be set to PDU mode ({fact}).",
        "Report the model; try another firmware or modem.",
    ),
    Trouble.SEARCHING: Advice(
        S.searching,
        "The modem is searching for a network.",
        "Wait; if it stays so, check antenna, reception and whether the SIM is active.",
    ),
    Trouble.DENIED: Advice(
        S.denied,
        "The network denies this SIM.",
        "Ask the operator whether the SIM is active and may be used in this device.",
    ),
    Trouble.ROAMING: Advice(
        S.roaming,
        "The SIM is in a foreign network, and roaming is off.",
        "Allow roaming in the configuration if its cost is wanted.",
    ),
    Trouble.RECOVERING: Advice(
        S.recovering, "The modem does not answer ({fact}); it is being mended.", "Wait a moment."
    ),
    Trouble.UNWELL: Advice(
        S.recovering, "The modem is being mended: {fact}.", "Wait; it is told when it fails."
    ),
    Trouble.DISABLED: Advice(
        S.disabled,
        "The SIM …{fact} is disabled in the configuration: it neither sends nor receives.",
        "To use it, set enabled = true under its [[sims]], then: appliance reload",
    ),
}

REGISTERED: Final[Mapping[str, Trouble]] = {
    "home": Trouble.NONE,
    "searching": Trouble.SEARCHING,
    "none": Trouble.SEARCHING,
    "denied": Trouble.DENIED,
    "roaming": Trouble.ROAMING,
}

BY_ERROR: Final[Mapping[type[ModemError], Trouble]] = {
    PortGone: Trouble.PORT_GONE,
    PortHangs: Trouble.PORT_GONE,
    PortBusy: Trouble.PORT_BUSY,
    ModemSilent: Trouble.NO_ANSWER,
    CommandRefused: Trouble.COMMAND_REFUSED,
    ModemUnwell: Trouble.UNWELL,
}

UNTROUBLED: Final = frozenset({Trouble.NONE, Trouble.CLOSED})

UNANSWERED: Final = frozenset(
    {
        Trouble.PORT_GONE,
        Trouble.PORT_BUSY,
        Trouble.NO_ANSWER,
        Trouble.RECOVERING,
        Trouble.UNWELL,
    }
)


def registration_trouble(registration: str, *, roaming: bool) -> Trouble:
    """Return what a registration ("home", …) keeps the line from; ``roaming``: it is allowed."""
    return Trouble.NONE if roaming and registration == "roaming" else REGISTERED[registration]


class Pulse:
    """The health of one modem, told on when it changes."""

    def __init__(self, port: str, on_health: Callable[[Health], None]) -> None:
        advice = ADVICE[Trouble.CLOSED]
        self.health = Health(advice.state, advice.cause, advice.next_step)
        self.port = port  # the modem's, as it is called now
        self._on_health = on_health
        self._trouble = Trouble.CLOSED

    def begin(self) -> None:
        """Say that the modem is being started; a known trouble stays until it is gone."""
        if self._trouble in UNTROUBLED:
            self.tell(Trouble.STARTING)

    def answered(self) -> None:
        """Note that the modem answers: whatever was wrong with that is over."""
        if self._trouble in UNANSWERED:
            self.tell(Trouble.STARTING)

    def tell(self, trouble: Trouble, fact: str = "") -> None:
        """Say what is the matter now."""
        self._trouble = trouble
        advice = ADVICE[trouble]
        cause = advice.cause.format(fact=fact)
        self._change(
            replace(self.health, state=advice.state, cause=cause, next_step=advice.next_step)
        )

    def explain(self, error: ModemError) -> None:
        """Say what an error of the port or the modem means; a NotReady was told already."""
        if not isinstance(error, NotReady):
            self.tell(BY_ERROR[type(error)], _fact(error))

    def halt(self, trouble: Trouble, fact: str = "") -> NotReady:
        """Say what is the matter, and return the error to raise for it."""
        self.tell(trouble, fact)
        return NotReady(self.port, self.health.cause)

    def note_network(self, registration: str, operator: str | None, signal_dbm: int | None) -> None:
        """Note what was seen of the network."""
        self._change(
            replace(
                self.health, registration=registration, operator=operator, signal_dbm=signal_dbm
            )
        )

    def note_service(self, service_centre: str | None) -> None:
        """Note the service centre that the SIM sends to."""
        self._change(replace(self.health, service_centre=service_centre))

    def note_clock(self, offset: float | None) -> None:
        """Note by how many seconds the modem's clock is ahead of ours."""
        self._change(replace(self.health, clock_offset=offset))

    def note_storage(self, storage: str | None) -> None:
        """Note how full the memory for arrivals is."""
        self._change(replace(self.health, storage=storage))

    def note_reports(self, reports: str) -> None:
        """Note how status reports come."""
        self._change(replace(self.health, reports=reports))

    def _change(self, health: Health) -> None:
        if health != self.health:
            self.health = health
            self._on_health(health)


def _fact(error: ModemError) -> str:
    """Return what fills the gap in the sentence of an error's trouble; its port is known anyway."""
    match error:
        case PortBusy():
            # The service may not look at other users' processes; root may.
            return error.holder or f"another program: as root, fuser -v {error.port} names it"
        case PortGone() | ModemSilent() | ModemUnwell():
            return error.why
        case _:
            return str(error)
