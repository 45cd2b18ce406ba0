"""Lists of opt-outs as CSV (RFC 4180): what a line of one says, and how one is written. Pure.

The columns are ``number``, ``category`` (empty: all), ``until`` (a day or a moment, empty: for
good) and ``reason``. A first line that names them may order them otherwise and leave some out;
the others that our own lists have are allowed and say nothing.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from appliance.errors import BadField
from appliance.policy.categories import Category

READ: Final = ("number", "category", "until", "reason")

WRITTEN: Final = (
    *READ,
    *("account", "sim", "source", "created_at", "ended_at", "id"),
)
"""The columns of our own lists."""

ALL: Final = "all"

LONGEST_REASON: Final = 200
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a line says; ``until`` is None for good, ``category`` None for all messages."""

    line: int  # from 1
    number: str
    category: Category | None
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that says nothing sensible, and why."""

    line: int
    why: str


def read(text: str, zone: tzinfo, now: datetime) -> Iterator[Listed | Unread]:
    """Yield what each line says that is not empty.

    Args:
        text: the whole list; parted by commas or semicolons.
        zone: whose days are meant; a day counts whole.
        now: what is over by then is refused.

    Raises:
        BadField: a column's name is unknown, or ``number`` is missing: nothing was read.

    """
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    first = text.partition("\n")[0]
    mark = ";" if first.count(";") > first.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    columns: Sequence[str] | None = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Unread(rows.line_num, f"no CSV: {error}")
            continue
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            continue
        if columns is None:
            columns = _columns(row)
            if columns is not READ:
                continue
        yield _line(rows.line_num, columns, row, zone, now)


def written(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield a list, line by line, each with its end; the first one names the columns."""
    yield _joined(WRITTEN)
    for row in rows:
        yield _joined([_cell(row.get(name)) for name in WRITTEN])


def _columns(row: Sequence[str]) -> Sequence[str]:
    """Return the columns that the first line names, ``READ`` itself if it names none."""
    names = [cell.strip().casefold() for cell in row]
    if not set(names) & set(WRITTEN):
        return READ
    unknown = sorted(set(names) - set(WRITTEN))
    if unknown:
        raise BadField("columns", f"unknown: {unknown[0][:40]!r}; known are {', '.join(READ)}")
    if "number" not in names:
        raise BadField("columns", "there is none named number")
    return names


def _line(
    line: int, columns: Sequence[str], row: Sequence[str], zone: tzinfo, now: datetime
) -> Listed | Unread:
    if len(row) > len(columns):
        return Unread(line, f"has {len(row)} columns instead of {len(columns)}")
    cells = dict(zip(columns, (cell.strip() for cell in row), strict=False))
    if cells.get("ended_at"):
        return Unread(line, "it has ended")
    try:
        return Listed(
            line=line,
            number=cells.get("number", ""),
            category=_category(cells.get("category", "")),
            until=_until(cells.get("until", ""), zone, now),
            reason=_reason(cells.get("reason", "")),
        )
    except ValueError as error:
        return Unread(line, str(error))


def _category(cell: str) -> Category | None:
    if cell.casefold() in ("", ALL):
        return None
    try:
        return Category(cell.casefold())
    except ValueError:
        known = ", ".join((ALL, *Category))
        raise ValueError(f"category: must be one of {known}") from None


def _until(cell: str, zone: tzinfo, now: datetime) -> datetime | None:
    if not cell:
        return None
    try:
        until = _moment(cell, zone)
    except (ValueError, OverflowError):
        raise ValueError("until: must be a day such as 2030-12-31, or a moment") from None
    if until <= now:
        raise ValueError("until: it is over already")
    return until


def _moment(cell: str, zone: tzinfo) -> datetime:
    if "T" not in cell and " " not in cell:
        day = date.fromisoformat(cell) + timedelta(days=1)
        return datetime.combine(day, time(), zone)
    moment = datetime.fromisoformat(cell)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _reason(cell: str) -> str:
    if len(cell) > LONGEST_REASON or "\0" in cell:
        raise ValueError(f"reason: longer than {LONGEST_REASON} characters, or no text")
    return cell


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _joined(cells: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()
