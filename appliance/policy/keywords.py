"""What people answer to be left alone, to be written to again, or to be helped. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from appliance.policy import words


class Keyword(StrEnum):
    """What a whole message means."""

    STOP = "stop"
    START = "start"
    HELP = "help"


LONGEST: Final = 100
"""Characters of a message that may still be a keyword with signs around it."""

NO_EXTRA: Final[Mapping[Keyword, Iterable[str]]] = MappingProxyType({})

_CYRILLIC: Final = ("авекмнорстухіјѕԁһӏԛԝ", "abekmhopctyxijsdhlqw")

_GREEK: Final = ("αβεζηικμνορτυχπλγφ", "abezhikmhoptyxплгф")

_OTHER: Final = ("ıٱىة", "iايه")  # Turkish; Arabic spellings of one letter

ALIKE: Final = {
    ord(letter): taken_for
    for letters, latin in (_CYRILLIC, _GREEK, _OTHER)
    for letter, taken_for in zip(letters, latin, strict=True)
}
"""Folded letters and what they are taken for: what looks the same as a capital or a small letter.

Phones that write GSM 7-bit have no П, but a Π: Greek letters stand for Cyrillic ones too.
"""

_SEPARATORS: Final = re.compile(r"[\s\-‐-―_'’]+")

_WITHOUT_MEANING: Final = frozenset({"Mn", "Me", "Cf", "Cc"})
"""Unicode's categories of accents, direction marks and controls."""

_TATWEEL: Final = "ـ"
"""Stretches an Arabic word; for Unicode it is a letter."""


def keyword(text: str, extra: Mapping[Keyword, Iterable[str]] = NO_EXTRA) -> Keyword | None:
    """Return what ``text`` as a whole means, None if it is no keyword.

    A keyword inside a sentence is none: "please do not stop" is an answer, not an opt-out.

    Args:
        text: the whole message, of all its parts.
        extra: further words, as the configuration has them, in any spelling.

    """
    folded = fold(text) if len(text.strip()) <= LONGEST else ""
    if not folded:
        return None
    for meaning, known in _KNOWN.items():
        if folded in known or folded in map(fold, extra.get(meaning, ())):
            return meaning
    return None


def fold(text: str) -> str:
    """Return ``text`` so that spellings of one word are equal; empty if no letter is in it.

    Width and typographic forms (NFKC), case, accents and look-alikes are levelled; signs around
    it, and spaces, hyphens and apostrophes in it, are dropped.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(
        character
        for character in unicodedata.normalize("NFKD", plain)
        if character.isspace()
        or (character != _TATWEEL and unicodedata.category(character) not in _WITHOUT_MEANING)
    )
    return _SEPARATORS.sub("", _trim(bare)).translate(ALIKE)


def _trim(text: str) -> str:
    """Drop what is neither letter nor digit from both ends."""
    kept = [at for at, character in enumerate(text) if character.isalnum()]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def _all(table: Mapping[str, Iterable[str]]) -> frozenset[str]:
    return frozenset(fold(word) for language in table.values() for word in language)


_KNOWN: Final = {
    Keyword.STOP: _all(words.STOP),
    Keyword.START: _all(words.START),
    Keyword.HELP: _all(words.HELP),
}
"""In order: who says several (by a word of the configuration) is left alone."""
