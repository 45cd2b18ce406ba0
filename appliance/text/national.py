"""National language tables (23.038 annex A), by their identifiers (clause 6.2.1.2.4).

The tables of Indian scripts share one layout, in which each script's letters come in the
order of their Unicode block; so a script is its block, the letters it lacks, and its extras.
Cells 0x0D and 0x1B of single shift tables are control codes and hold no character.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from appliance.text.alphabet import DEFAULT, DEFAULT_LOCKING, DEFAULT_SINGLE, UNKNOWN, Alphabet

SLOT: Final = "·"

LOCKING_LAYOUT: Final = (
    "··········\n··\r··"
    "···········\x1b····"
    " !······)(··,·.·"
    "0123456789:;···?"
    "································"
    "·abcdefghijklmnopqrstuvwxyz·····"
)
"""Of the Indian scripts and Urdu: a slot for each letter."""

SINGLE_LAYOUT: Final[dict[int, str]] = {
    **{septet: char for septet, char in enumerate("@£$¥¿\"¤%&'\f*+·-/<=>¡^¡_#*") if char != SLOT},
    **{septet: DEFAULT_SINGLE[septet] for septet in (0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E)},
    **dict(enumerate("|ABCDEFGHIJKLMNOPQRSTUVWXYZ", start=0x40)),
    0x65: "€",
}

SINGLE_SLOTS: Final = (
    *range(0x19, 0x1B),
    *range(0x1C, 0x28),
    *range(0x2A, 0x2F),
    *range(0x30, 0x3C),
    0x3F,
)
"""Where the single shift tables of Indian scripts and Urdu have their own signs."""

LETTERS: Final = (*range(0x01, 0x04), *range(0x05, 0x3A), *range(0x3C, 0x4E))
"""Places in a script's Unicode block, in the order of the layout's slots."""


class Script(NamedTuple):
    """An Indian script; code points in hex, ``-`` between first and last."""

    block: int
    lacks: str  # places in the block that have no letter
    extras: str  # what fills the last six slots of the locking table
    signs: str  # what fills the slots of the single shift table; FFFD leaves one empty


SCRIPTS: Final[Mapping[int, Script]] = {
    4: Script(  # Bengali
        0x0980,
        "0D-0E 11-12 29 31 33-35 45-46 49-4A",
        "09CE 09D7 09DC-09DD 09F0-09F1",
        "09E6-09EF 09DF-09E3 09F2-09FA",
    ),
    5: Script(  # Gujarati
        0x0A80,
        "0E 12 29 31 34 46 4A",
        "0AD0 0AE0-0AE3 0AF1",
        "0964-0965 0AE6-0AEF",
    ),
    6: Script(  # Hindi
        0x0900,
        "",
        "0950 0972 097B-097C 097E-097F",
        "0964-096F 0951-0954 0958-0963 0970-0971",
    ),
    7: Script(  # Kannada
        0x0C80,
        "01 0D 11 29 34 45 49",
        "0CD5-0CD6 0CE0-0CE3",
        "0964-0965 0CE6-0CEF 0CDE 0CF1-0CF2",
    ),
    8: Script(  # Malayalam
        0x0D00,
        "01 0D 11 29 3C 45 49",
        "0D57 0D60-0D63 0D79",
        "0964-0965 0D66-0D75 0D7A-0D7F",
    ),
    9: Script(  # Oriya
        0x0B00,
        "0D-0E 11-12 29 31 34 45-46 49-4A",
        "0B56-0B57 0B60-0B63",
        "0964-0965 0B66-0B6F 0B5C-0B5D 0B5F 0B70-0B71",
    ),
    10: Script(  # Punjabi
        0x0A00,
        "0B-0E 11-12 29 31 34 37 3D 43-46 49-4A",
        "0A51 0A70-0A74",
        "0964-0965 0A66-0A6F 0A59-0A5C 0A5E 0A75",
    ),
    11: Script(  # Tamil
        0x0B80,
        "01 0B-0D 11 16-18 1B 1D 20-22 25-27 2B-2D 3C-3D 43-45 49",
        "0BD0 0BD7 0BF0-0BF2 0BF9",
        "0964-0965 0BE6-0BEF 0BF3-0BF8 0BFA",
    ),
    12: Script(  # Telugu
        0x0C00,
        "0D 11 29 34 3C 45 49",
        "0C55-0C56 0C60-0C63",
        "FFFD FFFD 0C66-0C6F 0C58-0C59 0C78-0C7F",
    ),
}

URDU_LETTERS: Final = (
    "0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F 0679 067D 067A 067C "
    "062B 062C 0681 0684 0683 0685-0687 062D-062F 068C 0688-068A "
    "068F 068D 0630-0631 0691 0693 0699 0632 0696 0698 069A 0633-0634 "
    "0635-0639 0641-0642 06A9-06AB 06AF 06B3 06B1 0644-0646 "
    "06BA-06BC 0648 06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 "
    "0654 0655 0651 0653 0656 0670"
)

URDU_SIGNS: Final = (
    "0600-0601 06F0-06F9 060C-0614 061B 061F 0640 0652 0658 066B-066C 0672-0673 06CD 06D4"
)


def _points(ranges: str) -> Iterator[int]:
    for piece in ranges.split():
        first, _, last = piece.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def _locking(letters: Iterator[str]) -> str:
    return "".join(next(letters) if char == SLOT else char for char in LOCKING_LAYOUT)


def _script_letters(script: Script) -> Iterator[str]:
    lacking = set(_points(script.lacks))
    yield from (UNKNOWN if at in lacking else chr(script.block + at) for at in LETTERS)
    yield from map(chr, _points(script.extras))


def _single(signs: str) -> Mapping[int, str]:
    filled = zip(SINGLE_SLOTS, map(chr, _points(signs)), strict=False)  # the rest stays empty
    return SINGLE_LAYOUT | {slot: char for slot, char in filled if char != UNKNOWN}


def _changed(changes: Mapping[int, str]) -> str:
    return "".join(changes.get(septet, char) for septet, char in enumerate(DEFAULT_LOCKING))


LANGUAGES: Final[Mapping[str, int]] = {
    "turkish": 1,
    "spanish": 2,
    "portuguese": 3,
    "bengali": 4,
    "gujarati": 5,
    "hindi": 6,
    "kannada": 7,
    "malayalam": 8,
    "oriya": 9,
    "punjabi": 10,
    "tamil": 11,
    "telugu": 12,
    "urdu": 13,
}
"""National language identifiers (23.038 clause 6.2.1.2.4) by the languages' names."""

