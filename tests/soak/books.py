"""The books of a soak: what was asked, what went on the air, what was told, and what is wrong."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.fake_modem import OnAir, stock
from tests.soak.clients import Told


@dataclass(slots=True, eq=False)
class Asked:
    """One message that an app wanted sent. Each has a recipient of its own, ``to``.

    ``identity``: None while nobody knows whether it was taken (SMPP lost its connection).
    ``refused``: its handset refuses it, so that it fails. ``reply``: its handset answers that.
    """

    to: str
    by: Told
    identity: str | None = None
    refused: bool = False
    reply: str | None = None


@dataclass(slots=True)
class Books:
    """What apps and people did. Inbound messages are (sender, text)."""

    asked: list[Asked] = field(default_factory=list)
    inbound: list[tuple[str, str]] = field(default_factory=list)  # to the first app
    stopped: dict[str, str] = field(default_factory=dict)  # who said STOP: what must not go there
    taken_after_stop: list[str] = field(default_factory=list)  # to whom something was accepted

    @property
    def accepted(self) -> list[Asked]:
        """Return what was certainly taken."""
        return [one for one in self.asked if one.identity is not None]


@dataclass(frozen=True, slots=True)
class State:
    """A message as the daemon has it at the end."""

    state: str
    parts: int
    sim: str | None = None  # the ICCID of the SIM that has carried it, as the daemon thinks


Name = tuple[str, int]
"""A part on the air: recipient and ordinal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The comparison. The first lists must be empty; the rest explains itself by numbers.

    Attributes:
        lost: parts that were never on the air, though nothing says so.
        twice: parts that were on the air more than once.
        stuck: messages that are still on their way.
        failed: messages that failed, though their handsets refuse nothing.
        untold: fates that no app was told.
        told_twice: fates that were told by two notices.
        inbound_lost, inbound_twice: inbound messages the app was not told, or told twice.
        invented: inbound messages that nobody sent.
        after_stop: what went out, or was accepted, after a STOP was told.
        uncertain_sent: messages nobody knows about, that were on the air as a whole.
        uncertain_not_sent: those that were not, or not wholly.
        unreported: sent, and their reports have not come.
        states: how many messages are in which state.

    """

    lost: list[str]
    twice: list[str]
    stuck: list[str]
    failed: list[str]
    untold: list[str]
    told_twice: list[str]
    inbound_lost: list[str]
    inbound_twice: list[str]
    invented: list[str]
    after_stop: list[str]
    uncertain_sent: int
    uncertain_not_sent: int
    unreported: int
    states: dict[str, int]

    def wrong(self) -> dict[str, list[str]]:
        """Return the lists that are not empty, by their names."""
        lists = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: found for name, found in lists.items() if isinstance(found, list) and found}


SETTLED = frozenset({"delivered", "failed", "uncertain", "sent", "no_report"})

FINAL = frozenset({"delivered", "failed"})


def compare(
    books: Books, states: Mapping[str, State], on_air: Iterable[OnAir], first: Told
) -> Audit:
    """Compare all that should have happened with all that has.

    ``first`` is the app that inbound messages of strangers go to.
    """
    on_air = tuple(on_air)
    names = Counter(_name(entry) for entry in on_air)
    found = {one: states[one.identity] for one in books.accepted if one.identity is not None}
    doubtful = {
        one: wholly(one, state, names) for one, state in found.items() if state.state == "uncertain"
    }
    return Audit(
        lost=[
            f"{one.to} ({state.state})"
            for one, state in found.items()
            if state.state not in {"uncertain", "failed"} and not wholly(one, state, names)
        ],
        twice=[f"{to}/{ordinal}" for (to, ordinal), count in names.items() if count > 1],
        stuck=[f"{one.to} {it.state}" for one, it in found.items() if it.state not in SETTLED],
        failed=[one.to for one, it in found.items() if it.state == "failed" and not one.refused],
        untold=_untold(found),
        told_twice=[
            f"{identity} {state}" for (identity, state), count in first.fates.items() if count > 1
        ],
        inbound_lost=untold_inbound(books, found, first, on_air),
        inbound_twice=[
            f"{who}: {text}"
            for (who, text), count in first.inbound.items()
            if count > 1 and who != stock.SENDER
        ],
        invented=_invented(books, first),
        after_stop=books.taken_after_stop
        + [one.recipient for one in on_air if one.text == books.stopped.get(one.recipient)],
        uncertain_sent=sum(doubtful.values()),
        uncertain_not_sent=len(doubtful) - sum(doubtful.values()),
        unreported=sum(it.state in {"sent", "no_report"} for it in found.values()),
        states=dict(Counter(it.state for it in found.values())),
    )


def wholly(one: Asked, state: State, names: Mapping[Name, int]) -> bool:
    """Say whether all parts of a message were on the air."""
    return all((one.to, ordinal) in names for ordinal in range(1, state.parts + 1))


def _name(entry: OnAir) -> Name:
    return entry.recipient, entry.concat.ordinal if entry.concat else 1


def _untold(found: Mapping[Asked, State]) -> list[str]:
    return [
        f"{one.to} {it.state}"
        for one, it in found.items()
        if it.state in FINAL and not one.by.fates[one.identity or "", it.state]
    ]


def untold_inbound(
    books: Books, found: Mapping[Asked, State], first: Told, on_air: Iterable[OnAir]
) -> list[str]:
    """Return what came in and its app was not told; answers are owed for what was delivered.

    ``found``: what the daemon says of every message; ``first``: the app that strangers' go to,
    and answers to a SIM of which the daemon does not know that it has carried the message: one
    that was put into the modem a moment before, in another's place.
    """
    carried = {(entry.recipient, entry.iccid) for entry in on_air}
    answers = [
        f"{one.to}: {one.reply}"
        for one, it in found.items()
        if one.reply
        and it.state == "delivered"
        and not (one.by if (one.to, it.sim) in carried else first).inbound[one.to, one.reply]
    ]
    return answers + [
        f"{who}: {text}" for who, text in books.inbound if not first.inbound[who, text]
    ]


def _invented(books: Books, first: Told) -> list[str]:
    """Return what nobody said. What lay in memories from the beginning is not meant."""
    known = set(books.inbound) | {(one.to, one.reply) for one in books.asked}
    known |= {(who, "STOP") for who in books.stopped}
    return [
        f"{who}: {text}"
        for who, text in first.inbound
        if (who, text) not in known and who != stock.SENDER
    ]
