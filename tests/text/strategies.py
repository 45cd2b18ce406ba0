"""What texts are made of, for properties of alphabets and of splitting."""

import unicodedata

from hypothesis import strategies as st

from appliance.text.alphabet import DEFAULT_LOCKING, DEFAULT_SINGLE
from appliance.text.national import LOCKING, SINGLE

WAYS = sorted(
    {0}
    | set(SINGLE)
    | {number * 256 for number in LOCKING}
    | {number * 257 for number in LOCKING if number in SINGLE}
)
"""Every pair of tables that a text may be written in: locking × 256 + single shift."""

NOT_THERE = {"\x1b", "\ufffd"}  # what a table holds where it has no character


def characters(language):
    """Return all characters of the tables, those of one septet and of two."""
    locking, single = divmod(language, 256)
    alone = LOCKING.get(locking, DEFAULT_LOCKING)
    return sorted({*alone, *SINGLE.get(single, DEFAULT_SINGLE).values()} - NOT_THERE)


def weight(language, char):
    """Return how many septets a character takes: read off the tables, not asked of the codec."""
    locking, single = divmod(language, 256)
    if char in LOCKING.get(locking, DEFAULT_LOCKING):
        return 1
    assert char in SINGLE.get(single, DEFAULT_SINGLE).values()
    return 2


def long(pieces):
    """Return sequences that reach several parts: left to itself, hypothesis makes short ones."""
    return st.builds(
        lambda head, body, times: head + body * times, pieces, pieces, st.integers(0, 60)
    )


def texts_in(language):
    """Return texts, short and long, that the tables can write."""
    return long(st.text(alphabet=characters(language), max_size=40))


def with_language():
    """Return pairs of tables and a text that they can write."""
    return st.sampled_from(WAYS).flatmap(
        lambda language: st.tuples(st.just(language), texts_in(language))
    )


SEEN_AS_ONE = [
    "Ж",
    "x",
    "€",
    "😀",
    "👍🏽",
    "🇩🇪",
    "🇺🇦",
    "👨‍👩‍👧",
    "👩‍❤️‍💋‍👨",
    "🏳️‍🌈",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}",
    "कि",
    "த்",
    "נּ",
]
"""What a reader sees as one character, each of at most 14 UTF-16 units."""

CLUSTERS = long(st.lists(st.sampled_from(SEEN_AS_ONE), max_size=40))


def clusters_of(text):
    """Return the characters of a 7-bit text with the marks that stand on them."""
    found = []
    for char in text:
        if found and unicodedata.category(char).startswith("M"):
            found[-1] += char
        else:
            found.append(char)
    return found


def fewest(sizes, room, several):
    """Return in how many parts pieces of these sizes go that must not be cut."""
    if sum(sizes) <= room:
        return 1
    parts, left = 1, several
    for size in sizes:
        assert size <= several
        if size > left:
            parts, left = parts + 1, several
        left -= size
    return parts
