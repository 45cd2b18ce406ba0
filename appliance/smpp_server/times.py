"""The two forms of a moment in SMPP (7.1.1). Pure."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Final

FORM: Final = re.compile(
    rb"(?P<YY>\d\d)(?P<MM>\d\d)(?P<DD>\d\d)(?P<hh>\d\d)(?P<mm>\d\d)(?P<ss>\d\d)"
    rb"(?P<t>\d)(?P<nn>\d\d)(?P<p>[+\-R])"
)

QUARTERS: Final = 48
"""The most quarter hours that a local time may be away from UTC."""


def moment(written: bytes, now: datetime) -> datetime:
    """Return the moment that ``YYMMDDhhmmsstnnp`` names, aware, UTC.

    ``p`` is ``+`` or ``-`` for a local time that is ``nn`` quarter hours ahead of or
    behind UTC, in this century; ``R`` for a span from ``now``, whose years and months
    are those of the calendar.

    Raises:
        ValueError: it has not this form, or names no moment.

    """
    found = FORM.fullmatch(written)
    if not found:
        raise ValueError("not of the form YYMMDDhhmmsstnnp")
    year, month, day, hour, minute, second, tenth, quarters = map(int, found.groups()[:-1])
    if found["p"] == b"R":
        if tenth or quarters:
            raise ValueError("a span has neither tenths nor a zone")
        span = timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return _months_later(now, 12 * year + month) + span
    if quarters > QUARTERS:
        raise ValueError("too far from UTC")
    local = datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, tzinfo=UTC)
    away = timedelta(minutes=15 * quarters)
    return local - away if found["p"] == b"+" else local + away


def written(moment: datetime) -> bytes:
    """Return a moment (aware) as ``YYMMDDhhmmsstnn+``, in UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc:%y%m%d%H%M%S}{utc.microsecond // 100_000}00+".encode("ascii")


def _months_later(now: datetime, months: int) -> datetime:
    years, month = divmod(now.month - 1 + months, 12)
    year = now.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return now.replace(year=year, month=month + 1, day=min(now.day, last))
