"""Which SIM a waiting message leaves by, from values alone. Pure.

Of the SIMs that may carry it, the one that its recipient knows; else, for what somebody waits for,
one by which it is next; else one of the recipient's own network where the route asks for that;
else the cheapest, and of these the least used. Which message is next stands in
``policy.assigning``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from appliance.policy.candidate import Candidate
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.limits import GOES_FIRST, Wait
from appliance.policy.routes import EVERY_SIM, Destination, same_network

REFUSED: Final = "it has tried this message in vain"

STOPPED: Final = "its recipient has told it to stop (STOP)"

AWAITED: Final = PRIORITY[Category.URGENT]
"""From this priority on somebody waits for a message: to be next counts for more than the price."""

STICKY: Final = timedelta(seconds=60)
"""How long a message waits for the SIM that its recipient knows, if nothing else is set."""


MaySend = Callable[[datetime, int, Candidate], Wait]
"""When a SIM may send so many parts, a message's among them, and what holds it until then."""


@dataclass(slots=True, kw_only=True)
class Free:
    """A line, as much of it as choosing needs; ``take`` keeps its load up to date.

    Attributes:
        name: what people call the SIM.
        groups: that it is in; every SIM is in ``EVERY_SIM`` besides.
        may_send: what its limits say, what is reserved for it included.
        refuses: why it may not carry a message at all; '' if it may.
        bars: whether it may write to no number that begins so.
        hangs: why what it has goes on by itself no more; '' if it does.
        ahead: how many parts that it has go before a message of a priority.
        given: parts that it was given since it was looked at; they are not in ``ahead``.
        room: messages that it can be given now, besides those it has.
        pending: parts that it has or is given already.
        sent: parts it has carried, for sharing evenly.
        weight: its share among equal SIMs.
        price: of a part.
        network: its own, as a word.

    """

    sim_id: int
    name: str = ""
    groups: frozenset[str] = frozenset()
    may_send: MaySend
    refuses: Callable[[Destination], str] = field(default=lambda _to: "")
    bars: Callable[[str], bool] = field(default=lambda _beginning: False)
    hangs: Callable[[datetime], str] = field(default=lambda _now: "")
    ahead: Callable[[int], int] = field(default=lambda _priority: 0)
    given: int = 0
    room: int = 1
    pending: int = 0
    sent: float = 0
    weight: float = 1.0
    price: float = 0.0
    network: str | None = None

    def in_group(self, groups: Sequence[str]) -> bool:
        """Tell whether one of ``groups`` is its own."""
        return EVERY_SIM in groups or not self.groups.isdisjoint(groups)

    def take(self, candidate: Candidate) -> None:
        """Count a message that it is given."""
        self.room -= 1
        self.given += candidate.parts
        self.pending += candidate.parts
        self.sent += candidate.parts / self.weight


Others = Callable[[int | None], Iterable[Free]]
"""Lines that can carry nothing now: that of one SIM, or (None) all; made as they are asked for."""


