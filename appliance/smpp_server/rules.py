"""What may happen when in an SMPP session: states × commands, as data. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from appliance.smpp_server.names import Command, Status


class State(StrEnum):
    """Where a session is (2.2), and what lies between those states."""

    OPEN = "open"
    BINDING = "binding"  # the credentials are being checked; nothing is taken meanwhile
    BOUND_TX = "tx"
    BOUND_RX = "rx"
    BOUND_TRX = "trx"
    UNBINDING = "unbinding"  # the peer has asked; what it is owed is answered first
    LEAVING = "leaving"  # we want to go: nothing new is begun, then we ask
    CLOSED = "closed"  # what is written goes out, nothing more is read


BOUND_BY: Final[Mapping[int, State]] = {
    Command.BIND_TRANSMITTER: State.BOUND_TX,
    Command.BIND_RECEIVER: State.BOUND_RX,
    Command.BIND_TRANSCEIVER: State.BOUND_TRX,
}

BOUND: Final = frozenset(BOUND_BY.values())

RECEIVES: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})
"""States in which the peer takes deliver_sm."""

OPERATIONS: Final = frozenset(
    {
        Command.SUBMIT_SM,
        Command.SUBMIT_MULTI,
        Command.DATA_SM,
        Command.QUERY_SM,
        Command.CANCEL_SM,
        Command.REPLACE_SM,
    }
)
"""What a transmitter may ask for (2.3)."""

ALWAYS: Final = frozenset({Command.UNBIND, Command.ENQUIRE_LINK})

FROM_AN_ESME: Final = frozenset({*BOUND_BY, *ALWAYS, *OPERATIONS})
"""All requests an ESME may send at all; any other is answered with generic_nack."""

MAY_ARRIVE: Final[Mapping[State, AbstractSet[int]]] = {
    State.OPEN: frozenset({*BOUND_BY, Command.ENQUIRE_LINK}),
    State.BINDING: frozenset(),
    State.BOUND_TX: ALWAYS | OPERATIONS,
    State.BOUND_RX: ALWAYS,
    State.BOUND_TRX: ALWAYS | OPERATIONS,
    State.UNBINDING: frozenset(),
    State.LEAVING: ALWAYS,
    State.CLOSED: frozenset(),
}

LOOKS: Final = frozenset({State.OPEN, *BOUND, State.LEAVING})
"""States in which PDUs of the peer are looked at; in the others they wait, or are past."""


def refusal(state: State, command: int) -> Status | None:
    """Return what a request of an ESME is answered because of its kind; None: it is looked at."""
    if command not in MAY_ARRIVE[state]:
        if command in BOUND_BY:
            return Status.ALREADY_BOUND
        # Of all refusals the one that makes clients try the message again later.
        return Status.SYSTEM_ERROR if state is State.LEAVING else Status.WRONG_BIND_STATE
    return None


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a session waits for what."""

    session_init: timedelta = timedelta(seconds=30)  # for a bind
    pdu_read: timedelta = timedelta(seconds=30)  # for the rest of a PDU
    enquire_link: timedelta = timedelta(seconds=30)  # of silence, before we ask
    inactivity: timedelta = timedelta(seconds=300)  # of silence, before we close
    response: timedelta = timedelta(seconds=60)  # for deliver_sm_resp, and for a peer to read
    leaving: timedelta = timedelta(seconds=2)  # for answers in flight, then for unbind_resp
    proof: timedelta = timedelta(seconds=5)  # for a sign of life, when another wants its place
