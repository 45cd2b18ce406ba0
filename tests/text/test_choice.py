"""Which tables a text is written in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import TooManyParts
from appliance.text import (
    LANGUAGES,
    Choice,
    Encoding,
    alphabet_in,
    choose,
    decode,
    naming,
    split,
    tables_in,
)
from tests.text.strategies import WAYS, characters, long, texts_in

TURKISH, SPANISH, PORTUGUESE, HINDI, URDU = (
    LANGUAGES[name] for name in ("turkish", "spanish", "portuguese", "hindi", "urdu")
)

ALL = tuple(LANGUAGES.values())

PANGRAM = "Pijamalı hasta yağız şoföre çabucak güvendi. "


def read(choice):
    payload = b"".join(part.payload for part in choice.segments)
    return decode(choice.segments[0].encoding, payload, alphabet_in(choice.language))


def test_the_languages_have_the_numbers_of_the_standard():
    assert LANGUAGES == {
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


@pytest.mark.parametrize(
    ("text", "languages", "language", "parts", "encoding"),
    [
        ("Hello", ALL, 0, 1, Encoding.GSM7),
        ("şeker", (), 0, 1, Encoding.UCS2),
        ("şeker", (TURKISH,), TURKISH, 1, Encoding.GSM7),
        ("şeker", (SPANISH,), 0, 1, Encoding.UCS2),
        ("mañana será otro día", (SPANISH,), SPANISH, 1, Encoding.GSM7),
        ("á" * 77, (SPANISH, PORTUGUESE), SPANISH, 1, Encoding.GSM7),
        ("á" * 78, (SPANISH, PORTUGUESE), PORTUGUESE * 256, 1, Encoding.GSM7),
        ("á" * 77, (PORTUGUESE, SPANISH), PORTUGUESE, 1, Encoding.GSM7),
        ("ş" * 155, (TURKISH,), TURKISH * 256, 1, Encoding.GSM7),
        ("ş" * 156, (TURKISH,), TURKISH * 256, 2, Encoding.GSM7),
        (PANGRAM * 3, (TURKISH,), TURKISH, 1, Encoding.GSM7),
        (PANGRAM * 3 + "ışıl ışıl", (TURKISH,), TURKISH * 256, 1, Encoding.GSM7),
        ("नमस्ते", (HINDI,), HINDI * 256, 1, Encoding.GSM7),
        ("नमस्ते OK", (HINDI,), HINDI * 257, 1, Encoding.GSM7),  # capitals are shifted
        ("آپ کیسے ہیں", (HINDI, URDU), URDU * 256, 1, Encoding.GSM7),
        ("ş नमस्ते", ALL, 0, 1, Encoding.UCS2),  # no table has both
        ("😀 şeker", (TURKISH,), 0, 1, Encoding.UCS2),
        ("€" * 81, ALL, TURKISH * 256, 1, Encoding.GSM7),  # one septet there, two in the default
        ("x" * 161, ALL, 0, 2, Encoding.GSM7),
        ("", ALL, 0, 1, Encoding.GSM7),
    ],
)
def test_a_text_is_written_in_the_fewest_parts(text, languages, language, parts, encoding):
    found = choose(text, languages)
    assert (found.language, len(found.segments)) == (language, parts)
    assert {part.encoding for part in found.segments} == {encoding}
    assert read(found) == text


ROOMS = {0: (160, 153, 152), 1: (155, 149, 148), 2: (152, 146, 145)}
"""Septets of an only part, and of one of several with 8- and 16-bit references, by how many
tables each part must name."""


@pytest.mark.parametrize("language", WAYS)
def test_naming_tables_takes_its_room_in_every_part(language):
    alone, narrow, wide = ROOMS[len(naming(language)) // 3]
    char = next(char for char in characters(language) if char == "0")
    assert [len(part.payload) for part in split(char * alone, language=language)] == [alone]
    for size, is_wide in ((narrow, False), (wide, True)):
        parts = split(char * (2 * size + 1), language=language, wide=is_wide)
        assert [len(part.payload) for part in parts] == [size, size, 1]
    assert len(split(char * (alone + 1), language=language)) == 2


@pytest.mark.parametrize("wide", [False, True])
def test_255_parts_of_a_national_table_are_the_most(wide):
    room = 148 if wide else 149
    found = choose("ş" * (255 * room), (TURKISH,), wide=wide)
    assert (len(found.segments), found.language) == (255, TURKISH * 256)
    with pytest.raises(TooManyParts):
        choose("ş" * (255 * room + 1), (TURKISH,), wide=wide)


def test_a_text_too_long_for_one_table_is_written_in_another():
    text = "€" * (255 * 77)
    with pytest.raises(TooManyParts):
        split(text)
    assert choose(text, (TURKISH,)).language == TURKISH * 256


def test_beside_a_header_of_the_accounts_own_no_table_is_chosen():
    assert choose("şeker", (TURKISH,), header=7) == Choice(split("şeker", header=7), 0)


def test_a_header_of_the_accounts_own_that_names_tables_takes_no_more_room():
    (part,) = split("ş" * 155, header=4, language=TURKISH * 256)
    assert (part.encoding, len(part.payload)) == (Encoding.GSM7, 155)


@pytest.mark.parametrize("language", WAYS)
def test_what_names_tables_is_read_again(language):
    assert tables_in(naming(language)) == language
    assert len(naming(language)) == 3 * (bool(language // 256) + bool(language % 256))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", 0),
        ("0003010201", 0),
        ("240101", 1),
        ("250101", 256),
        ("240102 250103", 3 * 256 + 2),
        ("0003010201 250106 240106", 6 * 257),
        ("240101 240102", 2),  # the last one counts
        ("24020101", 0),  # not of one octet
        ("2401", 0),  # cut off
        ("240101 25", 0),  # malformed: it names nothing
    ],
)
def test_tables_are_found_in_a_header_wherever_they_stand(header, language):
    assert tables_in(bytes.fromhex(header)) == language


@given(st.binary(max_size=200))
def test_any_header_names_tables_or_none(octets):
    assert 0 <= tables_in(octets) < 65536


def rank(way):
    """Return how little a pair of tables is liked: default, single shift, locking, both."""
    return 2 * bool(way // 256) + bool(way % 256)


MIXED = long(st.text(alphabet=[*"aeI€{ [^", *"şğıİçáõãñÍú", *"कि्आ", *"😀"], max_size=40))


@given(
    st.one_of(MIXED, st.sampled_from(WAYS).flatmap(texts_in)),
    st.lists(st.sampled_from(ALL), max_size=4, unique=True),
    st.booleans(),
)
def test_no_other_way_that_is_allowed_makes_fewer_parts(text, languages, wide):
    found = choose(text, languages, wide=wide)
    assert read(found) == text
    allowed = [way for way in WAYS if {way // 256, way % 256} <= {0, *languages}]
    counts = {
        way: len(split(text, language=way, wide=wide))
        for way in allowed
        if alphabet_in(way).covers(text)
    }
    # In UCS-2, without asking ``split``, which takes it only where the default table does not do.
    units = len(text.encode("utf-16-be")) // 2
    in_ucs2 = 1 if units <= 70 else -(-units // (66 if wide else 67))
    least = min([*counts.values(), in_ucs2]) if counts else len(split(text, wide=wide))
    assert len(found.segments) == least
    if counts:
        assert rank(found.language) == min(rank(way) for way in counts if counts[way] == least)
