"""What holds of the parts of any text."""

from hypothesis import assume, example, given
from hypothesis import strategies as st

from appliance.text import Encoding, alphabet_in, decode, naming, split, split_data
from tests.text.strategies import (
    CLUSTERS,
    WAYS,
    clusters_of,
    fewest,
    long,
    texts_in,
    weight,
    with_language,
)

MOST = 140


def octets(part, language, *, several, wide):
    """Return how much of a part's user data is taken, header and fill bits included."""
    header = len(naming(language)) if part.encoding is Encoding.GSM7 else 0
    header += (6 if wide else 5) if several else 0
    header += 1 if header else 0
    if part.encoding is Encoding.GSM7:
        septets = -(-header * 8 // 7) + len(part.payload)
        return -(-septets * 7 // 8)
    return header + len(part.payload)


def rooms(language, *, wide):
    named = len(naming(language))
    alone = (MOST - named - (1 if named else 0)) * 8 // 7
    return alone, (MOST - named - (7 if wide else 6)) * 8 // 7


@given(
    st.one_of(with_language(), st.tuples(st.sampled_from(WAYS), long(st.text(max_size=40)))),
    st.booleans(),
)
def test_joined_parts_are_the_text_and_none_is_over_140_octets(given_, wide):
    language, text = given_
    parts = split(text, language=language, wide=wide)
    alphabet = alphabet_in(language)
    assert decode(parts[0].encoding, b"".join(p.payload for p in parts), alphabet) == text
    assert "".join(decode(part.encoding, part.payload, alphabet) for part in parts) == text
    for part in parts:
        assert octets(part, language, several=len(parts) > 1, wide=wide) <= MOST


@given(with_language(), st.booleans())
@example((6 * 256, "कि" * 75), False)
def test_septets_are_cut_between_what_is_seen_as_characters_and_nothing_is_wasted(given_, wide):
    language, text = given_
    clusters = clusters_of(text)
    sizes = [sum(weight(language, char) for char in cluster) for cluster in clusters]
    alone, several = rooms(language, wide=wide)
    assume(max(sizes, default=0) <= several)
    parts = split(text, language=language, wide=wide)
    assert len(parts) == fewest(sizes, alone, several)
    alphabet = alphabet_in(language)
    borders = {sum(map(len, clusters[:at])) for at in range(len(clusters) + 1)}
    end = 0
    for part in parts:
        end += len(decode(part.encoding, part.payload, alphabet))
        assert end in borders


@given(CLUSTERS, st.booleans())
@example(["👨‍👩‍👧"] * 9, False)
@example(["x"] * 66 + ["😀", "x", "x", "x", "x"], False)
def test_no_emoji_flag_or_accent_is_cut_and_nothing_is_wasted(clusters, wide):
    text = "Ж" + "".join(clusters)
    sizes = [1, *(len(cluster.encode("utf-16-be")) // 2 for cluster in clusters)]
    parts = [part.payload.decode("utf-16-be") for part in split(text, wide=wide)]
    assert "".join(parts) == text
    assert len(parts) == fewest(sizes, 70, 66 if wide else 67)
    left = ["Ж", *clusters]
    for part in parts:
        whole = ""
        while len(whole) < len(part):
            whole += left.pop(0)
        assert whole == part


@given(long(st.text(max_size=40)), st.booleans())
def test_without_what_must_stay_together_parts_are_as_few_as_can_be_within_one(text, wide):
    text = "".join(cluster[0] for cluster in clusters_of(text) if cluster[0].isalnum())
    units = len(text.encode("utf-16-be")) // 2
    parts = split("Ж" + text, wide=wide)
    room = 66 if wide else 67
    ideal = 1 if units + 1 <= 70 else -(-(units + 1) // room)
    assert ideal <= len(parts) <= ideal + 1


@given(long(st.binary(max_size=40)), st.booleans())
def test_data_goes_in_the_fewest_parts(data, wide):
    parts = split_data(data, wide=wide)
    assert b"".join(part.payload for part in parts) == data
    room = 133 if wide else 134
    assert len(parts) == (1 if len(data) <= 140 else -(-len(data) // room))
    for part in parts:
        assert octets(part, 0, several=len(parts) > 1, wide=wide) <= MOST


@given(texts_in(0), st.integers(1, 140))
def test_what_fits_beside_a_header_is_one_part_and_is_whole(text, header):
    room = (MOST - header) * 8 // 7
    assume(sum(weight(0, char) for char in text) <= room)
    (part,) = split(text, header=header)
    assert decode(part.encoding, part.payload) == text
