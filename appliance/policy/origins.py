"""What a number tells of where it is at home: its time zones and its network. Pure.

The tables behind it take tens of megabytes, and are loaded when they are first asked for: most
sites never do.
"""

from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers

REMEMBERED: Final = 10_000
"""Numbers whose answer is kept."""


@lru_cache(REMEMBERED)
def zones_of(e164: str) -> tuple[ZoneInfo, ...]:
    """Return all time zones a number (``+…``) may be in; none if that is not known."""
    from phonenumbers import timezone  # noqa: PLC0415 - large, and rarely needed

    number = _parsed(e164)
    if number is None:
        return ()
    names = set(timezone.time_zones_for_number(number)) & available_timezones()
    return tuple(ZoneInfo(name) for name in sorted(names))


@lru_cache(REMEMBERED)
def network_of(e164: str) -> str | None:
    """Return the network that a number was first given by, None if that is not known.

    Where numbers can be taken to another network, this is a guess.
    """
    from phonenumbers import carrier  # noqa: PLC0415 - large, and rarely needed

    number = _parsed(e164)
    return (carrier.name_for_number(number, "en") or None) if number is not None else None


def _parsed(e164: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None  # a short code
