"""Cutting a text or data into what single parts carry."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

from appliance.errors import TooManyParts
from appliance.text.coding import Encoding
from appliance.text.elements import naming
from appliance.text.national import alphabet_in

USER_DATA: Final = 140
"""Octets of TP-User-Data in one part (23.040 clause 9.2.3.24)."""

CONCATENATION: Final = {False: 6, True: 7}
"""Octets of a header that holds nothing but an 8-bit or, True, a 16-bit concatenation element."""

MOST_PARTS: Final = 255
"""What the concatenation element can count (23.040 clause 9.2.3.24.1)."""

JOINER: Final = "\N{ZERO WIDTH JOINER}"

CLINGING: Final = frozenset(
    JOINER
    + "\N{ZERO WIDTH NON-JOINER}"
    + "".join(map(chr, range(0x1F3FB, 0x1F400)))  # skin tones
    + "".join(map(chr, range(0xE0020, 0xE0080)))  # tags of subdivision flags
)
"""Characters that belong to the one before them, besides the combining marks."""

FLAG_LETTERS: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
"""Regional indicators: two of them are a flag."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one part carries, without any header.

    ``payload`` is, for GSM7, one septet to an octet, unpacked (an escaped character is
    0x1B and its septet); for UCS2, UTF-16BE; for BINARY, the octets themselves.
    """

    encoding: Encoding
    payload: bytes


def split(
    text: str, *, header: int = 0, wide: bool = False, language: int = 0
) -> tuple[Segment, ...]:
    """Cut ``text`` into parts: one of 160 septets or 70 UTF-16 units, or several of 153 or 67.

    No escape pair and no surrogate pair is ever cut, nor, where it can be avoided, what
    a reader sees as one character (combining marks, emoji sequences, flags). A lone
    surrogate becomes U+FFFD. An empty text is one empty part.

    Args:
        text: any text; in UCS-2 if one character is outside the 7-bit tables.
        header: octets of a user data header that the account brings, its length octet
            included; the text must then fit beside it in one part. It names the tables
            of ``language`` itself.
        wide: several parts are numbered with 16-bit references, and carry 152 or 66.
        language: national 7-bit tables to write in, locking × 256 + single shift, 0 the
            default ones; without a header of the account's own each part names them, which
            takes three octets a table (155, 149 septets with one, 152, 146 with two).

    Raises:
        TooManyParts: more than 255 parts, or more than one beside a header.

    """
    alphabet = alphabet_in(language)
    if alphabet.covers(text):
        named = 0 if header else len(naming(language))
        room, short = _rooms(header, named, wide=wide, of=7)
        coded = alphabet.encode(text)
        if len(coded) <= room:
            return (Segment(Encoding.GSM7, coded),)
        pieces = map(alphabet.encode, _runs(text, short, alphabet.length))
        return _cut("text", header, pieces, Encoding.GSM7)
    text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    room, short = _rooms(header, wide=wide, of=16)
    if _units(text) <= room:
        return (Segment(Encoding.UCS2, text.encode("utf-16-be")),)
    runs = (run.encode("utf-16-be") for run in _runs(text, short, _units))
    return _cut("text", header, runs, Encoding.UCS2)


def least(text: str, *, wide: bool = False, language: int = 0) -> int:
    """Return how many parts ``text`` takes at least in 7-bit tables, which have its characters.

    ``split``, which cuts no escape pair, may need a few more. The arguments are as there.
    """
    named = len(naming(language))
    room, short = _rooms(0, named, wide=wide, of=7)
    length = alphabet_in(language).length(text)
    return 1 if length <= room else -(-length // short)


def split_data(data: bytes, *, header: int = 0, wide: bool = False) -> tuple[Segment, ...]:
    """Cut 8-bit ``data`` into parts: one of 140 octets, or several of 134 (``wide``: 133).

    ``header`` and what is raised are as in ``split``; the field is ``data``.
    """
    room, short = _rooms(header, wide=wide, of=8)
    if len(data) <= room:
        return (Segment(Encoding.BINARY, data),)
    runs = (data[start : start + short] for start in range(0, len(data), short))
    return _cut("data", header, runs, Encoding.BINARY)


def _rooms(header: int, named: int = 0, *, wide: bool, of: int) -> tuple[int, int]:
    """Return how many units of ``of`` bits fit in an only part, and in one of several.

    ``named``: octets that naming national tables takes of each; a length octet comes with
    them where there is no header yet.
    """
    alone = header or (1 if named else 0)
    free = USER_DATA - named
    return (free - alone) * 8 // of, (free - CONCATENATION[wide]) * 8 // of


def _cut(field: str, header: int, runs: Iterable[bytes], encoding: Encoding) -> tuple[Segment, ...]:
    if header:
        raise TooManyParts(field, "does not fit in one part beside its own user data header")
    parts = tuple(Segment(encoding, run) for run in islice(runs, MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise TooManyParts(field, f"needs more than {MOST_PARTS} parts")
    return parts


def _runs(text: str, room: int, length: Callable[[str], int]) -> Iterator[str]:
    """Yield the pieces of ``text`` that take at most ``room`` units each.

    ``length`` tells how many units a text takes; a character takes one or two.
    """
    start = 0
    while start < len(text):
        end = _last_fitting(text, start, room, length)
        cuts = range(end, start, -1)
        whole = next((cut for cut in cuts if not _parts_a_character(text, start, cut)), end)
        yield text[start:whole]
        start = whole


def _last_fitting(text: str, start: int, room: int, length: Callable[[str], int]) -> int:
    """Return the furthest end from ``start`` with at most ``room`` units between."""
    end = min(start + room, len(text))
    while (excess := length(text[start:end]) - room) > 0:
        end -= (excess + 1) // 2
    return end


def _units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def _parts_a_character(text: str, start: int, at: int) -> bool:
    """Tell whether a cut before ``text[at]`` parts what a reader sees as one character.

    ``start`` is where the piece before the cut begins.
    """
    if at == len(text):
        return False
    before, after = text[at - 1], text[at]
    if before == JOINER or after in CLINGING or unicodedata.category(after).startswith("M"):
        return True
    if before in FLAG_LETTERS and after in FLAG_LETTERS:
        run = takewhile(FLAG_LETTERS.__contains__, reversed(text[start:at]))
        return sum(1 for _ in run) % 2 == 1
    return False
