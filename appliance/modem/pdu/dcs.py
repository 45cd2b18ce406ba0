"""TP-Data-Coding-Scheme (23.038 clause 4)."""

from typing import Final, NamedTuple

from appliance.text import Encoding


class Scheme(NamedTuple):
    """What a data coding scheme says about the user data."""

    encoding: Encoding
    septets: bool  # TP-UDL counts septets, else octets
    flash: bool  # message class 0: shown at once, not stored


ALPHABETS: Final = (Encoding.GSM7, Encoding.BINARY, Encoding.UCS2, Encoding.GSM7)
"""By bits 3-2 of the general groups; the reserved one is to be read as the default alphabet."""

OF_GROUP: Final = {
    0b1110: Encoding.UCS2,  # message waiting, store; all other groups without ALPHABETS are GSM7
}

GENERAL: Final = range(0b1000)  # groups 00xx and 01xx; the latter asks for automatic deletion

CLASSED: Final = 0b1111  # data coding and message class

COMPRESSED: Final = 0x20

HAS_CLASS: Final = 0x10

CODING: Final = {Encoding.GSM7: 0x00, Encoding.BINARY: 0x04, Encoding.UCS2: 0x08}


def encode_scheme(encoding: Encoding, *, flash: bool) -> int:
    """Return the octet for ``encoding``, as class 0 if ``flash``, else without a class."""
    return CODING[encoding] | (HAS_CLASS if flash else 0)


def decode_scheme(dcs: int) -> Scheme:
    """Return what ``dcs`` (0-255) says; reserved values are the default alphabet.

    Compressed text cannot be read and stays binary.
    """
    group = dcs >> 4
    class_0 = not dcs & 0b11
    if group == CLASSED:
        return _scheme(Encoding.BINARY if dcs & 0b100 else Encoding.GSM7, flash=class_0)
    if group not in GENERAL:
        return _scheme(OF_GROUP.get(group, Encoding.GSM7), flash=False)
    encoding = Encoding.BINARY if dcs & COMPRESSED else ALPHABETS[dcs >> 2 & 0b11]
    return _scheme(encoding, flash=class_0 and bool(dcs & HAS_CLASS))


def _scheme(encoding: Encoding, *, flash: bool) -> Scheme:
    return Scheme(encoding, septets=encoding is Encoding.GSM7, flash=flash)
