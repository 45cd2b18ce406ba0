"""Of which states of its messages an account is told: a table. Pure."""

from collections.abc import Mapping, Set
from typing import Final

from appliance.lifecycle import State
from appliance.submission import Door, Receipts

_NOT_DELIVERED: Final = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED, State.NO_REPORT})

_FINAL: Final = _NOT_DELIVERED | {State.DELIVERED}

_ON_THE_WAY: Final = frozenset({State.SENT, State.UNCERTAIN})

TOLD: Final[Mapping[Receipts, Set[State]]] = {
    Receipts.NONE: frozenset(),
    Receipts.FINAL: _FINAL,
    Receipts.FAILURE: _NOT_DELIVERED,
    Receipts.SUCCESS: frozenset({State.DELIVERED}),
    Receipts.ALL: _FINAL | _ON_THE_WAY,
    Receipts.PROGRESS: _ON_THE_WAY,
    Receipts.FAILURE_AND_PROGRESS: _NOT_DELIVERED | _ON_THE_WAY,
    Receipts.SUCCESS_AND_PROGRESS: frozenset({State.DELIVERED}) | _ON_THE_WAY,
}
"""NO_REPORT is no final state of the life cycle, but the last news there may ever be."""

UNASKED: Final[Mapping[str, Mapping[Door, Receipts]]] = {
    "webhook": dict.fromkeys(Door, Receipts.ALL),
    # An ESME asks by registered_delivery; a receipt for what it did not send itself confuses it.
    "smpp": dict.fromkeys(Door, Receipts.NONE) | {Door.SMPP: Receipts.FINAL},
}
"""What an account gets that has not said what it wants: by carrier and door."""


def owed(carrier: str | None, door: Door, wish: Receipts | None, state: State, was: State) -> bool:
    """Tell whether the account is owed a notice that its message went from ``was`` to ``state``.

    Args:
        carrier: the account's; None: it is told nothing and asks by itself.
        door: the way the message came in.
        wish: what was asked for with the message; None: what the carrier and the door imply.
        state: the message's state now.
        was: the one before; if it is the same, nothing is owed.

    """
    if carrier is None or state is was:
        return False
    told = TOLD[UNASKED[carrier][door] if wish is None else wish]
    return state in told or _corrects(told, state, was)


def owed_on_the_way(carrier: str | None, wish: Receipts | None) -> bool:
    """Tell whether the account is owed a notice that a service centre still tries.

    It is no change of state: only who has asked for news on the way with the message gets it.
    """
    return carrier is not None and wish is not None and TOLD[wish] >= _ON_THE_WAY


def _corrects(told: Set[State], state: State, was: State) -> bool:
    """Tell whether the account was told of a failure that was none after all."""
    return was in told and was in _NOT_DELIVERED and state is State.DELIVERED
