"""What can be made to go wrong with a modem, and its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


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
    cnma_seconds: float = 15.0  # how long it waits for AT+CNMA
    boot_pace: float = 1.0  # multiplies the times of the start-up lines
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
class Faults:
    """What is wrong with one modem just now."""

    planned: list[Planned] = field(default_factory=list)
    hung: bool = False  # swallows everything, says nothing
    deaf: bool = False  # reads nothing; what is written to it piles up
    no_prompt: int = 0  # for how many AT+CMGS the prompt is missing; -1: all
    late_prompt: float = 0.0  # seconds, for the next one

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
