"""What a forecast says to people: when all is done, what holds it up, what would help. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import chain
from typing import Any, Final

from appliance.policy.forecast import Batch, Fate, Forecast, PlannedSim
from appliance.policy.limits import (
    Budget,
    Bundle,
    Daily,
    Gap,
    Hours,
    Limit,
    Monthly,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
)
from appliance.policy.plan import foresee

WORTH: Final = 20_000
"""Parts up to which it is worked out what would help: that is a second forecast."""

YEAR: Final = timedelta(days=300)
"""From when on a day is told with its year."""

NAMED: Final = 3
"""SIMs that are named; more are counted."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What takes the time: a limit of these SIMs; None: sending itself.

    ``held`` is for how long, on average; ``says`` the whole, a sentence.
    """

    sims: tuple[str, ...]
    limit: str | None
    held: timedelta
    says: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast, and what it means.

    Attributes:
        planned: what becomes of the messages asked about; the rest waits already.
        says: the answer, a sentence.
        bottleneck: None where nothing leaves.
        advice: what else would help, sentences.

    """

    forecast: Forecast
    planned: Sequence[Fate]
    says: str
    bottleneck: Bottleneck | None
    advice: Sequence[str] = ()

    @property
    def done_at(self) -> datetime | None:
        """When the last of the messages asked about is gone; None: none leaves."""
        return _done(self.planned)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked."""

    sims: Sequence[PlannedSim]
    queued: Sequence[Batch]
    planned: Sequence[Batch]
    start: datetime
    zone: tzinfo

    def forecast(self) -> Forecast:
        return foresee(self.sims, (*self.planned, *self.queued), self.start)

    def result(self) -> str:
        """Return what would come of it, in words."""
        fates = self.forecast().fates[: len(self.planned)]
        left = sum(fate.left for fate in fates)
        if left < sum(fate.batch.messages for fate in fates):
            return f"{left:,} would leave"
        return f"it would be done {_moment(_done(fates), self)}"

    @property
    def small(self) -> bool:
        batches = (*self.queued, *self.planned)
        return sum(batch.messages * batch.parts for batch in batches) <= WORTH


def look_ahead(
    sims: Sequence[PlannedSim],
    planned: Sequence[Batch],
    queued: Sequence[Batch],
    start: datetime,
    zone: tzinfo,
) -> Outlook:
    """Return when ``planned`` will have left behind what is ``queued``, told in ``zone``."""
    case = _Case(sims, queued, planned, start, zone)
    forecast = case.forecast()
    fates = forecast.fates[: len(planned)]
    return Outlook(
        forecast, fates, _answer(case, fates), _bottleneck(case, forecast), [*_advice(case, fates)]
    )


def _done(fates: Iterable[Fate]) -> datetime | None:
    return max((fate.done_at for fate in fates if fate.done_at), default=None)


def _answer(case: _Case, fates: Sequence[Fate]) -> str:
    asked = sum(fate.batch.messages for fate in fates)
    left, done_at = sum(fate.left for fate in fates), _done(fates)
    if left == asked:
        return f"{_many(asked)}: done {_moment(done_at, case)}"
    said = [f"{left:,} leave, the last {_moment(done_at, case)}" if left else "none leaves"]
    expired, stuck = sum(fate.expired for fate in fates), sum(fate.stuck for fate in fates)
    said += [f"{expired:,} expire first"] * (expired > 0) + [f"{stuck:,} never leave"] * (stuck > 0)
    return f"{_many(asked)}: {'; '.join(said)}"


def _advice(case: _Case, fates: Sequence[Fate]) -> Iterable[str]:
    whys = dict.fromkeys(fate.why for fate in fates if fate.stuck)
    yield from (f"Never: {why}" for why in whys)
    if any(fate.expired for fate in fates) and case.sims and case.small:
        lasting = [replace(batch, expires_at=None) for batch in case.planned]
        yield f"If none expired, {replace(case, planned=lasting).result()}"


def _bottleneck(case: _Case, forecast: Forecast) -> Bottleneck | None:
    """Return what took most of the SIMs' time."""
    sending = [share for share in forecast.shares if share.parts]
    if not sending:
        return None
    held: dict[Limit, timedelta] = {}
    for limit, time in chain.from_iterable(share.held.items() for share in sending):
        held[limit] = held.get(limit, timedelta()) + time
    worst = max(held, key=lambda limit: held[limit], default=None)
    busy = sum((share.busy for share in sending), timedelta())
    if worst is None or held[worst] < busy:
        return _sending(case, forecast, [share.sim for share in sending], busy)
    bound = [share.sim for share in sending if worst in share.held]
    return _limited(case, forecast, worst, bound, held[worst] / len(bound))


