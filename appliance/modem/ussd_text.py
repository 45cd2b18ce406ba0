"""How USSD texts are written in ``+CUSD`` and ``AT+CUSD`` (3GPP TS 27.007 clause 7.15). Pure.

The standard has characters of the terminal's set; makers have their own ways: Huawei packed
septets in hex, others UCS-2 in hex whatever coding they claim. So what a reply is, is decided
by its coding scheme, by what is known of the model, and by the shape of the text itself; where
these do not agree, what reads as words wins, and what reads as nothing stays as it came.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from appliance.errors import PduError
from appliance.modem.pdu.septets import pack, unpack
from appliance.text import DEFAULT

LONGEST: Final = 182
"""Septets in the 160 octets that a USSD string may have (24.080 clause 4.6.1.2)."""

FULLEST: Final = 224
"""Octets of septets that are looked at; more is no USSD string."""

PADDING: Final = b"\r"
"""Fills seven spare bits, which would else be an @ (23.038 clause 6.1.2.3.1)."""

ALIKE: Final = frozenset(
    char
    for char in map(chr, range(0x20, 0x7F))
    if char != '"' and DEFAULT.covers(char) and DEFAULT.encode(char) == char.encode("ascii")
)
"""Characters that are the same octet in every character set, and end no quoted string."""

LATE_LETTERS: Final = str.maketrans("[\\]^`{|}~", "ÄÖÑÜ¿äöñü")
"""What some octets mean in the set "GSM" (27.005 annex A), where they cannot be the signs that
ASCII has there. ``$``, ``@`` and ``_`` are left alone: modems that mean GSM rarely write those."""

COMMON: Final = frozenset("\n\r .,:;-/+%()'*#!?$€£¥äöüÄÖÜßñÑàèéìòùåÅæÆøØçÇ")
"""What nearly all of the words of an operator consists of, besides ASCII's letters and digits."""

SHORTEST_PACKED: Final = 8
"""Hex digits below which a text is not taken for septets where nothing else speaks for it."""

SURELY: Final = 9
"""Octets from which on an odd number of them may be UCS-2 that was cut off."""

FIRST_HALVES: Final = range(0xD8, 0xDC)
"""First octets of the first halves of UTF-16's pairs."""

HEX: Final = re.compile(r"(?:[0-9A-F]{2})+|(?:[0-9a-f]{2})+")

SAID: Final = re.compile(r"\+CUSD:\s*(\d)\s*(?:,\s*(.*))?", re.DOTALL)

UNQUOTED: Final = re.compile(r"(.*?)\s*(?:,\s*(\d{1,3})\s*)?", re.DOTALL)

LANGUAGE: Final = re.compile(r"[A-Za-z]{2}[\r\n]")

SCRIPTS: Final = range(0x01, 0x20)
"""First octets of the UCS-2 characters of alphabets; visible ASCII in septets never begins so."""


@dataclass(frozen=True, slots=True)
class Said:
    """A ``+CUSD`` line taken apart; ``text`` is as it was written, None if there was none."""

    m: int
    text: str | None = None
    dcs: int | None = None


class Coding(Enum):
    """What a data coding scheme says of a text."""

    SEPTETS = auto()
    OCTETS = auto()
    UCS2 = auto()


def parse(line: str) -> Said | None:
    """Take a ``+CUSD`` line apart, with or without quotes; None if it is none."""
    found = SAID.fullmatch(line)
    if not found:
        return None
    m, rest = int(found[1]), found[2]
    if rest is None:
        return Said(m)
    body, _, after = rest.rpartition('"')
    if rest.startswith('"') and body:
        number = re.fullmatch(r"\s*(?:,\s*(\d{1,3})\s*)?", after)
        return Said(m, body[1:], int(number[1]) if number and number[1] else None)
    plain = UNQUOTED.fullmatch(rest.removeprefix('"'))
    assert plain
    return Said(m, plain[1], int(plain[2]) if plain[2] else None)


def coding_of(dcs: int | None) -> Coding:
    """Return what a cell broadcast data coding scheme says (23.038 clause 5); None: septets."""
    if dcs is None:
        return Coding.SEPTETS
    group = dcs >> 4
    if dcs == 0x11:
        return Coding.UCS2
    if group in (0x4, 0x5, 0x6, 0x7, 0x9):
        return (Coding.SEPTETS, Coding.OCTETS, Coding.UCS2, Coding.SEPTETS)[dcs >> 2 & 3]
    if group == 0xF and dcs & 4:
        return Coding.OCTETS
    return Coding.SEPTETS


def decode_reply(text: str, dcs: int | None, form: str = "gsm", charset: str = "") -> str:
    """Return the words of a reply.

    Args:
        text: as it stood in the line, one character for each octet.
        dcs: its data coding scheme (23.038 clause 5), None where the modem gave none.
        form: how the model writes, ``Profile.ussd``; a hint.
        charset: the terminal's character set as AT+CSCS? tells it, '' if unknown.

    """
    hexed = re.sub(r"\s", "", text)
    if HEX.fullmatch(hexed):
        for read in _readings(coding_of(dcs), form, charset):
            if (words := read(bytes.fromhex(hexed), dcs)) is not None:
                return _tidy(words)
    elif HEX.fullmatch(hexed[:-1]) and (words := _ucs2_alphabet(bytes.fromhex(hexed[:-1]), dcs)):
        return _tidy(words)  # long ones are cut off anywhere, in the middle of an octet too
    return _tidy(_without_language(_plain(text, charset), dcs))


