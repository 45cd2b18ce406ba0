"""Whatever is written is read again: every alphabet, encoding and header, in every combination."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.modem.pdu import Concat, Submit, SubmitSeen, decode, encode_submit
from appliance.modem.pdu.validity import PERIODS
from appliance.text import (
    LANGUAGES,
    Encoding,
    Segment,
    alphabet_in,
    choose,
    naming,
    septets,
    split,
)
from appliance.text import decode as text_of
from tests.text.strategies import WAYS, characters, texts_in, with_language

NUMBERS = st.one_of(
    st.from_regex(r"\+[0-9]{1,20}", fullmatch=True).filter(str.isascii),
    st.text("0123456789*#abc", min_size=1, max_size=20),
)


@st.composite
def concats(draw):
    wide = draw(st.booleans())
    total = draw(st.integers(1, 255))
    reference = draw(st.integers(0, 65535 if wide else 255))
    return Concat(reference, total, draw(st.integers(1, total)), wide)


OTHERS = st.lists(
    st.tuples(st.sampled_from([0x01, 0x04, 0x05, 0x0A, 0x70, 0xA0]), st.binary(max_size=10)),
    max_size=3,
).map(lambda elements: b"".join(bytes((one, len(data))) + data for one, data in elements))


@st.composite
def segments(draw):
    """Return a segment, and the tables that its septets are written in."""
    encoding = draw(st.sampled_from(Encoding))
    if encoding is Encoding.BINARY:
        return Segment(encoding, draw(st.binary(max_size=100))), 0
    if encoding is Encoding.UCS2:
        return Segment(encoding, draw(st.text(max_size=40)).encode("utf-16-be")), 0
    language = draw(st.sampled_from(WAYS))
    words = draw(st.text(characters(language), max_size=60))
    return Segment(encoding, septets(words, alphabet_in(language))), language


@st.composite
def submits(draw):
    segment, language = draw(segments())
    return Submit(
        draw(NUMBERS),
        segment,
        concat=draw(st.none() | concats()),
        udh=draw(OTHERS),
        report=draw(st.booleans()),
        flash=draw(st.booleans()),
        validity=draw(st.none() | st.sampled_from(PERIODS)),
        smsc=draw(st.none() | NUMBERS),
        language=language,
    )


@given(submits())
def test_every_part_that_fits_comes_back(submit):
    header = 1 + len(submit.udh) + len(naming(submit.language)) + (6 if submit.concat else 0)
    assume(header + len(submit.segment.payload) <= 140)
    encoded = encode_submit(submit)
    found = decode(encoded.pdu)
    assert isinstance(found, SubmitSeen)
    assert found == SubmitSeen(
        recipient=submit.recipient,
        reference=0,
        validity=submit.validity,
        encoding=submit.segment.encoding,
        payload=submit.segment.payload,
        udh=submit.udh + naming(submit.language),
        concat=submit.concat,
        languages=divmod(submit.language, 256),
        smsc=submit.smsc,
        dcs=found.dcs,
    )
    assert found.flash is submit.flash
    assert encoded.length == len(encoded.pdu) - 1 - encoded.pdu[0]
    assert bool(encoded.pdu[1 + encoded.pdu[0]] & 0x20) is submit.report


def parts_of(text, language, segments, *, wide):
    """Return what a phone reads in the parts of a message."""
    read = []
    for ordinal, segment in enumerate(segments, start=1):
        concat = Concat(7, len(segments), ordinal, wide) if len(segments) > 1 else None
        pdu = encode_submit(Submit("+49151", segment, concat=concat, language=language)).pdu
        read.append(decode(pdu))
        assert read[-1].concat == concat
    return read


@given(with_language(), st.booleans())
def test_a_text_in_any_tables_comes_back_part_by_part(written, wide):
    language, text = written
    read = parts_of(text, language, split(text, language=language, wide=wide), wide=wide)
    assert "".join(part.text for part in read) == text
    joined = b"".join(part.payload for part in read)
    assert text_of(read[0].encoding, joined, read[0].alphabet) == text


@given(st.sampled_from(WAYS).flatmap(texts_in) | st.text(max_size=200), st.booleans())
def test_what_is_chosen_is_read_by_who_knows_the_standard(text, wide):
    found = choose(text, tuple(LANGUAGES.values()), wide=wide)
    read = parts_of(text, found.language, found.segments, wide=wide)
    assert "".join(part.text for part in read) == text


@pytest.mark.parametrize("language", WAYS)
def test_every_character_of_every_table_goes_and_comes_back(language):
    text = "".join(characters(language))
    read = parts_of(text, language, split(text, language=language), wide=False)
    assert "".join(part.text for part in read) == text
    named = {part.languages for part in read}
    assert named == {divmod(language, 256)}


@pytest.mark.parametrize(
    ("language", "user_data"),
    [
        (0, "F1000000"),
        (1, "0503240101" + "00"),
        (256, "0503250101" + "00"),
        (6 * 257, "0806240106250106"),
    ],
)
def test_tables_are_named_in_a_part_that_is_the_only_one(language, user_data):
    segment = Segment(Encoding.GSM7, b"")
    pdu = encode_submit(Submit("1", segment, language=language)).pdu
    assert pdu.hex().upper().endswith(user_data)
    assert bool(pdu[1] & 0x40) is bool(language)


def test_a_part_without_validity_says_none():
    segment = Segment(Encoding.GSM7, b"x")
    bare = encode_submit(Submit("1", segment)).pdu
    dated = encode_submit(Submit("1", segment, validity=timedelta(days=3))).pdu
    assert (bare[1] & 0x18, dated[1] & 0x18) == (0, 0x10)
    assert len(dated) == len(bare) + 1
