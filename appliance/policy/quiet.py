"""When people want to be left alone, by category and by the clock where they are. Pure.

A message is held until all places in which its recipient may be allow it; it is never dropped.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from appliance.policy.categories import Category

ALWAYS: Final = frozenset({Category.OTP, Category.URGENT})
"""What somebody waits for passes at any hour."""

DAY: Final = timedelta(days=1)

FURTHEST: Final = timedelta(days=15)
"""How far ahead an hour is looked for that suits all zones; beyond it there is none."""

_HOURS: Final = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Hours:
    """From when to when messages may come, in local time; ``end`` may be 24:00, not earlier.

    ``weekdays`` are 0 (Monday) to 6.
    """

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))

    @classmethod
    def read(cls, text: str) -> "Hours":
        """Read ``08:00-21:00``.

        Raises:
            ValueError: it is none, or it ends before it begins.

        """
        found = _HOURS.fullmatch(text.strip())
        if found is None:
            raise ValueError("must be hours such as 08:00-21:00")
        start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
        if (end_hour, end_minute) == (24, 0):
            end_hour, end_minute = 0, 0
        try:
            hours = cls(time(start_hour, start_minute), time(end_hour, end_minute))
        except ValueError:
            raise ValueError("must be hours of a day, such as 08:00-21:00") from None
        if hours.end != time() and hours.end <= hours.start:
            raise ValueError("must end after it begins; quiet is what is left of the day")
        return hours

    def __str__(self) -> str:
        """Return it as it is set."""
        end = f"{self.end:%H:%M}" if self.end != time() else "24:00"
        return f"{self.start:%H:%M}-{end}"

    def has(self, local: time) -> bool:
        """Tell whether a time of the day is within."""
        return self.start <= local and (self.end == time() or local < self.end)


PRESETS: Final[Mapping[str, Hours]] = {
    "US": Hours(time(8), time(21)),  # 47 CFR 64.1200(c)(1): no solicitation before 8 or after 21
    "CA": Hours(
        time(9), time(21)
    ),  # CRTC Unsolicited Telecommunications Rules: 9-21:30 on weekdays
    "CN": Hours(time(9), time(21)),  # common practice of its operators; no clause found
    "RU": Hours(
        time(9), time(21)
    ),  # common practice; the law on advertising names no hours for SMS
    "FR": Hours(time(10), time(20), frozenset(range(5))),  # decree 2022-1313: calls; SMS by custom
    "IN": Hours(time(10), time(21)),  # TRAI TCCCPR 2018: no promotional messages from 21 to 10
    "GB": Hours(time(8), time(21)),  # industry practice
    "DE": Hours(time(8), time(20)),  # industry practice
}
"""By the recipient's country. Where a comment says practice, no law was found: check your own."""

ELSEWHERE: Final = Hours(time(8), time(20))
"""Where no preset is known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """From when on a message may leave, and why not before: a sentence, '' if it may now."""

    at: datetime
    why: str = ""


ZonesOf = Callable[[str], Sequence[tzinfo]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """What a site has set.

    Attributes:
        hours: what holds for a category, whatever the country; None: that of the country. A
            category that is not named has no quiet hours.
        countries: hours by the recipient's country (ISO 3166), before the presets.
        zones: the zone of a country's people, where that is set.
        holidays: days on which nothing is sent, by country; '' holds everywhere.
        site: the site's own zone.
        zones_of: all zones that a number may be in.

    """

    site: tzinfo
    zones_of: ZonesOf
    hours: Mapping[Category, Hours | None] = field(default_factory=dict)
    countries: Mapping[str, Hours] = field(default_factory=dict)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)

    def concerns(self, category: Category) -> bool:
        """Tell whether there are hours for a category at all."""
        return category not in ALWAYS and category in self.hours

    def allows(
        self,
        category: Category,
        recipient: str,
        country: str | None,
        now: datetime,
        zone: tzinfo | None = None,
    ) -> Verdict:
        """Return from when on a message may leave.

        Args:
            category: of the message.
            recipient: E.164 with ``+``, or a short code.
            country: the recipient's, None if it has none.
            now: aware.
            zone: the recipient's own, where the account has said it.

        """
        if not self.concerns(category):
            return Verdict(now)
        hours = self.hours[category] or self.countries.get(country or "")
        hours = hours or PRESETS.get(country or "", ELSEWHERE)
        free = self.holidays.get("", frozenset()) | self.holidays.get(country or "", frozenset())
        zones, doubt = self._where(recipient, country, zone)
        at = _first(zones, hours, free, now)
        if at is None:
            zones, doubt = (self.site,), "; no hour suits all zones of the number"
            at = _first(zones, hours, free, now)
        if at is None:
            at, doubt = now + FURTHEST, "; no hour is free of holidays"
        return Verdict(at, _sentence(category, hours, at, zones, doubt) if at > now else "")

    def _where(
        self, recipient: str, country: str | None, zone: tzinfo | None
    ) -> tuple[Sequence[tzinfo], str]:
        """Return the zones that must all allow it, and what is to be said of them."""
        if zone is not None:
            return (zone,), ""
        if country is not None and country in self.zones:
            return (self.zones[country],), ""
        found = self.zones_of(recipient)
        return (found, "") if found else ((self.site,), "; its own zone is not known")


def _first(
    zones: Iterable[tzinfo], hours: Hours, holidays: frozenset[date], now: datetime
) -> datetime | None:
    """Return the first moment from ``now`` that suits all zones, None if there is none."""
    at, limit = now, now + FURTHEST
    zones = tuple(zones)
    while at <= limit:
        later = max(_opens(zone, hours, holidays, at) for zone in zones)
        if later == at:
            return at
        at = later
    return None


def _opens(zone: tzinfo, hours: Hours, holidays: frozenset[date], at: datetime) -> datetime:
    """Return ``at`` if it suits one zone, else the next moment that may."""
    local = at.astimezone(zone)
    day = local.date()
    good = day.weekday() in hours.weekdays and day not in holidays
    if good and hours.has(local.time()):
        return at
    if not good or local.time() >= hours.start:
        day += DAY
    opening = _moment(day, hours.start, zone)
    # An hour that comes twice, or never, may lie before ``at`` once it is read: take the next.
    return opening if opening > at else _moment(day + DAY, hours.start, zone)


def _moment(day: date, local: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, local, tzinfo=zone).astimezone(UTC)


def _sentence(
    category: Category, hours: Hours, at: datetime, zones: Sequence[tzinfo], doubt: str
) -> str:
    local = at.astimezone(zones[0])
    where = f"{zones[0]}" if len(zones) == 1 else f"all {len(zones)} zones of the number"
    return f"quiet hours: {category} messages go {hours} ({where}{doubt}), next at {local:%a %H:%M}"
