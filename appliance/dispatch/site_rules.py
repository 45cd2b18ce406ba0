"""From the configuration to the rules for messages, and to what choosing asks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from appliance.config.reading import Config
from appliance.dispatch.ahead import Choosing
from appliance.msisdn import country_of
from appliance.policy.categories import Category
from appliance.policy.origins import network_of, zones_of
from appliance.policy.quiet import Hours, QuietHours
from appliance.policy.routes import EVERY_SIM, Routes
from appliance.policy.rules import SiteRules
from appliance.store.lanes import Hold
from appliance.store.values import Waiting

EVERYWHERE: Final = "all"

RULES: Final = ("pool", "routes", "quiet", "guards", "caps", "content")
"""The sections of the configuration that rules are made of."""


class RulesInForce:
    """The rules for messages that hold just now."""

    def __init__(self, config: Config, trusted: Callable[[], bool] = lambda: True) -> None:
        """``trusted`` tells whether the time can be believed."""
        self._site, self._trusted, self._zone = site_rules(config), trusted, config.site.zone
        self._settled: Routes | None = None

    @property
    def site(self) -> SiteRules:
        """What holds now: no quiet hours are decided while the time cannot be believed."""
        return self._site if self._trusted() else replace(self._site, quiet=None)

    def exchange(self, config: Config) -> None:
        """Let other rules hold from now on."""
        self._site = site_rules(config)

    def settled(self, routes: Routes) -> None:
        """Take note that every queued message is in the lane that these routes give it."""
        self._settled = routes

    def leads(self, route: str, group: str) -> bool:
        """Tell whether a route may lead to a group's SIMs, now or later; in doubt it may."""
        routes = self._site.routes
        if self._settled is not routes or route not in routes:
            return True
        groups = routes.named(route).groups
        return EVERY_SIM in groups or group in groups

    def choosing(self) -> Choosing:
        """Return what choosing asks."""
        return Choosing(
            routes=lambda: self.site.routes,
            moving=lambda: self._settled is not self.site.routes,
            sticky=lambda: self.site.sticky,
            country=country_of,
            operator=network_of,
            hold=self.hold,
            closed=self.closed,
            zone=self._zone,
        )

    def closed(self, category: str) -> str:
        """Return why nothing of a category leaves just now; '' if it does."""
        timely = category != Category.MARKETING or self._trusted()
        return "" if timely else "the clock is not synchronised yet"

    def hold(self, waiting: Waiting, now: datetime) -> Hold | None:
        """Return until when a message that is due must wait for its recipient's day to begin."""
        quiet = self.site.quiet
        if quiet is None or not quiet.concerns(Category(waiting.category)):
            return None
        zone = ZoneInfo(waiting.time_zone) if waiting.time_zone else None
        to = waiting.recipient
        verdict = quiet.allows(Category(waiting.category), to, country_of(to), now, zone)
        if not verdict.why:
            return None
        # What an app has split itself stays in its order.
        until = verdict.at + timedelta(microseconds=waiting.bundle_ordinal or 0)
        return Hold(waiting.message_id, until, verdict.why, now)


def site_rules(config: Config) -> SiteRules:
    """Return all that is set for messages."""
    return SiteRules(
        content=config.content.rules,
        caps=config.guards.caps(config.caps),
        floods=config.guards.floods,
        quiet=_quiet(config),
        routes=Routes([each.route for each in config.routes]),
        sticky=timedelta(seconds=config.pool.sticky_seconds),
    )


def _quiet(config: Config) -> QuietHours | None:
    quiet = config.quiet
    if not quiet.hours:
        return None
    holidays = {
        "" if country == EVERYWHERE else country: frozenset(days)
        for country, days in quiet.holidays.items()
    }
    return QuietHours(
        site=config.site.zone,
        zones_of=zones_of,
        hours=quiet.hours,
        countries={country: Hours.read(text) for country, text in quiet.countries.items()},
        zones={country: ZoneInfo(name) for country, name in quiet.zones.items()},
        holidays=holidays,
    )
