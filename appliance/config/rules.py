"""What can be set for messages and SIMs: routes, judging, quiet hours, caps, guards, content."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from appliance.config.types import Count, Duration, Many, Region, Section
from appliance.msisdn import known_region
from appliance.policy.caps import Answer, Cap, Caps, FloodGuard, Per, SameText
from appliance.policy.categories import Category
from appliance.policy.content import ContentRules, Footer, OnForbidden
from appliance.policy.judgement import JudgementRules
from appliance.policy.quiet import ALWAYS, Hours
from appliance.policy.routes import EVERY_SIM, Route

PRESET: Final = "preset"

NONE: Final = "none"

DAYS: Final = 24 * 60


def _hours(value: str) -> str:
    if value not in (PRESET, NONE):
        Hours.read(value)
    return value


def _own_hours(value: Mapping[str, str]) -> Mapping[str, str]:
    for country, hours in value.items():
        _known(country)
        Hours.read(hours)
    return value


def _zones(value: Mapping[str, str]) -> Mapping[str, str]:
    for country, name in value.items():
        _known(country)
        try:
            ZoneInfo(name)
        except (OSError, ValueError, LookupError):
            raise ValueError(f"{country}: no such time zone") from None
    return value


def _days(value: Mapping[str, object]) -> Mapping[str, object]:
    for country in value:
        if country != "all":
            _known(country)
    return value


def _known(country: str) -> None:
    if not known_region(country):
        raise ValueError(f"{country}: must be two letters of ISO 3166, such as DE, in capitals")


def _plus(value: tuple[str, ...]) -> tuple[str, ...]:
    if all(prefix[:1] == "+" and prefix[1:].isdigit() and prefix.isascii() for prefix in value):
        return value
    raise ValueError("must be beginnings of international numbers, such as +49151")


QuietHoursText = Annotated[str, AfterValidator(_hours)]

Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Many]

Prefixes = Annotated[tuple[str, ...], Many, AfterValidator(_plus)]

Categories = Annotated[tuple[Category, ...], Many]


class RouteSetting(Section):
    """One rule: which groups of SIMs carry what. The first rule that fits holds."""

    name: str = Field(min_length=1, max_length=64)
    groups: Words = Field(min_length=1)
    accounts: Words = ()
    categories: Categories = ()
    prefixes: Prefixes = ()
    countries: Annotated[tuple[Region, ...], Many] = ()
    operators: Words = ()
    on_net_first: bool = False
    next_group_after_minutes: Duration | None = None

    @property
    def route(self) -> Route:
        """The rule as choosing takes it; the group "all" is every SIM."""
        after = self.next_group_after_minutes
        return Route(
            name=self.name,
            groups=tuple(EVERY_SIM if group == "all" else group for group in self.groups),
            accounts=frozenset(self.accounts),
            categories=frozenset(self.categories),
            prefixes=self.prefixes,
            countries=frozenset(self.countries),
            operators=self.operators,
            on_net=self.on_net_first,
            fallback_after=timedelta(minutes=after) if after is not None else None,
        )


class PoolSetting(Section):
    """How SIMs are chosen."""

    sticky_seconds: float = Field(default=60, ge=0, allow_inf_nan=False)


class Judging(Section):
    """When a SIM that fails is paused, and how it is tried again."""

    consecutive: int = Field(default=5, ge=1)
    rate: float = Field(default=0.5, gt=0, le=1)
    window_minutes: Duration = 60
    least_parts: int = Field(default=20, ge=1)
    unreported: int = Field(default=20, ge=1)
    probe_after_minutes: Annotated[Duration, Field(le=24 * 60)] = 30

    @property
    def rules(self) -> JudgementRules:
        """The same, as ``policy.judgement`` takes it."""
        return JudgementRules(
            consecutive=self.consecutive,
            rate=self.rate,
            window=timedelta(minutes=self.window_minutes),
            least_parts=self.least_parts,
            unreported=self.unreported,
            probe_after=timedelta(minutes=self.probe_after_minutes),
        )


class Quiet(Section):
    """When people are left alone, by category: hours, "preset" (by country) or "none"."""

    transactional: QuietHoursText = NONE
    marketing: QuietHoursText = NONE
    countries: Annotated[Mapping[str, str], AfterValidator(_own_hours)] = Field(
        default_factory=dict
    )
    zones: Annotated[Mapping[str, str], AfterValidator(_zones)] = Field(default_factory=dict)
    holidays: Annotated[Mapping[str, tuple[date, ...]], AfterValidator(_days)] = Field(
        default_factory=dict
    )

    @property
    def hours(self) -> dict[Category, Hours | None]:
        """The hours of the categories that have quiet ones; None: those of the country."""
        set_for = {
            Category.TRANSACTIONAL: self.transactional,
            Category.MARKETING: self.marketing,
        }
        assert not ALWAYS & set(set_for)
        return {
            category: None if value == PRESET else Hours.read(value)
            for category, value in set_for.items()
            if value != NONE
        }


class CapSetting(Section):
    """How often one recipient may be written to."""

    most: int = Field(ge=1)
    days: Duration | None = None
    hours: Duration | None = None
    categories: Categories = ()
    per: Per = Per.SITE

    @model_validator(mode="after")
    def _one_window(self) -> "CapSetting":
        if (self.days is None) == (self.hours is None):
            raise ValueError("give either days or hours")
        return self

    @property
    def cap(self) -> Cap:
        """The cap as it is judged by."""
        window = timedelta(days=self.days or 0, hours=self.hours or 0)
        return Cap(
            most=self.most, window=window, categories=frozenset(self.categories), per=self.per
        )


class Guards(Section):
    """What is too much of the same."""

    same_text_minutes: float = Field(default=0, ge=0, le=7 * DAYS, allow_inf_nan=False)
    same_text: Answer = Answer.REFUSE
    otp_per_recipient: Count = NONE
    otp_recipient_minutes: Duration = 60
    otp_per_account: Count = NONE
    otp_account_minutes: Duration = 1

    def caps(self, caps: tuple[CapSetting, ...]) -> Caps:
        """Return all that holds for one recipient."""
        found = [each.cap for each in caps]
        if isinstance(self.otp_per_recipient, int):
            window = timedelta(minutes=self.otp_recipient_minutes)
            found.append(
                Cap(
                    most=self.otp_per_recipient,
                    window=window,
                    categories=frozenset({Category.OTP}),
                    per=Per.ACCOUNT,
                )
            )
        same = None
        if self.same_text_minutes:
            same = SameText(window=timedelta(minutes=self.same_text_minutes), answer=self.same_text)
        return Caps(tuple(found), same)

    @property
    def floods(self) -> FloodGuard | None:
        """What stops a flood of one-time passwords of one account."""
        if not isinstance(self.otp_per_account, int):
            return None
        return FloodGuard(self.otp_per_account, timedelta(minutes=self.otp_account_minutes))


class Content(Section):
    """What must stand in a message, and what must not."""

    marketing_footer: str = Field(default="", max_length=160)
    without_footer: Footer = Footer.ADD
    forbidden: Words = ()
    with_forbidden: OnForbidden = OnForbidden.REFUSE

    @field_validator("marketing_footer")
    @classmethod
    def _stripped(cls, value: str) -> str:
        return value.strip()

    @property
    def rules(self) -> ContentRules:
        """The rules as intake takes them."""
        return ContentRules(
            footer=self.marketing_footer,
            on_missing=self.without_footer,
            forbidden=self.forbidden,
            on_forbidden=self.with_forbidden,
        )


def wrong_routes(
    routes: tuple[RouteSetting, ...], groups: frozenset[str], peopled: frozenset[str]
) -> list[str]:
    """Return what is wrong with routes as a whole: names twice, groups that no SIM is in.

    ``groups`` are those that are set, ``peopled`` those of them that SIMs belong to.
    """
    complaints = []
    names: set[str] = set()
    for at, route in enumerate(routes):
        if route.name in names:
            complaints.append(f"routes.{at}.name: another route has this name")
        names.add(route.name)
        complaints += [
            f"routes.{at}.groups: there is no group {group!r}"
            for group in route.groups
            if group not in groups | {"all"}
        ]
        if "all" not in route.groups and not peopled & set(route.groups):
            complaints.append(f"routes.{at}.groups: no SIM belongs to any of them")
    return complaints
