"""What a SIM may do, as it is set: the keys that [limits], [[groups]] and [[sims]] share."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta, tzinfo
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from appliance.config.types import (
    UNLIMITED,
    Count,
    Duration,
    GapSeconds,
    Section,
    is_many,
    whole_number,
)
from appliance.msisdn import known_region
from appliance.policy.categories import Category
from appliance.policy.contract import Eligible
from appliance.policy.limits import (
    HOUR,
    Budget,
    Bundle,
    Daily,
    Gap,
    Hours,
    Limit,
    Monthly,
    Months,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
    WeekHours,
)

_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}")

LEAST_MONEY: Final = 0.000001


def _or_none(value: object, check: ValidatorFunctionWrapHandler) -> object:
    return None if value == UNLIMITED else check(value)


def _list(value: object) -> object:
    return () if value == UNLIMITED else is_many(value)


def _step(value: object) -> int:
    step = whole_number(value)
    if step is None:
        raise ValueError("must be a whole number from 1")
    return step


def _hours(value: tuple[str, ...]) -> tuple[str, ...]:
    if value:
        WeekHours.parse(value)
    return value


def _rising(value: tuple[int, ...]) -> tuple[int, ...]:
    if list(value) != sorted(value):
        raise ValueError("must not fall from one day to the next")
    return value


def _destination(value: str) -> str:
    place = value.upper()
    if _PREFIX.fullmatch(place) or known_region(place):
        return place
    raise ValueError('must be a prefix such as "+49", or two letters of ISO 3166')


Listed = BeforeValidator(_list)
"""Several, by commas in the environment; "none" for nothing."""

Money = Annotated[
    Annotated[float, Field(ge=LEAST_MONEY, allow_inf_nan=False)], WrapValidator(_or_none)
]

Parts = Annotated[int, PlainValidator(_step)]


class RollingLimit(Section):
    """So many parts in any so many hours."""

    parts: Parts
    hours: Duration


class PartsBundle(Section):
    """Parts that were bought; both days belong to it."""

    parts: Parts
    begins: date = Field(alias="from")
    ends: date = Field(alias="until")

    @field_validator("ends")
    @classmethod
    def _follows(cls, value: date, info: ValidationInfo) -> date:
        begins = info.data.get("begins")
        if begins is not None and value < begins:
            raise ValueError("must not be before from")
        return value


class Terms(Section):
    """What may be set for a SIM, a group of them, or all. What is not set is as one step below."""

    parts_per_minute: Count = UNLIMITED
    parts_per_hour: Count = UNLIMITED
    parts_per_day: Count = UNLIMITED
    parts_per_month: Count = UNLIMITED
    month_starts_on: int = Field(default=1, ge=1, le=31)
    parts_per_rolling: Annotated[tuple[RollingLimit, ...], Listed] = ()
    recipients_per_day: Count = UNLIMITED
    recipients_per_month: Count = UNLIMITED
    minimum_gap_seconds: GapSeconds = 0
    gap_jitter_seconds: GapSeconds = 0
    hours: Annotated[tuple[str, ...], Listed, AfterValidator(_hours)] = ()
    price_per_part: Money | None = None
    budget_per_month: Money | None = None
    bundle: Annotated[PartsBundle, WrapValidator(_or_none)] | None = None
    ramp_up: Annotated[tuple[Parts, ...], Listed, AfterValidator(_rising)] = ()
    weight: Duration = 1
    categories: Annotated[tuple[Category, ...], Listed] = ()
    accounts: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Listed] = ()
    destinations: Annotated[tuple[Annotated[str, AfterValidator(_destination)], ...], Listed] = ()

    def over(self, below: "Terms") -> "Terms":
        """Return these terms with what they do not set from ``below``."""
        own = {key: getattr(self, key) for key in self.model_fields_set if key in KEYS}
        return Terms.model_construct(None, **{**_values(below), **own})

    def without_limits(self) -> "Terms":
        """Return these terms with nothing that holds a part back."""
        return Terms.model_construct(None, **{key: getattr(self, key) for key in _NO_LIMITS})

    def complaints(self) -> Iterator[str]:
        """Yield what contradicts itself, each with its key."""
        if self.budget_per_month is not None and self.price_per_part is None:
            yield "budget_per_month: needs price_per_part, by which it is counted"

    def limits(self, zone: tzinfo, seed: str) -> tuple[Limit, ...]:
        """Return the limits; ``zone`` is the site's, ``seed`` is what jitter is drawn from."""
        return (*self._by_moments(zone, seed), *self._by_periods(zone))

    @property
    def eligible(self) -> Eligible:
        """Whose messages it carries, and to where."""
        return Eligible(
            categories=frozenset(self.categories),
            accounts=frozenset(self.accounts),
            prefixes=tuple(each for each in self.destinations if each.startswith("+")),
            countries=frozenset(each for each in self.destinations if not each.startswith("+")),
        )

    def _by_moments(self, zone: tzinfo, seed: str) -> Iterator[Limit]:
        if self.parts_per_minute != UNLIMITED:
            yield Pace(self.parts_per_minute)
        if self.parts_per_hour != UNLIMITED:
            yield Pace(self.parts_per_hour, HOUR, "hour limit")
        if self.minimum_gap_seconds or self.gap_jitter_seconds:
            jitter = timedelta(seconds=self.gap_jitter_seconds)
            apart = timedelta(seconds=self.minimum_gap_seconds)
            yield Gap(apart, jitter, seed if jitter else "")
        for rolling in self.parts_per_rolling:
            yield Rolling(rolling.parts, timedelta(hours=rolling.hours))
        if self.hours:
            yield Hours(WeekHours.parse(self.hours), zone)

    def _by_periods(self, zone: tzinfo) -> Iterator[Limit]:
        first = self.month_starts_on
        if self.parts_per_day != UNLIMITED:
            yield Daily(self.parts_per_day, zone)
        if self.parts_per_month != UNLIMITED:
            yield Monthly(self.parts_per_month, zone, first)
        if self.recipients_per_day != UNLIMITED:
            yield RecipientsDaily(self.recipients_per_day, zone)
        if self.recipients_per_month != UNLIMITED:
            yield RecipientsMonthly(self.recipients_per_month, zone, first)
        if self.budget_per_month is not None and self.price_per_part is not None:
            yield Budget(self.budget_per_month, self.price_per_part, Months(zone, first))
        if self.bundle is not None:
            yield Bundle(self.bundle.parts, self.bundle.begins, self.bundle.ends, zone)
        if self.ramp_up:
            yield RampUp(self.ramp_up, zone)


