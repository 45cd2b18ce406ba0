"""Cutting a text or data into what single parts carry."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

from appliance.errors import TooManyParts
from appliance.text.alphabet import ESCAPE
from appliance.text.coding import Encoding, encoding_of, septets

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


def split(text: str, *, header: int = 0, wide: bool = False) -> tuple[Segment, ...]:
    """Cut ``text`` into parts: one of 160 septets or 70 UTF-16 units, or several of 153 or 67.

    No escape pair and no surrogate pair is ever cut, nor, where it can be avoided, what
    a reader sees as one character (combining marks, emoji sequences, flags). A lone
    surrogate becomes U+FFFD. An empty text is one empty part.

    Args:
        text: any text; in UCS-2 if one character is outside the GSM 7-bit alphabet.
        header: octets of a user data header that the account brings, its length octet
            included; the text must then fit beside it in one part.
        wide: several parts are numbered with 16-bit references, and carry 152 or 66.

    Raises:
        TooManyParts: more than 255 parts, or more than one beside a header.

    """
    if encoding_of(text) is Encoding.GSM7:
        coded = septets(text)
        room, short = _rooms(header, wide=wide, of=7)
        if len(coded) <= room:
            return (Segment(Encoding.GSM7, coded),)
        return _cut("text", header, _septet_runs(coded, short), Encoding.GSM7)
    text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    room, short = _rooms(header, wide=wide, of=16)
    if _units(text) <= room:
        return (Segment(Encoding.UCS2, text.encode("utf-16-be")),)
    runs = (run.encode("utf-16-be") for run in _unit_runs(text, short))
    return _cut("text", header, runs, Encoding.UCS2)


def split_data(data: bytes, *, header: int = 0, wide: bool = False) -> tuple[Segment, ...]:
    """Cut 8-bit ``data`` into parts: one of 140 octets, or several of 134 (``wide``: 133).

    ``header`` and what is raised are as in ``split``; the field is ``data``.
    """
    room, short = _rooms(header, wide=wide, of=8)
    if len(data) <= room:
        return (Segment(Encoding.BINARY, data),)
    runs = (data[start : start + short] for start in range(0, len(data), short))
    return _cut("data", header, runs, Encoding.BINARY)


def _rooms(header: int, *, wide: bool, of: int) -> tuple[int, int]:
    """Return how many units of ``of`` bits fit in an only part, and in one of several."""
    return (USER_DATA - header) * 8 // of, (USER_DATA - CONCATENATION[wide]) * 8 // of


def _cut(field: str, header: int, runs: Iterator[bytes], encoding: Encoding) -> tuple[Segment, ...]:
    if header:
        raise TooManyParts(field, "does not fit in one part beside its own user data header")
    parts = tuple(Segment(encoding, run) for run in islice(runs, MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise TooManyParts(field, f"needs more than {MOST_PARTS} parts")
    return parts


def _septet_runs(coded: bytes, room: int) -> Iterator[bytes]:
    start = 0
    while start < len(coded):
        end = start + room
        if end < len(coded) and coded[end - 1] == ESCAPE:
            end -= 1
        yield coded[start:end]
        start = end


def _unit_runs(text: str, room: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = _last_fitting(text, start, room)
        whole = next((cut for cut in range(end, start, -1) if not _cuts(text, cut)), end)
        yield text[start:whole]
        start = whole


def _last_fitting(text: str, start: int, room: int) -> int:
    """Return the furthest end from ``start`` with at most ``room`` UTF-16 units between."""
    end = min(start + room, len(text))
    while (excess := _units(text[start:end]) - room) > 0:
        end -= (excess + 1) // 2
    return end


def _units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def _cuts(text: str, at: int) -> bool:
    """Tell whether a cut before ``text[at]`` parts what a reader sees as one character."""
    if at == len(text):
        return False
    before, after = text[at - 1], text[at]
    if before == JOINER or after in CLINGING or unicodedata.category(after).startswith("M"):
        return True
    if before in FLAG_LETTERS and after in FLAG_LETTERS:
        run = takewhile(FLAG_LETTERS.__contains__, reversed(text[:at]))
        return sum(1 for _ in run) % 2 == 1
    return False