TURKISH, SPANISH, PORTUGUESE, URDU = 1, 2, 3, 13

LOCKING: Final[Mapping[int, str]] = {
    TURKISH: _changed(dict(zip(b"\x04\x07\x0b\x0c\x1c\x1d\x40\x60", "€ıĞğŞşİç", strict=True))),
    PORTUGUESE: _changed(
        dict(enumerate("êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ", start=0x04))
        | dict(zip(b"\x24\x40\x5b\x5c\x5d\x60\x7b\x7c\x7d", "ºÍÃÕÚ~ãõ`", strict=True))
    ),
    **{number: _locking(_script_letters(script)) for number, script in SCRIPTS.items()},
    URDU: _locking(map(chr, _points(URDU_LETTERS))),
}
"""Locking tables; Spanish has none."""

SINGLE: Final[Mapping[int, Mapping[int, str]]] = {
    TURKISH: {**DEFAULT_SINGLE, **dict(zip(b"GIScgis", "ĞİŞçğış", strict=True))},
    SPANISH: {**DEFAULT_SINGLE, 0x09: "ç", **dict(zip(b"AIOUaiou", "ÁÍÓÚáíóú", strict=True))},
    PORTUGUESE: {
        **DEFAULT_SINGLE,
        **dict(zip(b"\x05\x09\x0b\x0c\x0e\x0f", "êçÔôÁá", strict=True)),
        **dict(enumerate("ΦΓ^ΩΠΨΣΘ", start=0x12)),
        **dict(zip(b"\x1fAIOU[\\aiou{|\x7f", "ÊÀÍÓÚÃÕÂíóúãõâ", strict=True)),
    },
    **{number: _single(script.signs) for number, script in SCRIPTS.items()},
    URDU: _single(URDU_SIGNS),
}
"""Single shift tables."""


@cache
def _alphabet(locking: int, single: int) -> Alphabet:
    if not locking and not single:
        return DEFAULT
    return Alphabet(LOCKING.get(locking, DEFAULT_LOCKING), SINGLE.get(single, DEFAULT_SINGLE))


def alphabet_of(locking: int = 0, single: int = 0) -> Alphabet:
    """Return the alphabet of two tables, each by its national language identifier.

    Those are the numbers in ``LANGUAGES``. Any other number, and a table that a language
    does not have, is the default one.
    """
    return _alphabet(locking if locking in LOCKING else 0, single if single in SINGLE else 0)


def alphabet_in(language: int) -> Alphabet:
    """Return the alphabet of ``language``: locking × 256 + single shift, as the store keeps it."""
    return alphabet_of(*divmod(language, 256)) if language else DEFAULT
