"""Alphabets, counting and splitting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PduError, TooManyParts
from appliance.text import (
    DEFAULT,
    Alphabet,
    Encoding,
    Segment,
    alphabet_of,
    decode,
    encoding_of,
    septets,
    split,
    split_data,
)
from appliance.text.alphabet import DEFAULT_LOCKING, DEFAULT_SINGLE
from appliance.text.national import LOCKING, SINGLE
from tests.vectors import load, rows

GSM_CHARACTERS = DEFAULT_LOCKING.replace("\x1b", "") + "".join(DEFAULT_SINGLE.values())

LANGUAGES = {
    "default": 0,
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

CONTROL_CELLS = {0x0D, 0x1B}  # of single shift tables: no character is there (23.038 annex A.2)

CORRECTED = {(6, 0x00): "\u0901", (6, 0x01): "\u0902", (6, 0x02): "\u0903"}
"""Cells where the source of the vectors has letters of Bengali in the table of Hindi."""


def joined(parts):
    return b"".join(part.payload for part in parts)


def texts_of(parts):
    return [decode(part.encoding, part.payload) for part in parts]


# Alphabets


@pytest.mark.parametrize("char", GSM_CHARACTERS)
def test_every_character_of_the_default_alphabet_comes_back(char):
    assert decode(Encoding.GSM7, septets(char)) == char


def test_the_default_alphabet_has_127_characters_and_10_escaped_ones():
    assert len(set(GSM_CHARACTERS)) == 137


@pytest.mark.parametrize("char", ["`", "ç", "á", "\t", "\x1b", "\ufffd", "Ж", "😀", "\u00a0"])
def test_a_character_outside_makes_the_text_ucs2_and_is_no_septets(char):
    assert encoding_of("a" + char) is Encoding.UCS2
    with pytest.raises(PduError) as caught:
        septets("secret" + char)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"A\x1b\x65B", "A€B"),
        (b"A\x1b\x41B", "AAB"),  # not in the extension table: the default table's character
        (b"A\x1b\x1bB", "A B"),  # reserved for a further table: shown as a space
        (b"A\x1b", "A "),
        (b"A\x80\xff\x1b\x90B", "A\ufffd\ufffd\ufffdB"),
        (b"\x1b\n\x1b\r", "\f\r"),
        (b"", ""),
    ],
)
def test_odd_septets_are_read_as_the_standard_says(octets, text):
    assert decode(Encoding.GSM7, octets) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("0041D83D0042", "A\ufffdB"),
        ("0041DE000042", "A\ufffdB"),
        ("D83DDE00", "😀"),
        ("0041D83D", "A\ufffd"),
        ("004100", "A\ufffd"),
    ],
)
def test_lone_surrogates_and_half_characters_spoil_nothing_beside_them(octets, text):
    assert decode(Encoding.UCS2, bytes.fromhex(octets)) == text


def test_of_binary_data_only_ascii_is_shown():
    assert decode(Encoding.BINARY, b"OK\x80") == "OK\ufffd"


@given(st.sampled_from(Encoding), st.binary(max_size=200), st.integers(0, 15), st.integers(0, 15))
def test_decoding_never_raises_and_gives_text_that_can_be_stored(encoding, octets, one, other):
    decode(encoding, octets, alphabet_of(one, other)).encode("utf-8")


@given(st.text(alphabet=GSM_CHARACTERS))
def test_gsm_text_survives_the_way_through_septets(text):
    assert encoding_of(text) is Encoding.GSM7
    assert decode(Encoding.GSM7, septets(text)) == text


@pytest.mark.parametrize("number", sorted(LOCKING))
def test_each_locking_table_has_128_cells_and_its_escape(number):
    assert len(LOCKING[number]) == 128
    assert LOCKING[number].index("\x1b") == 0x1B


@pytest.mark.parametrize("number", range(14))
def test_every_character_of_a_national_alphabet_comes_back(number):
    alphabet = alphabet_of(number, number)
    cells = {*LOCKING.get(number, DEFAULT_LOCKING), *SINGLE.get(number, DEFAULT_SINGLE).values()}
    text = "".join(sorted(cells - {"\x1b", "\ufffd"}))

    assert encoding_of(text, alphabet) is Encoding.GSM7
    assert decode(Encoding.GSM7, septets(text, alphabet), alphabet) == text


def test_an_unknown_language_is_the_default_alphabet_and_costs_no_memory():
    assert alphabet_of(99, 200) is alphabet_of(0, 0)
    assert decode(Encoding.GSM7, b"@\x1be", alphabet_of(99, 200)) == "¡€"


def test_a_table_may_be_anything_with_128_cells():
    reversed_table = Alphabet(DEFAULT_LOCKING[::-1].replace("\x1b", "x"), {0x41: "Ж"})
    assert decode(Encoding.GSM7, b"\x1b\x41", reversed_table) == "Ж"
    assert DEFAULT.covers("x")


def test_every_sampled_charset_cell_is_right():
    found = rows("warthog618_charset_cells")
    for row in found:
        number, octet = LANGUAGES[row["lang"].lower()], row["octet"]
        table, default = {
            "locking": (LOCKING, DEFAULT_LOCKING),
            "shift": (SINGLE, DEFAULT_SINGLE),
        }[row["table"]]
        wanted = row["expect"]["char"]
        if row["table"] == "locking":
            wanted = CORRECTED.get((number, octet), wanted)
        assert table.get(number, default)[octet] == wanted, row["id"]
    assert len(found) == 293


def test_every_whole_national_table_is_right():
    tables = load("national_language_tables")["tables"]
    checked = 0
    for language, number in LANGUAGES.items():
        theirs = tables[language]
        locking = theirs.get("locking_string") or cells(theirs.get("locking", {}))
        if locking:
            ours = list(LOCKING.get(number, DEFAULT_LOCKING))
            wanted = [CORRECTED.get((number, at), char) for at, char in enumerate(locking)]
            assert ours == wanted, language
            checked += 1
        single = {int(at, 16): char for at, char in theirs["shift"].items()}
        wanted = {at: char for at, char in single.items() if at not in CONTROL_CELLS}
        assert SINGLE.get(number, DEFAULT_SINGLE) == wanted, language
        checked += 1
    assert checked == 27


def cells(table):
    return [table.get(f"0x{at:02X}", "\ufffd") for at in range(128)] if table else []


def test_every_charset_of_ofono_is_read_alike():
    numbers = {None: 0} | {f"GSM_DIALECT_{name.upper()}": n for name, n in LANGUAGES.items()}
    found = rows("ofono_unit_sms", "charset")
    for row in found:
        packed = int.from_bytes(bytes.fromhex(row["packed_hex"]), "little")
        octets = bytes(packed >> 7 * at & 0x7F for at in range(row["septets"]))
        alphabet = alphabet_of(numbers[row["locking_lang"]], numbers[row["single_lang"]])
        if row["test"] == "sms_charset_spain":  # its name stands in neither column
            alphabet = alphabet_of(0, LANGUAGES["spanish"])
        assert decode(Encoding.GSM7, octets, alphabet) == row["expect"]["text"], row["id"]
    assert len(found) == 7


# Splitting


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", [0]),
        ("x" * 160, [160]),
        ("x" * 161, [153, 8]),
        ("x" * 306, [153, 153]),
        ("x" * 307, [153, 153, 1]),
        ("€" * 80, [160]),
        ("€" * 81, [152, 10]),  # an escape pair would lie on the border
        ("x" + "€" * 80, [153, 8]),
        ("Ж" * 70, [140]),
        ("Ж" * 71, [134, 8]),
        ("Ж" * 134, [134, 134]),
        ("Ж" * 135, [134, 134, 2]),
        ("😀" * 35, [140]),
        ("😀" * 36, [132, 12]),  # 67 units would cut the 34th in two
        ("Ж" + "😀" * 35, [134, 8]),
    ],
)
def test_parts_are_as_long_as_they_may_be(text, lengths):
    assert [len(part.payload) for part in split(text)] == lengths


@pytest.mark.parametrize(
    ("text", "lengths"), [("x" * 161, [152, 9]), ("Ж" * 71, [132, 10]), ("x" * 160, [160])]
)
def test_a_wide_reference_costs_a_septet_or_a_unit_of_each_part(text, lengths):
    assert [len(part.payload) for part in split(text, wide=True)] == lengths


@pytest.mark.parametrize(
    ("size", "lengths"), [(0, [0]), (140, [140]), (141, [134, 7]), (268, [134, 134])]
)
def test_data_is_cut_by_octets(size, lengths):
    data = bytes(at % 256 for at in range(size))
    parts = split_data(data)
    assert [len(part.payload) for part in parts] == lengths
    assert joined(parts) == data
    assert {part.encoding for part in parts} == {Encoding.BINARY}


@pytest.mark.parametrize(
    ("header", "room"), [(1, 158), (6, 153), (7, 152), (12, 146), (139, 1), (140, 0)]
)
def test_beside_a_header_of_the_accounts_own_the_text_fits_one_part_or_is_refused(header, room):
    assert len(split("x" * room, header=header)) == 1
    with pytest.raises(TooManyParts) as caught:
        split("x" * (room + 1), header=header)
    assert caught.value.field == "text"


def test_beside_a_header_of_the_accounts_own_data_and_ucs2_have_the_room_that_is_left():
    assert len(split("Ж" * 66, header=7)) == len(split_data(b"x" * 133, header=7)) == 1
    with pytest.raises(TooManyParts):
        split("Ж" * 67, header=7)
    with pytest.raises(TooManyParts) as caught:
        split_data(b"x" * 134, header=7)
    assert caught.value.field == "data"


@pytest.mark.parametrize(
    ("cut", "size"),
    [
        (lambda size: split("x" * size), 255 * 153),
        (lambda size: split("Ж" * size), 255 * 67),
        (lambda size: split_data(b"x" * size), 255 * 134),
    ],
)
def test_there_are_at_most_255_parts(cut, size):
    assert len(cut(size)) == 255
    with pytest.raises(TooManyParts):
        cut(size + 1)


def test_a_lone_surrogate_becomes_the_replacement_character():
    assert split("A\ud83dB") == (Segment(Encoding.UCS2, "A\ufffdB".encode("utf-16-be")),)


@pytest.mark.parametrize(
    "cluster",
    [
        "e\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}",
        "👍🏽",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
        "कि",
    ],
)
@pytest.mark.parametrize("before", range(56, 68))
def test_what_a_reader_sees_as_one_character_is_not_cut(cluster, before):
    text = "Ж" * before + cluster + "Ж" * 70
    parts = texts_of(split(text))
    assert "".join(parts) == text
    assert sum(cluster in part for part in parts) == 1


@pytest.mark.parametrize("before", range(60, 68))
def test_flags_in_a_row_are_cut_between_flags(before):
    parts = texts_of(split("Ж" * before + "🇩🇪🇺🇦🇫🇷🇵🇱🇹🇷" + "Ж" * 70))
    for part in parts:
        assert sum(0x1F1E6 <= ord(char) < 0x1F200 for char in part) % 2 == 0


def test_a_sequence_longer_than_a_part_is_cut_after_all():
    parts = split("e" + "\N{COMBINING ACUTE ACCENT}" * 200)
    assert [len(part.payload) for part in parts] == [134, 134, 134]


EMOJI = st.sampled_from(["👍🏽", "🇩🇪", "👨‍👩‍👧", "😀", "e\u0301", "Ж", "x", "€", "{"])


@given(
    st.one_of(
        st.text(max_size=700),
        st.text(alphabet=GSM_CHARACTERS, max_size=700),
        st.lists(EMOJI, max_size=200).map("".join),
    ),
    st.booleans(),
)
def test_joined_parts_are_the_text_and_nothing_is_cut_in_two(text, wide):
    parts = split(text, wide=wide)
    assert {part.encoding for part in parts} == {encoding_of(text)}
    assert "".join(texts_of(parts)) == text
    assert decode(parts[0].encoding, joined(parts)) == text
    room = 140 if len(parts) == 1 else 133 if wide else 134
    for part in parts:
        bits = 7 if part.encoding is Encoding.GSM7 else 8
        assert len(part.payload) * bits <= room * 8
        if part.encoding is Encoding.GSM7:
            assert not part.payload.replace(b"\x1b\x1b", b"").endswith(b"\x1b")
    assert all(part.payload for part in parts[1:])


def test_parts_are_counted_as_others_count_them():
    found = rows("python_messaging_sms", "segment-count") + rows("ofono_unit_sms", "segment-count")
    for row in found:
        parts = split(row["text"], wide=row["ref_bits"] == 16)
        assert len(parts) == row["expect"]["parts"], row["id"]
        assert "".join(texts_of(parts)) == row["text"]
    assert len(found) == 16


def test_the_longest_text_is_as_long_as_with_others():
    found = rows("ofono_unit_sms", "segment-limit")
    for row in found:
        wide, most = row["ref_bits"] == 16, row["expect"]["max_chars"]
        assert len(split(row["char"] * most, wide=wide)) == row["expect"]["max_parts"]
        with pytest.raises(TooManyParts):
            split(row["char"] * (most + 1), wide=wide)
    assert len(found) == 4


def test_every_gsm7_text_has_the_septets_that_others_give_it():
    found = rows("babca_python_gsmmodem_pdu", "gsm7")
    for row in found:
        assert septets(row["text"]).hex().upper() == row["expect"]["septets_hex"], row["id"]
    assert len(found) == 9
