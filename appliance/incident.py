"""What happens to a line or to the box and a technician should know. Pure values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class IncidentKind(StrEnum):
    """What happened; the value is what the database, the API and webhooks show."""

    MENDED = "mended"  # a rung of the ladder was taken
    GIVEN_UP = "given_up"  # every rung was taken, and the modem still fails
    STORAGE = "storage"  # a message memory is nearly full
    SIM_CHANGED = "sim_changed"
    MODEM_CHANGED = "modem_changed"
    SAME_IMEI = "same_imei"  # two modems tell one IMEI
    LOW_BALANCE = "low_balance"
    NO_BALANCE = "no_balance"  # it was asked for and could not be read
    REPORTS_MISSING = "reports_missing"  # this SIM gets none, others do
    NOTHING_OUT = "nothing_out"  # registered, and no part gets out
    SIM_REFUSED = "sim_refused"  # the network refuses this SIM again and again
    CLOCK = "clock"  # the modem's or the box's clock is off
    SELF_TEST = "self_test"
    RESTARTS = "restarts"  # the modem restarts by itself again and again
    CERTIFICATE = "certificate"  # new files for TLS cannot be used
    CERTIFICATE_ENDS = "certificate_ends"  # the one for TLS expires soon, or has
    DAEMON_LOST = "daemon_lost"  # another daemon on the same database is not heard of any more


OF_A_SIM: Final = frozenset({IncidentKind.LOW_BALANCE, IncidentKind.NO_BALANCE})
"""What goes with a SIM from modem to modem, and daemon to daemon; all else stays with its slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident. The sentence holds no recipient's number and no text.

    ``slot`` is None for the box itself. A ``lasting`` one is a state: it is noted once, and
    stands until it is ended. One of ``OF_A_SIM`` needs a ``sim_id``.
    """

    kind: IncidentKind
    sentence: str
    at: datetime
    next_step: str = ""
    slot: str | None = None
    sim_id: int | None = None
    lasting: bool = False
