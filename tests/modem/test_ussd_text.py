"""How USSD texts are written, in every form: words come out, or what came stays as it is."""

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PduError
from appliance.modem.pdu.septets import pack, unpack
from appliance.modem.ussd_text import ALIKE, LONGEST, Said, decode_reply, encode, parse
from appliance.text import DEFAULT
from appliance.text.alphabet import DEFAULT_LOCKING
from tests.vectors import load

FORMS = ("gsm", "packed", "ucs2")

NO_WORDS = {"Cc", "Cn", "Co", "Cs"}

HELLO = "Your balance is 10.00 EUR"

SPOKEN = {  # what gammu's own tests collected from real modems
    "at-ussd/02-E160": (0, "Ihr Guthaben für die Nr.4915783647410 beträgt 5.78 Euro"),
    "at-ussd/03-unknown": (
        1,
        "Kontostand: 3.00 EUR Bitte w{hlen Sie: 1 Konto aufladen 2 CallNow Transfer",
    ),
    "at-ussd/04-unknown": (
        2,
        "Maaf, permintaan Anda tidak dapat kami proses. Silakan coba beberapa saat lagi.",
    ),
    "at-ussd/Uissue358-Quectel_M35": (
        2,
        (
            "Havi keret: 0Ft. Feltöltött egyenleg: 7777Ft,(ebböl vàsàrlàsra is fordìthatò: 7777Ft)."
            " Dìjcsomag: Bencsò A. Uj Telekom önkiszolgàlò: *111#"
        ),
    ),
    "at-ussd/issue109-E3276": (
        0,
        "Для справки о балансе наберите *105#. Услуга бесплатна.",
    ),
    "at-ussd/issue178-dell": (
        0,
        (
            "On DATA Pack u have 3Gb 817Mb 169kb valid until 21/05/2016   upto time of data"
            " recharge done by u."
        ),
    ),
    "at-ussd/issue377-HE910-D": (2, "رصيدك 107.93 د.ل،الصلاحية  2018-11-09"),
}


def packed(text):
    septets = DEFAULT.encode(text)
    return pack(septets + b"\r" if len(septets) % 8 == 7 else septets).hex().upper()


def ucs2(text):
    return text.encode("utf-16-be").hex().upper()


def replies(name):
    return {row["id"]: row["reply"].strip() for row in load(name)["vectors"] if "reply" in row}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SPOKEN)
def test_what_real_modems_said_is_read_whatever_is_believed_of_them(name, form):
    said = parse(replies("gammu_at_replies")[name])
    assert (said.m, decode_reply(said.text, said.dcs, form)) == SPOKEN[name]


def test_every_ussd_row_of_the_vectors_is_read_here():
    rows = {name for name in replies("gammu_at_replies") if name.startswith("at-ussd/")}
    assert rows - set(SPOKEN) == {"at-ussd/01-E160"}  # its middle was blackened with sixes


def test_hex_without_quotes_and_without_a_coding_is_read():
    said = parse(replies("gammu_at_replies")["at-ussd/01-E160"])
    words = decode_reply(said.text, said.dcs)
    assert words.startswith("Ihr Guthaben")
    assert words.endswith("beträgt 7.95 Euro")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("+CUSD: 4", Said(4)),
        ('+CUSD: 0,"CF2135487D2E4130572D0682BB1A",0', Said(0, "CF2135487D2E4130572D0682BB1A", 0)),
        ('+CUSD:1,"a, b",15', Said(1, "a, b", 15)),
        ('+CUSD: 0,"He said "no", and left",15', Said(0, 'He said "no", and left', 15)),
        ('+CUSD: 1,"1 A\n2 B",15', Said(1, "1 A\n2 B", 15)),
        ('+CUSD: 0,""', Said(0, "")),
        ('+CUSD: 0,"",15', Said(0, "", 15)),
        ('+CUSD: 0,"never closed', Said(0, "never closed")),
        ("+CUSD: 2, Bye, 15", Said(2, "Bye", 15)),
        ("+CUSD: (0-2)", None),
        ("+CUSD:", None),
        ("RING", None),
    ],
)
def test_a_line_is_taken_apart(line, said):
    assert parse(line) == said


@given(st.text())
def test_nothing_breaks_taking_a_line_apart_or_reading_it(text):
    said = parse(f"+CUSD: 0,{text}")
    for form in FORMS:
        decode_reply(text, 15, form)
        if said is not None and said.text is not None:
            decode_reply(said.text, said.dcs, form, "GSM")


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from(FORMS))
def test_whatever_hex_comes_something_readable_comes_out(octets, dcs, form):
    for charset in ("", "GSM", "UCS2", "HEX"):
        words = decode_reply(octets.hex().upper(), dcs, form, charset)
        assert not {category(char) for char in words if char not in "\n\t"} & NO_WORDS


ORDINARY = st.sampled_from(DEFAULT_LOCKING[0x20:0x5B] + "abcdefghijklmnopqrstuvwxyzäöñüà€")

WORDS = ["Your", "balance", "is", "EUR", "valid", "until", "Kontostand", "Saldo"]

SENTENCE = st.builds(
    lambda words, number: f"{' '.join(words)} {number}",
    st.lists(st.sampled_from(WORDS), min_size=2),
    st.integers(0, 99999),
).filter(lambda text: len(text) <= 150)