def _sending(
    case: _Case, forecast: Forecast, sims: Sequence[PlannedSim], busy: timedelta
) -> Bottleneck:
    """Return that the SIMs send nearly all the time, and what one more would do."""
    mean = busy / len(sims)
    says = f"{_named(sims, case.sims)}: sending takes {_span(mean)} of {_span(forecast.total)}"
    if case.small:
        more = replace(sims[0], sim_id=min(sim.sim_id for sim in case.sims) - 1)
        better = replace(case, sims=[*case.sims, more])
        says += f"; with one more SIM like {more.name} {better.result()}"
    return Bottleneck(tuple(sim.name for sim in sims), None, mean, says)


def _limited(
    case: _Case, forecast: Forecast, limit: Limit, sims: Sequence[PlannedSim], held: timedelta
) -> Bottleneck:
    """Return that a limit holds SIMs, and what more of it would do."""
    words, whom = _words(limit), "it" if len(sims) == 1 else "each"
    says = (
        f"{_named(sims, case.sims)}: {words} held {whom} {_span(held)} of {_span(forecast.total)}"
    )
    relaxed = RELAXED[type(limit)](limit)
    if case.small:
        eased = [_eased(sim, limit, relaxed) for sim in case.sims]
        how = f"with {_words(relaxed)}" if relaxed is not None else "without it"
        says += f"; {how} {replace(case, sims=eased).result()}"
    return Bottleneck(tuple(sim.name for sim in sims), words, held, says)


def _eased(sim: PlannedSim, limit: Limit, relaxed: Limit | None) -> PlannedSim:
    """Return a SIM with another limit in the place of one; None: with none there."""
    exchanged = (relaxed if each == limit else each for each in sim.contract.limits)
    limits = tuple(each for each in exchanged if each is not None)
    return replace(sim, contract=replace(sim.contract, limits=limits))


def _twice(key: str) -> Callable[[Any], Any]:
    return lambda limit: replace(limit, **{key: 2 * getattr(limit, key)})


def _half(gap: Gap) -> Gap:
    return replace(gap, apart=gap.apart / 2, jitter=gap.jitter / 2)


RELAXED: Final[Mapping[type[Any], Callable[[Any], Limit | None]]] = {
    **dict.fromkeys((Pace, Rolling, Daily, Monthly, Bundle), _twice("parts")),
    **dict.fromkeys((RecipientsDaily, RecipientsMonthly), _twice("recipients")),
    Budget: _twice("amount"),
    Gap: _half,
    Hours: lambda _hours: None,
    RampUp: lambda _steps: None,
}
"""A limit with twice the room, by its kind; None: leave it away."""

AMOUNT: Final[Mapping[type[Any], Callable[[Any], str]]] = {
    **dict.fromkeys((Pace, Rolling, Daily, Monthly, Bundle), lambda limit: f"{limit.parts}"),
    **dict.fromkeys((RecipientsDaily, RecipientsMonthly), lambda limit: f"{limit.recipients}"),
    Budget: lambda limit: f"{limit.amount:g}",
    Gap: lambda limit: f"{limit.apart.total_seconds():g} s",
    Hours: lambda limit: limit.week.words,
    RampUp: lambda limit: ", ".join(map(str, limit.steps)),
}


def _words(limit: Limit) -> str:
    return f"{limit.name} {AMOUNT[type(limit)](limit)}"


def _named(sims: Sequence[PlannedSim], of: Sequence[PlannedSim]) -> str:
    if len(sims) <= NAMED:
        return ", ".join(sim.name for sim in sims)
    return f"all {len(sims)} SIMs" if len(sims) == len(of) else f"{len(sims)} SIMs"


def _many(messages: int) -> str:
    return f"{messages:,} message{'' if messages == 1 else 's'}"


def _moment(at: datetime | None, case: _Case) -> str:
    if at is None:
        return "never"
    local = at.astimezone(case.zone)
    year = f" {local.year}" if at - case.start > YEAR else ""
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}"


def _span(time: timedelta) -> str:
    """Return a length of time with two digits at least: ``61 h``, ``25 min``, ``40 s``."""
    seconds = time.total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 10 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
