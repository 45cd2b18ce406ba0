"""In which tables a text is written: those that make the fewest parts of it."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from appliance.errors import TooManyParts
from appliance.text.national import LOCKING, SINGLE, alphabet_in
from appliance.text.segments import MOST_PARTS, Segment, least, split


class Choice(NamedTuple):
    """How a text is written."""

    segments: tuple[Segment, ...]
    language: int  # tables: locking × 256 + single shift; 0: the default ones, or UCS-2


def choose(
    text: str, languages: Sequence[int] = (), *, header: int = 0, wide: bool = False
) -> Choice:
    """Return ``text`` in the fewest parts that the tables of ``languages`` allow.

    Of ways that make equally many the first counts: the default alphabet; a single shift
    table; a locking table, then with its single shift table; the languages in their
    order. UCS-2 comes last: it is taken where no table has every character, since a part
    holds more even of escaped characters than of UTF-16 units (76 to 70, 73 to 67).

    Args:
        text: as in ``split``.
        languages: identifiers of national languages (``LANGUAGES``) that may be used.
            Beside a header of the account's own none is: it goes out as it is.
        header: as in ``split``.
        wide: as in ``split``.

    Raises:
        TooManyParts: as ``split`` does, if that is so in every way.

    """
    best: Choice | None = None
    for language in _ways(tuple(languages)) if languages and not header else ():
        most = len(best.segments) - 1 if best else MOST_PARTS
        if found := _written(text, language, wide=wide, most=most):
            best = Choice(found, language)
            if len(found) == 1:
                break
    return best or Choice(split(text, header=header, wide=wide), 0)


def _written(text: str, language: int, *, wide: bool, most: int) -> tuple[Segment, ...]:
    """Return ``text`` in 7-bit tables, or nothing if they lack a character or make too many."""
    if not alphabet_in(language).covers(text) or least(text, wide=wide, language=language) > most:
        return ()
    try:
        segments = split(text, wide=wide, language=language)
    except TooManyParts:
        return ()
    return segments if len(segments) <= most else ()


@cache
def _ways(languages: tuple[int, ...]) -> tuple[int, ...]:
    """Return the pairs of tables to try, the best liked first."""
    single = tuple(number for number in languages if number in SINGLE)
    locking = tuple(number * 256 for number in languages if number in LOCKING)
    return 0, *single, *locking, *(number * 256 + number for number in single if number in LOCKING)