def nobody(_sim_id: int | None = None) -> Iterable[Free]:
    """Return no further lines."""
    return ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What is decided for one message now.

    Attributes:
        line: that should carry it; None: none can now.
        at: when looking again is worth it, as far as time alone can change something; None:
            it depends on a line having room, or on a person.
        full: some line may send it and only has no room just now.

    """

    line: Free | None = None
    at: datetime | None = None
    full: bool = False


def choose(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta = STICKY,
    others: Others = nobody,
) -> Choice:
    """Return by which line a message should go now, or when that should be asked again."""
    known = waits_for(candidate, lines, now, sticky=sticky, others=others)
    if known is not None:
        choice = _by(candidate, known, now)
        return choice if any(line is known for line in lines) else _later(choice)
    times = [widens_at(candidate, now)]
    full = False
    for line in _ranked(candidate, lines, now):
        choice = _by(candidate, line, now)
        if choice.line is not None:
            return choice
        full |= choice.full
        times.append(choice.at)
    for line in others(None):
        if full:
            break  # one that may is enough to be waited for
        if not why_never(candidate, line, now):
            choice = _later(_by(candidate, line, now))
            full = choice.full
            times.append(choice.at)
    return Choice(at=min((at for at in times if at is not None), default=None), full=full)


def widens_at(candidate: Candidate, now: datetime) -> datetime | None:
    """Return when the next group of its route may take a message too; None: no other will."""
    if candidate.only_sim is not None:
        return None
    return candidate.route.widens_at(candidate.due_at, now)


def waits_for(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta = STICKY,
    others: Others = nobody,
) -> Free | None:
    """Return the line of the SIM that a recipient knows, if its message goes by that or waits.

    It waits as long as that SIM can send soon; not where it was refused by it, and not at all
    where ``sticky`` is nothing.
    """
    if not sticky or candidate.known_sim is None or candidate.only_sim is not None:
        return None
    known = next((line for line in lines if line.sim_id == candidate.known_sim), None)
    if known is None:
        further = others(candidate.known_sim)
        known = next((line for line in further if line.sim_id == candidate.known_sim), None)
    if known is None or why_never(candidate, known, now):
        return None
    if candidate.rests_until(known.sim_id, now):
        return None
    choice, until = _by(candidate, known, now), candidate.due_at + sticky
    soon = choice.at is not None and choice.at <= until
    return known if choice.line is not None or soon or (choice.full and now < until) else None


def _ranked(candidate: Candidate, lines: Sequence[Free], now: datetime) -> list[Free]:
    """Return the lines that may carry a message, the best first."""
    may = [line for line in lines if not why_never(candidate, line, now)]
    return sorted(may, key=lambda line: _rank(candidate, line)) if len(may) > 1 else may


def why_never(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a line may not carry a message, whatever its limits; '' if it may."""
    if candidate.only_sim is not None:
        return "" if candidate.only_sim == line.sim_id else "it belongs to another SIM"
    if not line.in_group(candidate.route.groups_at(candidate.due_at, now)):
        return f"route {candidate.route.name} does not lead to it now"
    return line.refuses(candidate.to)


def barred(candidate: Candidate, lines: Sequence[Free]) -> str:
    """Return how all numbers begin that no SIM of a message's route may write to, its own too.

    That is as short as it can be; '' if its number is not what keeps it. Others of its lane whose
    numbers begin so cannot leave either, however long they wait.
    """
    route, number = candidate.route, candidate.to.recipient
    if candidate.only_sim is not None or len(route.groups) > 1 or not number.startswith("+"):
        return ""
    led = [line for line in lines if line.in_group(route.groups)]
    beginnings = (number[:length] for length in range(2, len(number) + 1))
    return next((each for each in beginnings if led and all(sim.bars(each) for sim in led)), "")


def why_not(candidate: Candidate, line: Free, now: datetime) -> str:
    """Return why a message does not leave by a line now, with the line's name."""
    return f"{line.name}: {why_not_by(candidate, line, now)}"


def why_not_by(candidate: Candidate, line: Free, now: datetime, zone: tzinfo = UTC) -> str:
    """Return why a message does not leave by a line now; ``zone`` is the site's."""
    why = why_never(candidate, line, now) or line.hangs(now)
    return why or _wait(candidate, line, now, zone).reason or GOES_FIRST


def _wait(candidate: Candidate, line: Free, now: datetime, zone: tzinfo = UTC) -> Wait:
    """Return when a line may send a message, as far as it and its limits are concerned."""
    if until := candidate.rests_until(line.sim_id, now):
        return Wait(None, STOPPED) if candidate.stopped else Wait(until, REFUSED, zone, now)
    wait = line.may_send(now, line.pending + candidate.parts, candidate)
    if wait.at is not None or not line.pending:
        return wait
    # With what goes first it is too much for a whole period: that says nothing of it alone.
    alone = line.may_send(now, candidate.parts, candidate)
    return alone if alone.at != now else Wait(None, GOES_FIRST)


def _by(candidate: Candidate, line: Free, now: datetime) -> Choice:
    """Return whether one line can carry a message now, or when it could."""
    wait = _wait(candidate, line, now)
    if wait.at != now:
        return Choice(at=wait.at, full=wait.at is None and wait.binding == GOES_FIRST)
    return Choice(line=line) if line.room > 0 else Choice(full=True)


def _later(choice: Choice) -> Choice:
    """Return what is decided where the line is one of the others: it cannot be given anything now.

    Where its limits say that it may, it only rests, which is soon over.
    """
    return Choice(full=True) if choice.line is not None else choice


def _rank(candidate: Candidate, line: Free) -> tuple[int, bool, float, int, float]:
    priority = candidate.priority
    before = line.ahead(priority) + line.given if priority >= AWAITED else 0
    off_net = candidate.route.on_net and not same_network(candidate.to.operator, line.network or "")
    return before, off_net, line.price, line.pending, line.sent
