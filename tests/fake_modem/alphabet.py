"""The 7-bit alphabet of 3GPP TS 23.038 with its extension, and the national languages' ones.

Written apart from the product's codec on purpose: what judges it must not share its mistakes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from tests.fake_modem.languages import LANGUAGES, LOCKING, NONE, SHIFT

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\"} | {
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"
}  # fmt: skip
ESCAPE = 0x1B
SINGLE_SHIFT, LOCKING_SHIFT = 0x24, 0x25  # header elements (23.040 clause 9.2.3.24)


@dataclass(frozen=True)
class Alphabet:
    """A basic table and what stands behind an escape."""

    basic: str
    extension: Mapping[int, str]
    codes: Mapping[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        codes = {char: bytes([ESCAPE, code]) for code, char in self.extension.items()}
        codes |= {
            char: bytes([code])
            for code, char in enumerate(self.basic)
            if code != ESCAPE and char != NONE
        }
        object.__setattr__(self, "codes", codes)

    def covers(self, text: str) -> bool:
        """Tell whether it can write ``text``."""
        return all(char in self.codes for char in text)

    def septets(self, text: str) -> bytes:
        """Return one septet per octet, an extension character as two."""
        return b"".join(self.codes[char] for char in text)

    def text(self, septets: bytes) -> str:
        """Return the text; an unknown extension is the plain character (clause 6.2.1.1)."""
        text, escaped = [], False
        for code in septets:
            if escaped:
                plain = " " if code == ESCAPE else self.basic[code]
                text.append(self.extension.get(code, plain))
                escaped = False
            elif code == ESCAPE:
                escaped = True
            else:
                text.append(self.basic[code])
        return "".join(text)


DEFAULT = Alphabet(BASIC, EXTENSION)


@cache
def national(locking: int, shift: int) -> Alphabet:
    """Return the alphabet of two languages by their numbers; 0, or one unknown, is the default."""
    basic, extension = BASIC, EXTENSION
    if 0 < locking <= len(LANGUAGES):
        basic = LOCKING.get(LANGUAGES[locking - 1], BASIC)
    if 0 < shift <= len(LANGUAGES):
        table = SHIFT[LANGUAGES[shift - 1]]
        extension = {code: char for code, char in enumerate(table) if char != NONE}
    return Alphabet(basic, extension)


def language_header(language: str, *, locking: bool = False) -> bytes:
    """Return the header elements for a language's shift table and, if wanted, its basic one."""
    number = LANGUAGES.index(language) + 1
    elements = bytes([SINGLE_SHIFT, 1, number])
    return elements + bytes([LOCKING_SHIFT, 1, number]) if locking else elements


def is_gsm7(text: str) -> bool:
    """Tell whether the default alphabet with its extension can write ``text``."""
    return DEFAULT.covers(text)


def septets(text: str) -> bytes:
    """Return the septets of the default alphabet."""
    return DEFAULT.septets(text)


def from_septets(codes: bytes) -> str:
    """Return the text that septets of the default alphabet stand for."""
    return DEFAULT.text(codes)


def pack(codes: bytes, fill: int = 0) -> bytes:
    """Put septets behind ``fill`` empty bits (23.038 clause 6.1.2.1)."""
    number = 0
    for index, code in enumerate(codes):
        number |= code << 7 * index
    return (number << fill).to_bytes((7 * len(codes) + fill + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """Take ``count`` septets out of octets; what is not there reads as nothing."""
    number = int.from_bytes(octets, "little") >> fill
    there = min(count, (8 * len(octets) - fill) // 7)
    return bytes([number >> shift & 0x7F for shift in range(0, 7 * there, 7)])