class Limits(Terms):
    """What a real SIM without settings of its own may send."""

    parts_per_minute: Count = 6
    parts_per_day: Count = 200


class Group(Terms):
    """SIMs that are alike, and what holds for those of them that set nothing else."""

    name: Annotated[str, Field(min_length=1)]


KEYS: Final = frozenset(Terms.model_fields)

_NO_LIMITS: Final = ("price_per_part", "weight", "categories", "accounts", "destinations")


def _values(terms: Terms) -> dict[str, Any]:
    return {key: getattr(terms, key) for key in KEYS}


def wrong_groups(found: Mapping[str, Any]) -> list[str]:
    """Complain of groups set twice, and of SIMs whose group is set nowhere."""
    names = [_text(group, "name") for group in _tables(found, "groups")]
    twice = [
        f"groups.{at}.name: {name} is groups.{names.index(name)} already"
        for at, name in enumerate(names)
        if name is not None and names.index(name) < at
    ]
    known = ", ".join(sorted({name for name in names if name})) or "none"
    nowhere = [
        f"sims.{at}.group: no group is called {name} (there is: {known})"
        for at, sim in enumerate(_tables(found, "sims"))
        if (name := _text(sim, "group")) and name not in names
    ]
    return [*twice, *nowhere]


def _tables(found: Mapping[str, Any], key: str) -> Sequence[Any]:
    tables = found.get(key)
    return tables if isinstance(tables, list | tuple) else ()


def _text(table: object, key: str) -> str | None:
    value = table.get(key) if isinstance(table, Mapping) else None
    return value if isinstance(value, str) else None