def encode(text: str, form: str = "gsm", charset: str = "") -> str:
    """Return what stands between the quotes of AT+CUSD for a code or an answer.

    Raises:
        PduError: it is empty or too long, or a character cannot be written this way.

    """
    if not 1 <= len(text) <= LONGEST:
        raise PduError(f"not between 1 and {LONGEST} characters")
    if not text.isprintable():
        raise PduError("a character is no letter, digit or sign")
    if form == "packed":
        septets = DEFAULT.encode(text)
        if len(septets) > LONGEST:
            raise PduError(f"more than {LONGEST} septets")
        filled = septets + PADDING if len(septets) % 8 == 7 else septets
        return pack(filled).hex().upper()
    if charset == "UCS2":
        return text.encode("utf-16-be").hex().upper()
    if not ALIKE.issuperset(text):
        raise PduError("a character cannot be sent by this modem")
    return text


Read = Callable[[bytes, int | None], str | None]


def _readings(coding: Coding, form: str, charset: str) -> tuple[Read, ...]:
    """Return the ways to read hex, the likeliest first; the last resort is hex as it is."""
    if charset == "HEX" and coding is Coding.SEPTETS:
        return (_ucs2_alphabet, _hexed_septets)
    if coding is Coding.OCTETS:
        return (_ucs2_alphabet, _octets)
    if coding is Coding.UCS2:
        return (_ucs2, _packed_words)
    if form == "ucs2" or charset == "UCS2":
        return (_ucs2_alphabet, _packed_words, _ucs2)
    if form == "packed":
        return (_ucs2_alphabet, _packed)
    return (_ucs2_alphabet, _packed_words)


def _ucs2(octets: bytes, dcs: int | None) -> str | None:
    """Read UCS-2, up to the first character that is none: some append what lay in memory."""
    if dcs == 0x11 and unpack(octets, 2).isalpha():
        octets = octets[2:]  # the language stands in front (23.038 clause 5)
    groups = [octets[at : at + 2] for at in range(0, len(octets) - 1, 2)]
    end = next((at for at, group in enumerate(groups) if group in (b"\0\0", b"\xff\xff")), None)
    if end is None and groups and groups[-1][0] in FIRST_HALVES:
        end = -1  # cut off within an emoji
    try:
        words = b"".join(groups[:end]).decode("utf-16-be").removeprefix("\N{BOM}")
    except UnicodeDecodeError:
        return None
    return words if _readable(words) else None


def _ucs2_alphabet(octets: bytes, dcs: int | None) -> str | None:
    """Read UCS-2 if it cannot be anything else: characters of ASCII and one alphabet.

    Half a character at the end is what is left of one that was cut off.
    """
    if len(octets) < 4 or len(octets) % 2 > (len(octets) >= SURELY):
        return None
    words = _ucs2(octets, dcs)
    if not words or octets[0] not in (0, *SCRIPTS):
        return None
    rows = {ord(char) >> 8 for char in words} - {0x00, 0x20}
    return words if len(rows) <= 1 and rows <= set(SCRIPTS) else None


def _packed(octets: bytes, _dcs: int | None) -> str | None:
    """Read packed septets."""
    if len(octets) > FULLEST:
        return None
    count = len(octets) * 8 // 7
    if int.from_bytes(octets, "little") >> 7 * count:
        return None  # the spare bits are not zero
    septets = unpack(octets, count)
    if count % 8 == 0 and septets[-1:] in (PADDING, b"\0"):
        septets = septets[:-1]
    words = DEFAULT.decode(septets)
    return words if _readable(words) else None


def _packed_words(octets: bytes, dcs: int | None) -> str | None:
    """Read packed septets if what comes out is what operators write, and the hex is no number."""
    digits = octets.hex()
    if len(digits) < SHORTEST_PACKED or digits.isdecimal() or digits.isalpha():
        return None
    words = _packed(octets, dcs)
    if words is None:
        return None
    odd = sum(not (char in COMMON or (char.isascii() and char.isalnum())) for char in words)
    return words if 10 * odd <= len(words) else None


def _hexed_septets(octets: bytes, _dcs: int | None) -> str | None:
    words = DEFAULT.decode(octets)
    return words if _readable(words) and "\N{REPLACEMENT CHARACTER}" not in words else None


def _octets(octets: bytes, _dcs: int | None) -> str | None:
    try:
        words = octets.decode("utf-8")
    except UnicodeDecodeError:
        words = octets.decode("latin-1")
    return words if _readable(words) else None


def _plain(text: str, charset: str) -> str:
    """Read characters. Each of ``text`` is one octet."""
    try:
        octets = text.encode("latin-1")
    except UnicodeEncodeError:
        return text
    if charset == "GSM" and text.isascii():
        return text.translate(LATE_LETTERS)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _without_language(words: str, dcs: int | None) -> str:
    return words[3:] if dcs == 0x10 and LANGUAGE.match(words) else words


def _readable(words: str) -> bool:
    """Say whether there is something, and nothing that no operator would write."""
    return bool(words) and all(
        char in "\n\r\t" or unicodedata.category(char) not in {"Cc", "Cn", "Co", "Cs"}
        for char in words
    )


def _tidy(words: str) -> str:
    return "\n".join(line.rstrip() for line in words.splitlines()).strip()
