"""The columns' types, the words that stand in them, and partial indexes."""

from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Enum, Integer, false, text
from sqlalchemy.types import TypeEngine

from appliance.lifecycle import Event, State

Word = TypeVar("Word", bound=StrEnum)


def by_value(words: type[Word]) -> Enum:
    """Store an enum by its value (SQLAlchemy takes the name), as text on every database."""
    return Enum(
        words,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=False,
        length=32,
    )


BIG: Final[TypeEngine[Any]] = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; SQLite's row id must be called INTEGER to be the primary key."""

STATE: Final = by_value(State)
EVENT: Final = by_value(Event)


class Outcome(StrEnum):
    """What is known of one handing of a part to a SIM."""

    SENDING = "sending"  # begun; no answer yet
    SENT = "sent"  # +CMGS: n
    REFUSED = "refused"  # the network or the modem said no
    RELEASED = "released"  # no Ctrl-Z was written: it was never on the air
    UNCERTAIN = "uncertain"  # no answer that says whether it is on the air


class InboundState(StrEnum):
    """How much of an inbound message is here."""

    WAITING = "waiting"  # parts are missing
    INCOMPLETE = "incomplete"  # parts are missing, and were for long; a late one is still taken
    COMPLETE = "complete"
    UNDECODABLE = "undecodable"  # kept raw


class ConsentEvent(StrEnum):
    """What a recipient has said, or somebody for them."""

    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    HELP = "help"
    IMPORTED = "imported"  # an opt-out, from a list
    ENDED = "ended"  # an opt-out, by an account or on this box


class NoticeKind(StrEnum):
    """What a notice tells of."""

    MESSAGE = "message"
    INBOUND = "inbound"
    CALL = "call"
    INCIDENT = "incident"


class RequestState(StrEnum):
    """Where a request to a line is."""

    OPEN = "open"  # not taken yet
    TAKEN = "taken"  # being carried out
    DONE = "done"
    FAILED = "failed"


def default(value: str | int) -> dict[str, Any]:
    """Return what lets the database fill in a column that rows from before it lack."""
    return {"server_default": text(str(value))}


NO: Final[dict[str, Any]] = {"server_default": false()}
"""The same for a boolean: each database has its own word for it."""


def partial(condition: str) -> dict[str, Any]:
    """Return what makes an index hold only the rows that fulfil ``condition``."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
