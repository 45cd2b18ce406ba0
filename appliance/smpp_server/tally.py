"""What went over a session, counted: octets, and PDUs by command and status. Pure."""

from collections import Counter
from enum import StrEnum
from typing import Final

from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Status
from appliance.smpp_server.pdu import HEADER, Pdu


class Direction(StrEnum):
    """Which way a PDU went."""

    IN = "in"  # from the peer
    OUT = "out"


OTHER: Final = -1
"""What stands for a command or a status that we do not know: a peer may make up many."""

_COMMANDS: Final = frozenset({*Command, *(each | RESPONSE for each in Command), GENERIC_NACK})

_STATUSES: Final = frozenset(Status)


class Tally:
    """Counts of one session, or of several together. Bounded, whatever a peer sends.

    Attributes:
        octets: octets of whole PDUs, by direction.
        pdus: PDUs by direction, command_id and command_status; ``OTHER`` for what is unknown.

    """

    __slots__ = ("octets", "pdus")

    def __init__(self) -> None:
        self.octets: Counter[Direction] = Counter()
        self.pdus: Counter[tuple[Direction, int, int]] = Counter()

    def count(self, direction: Direction, pdu: Pdu) -> None:
        """Count one PDU."""
        self.octets[direction] += HEADER.size + len(pdu.body)
        command = pdu.command if pdu.command in _COMMANDS else OTHER
        status = pdu.status if pdu.status in _STATUSES else OTHER
        self.pdus[direction, command, status] += 1

    def add(self, other: "Tally") -> None:
        """Add what was counted elsewhere."""
        self.octets.update(other.octets)
        self.pdus.update(other.pdus)

    def total(self, direction: Direction) -> int:
        """Return how many PDUs went that way."""
        return sum(number for key, number in self.pdus.items() if key[0] is direction)
