"""What the modem engine tells the rest of the house: outcomes, arrivals, health. Pure values."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from appliance.modem.causes import Cause
from appliance.modem.pdu import Deliver, StatusReport


class LineState(StrEnum):
    """Where a modem is; only ``ready`` sends. ``sending``: ready, and slow with a part just now."""

    no_answer = "no_answer"
    starting = "starting"
    sim_missing = "sim_missing"
    pin_needed = "pin_needed"
    puk_needed = "puk_needed"
    blocked = "blocked"
    searching = "searching"
    denied = "denied"
    roaming = "roaming"
    ready = "ready"
    sending = "sending"
    recovering = "recovering"
    disabled = "disabled"


@dataclass(frozen=True, slots=True)
class SimIdentity:
    """The subscription: limits, counters and open attempts belong to it.

    ``iccid`` is "IMSI" and the IMSI where the modem cannot read the ICCID.
    """

    iccid: str
    imsi: str | None = None
    number: str | None = None  # as the SIM knows it, + in front if it says so

    @property
    def tail(self) -> str:
        """The end of its ICCID, which is enough to tell the SIMs in one box apart."""
        return self.iccid[-4:]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRules:
    """What is set for a SIM.

    Attributes:
        enabled: it may be used.
        roaming: it may be used in a foreign network.
        reports: the network is asked for a status report with each part.
        service_centre: where its parts are handed in, + and digits; '': as the SIM has it.

    """

    enabled: bool = True
    roaming: bool = False
    reports: bool = True
    service_centre: str = ""


@dataclass(frozen=True, slots=True)
class ModemIdentity:
    """The device and where it sits; ``profile`` names the row of quirks it is driven by."""

    imei: str
    slot: str
    maker: str
    model: str
    revision: str
    profile: str


@dataclass(frozen=True, slots=True)
class Health:
    """How a modem does, in words for the technician.

    Attributes:
        cause: a sentence, '' while ready.
        next_step: what to do about it, '' while nothing is to be done.
        signal_dbm: received strength, None if the modem does not know.
        registration: "home", "roaming", "searching", "denied" or "none".
        storage: memory with places used and there, such as "SM 3/20"; None if unknown.
        reports: how status reports come: "stored" (they survive a restart), "acknowledged"
            (they come again until stored here), "direct" (may be lost while stopped), "none"
            (the modem hands out none), "off" (set so for this SIM: none is asked for).
        service_centre: the address that the SIM sends to, None if it tells none.
        clock_offset: seconds by which the modem's clock is ahead of ours (behind: negative),
            None if it has none, was never set, or does not say in which zone it counts.

    """

    state: LineState
    cause: str = ""
    next_step: str = ""
    operator: str | None = None
    signal_dbm: int | None = None
    registration: str = "none"
    storage: str | None = None
    reports: str = "none"
    service_centre: str | None = None
    clock_offset: float | None = None


UNREPORTED: Final = frozenset({"none", "off"})
"""Words of Health.reports for modems by which no report comes."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait for what. Defaults suit real modems; tests shorten them."""

    open: timedelta = timedelta(seconds=10)  # also for closing
    wake: timedelta = timedelta(seconds=15)  # until the first OK, and for a resync
    answer: timedelta = timedelta(seconds=8)  # any command but CMGS
    prove: timedelta = timedelta(seconds=3)  # for an OK from a port that may not be the right one
    prompt: timedelta = timedelta(seconds=10)  # also for the bytes of a PDU to leave
    send: timedelta | None = None  # final answer to CMGS; None: the profile's (120 s by default)
    sim: timedelta = timedelta(seconds=30)  # for a SIM that is busy or slow to start
    registration: timedelta = timedelta(seconds=60)
    retry: timedelta = timedelta(seconds=1)  # between two looks at a slow SIM or network
    quiet: timedelta = timedelta(milliseconds=200)  # silence that proves a resync
    after_error: timedelta = timedelta(milliseconds=30)  # for the second final of some models
    patience: timedelta = timedelta(seconds=1)  # how long sending may go ahead of housekeeping
    caller: timedelta = timedelta(seconds=6)  # for a caller's number, before the call is hung up
    ringing: timedelta = timedelta(seconds=8)  # the longest time between two rings of one call


@dataclass(frozen=True, slots=True)
class Sent:
    """The network took the part; ``reference`` is its TP-MR, 0-255."""

    reference: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """No Ctrl-Z was written: the part goes back to the queue, whatever the reason."""

    why: str
    code: int | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The network or the modem answered with an error after Ctrl-Z."""

    cause: Cause
    code: int | None
    final: str  # the modem's own line


@dataclass(frozen=True, slots=True)
class MaybeSent:
    """Ctrl-Z was written, and what became of it is unknown."""

    why: str


ON_SIM: Final = frozenset({"SM", "SM_P", "MT"})
"""Memories on the SIM, whose content moves with it; "MT" is both, where only both is offered."""

Outcome = Sent | NotSent | Refused | MaybeSent


@dataclass(frozen=True, slots=True)
class Stored:
    """It lies in a memory until it is settled; ``old``: it lay there when the port was opened."""

    memory: str
    index: int
    old: bool = field(default=False, compare=False)

    @property
    def own(self) -> bool:
        """Whether the memory is the modem's own: what lies there may be another SIM's."""
        return self.memory not in ON_SIM


@dataclass(frozen=True, slots=True)
class Direct:
    """It came straight from the network; ``acknowledge``: and comes again until settled."""

    acknowledge: bool


Place = Stored | Direct


@dataclass(frozen=True, slots=True)
class ReportArrived:
    """A status report."""

    report: StatusReport
    raw: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class DeliverArrived:
    """An SMS to this SIM, or a part of one."""

    deliver: Deliver
    raw: bytes
    place: Place


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Something that is kept raw and shown; settled like the others."""

    raw: bytes
    why: str
    place: Place


@dataclass(frozen=True, slots=True)
class LateReference:
    """A ``+CMGS: n`` after its command was given up: it belongs to this modem's last MaybeSent."""

    reference: int


@dataclass(frozen=True, slots=True)
class CallArrived:
    """A call that was hung up. ``number`` as the network gives it, None: withheld or unknown."""

    number: str | None


Arrival = ReportArrived | DeliverArrived | Undecodable | LateReference | CallArrived


@dataclass(frozen=True, slots=True)
class UssdReply:
    """What the network says to a USSD code; ``more``: it asks back and waits for an answer."""

    text: str
    more: bool
