"""What can be made to go wrong with a modem, and its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

COUNTED = (  # of each modem
    "commands",
    "unknown",
    "submits",
    "pdus_refused",
    "reports_dropped",
    "cnma_missed",
    "memory_refused",
    "network_muted",
    "reports_lost",
    "broadcasts_dropped",
    "swallowed",  # octets taken while it hung
)


@dataclass
class ModemSettings:
    """What can be set of one modem while it runs. Times in seconds.

    ``report_timing``: ``after`` the delay; ``early``, before the answer to the AT+CMGS it belongs
    to; ``in_answer``, in the middle of the next answer that has an information line.
    ``chunk``: bytes said at once, 0 for all; between two pieces pass ``chunk_gap`` seconds.
    """

    cmgs_delay: float = 0.2  # from Ctrl-Z until the network has taken the PDU
    cmgs_jitter: float = 0.0
    answer_delay: float = 0.0  # of every other command
    report_delay: float = 0.5  # from the air to the report
    report_jitter: float = 0.0
    report_copies: int = 1
    report_timing: str = "after"
    report_needs_csmp: bool = False  # reports come only after AT+CSMP with bit 5 of <fo> set
    cnma_seconds: float = 15.0  # how long it waits for AT+CNMA
    boot_pace: float = 1.0  # multiplies the times of the start-up lines
    cdrom_seconds: float = 0.0  # after AT+CFUN=1,1, where the make has a CD-ROM
    noise: bool = True
    chunk: int = 0
    chunk_gap: float = 0.001
    signal: int = 21  # as AT+CSQ has it: 0 to 31, 99 unknown


class Fate(StrEnum):
    """What happens to the answer of an AT+CMGS."""

    LOST = "lost"  # the PDU is taken, and nothing is ever said
    LATE = "late"
    ERROR = "error"
    HOLD = "hold"  # nothing is said until told


@dataclass
class Planned:
    """A fate that waits for its PDU.

    ``count``: for how many PDUs, None: all. ``number``: only those to this recipient. ``code``: of
    +CMS ERROR, None: plain ERROR. ``sent``: the network takes the PDU although an error is said.
    ``busy``: a late answer keeps other commands waiting.
    """

    fate: Fate
    count: int | None = 1
    number: str | None = None
    seconds: float = 0.0
    code: int | None = None
    sent: bool = False
    busy: bool = True
    tell: Callable[[dict[str, object]], None] | None = None


@dataclass
class Hang:
    """The modem takes bytes and answers nothing.

    ``cure``: what ends it, see ``hanging``. ``after``: it hangs at the command after so many more,
    or at ``ctrl-z``, with the PDU ``sent`` or not.
    """

    cure: str | None = None
    after: int | str = 0
    sent: bool = True
    begun: bool = False
    heard: bytes = b""  # the end of what was written to it since


@dataclass
class Mute:
    """The network takes nothing from this modem, and it does not know.

    ``code``: of the +CMS ERROR, None: plain ERROR. ``count``: for so many PDUs, None: for all.
    """

    code: int | None = 500
    count: int | None = None
    cure: str = "never"


@dataclass
class Garbage:
    """It says random octets. ``rate``: octets a second."""

    rate: float = 500_000
    cure: str = "never"


@dataclass
class Faults:
    """What is wrong with one modem just now."""

    planned: list[Planned] = field(default_factory=list)
    hang: Hang | None = None
    mute: Mute | None = None
    garbage: Garbage | None = None
    no_reports: bool = False  # the network loses all reports for this modem
    deaf: bool = False  # reads nothing; what is written to it piles up
    no_prompt: int = 0  # for how many AT+CMGS the prompt is missing; -1: all
    late_prompt: float = 0.0  # seconds, for the next one

    @property
    def hung(self) -> bool:
        """Tell whether it swallows everything and says nothing."""
        return self.hang is not None and self.hang.begun

    def muted(self) -> Mute | None:
        """Return what keeps this PDU from the network, if anything does."""
        mute = self.mute
        if mute and mute.count is not None:
            mute.count -= 1
            if mute.count <= 0:
                self.mute = None
        return mute

    def fate_of(self, recipient: str) -> Planned | None:
        """Take the first plan that fits a PDU to ``recipient``."""
        for plan in self.planned:
            if plan.number in (None, recipient):
                if plan.count is not None:
                    plan.count -= 1
                    if plan.count <= 0:
                        self.planned.remove(plan)
                return plan
        return None

    def prompt_missing(self) -> bool:
        """Tell whether the prompt of this AT+CMGS is left out."""
        if self.no_prompt > 0:
            self.no_prompt -= 1
            return True
        return self.no_prompt < 0