@given(SENTENCE, st.sampled_from(FORMS), st.sampled_from([None, 0, 1, 15]))
def test_a_wrong_belief_of_a_model_makes_no_garbage(text, form, dcs):
    for written in (text, packed(text), ucs2(text)):
        assert decode_reply(written, dcs, form) == text
    assert decode_reply(ucs2(text), 72, form) == text


@given(st.text(ORDINARY, min_size=1, max_size=150))
def test_packed_septets_are_read_as_they_were_written(text):
    if text.endswith("@") or text.strip() != text:
        return
    assert decode_reply(packed(text), 15, "packed") == text


@pytest.mark.parametrize("text", ["0.51 EUR", "Жук", "12", "余额：10元", "رصيدك"])
def test_ucs2_is_read_in_any_script_where_the_coding_says_so(text):
    assert decode_reply(ucs2(text), 72, "gsm") == text
    assert decode_reply(ucs2(text), 15, "ucs2") == text


@pytest.mark.parametrize(
    "text",
    ["4915112345678", "491511234567", "12345678", "0123456789ABCDEF0123", "DEADBEEF", "CAFE", "42"],
)
def test_numbers_and_codes_that_look_like_hex_stay_as_they_are(text):
    assert decode_reply(text, 15) == text


def test_a_model_that_packs_may_still_say_a_number_in_characters():
    assert decode_reply("12345678", 15, "packed") == "12345678"


def test_the_language_in_front_is_no_word():
    assert decode_reply("en\nHello", 0x10) == "Hello"
    assert decode_reply("6532" + ucs2("Привет"), 0x11) == "Привет"
    assert decode_reply(ucs2("Привет"), 0x11) == "Привет"


def test_what_lay_in_the_memory_behind_the_text_is_left_out():
    assert decode_reply(ucs2("Жук") + "0000FFFF60B1D8001234", 72) == "Жук"
    assert decode_reply(ucs2("Жук") + "FFFF60B1", 72) == "Жук"
    assert decode_reply(ucs2("Жук") + "04", 72) == "Жук"  # cut in the middle of a character


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dcs", [72, 15, None])
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_long_reply_that_was_cut_off_anywhere_is_read_as_far_as_it_goes(cut, dcs, form):
    assert decode_reply(ucs2("Guthaben: 12,30 EUR")[:-cut], dcs, form) == "Guthaben: 12,30 EU"
    assert decode_reply(ucs2("Баланс: 100 руб")[:-cut], dcs, form) == "Баланс: 100 ру"


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_reply_may_be_cut_off_within_an_emoji(cut):
    assert decode_reply(ucs2("Привет мир 😀")[:-cut], 72) == "Привет мир"


def test_what_is_no_ucs2_although_it_claims_to_be_is_not_made_into_it():
    assert decode_reply("D800D800D800", 72) == "D800D800D800"
    assert decode_reply(HELLO, 72) == HELLO
    assert decode_reply(packed(HELLO), 72) == HELLO


def test_octets_are_read_as_text_if_they_are_one():
    assert decode_reply("Grüße".encode().hex(), 68) == "Grüße"
    assert decode_reply(b"caf\xe9".hex(), 68) == "café"
    assert decode_reply("0001FF", 68) == "0001FF"


def test_the_set_of_the_terminal_says_what_the_octets_are():
    assert decode_reply("Bitte w{hlen", None, charset="GSM") == "Bitte wählen"
    assert decode_reply("Gr\xc3\xbc\xc3\x9fe", 15, charset="UTF-8") == "Grüße"
    assert decode_reply("Gr\xfc\xdfe", 15) == "Grüße"
    assert decode_reply(b"Pr\x04cis".hex(), 15, charset="HEX") == "Prècis"
    assert decode_reply(ucs2("余额"), 15, charset="UCS2") == "余额"


def test_line_breaks_are_all_alike():
    assert decode_reply("1 A\r\n2 B \r3 C\n", 15) == "1 A\n2 B\n3 C"


def test_a_code_is_written_as_the_model_wants_it():
    assert encode("*100#") == "*100#"
    assert encode("*100#", "packed") == "AA180C3602"
    assert encode("*100#", charset="UCS2") == "002A0031003000300023"
    assert encode("1234567", "packed") == "31D98C56B3DD1A"  # filled with a carriage return


@given(st.text(st.sampled_from(sorted(ALIKE)), min_size=1, max_size=LONGEST))
def test_what_is_written_can_be_read_again(text):
    assert encode(text) == text
    assert encode(text, charset="UCS2") == ucs2(text)
    octets = bytes.fromhex(encode(text, "packed"))
    assert unpack(octets, len(text)) == DEFAULT.encode(text)
    assert len(octets) == -(-len(text) * 7 // 8)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "gsm"),
        ("1" * 183, "gsm"),
        ("€" * 100, "packed"),
        ('1",15\rAT+CPWROFF', "gsm"),
        ("1\r", "packed"),
        ("\x1a", "ucs2"),
        ('"', "gsm"),
        ("ä", "gsm"),
        ("Ж", "packed"),
    ],
)
def test_what_cannot_be_written_is_refused(text, form):
    with pytest.raises(PduError):
        encode(text, form)
