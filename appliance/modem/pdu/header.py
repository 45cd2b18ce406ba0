"""The user data header: which part of a long message this is, and what else it says.

Source:
    3GPP TS 23.040 clause 9.2.3.24: a length octet, then elements of an identifier,
    a length and that many octets.

"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from appliance.errors import PduError
from appliance.text import elements_of, tables_in

CONCAT: Final = 0x00  # concatenation with an 8-bit reference (clause 9.2.3.24.1)

WIDE_CONCAT: Final = 0x08  # with a 16-bit reference (clause 9.2.3.24.8)

REFERENCE_OCTETS: Final[Mapping[int, int]] = {CONCAT: 1, WIDE_CONCAT: 2}

LONGEST: Final = 139
"""Octets of elements that fit in a part beside the length octet."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of a long message this is.

    Attributes:
        reference: 0-255, or 0-65535 if ``wide``; the same in all parts.
        total: parts of the whole message, 1-255.
        ordinal: this one's number, 1 to ``total``.
        wide: the reference has 16 bits.

    """

    reference: int
    total: int
    ordinal: int
    wide: bool = False


class Header(NamedTuple):
    """What a received header says."""

    concat: Concat | None
    others: bytes  # the elements besides concatenation, in their order
    languages: tuple[int, int]  # of the locking and the single shift table, 0 the default


EMPTY: Final = Header(None, b"", (0, 0))


def encode_header(concat: Concat | None, others: bytes) -> bytes:
    """Return a header with its length octet, or ``b""`` if there is nothing to say.

    Args:
        concat: the part's number, or None if it is the only one.
        others: further elements, as they are to go out.

    Raises:
        PduError: a number of ``concat`` is out of range, ``others`` is no sequence of
            elements, or there is too much of it.

    """
    if concat is None and not others:
        return b""
    if elements_of(others) is None:
        raise PduError("the user data header is malformed")
    elements = (b"" if concat is None else _concat_element(concat)) + others
    if len(elements) > LONGEST:
        raise PduError(f"a user data header of {len(elements)} octets does not fit in a part")
    return bytes((len(elements),)) + elements


def decode_header(octets: bytes) -> Header:
    """Return what the elements in ``octets`` (without the length octet) say.

    A malformed header is ignored as a whole, as is a concatenation element with an
    impossible number; of elements that come twice the last one counts.
    """
    elements = elements_of(octets)
    if elements is None:
        return EMPTY
    concat, others = None, b""
    for identifier, data in elements:
        if found := _concat(identifier, data):
            concat = found
        else:
            others += bytes((identifier, len(data))) + data
    locking, single = divmod(tables_in(others), 256)
    return Header(concat, others, (locking, single))


def _concat(identifier: int, data: bytes) -> Concat | None:
    width = REFERENCE_OCTETS.get(identifier)
    if width is None or len(data) != width + 2:
        return None
    total, ordinal = data[width:]
    if not 1 <= ordinal <= total:
        return None
    return Concat(int.from_bytes(data[:width], "big"), total, ordinal, wide=width == 2)


def _concat_element(concat: Concat) -> bytes:
    identifier = WIDE_CONCAT if concat.wide else CONCAT
    width = REFERENCE_OCTETS[identifier]
    if not 0 <= concat.reference < 1 << 8 * width or not 1 <= concat.ordinal <= concat.total <= 255:
        raise PduError(f"{concat} is out of range")
    reference = concat.reference.to_bytes(width, "big")
    return bytes((identifier, width + 2)) + reference + bytes((concat.total, concat.ordinal))
