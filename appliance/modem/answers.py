"""What a modem's information lines say, however oddly they are written. Pure; nothing raises."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

MEMORY: Final = re.compile(r"[A-Z]{2}(?:_P)?")

GROUP: Final = re.compile(r"\(([^()]*)\)")

RANGE: Final = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")

IDENTIFIER: Final = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{18,22}(?![0-9A-Fa-f])")

SELECTED: Final = re.compile(r'\+CPMS:\s*(?:"?[A-Z]\w*"?\s*,\s*)?(\d+)\s*,\s*(\d+)')

REGISTRATIONS: Final = {  # <stat>, 27.007 clause 7.2
    0: "none",
    1: "home",
    2: "searching",
    3: "denied",
    4: "none",
    5: "roaming",
    6: "home",  # SMS only
    7: "roaming",  # SMS only
    8: "none",  # emergency calls only
    9: "home",
    10: "roaming",
}

CLOCK: Final = re.compile(  # yy/MM/dd,hh:mm:ss±zz, the zone in quarters of an hour
    r"(\d{2,4})/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)"
)

PLAUSIBLE: Final = range(2020, 2070)
"""The years a modem's clock may show; one that was never set counts from 1980, 2004 or the like."""

BEST_FIRST: Final = ("home", "roaming", "denied", "searching", "none")


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a memory is."""

    memory: str
    used: int
    total: int

    def __str__(self) -> str:
        return f"{self.memory} {self.used}/{self.total}"


def fields(line: str) -> list[str]:
    """Return what stands after the prefix, split at commas, without quotes and blanks."""
    return [field.strip(' "') for field in line.partition(":")[2].split(",")]


def number_in(line: str, place: int) -> int | None:
    """Return the number in field ``place`` (from 0), None if there is none."""
    found = fields(line)
    return int(found[place]) if place < len(found) and found[place].isdecimal() else None


def without_prefix(line: str) -> str:
    """Return a bare line, or what stands after its ``+CGMR:`` or ``Revision:``."""
    return re.sub(r"^(?:\+\w+|Revision|Model|Manufacturer):\s*", "", line).strip(' "')


def memories(line: str) -> tuple[tuple[str, ...], ...]:
    """Return the memories that ``+CPMS: (…),(…),(…)`` offers to read, to write, for arrivals.

    Broken brackets and quotes are understood; a form without brackets offers one memory each.
    """
    groups = [MEMORY.findall(group) for group in GROUP.findall(line)]
    if not groups:
        groups = [[memory] for memory in MEMORY.findall(line.partition(":")[2])]
    return tuple(tuple(dict.fromkeys(group)) for group in groups)


def choices(line: str) -> tuple[frozenset[int], ...]:
    """Return the values that ``+CNMI: (0-2),(0,1,3),…`` offers, a set for each parameter."""
    return tuple(
        frozenset(
            value
            for first, last in RANGE.findall(group)
            for value in range(int(first), min(int(last or first), 255) + 1)
        )
        for group in GROUP.findall(line)
    )


def usage(memory: str, lines: Iterable[str]) -> Usage | None:
    """Return how full ``memory`` is as the answer to its ``AT+CPMS="…"`` says; None: it does not.

    Some repeat the names of the memories before their numbers.
    """
    for line in lines:
        if found := SELECTED.match(line):
            return Usage(memory, int(found[1]), int(found[2]))
    return None


def registration(lines: Iterable[str]) -> str:
    """Return the best of what ``+CREG:``, ``+CGREG:`` and ``+CEREG:`` answers say."""
    said = {
        REGISTRATIONS.get(stat, "none")
        for line in lines
        if (stat := number_in(line, 1)) is not None
    }
    return next((word for word in BEST_FIRST if word in said), "none")


def signal_dbm(lines: Iterable[str]) -> int | None:
    """Return the strength in dBm from ``+CSQ:`` (27.007 clause 8.5), None if it is not known."""
    for line in lines:
        level = number_in(line, 0)
        if level is not None and level <= 31:
            return 2 * level - 113
    return None


def extended_signal_dbm(lines: Iterable[str]) -> int | None:
    """Return the strength in dBm from ``+CESQ:`` (27.007 clause 8.69), None if it is not known."""
    for line in lines:
        rsrp, rscp, rxlev = (number_in(line, place) for place in (5, 2, 0))
        if rsrp is not None and rsrp <= 97:
            return rsrp - 141
        if rscp is not None and rscp <= 96:
            return rscp - 121
        if rxlev is not None and rxlev <= 63:
            return rxlev - 111
    return None


def operator(lines: Iterable[str]) -> str | None:
    """Return the operator's name from ``+COPS:``, None if there is none."""
    for line in lines:
        found = fields(line)
        if len(found) >= 3 and found[2]:
            return found[2]
    return None


def clock(lines: Iterable[str]) -> datetime | None:
    """Return the time that ``+CCLK:`` tells (27.007 clause 8.15), in UTC.

    None where it was never set, or its zone is not told.
    """
    for line in lines:
        if found := CLOCK.search(line):
            year, month, day, hour, minute, second, quarters = map(int, found.groups())
            try:
                zone = timezone(timedelta(minutes=15 * quarters))
                told = datetime(year % 100 + 2000, month, day, hour, minute, second, 0, zone)
            except ValueError:
                return None
            return told.astimezone(UTC) if told.year in PLAUSIBLE else None
    return None


def own_number(lines: Iterable[str]) -> str | None:
    """Return the SIM's own number from ``+CNUM:``, with + if it says international (type 145)."""
    for line in lines:
        found = fields(line)
        if len(found) >= 2 and re.fullmatch(r"\+?[0-9]{3,20}", found[1]):
            international = len(found) >= 3 and found[2] == "145"
            return f"+{found[1].lstrip('+')}" if international else found[1]
    return None


def iccid(lines: Iterable[str]) -> str | None:
    """Return the ICCID that stands in one of the lines, whatever its form; None if none does.

    Two nibbles may be swapped in every octet (EF_ICCID as it is), and F may fill it up
    (ITU-T E.118: it begins with 89).
    """
    for line in lines:
        found = IDENTIFIER.search(line.partition(":")[2] or line)
        if found:
            digits = found[0].upper()
            if digits.startswith("98"):
                digits = "".join(
                    digits[place + 1] + digits[place] for place in range(0, len(digits) - 1, 2)
                )
            return digits.rstrip("F")
    return None
