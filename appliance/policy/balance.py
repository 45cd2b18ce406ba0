"""A SIM's balance: how it is read, when it is asked for, and when it is low. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

REASON: Final = "balance "
"""How the reason begins for which a SIM is paused here, and only here."""

GROUP: Final = "amount"

BACK_OFF: Final = (
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""How long to wait after the first, second … question in vain; the last one repeats."""

MINUS: Final = "-\N{MINUS SIGN}\N{EN DASH}"

POINTS: Final = ".,\N{ARABIC DECIMAL SEPARATOR}"

WRITTEN: Final = re.compile(
    r"[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+"
    r"|[0-9]{1,3}(?: [0-9]{2,3})* [0-9]{3}(?:[.,][0-9]+)?"
    r"|[0-9]{1,3}(?:\.[0-9]{2,3})*\.[0-9]{3}(?:,[0-9]+)?"
    r"|[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?"
)
"""A plain number, or one whose thousands (or lakhs) are parted by one mark, its decimals by
another."""

THOUSANDS: Final = re.compile(
    r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{2,3})*\.[0-9]{3}|(?:,[0-9]{2,3})*,[0-9]{3})"
)
"""A number of which all marks part thousands (or lakhs)."""

SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'’\N{ARABIC THOUSANDS SEPARATOR}"


def complaint(pattern: str) -> str | None:
    """Return what is wrong with a pattern, None if it can be used."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    if GROUP not in compiled.groupindex and compiled.groups != 1:
        return f'needs one group, or one named "{GROUP}": (?P<{GROUP}>...)'
    return None


def read(pattern: str, text: str) -> Decimal | None:
    """Return the amount that ``pattern`` finds in ``text``, None if it finds none.

    It is searched without regard to case; its one group, or that named "amount", is a number
    as people write it: with point or comma, thousands in groups, a minus before or behind it,
    in digits of any script.
    """
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    found = compiled.search(text)
    if not found:
        return None
    amount = found[GROUP] if GROUP in compiled.groupindex else found[1]
    return number(amount) if amount else None


def number(written: str) -> Decimal | None:
    """Return a number as people write it, None if it is none.

    "1.234" may mean either; it is read as one thousand and some. Where a currency has three
    decimals, the pattern's group has to leave them out.
    """
    text = "".join(_plain(char) for char in written.strip())
    negative = text.startswith("-") or text.endswith("-")
    text = text.strip("-+ ").rstrip(".,")  # a full stop may follow
    if not WRITTEN.fullmatch(text):
        return None
    value = Decimal(_with_point(text.replace(" ", "")))
    return -value if negative else value


def _plain(char: str) -> str:
    """Return the ASCII character that means the same."""
    if char.isdigit() and (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if char in MINUS:
        return "-"
    if char in SPACES:
        return " "
    return "." if char == POINTS[2] else char


def _with_point(text: str) -> str:
    """Return ``text`` with a point before its decimals and nothing between its thousands."""
    if THOUSANDS.fullmatch(text):
        return text.replace(".", "").replace(",", "")
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return text
    whole = text[:last].replace(".", "").replace(",", "")
    return f"{whole}.{text[last + 1 :]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a SIM is asked: ``every``, and after so many parts (0: not for that)."""

    every: timedelta
    after_parts: int = 0


@dataclass(frozen=True, slots=True)
class InVain:
    """Questions that brought nothing: how many in a row, and when the last one was put."""

    times: int
    last: datetime


def due(
    schedule: Schedule, now: datetime, *, asked_at: datetime | None, parts: int, vain: InVain | None
) -> bool:
    """Say whether a SIM is to be asked now.

    Args:
        schedule: how often.
        now: the time.
        asked_at: when it last answered something that could be read; None: never.
        parts: sent since then.
        vain: what was asked since then; None: nothing.

    """
    if vain is not None:
        pause = BACK_OFF[min(vain.times, len(BACK_OFF)) - 1]
        return now >= vain.last + min(pause, schedule.every)
    if asked_at is None or asked_at > now:  # the clock was set back
        return True
    if schedule.after_parts and parts >= schedule.after_parts:
        return True
    return now >= asked_at + schedule.every


def is_low(balance: Decimal, minimum: float) -> bool:
    """Say whether a SIM has less left than it must."""
    return balance < Decimal(str(minimum))


def may_pause(paused_for: str | None) -> bool:
    """Say whether a low balance is why a SIM is to be paused: not if somebody else has paused it.

    ``paused_for`` is the reason it is paused for now, None if it is not.
    """
    return paused_for is None or is_ours(paused_for)


def is_ours(paused_for: str | None) -> bool:
    """Say whether a SIM is paused for its balance."""
    return paused_for is not None and paused_for.startswith(REASON)


def reason(balance: Decimal, minimum: float) -> str:
    """Return why a SIM is paused, a sentence's middle."""
    return f"{REASON}{balance:.2f} is below {minimum:.2f}"
