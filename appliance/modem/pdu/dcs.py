"""TP-Data-Coding-Scheme (23.038 clause 4)."""

from typing import Final, NamedTuple

from appliance.text import Encoding


class Scheme(NamedTuple):
    """What a data coding scheme says about the user data."""

    encoding: Encoding
    septets: bool  # TP-UDL counts septets, else octets
    message_class: int | None = None  # 0-3; 0: shown at once, not stored
    compressed: bool = False  # by 23.042; such octets are kept as they are


ALPHABETS: Final = (Encoding.GSM7, Encoding.BINARY, Encoding.UCS2, Encoding.GSM7)
"""By bits 3-2 of the general groups; the reserved one is to be read as the default alphabet."""

GENERAL: Final = range(0b1000)  # groups 00xx and 01xx; the latter asks for automatic deletion

WAITING: Final = {0b1100: Encoding.GSM7, 0b1101: Encoding.GSM7, 0b1110: Encoding.UCS2}
"""Groups of message waiting indications: discard, store, and store in UCS-2."""

STORING: Final = frozenset({0b1101, 0b1110})

CLASSED: Final = 0b1111  # data coding and message class

COMPRESSED: Final = 0x20

HAS_CLASS: Final = 0x10

MESSAGE_CLASS: Final = 0b11

CODING: Final = {Encoding.GSM7: 0x00, Encoding.BINARY: 0x04, Encoding.UCS2: 0x08}


def encode_scheme(encoding: Encoding, *, flash: bool) -> int:
    """Return the octet for ``encoding``, as class 0 if ``flash``, else without a class."""
    return CODING[encoding] | (HAS_CLASS if flash else 0)


def decode_scheme(dcs: int) -> Scheme:
    """Return what ``dcs`` (0-255) says; reserved values are the default alphabet.

    Compressed text cannot be read and stays binary.
    """
    return SCHEMES[dcs]


def _scheme(dcs: int) -> Scheme:
    group, message_class = dcs >> 4, dcs & MESSAGE_CLASS
    if group == CLASSED:
        encoding = Encoding.BINARY if dcs & 0b100 else Encoding.GSM7
        return Scheme(encoding, encoding is Encoding.GSM7, message_class)
    if group not in GENERAL:
        encoding = WAITING.get(group, Encoding.GSM7)
        return Scheme(encoding, encoding is Encoding.GSM7)
    compressed = bool(dcs & COMPRESSED)
    encoding = Encoding.BINARY if compressed else ALPHABETS[dcs >> 2 & 0b11]
    classed = message_class if dcs & HAS_CLASS else None
    return Scheme(encoding, encoding is Encoding.GSM7, classed, compressed)


SCHEMES: Final = tuple(map(_scheme, range(256)))
