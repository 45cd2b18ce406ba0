"""Elements of a user data header (23.040 clause 9.2.3.24), and those that name national tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

SINGLE_SHIFT: Final = 0x24
"""National language single shift: the table behind the escape (clause 9.2.3.24.15)."""

LOCKING_SHIFT: Final = 0x25
"""National language locking shift: the table itself (clause 9.2.3.24.16)."""

WIDE: Final = 0x08

CONCATENATION: Final = {0x00: 3, WIDE: 4}
"""Elements of concatenation and their lengths (clauses 9.2.3.24.1 and .8)."""


def elements_of(octets: bytes) -> tuple[tuple[int, bytes], ...] | None:
    """Return the elements in ``octets`` (a header without its length octet).

    Returns:
        Pairs of identifier and data, in their order; None if they do not add up.

    """
    if not octets:  # nearly always
        return ()
    elements = tuple(_elements(octets))
    return elements if sum(2 + len(data) for _, data in elements) == len(octets) else None


@dataclass(frozen=True, slots=True)
class Numbering:
    """What an element of concatenation says: ``ordinal`` of ``total`` under a reference.

    ``wide``: the reference has 16 bits (clause 9.2.3.24.8), else 8 (9.2.3.24.1).
    """

    reference: int
    total: int
    ordinal: int
    wide: bool


def numbering_in(octets: bytes) -> Numbering | None:
    """Return which segment of what a header (without its length octet) says a part is.

    None if it says nothing that makes sense; of elements that come twice the last one counts.
    """
    found = None
    for identifier, data in elements_of(octets) or ():
        if len(data) != CONCATENATION.get(identifier):
            continue
        reference, total, ordinal = int.from_bytes(data[:-2], "big"), data[-2], data[-1]
        if 1 <= ordinal <= total:
            found = Numbering(reference, total, ordinal, wide=identifier == WIDE)
    return found


def renumbered(octets: bytes, reference: int) -> bytes:
    """Return a header with ``reference`` in its elements of concatenation, cut to their width."""
    written = b""
    for identifier, data in elements_of(octets) or ():
        written += bytes((identifier, len(data)))
        if len(data) == CONCATENATION.get(identifier):
            width = len(data) - 2
            written += (reference % (1 << 8 * width)).to_bytes(width, "big") + data[-2:]
        else:
            written += data
    return written or octets


def tables_in(octets: bytes) -> int:
    """Return which national tables a header (without its length octet) names.

    Returns:
        Identifier of the locking table × 256 + that of the single shift table, each 0-255
        and 0 for the default one. Of elements that come twice the last one counts; a
        malformed header names none.

    """
    if not octets:
        return 0
    found = {LOCKING_SHIFT: 0, SINGLE_SHIFT: 0}
    for identifier, data in elements_of(octets) or ():
        if identifier in found and len(data) == 1:
            found[identifier] = data[0]
    return found[LOCKING_SHIFT] * 256 + found[SINGLE_SHIFT]


@cache
def naming(language: int) -> bytes:
    """Return the elements that name the tables of ``language``, three octets for each.

    Args:
        language: as ``tables_in`` returns it; 0 needs no element.

    """
    locking, single = divmod(language, 256)
    named = ((SINGLE_SHIFT, single), (LOCKING_SHIFT, locking))
    return b"".join(bytes((identifier, 1, table)) for identifier, table in named if table)


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the whole elements, up to one that is cut off."""
    start = 0
    while start + 1 < len(octets) and start + 2 + octets[start + 1] <= len(octets):
        end = start + 2 + octets[start + 1]
        yield octets[start], octets[start + 2 : end]
        start = end
