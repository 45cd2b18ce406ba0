"""States, events, the one transition table, and a message's state from its parts."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from appliance.errors import IllegalTransition


class State(StrEnum):
    """Where a part is. The value is what the database and the API show."""

    QUEUED = "queued"  # waits for a line
    SENDING = "sending"  # handed to a modem; on the air or not, we cannot tell yet
    SENT = "sent"  # the network took it and gave a reference
    UNCERTAIN = "uncertain"  # it may be on the air: a report or the message's policy settles it
    NO_REPORT = "no_report"  # sent, and the time for a report has passed
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happened to a part, in words that finish the sentence "the part cannot ..."."""

    CLAIM = "be claimed"
    ACCEPT = "be accepted by the network"
    RELEASE = "go back to the queue"
    REFUSE = "be refused"
    LOSE = "be lost sight of"
    SILENCE = "go unreported"
    DELIVER = "be delivered"
    EXPIRE = "expire"
    CANCEL = "be cancelled"


S, E = State, Event

REPORTED: Final = {E.DELIVER: S.DELIVERED, E.REFUSE: S.FAILED, E.EXPIRE: S.EXPIRED}

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    # Reports come early, late, twice and out of order: delivered wins, else the first one stays.
    # QUEUED takes reports too: a part that was on the air and now waits for its resend.
    S.QUEUED: REPORTED | {E.CLAIM: S.SENDING, E.CANCEL: S.CANCELLED},
    S.SENDING: REPORTED | {E.ACCEPT: S.SENT, E.RELEASE: S.QUEUED, E.LOSE: S.UNCERTAIN},
    S.UNCERTAIN: REPORTED | {E.ACCEPT: S.SENT, E.RELEASE: S.QUEUED},
    S.SENT: REPORTED | {E.SILENCE: S.NO_REPORT},
    S.NO_REPORT: REPORTED,
    S.DELIVERED: dict.fromkeys(REPORTED, S.DELIVERED),
    S.FAILED: dict.fromkeys(REPORTED, S.FAILED) | {E.DELIVER: S.DELIVERED},
    S.EXPIRED: dict.fromkeys(REPORTED, S.EXPIRED) | {E.DELIVER: S.DELIVERED},
    S.CANCELLED: {},
}

FINAL: Final = frozenset({S.DELIVERED, S.FAILED, S.EXPIRED, S.CANCELLED})
"""States that nothing but a contradicting report leaves."""

WORST_FIRST: Final = (
    S.FAILED,
    S.EXPIRED,
    S.CANCELLED,
    S.SENDING,
    S.QUEUED,
    S.UNCERTAIN,
    S.NO_REPORT,
    S.SENT,
    S.DELIVERED,
)


def next_state(state: State, event: Event) -> State:
    """Return the state that ``event`` leads to.

    Raises:
        IllegalTransition: the table has no such step.

    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(state, event) from None


def message_state(parts: Iterable[State]) -> State:
    """Return the state of a message whose parts are in these states (at least one).

    A message is as bad as its worst part; one with some parts on their way and
    some still queued is on its way itself.
    """
    states = frozenset(parts)
    worst = next(state for state in WORST_FIRST if state in states)
    return S.SENDING if worst is S.QUEUED and len(states) > 1 else worst
