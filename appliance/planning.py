"""Forecasts for this site: what is set, what the SIMs have done and what waits, put together."""

import asyncio
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar, cast

from appliance.config.reading import Config
from appliance.msisdn import country_of, example_of, known_region
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.contract import Contract
from appliance.policy.countries import country_of_imsi
from appliance.policy.forecast import Batch, PlannedSim
from appliance.policy.limits import Limit, Memory, Past, recollect
from appliance.policy.outlook import Outlook, look_ahead
from appliance.policy.routes import Destination
from appliance.policy.rules import SiteRules
from appliance.store import Store
from appliance.store.prospects import Prospect, Queued

T = TypeVar("T")

_PLACE: Final = re.compile(r"([A-Z]{2}|\+[1-9][0-9]{6,14})(?::([1-9][0-9]{0,8}))?")

ASSUMED: Final = timedelta(seconds=4)
"""What a part takes by a SIM that has sent none yet: what GSM modems need, roughly."""

NO_COUNTS: Final = "No daemon was asked: by the configuration alone, as if nothing was sent yet."

NOT_COUNTED: Final = (
    "Not counted: recipients that wait for the SIM they know, parts that fail and are sent again,"
    " room kept for long messages."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be sent, some day.

    Attributes:
        messages: how many.
        parts: of each.
        account: its name; '' for none in particular.
        account_id: as the store knows it.
        start: when they are handed in; None: now.
        to: where they go, with shares: countries (``DE``) or one recipient's number.
        validity: how long each may wait; None: as set for the site.

    """

    messages: int
    parts: int = 1
    category: Category = Category.TRANSACTIONAL
    account: str = ""
    account_id: int = 0
    start: datetime | None = None
    to: tuple[tuple[str, int], ...] = ()
    validity: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A forecast, and what it goes by: sentences."""

    outlook: Outlook
    notes: Sequence[str]


class Planning:
    """Makes forecasts from the store; ``config`` and ``rules`` tell what is set just now."""

    def __init__(
        self, store: Store, config: Callable[[], Config], rules: Callable[[], SiteRules]
    ) -> None:
        self._store, self._config, self._rules = store, config, rules
        self._turn = asyncio.Lock()

    async def plan(self, wish: Wish, now: datetime) -> Plan:
        """Return when what is wished for would be done; one forecast at a time."""
        async with self._turn:
            start = max(wish.start or now, now)
            prospects = await self._store.prospects.sims()
            sims = [await self._sim(each, start) for each in prospects if not each.why_not]
            homes = {country_of_imsi(imsi) for imsi in self._store.lines.subscribers}
            case = _Case(self._config(), self._rules(), wish, start, frozenset(homes - {None}))
            queued = [
                each
                for each in await self._store.prospects.queued(now)
                if each.priority >= PRIORITY[wish.category]
            ]
            outlook = await asyncio.to_thread(case.outlook, sims, queued)
            return Plan(outlook, [*_left_out(prospects), *_counted(prospects, queued)])

    async def _sim(self, prospect: Prospect, start: datetime) -> PlannedSim:
        contract = self._config().contract_of(prospect.iccid, simulated=prospect.simulated)
        memory = await self._store.usage.read(
            prospect.sim_id, lambda memory: _Remembered.of(memory, contract.limits, start)
        )
        return PlannedSim(
            sim_id=prospect.sim_id,
            name=_name(contract, prospect.iccid),
            contract=contract,
            memory=memory,
            per_part=prospect.per_part or ASSUMED,
            network=prospect.operator,
        )


def place_and_share(value: str) -> tuple[str, int]:
    """Read ``DE``, ``DE:80`` or the same with one recipient's number.

    Raises:
        ValueError: it is none of these.

    """
    found = _PLACE.fullmatch(value)
    if found is None or not (value.startswith("+") or known_region(found[1])):
        raise ValueError("must be a country such as DE, or a number, with a share such as DE:80")
    return found[1], int(found[2] or 1)


def plan_by_settings(config: Config, rules: SiteRules, wish: Wish, now: datetime) -> Plan:
    """Return a forecast from what is set alone, for the SIMs that are set."""
    start = max(wish.start or now, now)
    contracts = [(sim.iccid, config.contract_of(sim.iccid, simulated=False)) for sim in config.sims]
    sims = [
        PlannedSim(sim_id=number, name=_name(contract, iccid), contract=contract, per_part=ASSUMED)
        for number, (iccid, contract) in enumerate(contracts, 1)
    ]
    outlook = _Case(config, rules, wish, start, frozenset()).outlook(sims, ())
    return Plan(outlook, [NO_COUNTS, f"{_seconds(ASSUMED)} s a part are assumed."])


@dataclass(frozen=True, slots=True)
class _Case:
    """What is set and wished for, from ``start`` on; ``homes``: the countries of the SIMs."""

    config: Config
    rules: SiteRules
    wish: Wish
    start: datetime
    homes: frozenset[str | None]

    def outlook(self, sims: Sequence[PlannedSim], queued: Sequence[Queued]) -> Outlook:
        waiting = [self._waiting(each) for each in queued]
        zone = self.config.site.zone
        return look_ahead(sims, list(self._planned()), waiting, self.start, zone)

    def _planned(self) -> Iterator[Batch]:
        wish = self.wish
        validity = wish.validity or self.config.messages.validity
        places = wish.to or ((self._home(), 1),)
        whole, before = sum(share for _, share in places), 0
        for place, share in places:
            upto = before + share
            to = self._to(place, wish.account, wish.category)
            yield Batch(
                messages=wish.messages * upto // whole - wish.messages * before // whole,
                parts=wish.parts,
                account=wish.account_id,
                priority=PRIORITY[wish.category],
                to=to,
                route=self.rules.routes.of(to),
                due_at=self.start,
                expires_at=self.start + validity,
                opens=self._opens(to),
            )
            before = upto

    def _waiting(self, queued: Queued) -> Batch:
        """Return queued messages as a batch; where they go is taken from what is wished."""
        place = self.wish.to[0][0] if self.wish.to else self._home()
        to = self._to(place, queued.account, Category(queued.category))
        return Batch(
            messages=queued.messages,
            parts=queued.parts,
            account=queued.account_id,
            priority=queued.priority,
            to=to,
            route=self.rules.routes.named(queued.route),
            due_at=queued.due_at,
            expires_at=queued.expires_at,
            opens=self._opens(to),
            only_sim=queued.only_sim,
        )

    def _home(self) -> str:
        """Return where messages go if nobody says: the site's region, else that of all its SIMs."""
        (only,) = self.homes if len(self.homes) == 1 else ("",)
        return self.config.numbers.region or only or ""

    def _to(self, place: str, account: str, category: Category) -> Destination:
        number = place if place.startswith("+") else example_of(place)
        country = country_of(place) if place.startswith("+") else place or None
        return Destination(account=account, category=category, recipient=number, country=country)

    def _opens(self, to: Destination) -> Callable[[datetime], datetime]:
        """Return what tells when quiet hours end: the answer holds for a minute."""
        quiet = self.rules.quiet
        if quiet is None:
            return lambda now: now

        @lru_cache(maxsize=4096)
        def from_minute(minute: datetime) -> datetime:
            return quiet.allows(to.category, to.recipient, to.country, minute).at

        def opens(now: datetime) -> datetime:
            minute = now.replace(second=0, microsecond=0)
            at = from_minute(minute)
            return now if at == minute else at

        return opens


class _Remembered:
    """What limits have asked of a SIM's memory, to be asked again without it: by milder ones."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: dict[tuple[Hashable, ...], object] = {}
        self._moments: tuple[datetime, Sequence[datetime]] | None = None

    @classmethod
    def of(cls, memory: Memory, limits: Sequence[Limit], now: datetime) -> "_Remembered":
        remembered = cls(memory)
        recollect(limits, remembered, now)
        remembered._memory = Past()
        return remembered

    def moments(self, since: datetime) -> Sequence[datetime]:
        if self._moments is None or since < self._moments[0]:
            self._moments = since, self._memory.moments(since)
        return [moment for moment in self._moments[1] if moment >= since]

    def counts(self, edges: Sequence[datetime]) -> Sequence[int]:
        return self._ask(lambda: self._memory.counts(edges), "counts", *edges)

    def costs(self, edges: Sequence[datetime], price: float) -> Sequence[int]:
        return self._ask(lambda: self._memory.costs(edges, price), "costs", price, *edges)

    def recipients(self, edges: Sequence[datetime]) -> Sequence[dict[bytes, int]]:
        return self._ask(lambda: self._memory.recipients(edges), "recipients", *edges)

    def first(self) -> datetime | None:
        return self._ask(self._memory.first, "first")

    def _ask(self, question: Callable[[], T], *key: Hashable) -> T:
        if key not in self._known:
            self._known[key] = question()
        return cast("T", self._known[key])


def _name(contract: Contract, iccid: str) -> str:
    return contract.name or f"SIM …{iccid[-4:]}"


def _left_out(prospects: Sequence[Prospect]) -> Iterator[str]:
    for each in prospects:
        if each.why_not:
            yield f"{each.slot} is left out: {each.why_not}."


def _counted(prospects: Sequence[Prospect], queued: Sequence[Queued]) -> Iterator[str]:
    """Say what the forecast goes by."""
    before = sum(each.messages for each in queued)
    if before:
        yield f"{before:,} messages wait already and are counted."
    there = [each for each in prospects if not each.why_not]
    measured = [each.per_part for each in there if each.per_part is not None]
    if measured:
        fastest, slowest = _seconds(min(measured)), _seconds(max(measured))
        span = fastest if fastest == slowest else f"{fastest} to {slowest}"
        yield f"A part takes {span} s, as the last ones of each SIM did."
    if len(measured) < len(there):
        unseen = len(there) - len(measured)
        of = "1 SIM" if unseen == 1 else f"{unseen} SIMs"
        yield f"{_seconds(ASSUMED)} s a part are assumed of {of}."
    if there:
        yield NOT_COUNTED


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():.3g}"
