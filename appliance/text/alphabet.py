"""7-bit alphabets: a locking table, and a single shift table behind the escape."""

import re
from collections.abc import Mapping
from typing import Final

from appliance.errors import PduError

ESCAPE: Final = 0x1B

UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"

UNUSED: Final = ("\x1b", UNKNOWN)  # what a table holds where it has no character

SHIFTED: Final = 0x100  # where the escaped septets lie in the table that decoding uses

ESCAPED: Final = re.compile("\x1b(.)", re.DOTALL)


class Alphabet:
    """What each septet means, alone and after the escape (23.038 clause 6.2.1).

    Args:
        locking: the 128 characters of the locking table, in the order of their septets;
            ``UNUSED`` ones where it has none.
        single: the single shift table, by the septet that follows the escape.

    """

    __slots__ = ("_characters", "_meaning", "_septets")

    def __init__(self, locking: str, single: Mapping[int, str]) -> None:
        shifted = {char: f"\x1b{chr(septet)}" for septet, char in single.items()}
        alone = {char: chr(septet) for septet, char in enumerate(locking)}
        spelling = {char: way for char, way in (shifted | alone).items() if char not in UNUSED}
        self._characters = frozenset(spelling)
        self._septets = {ord(char): way for char, way in spelling.items()}
        self._meaning = _meaning(locking, single)

    def covers(self, text: str) -> bool:
        """Tell whether every character of ``text`` can be written in this alphabet."""
        return self._characters.issuperset(text)

    def encode(self, text: str) -> bytes:
        """Return ``text`` as septets, one to an octet, escapes included.

        Raises:
            PduError: a character is outside the alphabet.

        """
        if not self.covers(text):
            raise PduError("a character is outside the 7-bit alphabet")
        return text.translate(self._septets).encode("latin-1")

    def length(self, text: str) -> int:
        """Return how many septets ``text``, which it covers, takes with its escapes."""
        return len(text.translate(self._septets))

    def decode(self, septets: bytes) -> str:
        """Return the text of ``septets``, one to an octet, whatever the octets are.

        An escaped septet that the single shift table lacks is the locking table's
        character; an escape that escapes nothing is a space (23.038 clauses 6.2.1
        and 6.2.1.1). An octet above 0x7F, or without a character, is U+FFFD.
        """
        coded = septets.decode("latin-1")
        if ESCAPE in septets:
            coded = ESCAPED.sub(_shift, coded)
        return coded.translate(self._meaning)


def _shift(escaped: re.Match[str]) -> str:
    return chr(SHIFTED + ord(escaped[1]))


def _meaning(locking: str, single: Mapping[int, str]) -> str:
    alone = locking[:ESCAPE] + " " + locking[ESCAPE + 1 :] + UNKNOWN * 128
    shifted = "".join(single.get(septet, char) for septet, char in enumerate(alone))
    return alone + shifted


DEFAULT_LOCKING: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 7-bit default alphabet (23.038 clause 6.2.1)."""

DEFAULT_SINGLE: Final[Mapping[int, str]] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""Its extension table (23.038 clause 6.2.1.1)."""

DEFAULT: Final = Alphabet(DEFAULT_LOCKING, DEFAULT_SINGLE)
