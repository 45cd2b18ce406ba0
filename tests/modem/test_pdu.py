"""SMS TPDUs: what we write, what we read, and what we forgive."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import PduError
from appliance.modem.pdu import (
    Concat,
    Deliver,
    StatusReport,
    Submit,
    SubmitSeen,
    decode,
    encode_submit,
    pack,
    unpack,
)
from appliance.modem.pdu.dcs import decode_scheme
from appliance.modem.pdu.header import decode_header, encode_header
from appliance.modem.pdu.semi_octets import decode_address, decode_timestamp, encode_address
from appliance.modem.pdu.validity import PERIODS, decode_validity, encode_validity
from appliance.text import Encoding, Segment, septets, split, split_data
from appliance.text import decode as text_of

HELLO = Segment(Encoding.GSM7, septets("hello"))

STAMP = "62112112000040"  # 2026-11-12, 21:00 at +01:00


def deliver(user_data, *, udl, first="04", dcs="00", sender="0B919471325476F8", stamp=STAMP):
    """Return an SMS-DELIVER without service centre, made by hand."""
    return bytes.fromhex(f"00{first}{sender}00{dcs}{stamp}{udl:02X}{user_data}")


def reread(submit):
    """Return what decoding says of what encoding made."""
    encoded = encode_submit(submit)
    seen = decode(encoded.pdu)
    assert isinstance(seen, SubmitSeen)
    assert encoded.length == len(encoded.pdu) - 1 - encoded.pdu[0]
    return seen


# Septets


@given(
    st.binary(max_size=255).map(lambda octets: bytes(o & 0x7F for o in octets)), st.integers(0, 6)
)
def test_packed_septets_come_back_whatever_fill_bits_precede_them(octets, fill):
    packed = pack(octets, fill)
    assert len(packed) == (len(octets) * 7 + fill + 7) // 8
    assert unpack(packed, len(octets), fill) == octets


@given(
    st.binary(max_size=60).map(lambda octets: bytes(o & 0x7F for o in octets)), st.integers(0, 6)
)
def test_packing_puts_bit_after_bit(octets, fill):
    bits = "0" * fill + "".join(f"{octet:07b}"[::-1] for octet in octets)
    bits += "0" * (-len(bits) % 8)
    naive = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    assert pack(octets, fill) == naive


def test_more_septets_than_a_length_octet_can_say_are_refused():
    assert len(unpack(pack(bytes(256)), 256)) == 256
    with pytest.raises(PduError):
        pack(bytes(257))


# Addresses and moments


@pytest.mark.parametrize(
    ("number", "digits", "octets"),
    [
        ("+49151234567", 11, "919451214365F7"),
        ("1234", 4, "812143"),
        ("12345", 5, "812143F5"),
        ("*100#", 5, "811A00FB"),
        ("1abc", 4, "81C1ED"),
        ("+12345678901234567890", 20, "9121436587092143658709"),
    ],
)
def test_numbers_are_written_and_read_alike(number, digits, octets):
    assert encode_address(number) == (digits, bytes.fromhex(octets))
    kind, *rest = bytes.fromhex(octets)
    assert decode_address(kind, bytes(rest), digits) == number


@pytest.mark.parametrize(
    "number", ["", "+", "++1", "1+2", "1 2", "d", "1" * 21, "+" + "1" * 21, "١"]
)
def test_what_is_no_number_is_refused(number):
    with pytest.raises(PduError):
        encode_submit(Submit(number, HELLO))
    with pytest.raises(PduError):
        encode_submit(Submit("1", HELLO, smsc=number))


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("0B919471325476F8", "+49172345678"),
        ("0B819471325476F8", "49172345678"),
        ("0AA11092997856", "0129998765"),  # national
        ("05B12143F5", "12345"),  # network specific
        ("04E12143", "1234"),  # abbreviated
        ("0BD0CDF2396C7E03", "Megafo"),
        ("0DD0CDF2396C7EBB01", "Megafon"),
        ("0091", ""),
        ("00D0", ""),
        ("06912143F5", "+12345"),  # says six digits: the filler ends it
        ("0481B1A2", "1#2*"),
    ],
)
def test_senders_of_every_kind_are_read(address, number):
    assert decode(deliver("E8329BFD06", udl=5, sender=address)).sender == number


def test_an_alphanumeric_sender_of_eleven_characters_is_whole():
    packed = pack(septets("Deutsche Po"))
    length = (11 * 7 + 3) // 4
    sender = f"{length:02X}D0{packed.hex()}"
    assert decode(deliver("E8329BFD06", udl=5, sender=sender)).sender == "Deutsche Po"


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        ("62112112000040", "2026-11-12T21:00:00+01:00"),
        ("62112112000000", "2026-11-12T21:00:00+00:00"),
        ("6211211200004A", "2026-11-12T21:00:00-06:00"),
        ("62112112000032", "2026-11-12T21:00:00+05:45"),
        ("6211211200007B", "2026-11-12T21:00:00-09:15"),
        ("02209232959580", "2020-02-29T23:59:59+02:00"),
    ],
)
def test_time_zones_are_quarters_of_an_hour_on_both_sides_of_gmt(octets, moment):
    assert decode_timestamp(bytes.fromhex(octets)).isoformat() == moment


@pytest.mark.parametrize(
    "octets",
    [
        "00000000000000",
        "FFFFFFFFFFFFFF",
        "62312112000040",
        "621121120000F0",
        "6211A112000040",
        "12922000000000",
        "62112142000040",
    ],
)
def test_a_time_stamp_that_is_no_moment_is_none_and_loses_no_message(octets):
    found = decode(deliver("E8329BFD06", udl=5, stamp=octets))
    assert (found.sent_at, found.text) == (None, "hello")


# Validity


@pytest.mark.parametrize(
    ("period", "octet"),
    [
        (timedelta(), 0),
        (timedelta(seconds=-1), 0),
        (timedelta(minutes=5), 0),
        (timedelta(minutes=9, seconds=59), 0),
        (timedelta(minutes=10), 1),
        (timedelta(hours=12), 143),
        (timedelta(hours=12, minutes=29), 143),
        (timedelta(hours=24), 167),
        (timedelta(hours=47), 167),
        (timedelta(days=2), 168),
        (timedelta(days=30), 196),
        (timedelta(days=34), 196),
        (timedelta(weeks=5), 197),
        (timedelta(weeks=63), 255),
        (timedelta(weeks=500), 255),
    ],
)
def test_validity_is_rounded_down(period, octet):
    assert encode_validity(period) == octet


def test_each_octet_of_validity_means_a_longer_period_than_the_one_before():
    assert len(PERIODS) == 256
    assert sorted(set(PERIODS)) == list(PERIODS)
    assert [encode_validity(decode_validity(octet)) for octet in range(256)] == list(range(256))


# Data coding


@pytest.mark.parametrize(
    ("octets", "encoding", "message_class"),
    [
        ([0x00, 0x01, 0x03, 0x40, 0x43], Encoding.GSM7, None),
        ([0x10, 0x50], Encoding.GSM7, 0),
        ([0x11, 0x51], Encoding.GSM7, 1),
        ([0x12, 0x52], Encoding.GSM7, 2),
        ([0x13, 0x53], Encoding.GSM7, 3),
        ([0x04, 0x05, 0x44], Encoding.BINARY, None),
        ([0x14, 0xF4], Encoding.BINARY, 0),
        ([0x15, 0xF5], Encoding.BINARY, 1),
        ([0x08, 0x48], Encoding.UCS2, None),
        ([0x18, 0x58], Encoding.UCS2, 0),
        ([0x19, 0x59], Encoding.UCS2, 1),
        ([0x1B], Encoding.UCS2, 3),
        ([0x0C, 0x4C, *range(0x80, 0xC0)], Encoding.GSM7, None),  # reserved
        ([0x1C], Encoding.GSM7, 0),  # reserved alphabet, class 0
        ([0x1D], Encoding.GSM7, 1),
        (range(0xC0, 0xE0), Encoding.GSM7, None),  # message waiting
        (range(0xE0, 0xF0), Encoding.UCS2, None),
        ([0xF0, 0xF8], Encoding.GSM7, 0),
        ([0xF1], Encoding.GSM7, 1),
        ([0xF2], Encoding.GSM7, 2),
        ([0xF3, 0xFB], Encoding.GSM7, 3),
        ([0xF6], Encoding.BINARY, 2),
        ([0xF7], Encoding.BINARY, 3),
    ],
)
def test_every_group_of_coding_schemes_is_read(octets, encoding, message_class):
    for dcs in octets:
        wanted = (encoding, encoding is Encoding.GSM7, message_class, False)
        assert decode_scheme(dcs) == wanted, hex(dcs)


@pytest.mark.parametrize("dcs", [*range(0x20, 0x40), *range(0x60, 0x80)])
def test_compressed_text_is_kept_as_it_came_and_never_read_as_letters(dcs):
    found = decode(deliver("F0A1B2", udl=3, dcs=f"{dcs:02X}"))
    assert (found.compressed, found.encoding) == (True, Encoding.BINARY)
    assert (found.text, found.payload) == (None, b"\xf0\xa1\xb2")
    assert found.message_class == (dcs & 3 if dcs & 0x10 else None)


def test_a_message_waiting_note_in_ucs2_is_read():
    assert decode(deliver("0416", udl=2, dcs="E8")).text == "Ж"


def test_binary_has_no_text():
    found = decode(deliver("0102FF", udl=3, dcs="04"))
    assert (found.text, found.payload, found.encoding) == (None, b"\x01\x02\xff", Encoding.BINARY)


# User data header


@pytest.mark.parametrize("word", ["STOP", "S", "", "STOP ALL €", "x" * 152])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("own", ["", "0102ABCD"])
def test_the_first_letter_behind_a_header_is_not_lost(word, wide, own):
    word = word[: 152 - 5] if own else word
    concat = Concat(0x1234 if wide else 0x34, 2, 1, wide=wide)
    udh = bytes.fromhex(own)
    seen = reread(Submit("+4917", Segment(Encoding.GSM7, septets(word)), concat=concat, udh=udh))
    assert (seen.text, seen.concat, seen.udh) == (word, concat, udh)


@pytest.mark.parametrize("size", range(1, 30))
def test_septets_begin_on_a_septet_border_behind_a_header_of_any_length(size):
    udh = bytes((0x70, size)) + bytes(size)
    seen = reread(Submit("+4917", HELLO, udh=udh))
    assert (seen.text, seen.udh) == ("hello", udh)


def test_a_wide_part_as_phones_write_it_keeps_its_stop():
    found = decode(deliver("06080412340201" + "53EA130A", udl=12, first="44"))
    assert (found.text, found.concat) == ("STOP", Concat(0x1234, 2, 1, wide=True))


def test_a_part_with_an_eight_bit_reference_has_one_fill_bit():
    found = decode(deliver("050003340201" + "A6D42714", udl=11, first="44"))
    assert (found.text, found.concat) == ("STOP", Concat(0x34, 2, 1))


@pytest.mark.parametrize(
    "header",
    ["000300", "00030102", "0003010203FF", "FF", "000301020300", "08FF0102"],
)
def test_a_malformed_header_is_ignored_and_its_text_kept(header):
    octets = bytes.fromhex(header)
    assert decode_header(octets) == (None, b"", (0, 0))
    fill = -(len(octets) + 1) * 8 % 7
    user_data = bytes((len(octets),)) + octets + pack(septets("STOP"), fill)
    count = ((len(octets) + 1) * 8 + fill) // 7 + 4
    found = decode(deliver(user_data.hex(), udl=count, first="44"))
    assert (found.text, found.concat, found.udh) == ("STOP", None, b"")


@pytest.mark.parametrize("lie", [0x03, 0x7F, 0xFF])
def test_a_header_longer_than_the_user_data_is_text(lie):
    payload = bytes((lie,)) + b"\x04\x16"
    found = decode(deliver(payload.hex(), udl=3, first="44", dcs="04"))
    assert (found.payload, found.udh) == (payload, b"")


@pytest.mark.parametrize("numbers", ["0003010000", "0003010200", "0003010203", "080400010001"])
def test_an_impossible_part_number_is_no_part_number(numbers):
    assert decode_header(bytes.fromhex(numbers)).concat is None


def test_of_two_concatenation_elements_the_last_counts_and_other_elements_stay():
    found = decode_header(bytes.fromhex("0003010201" + "05040B8423F0" + "080412340302"))
    assert found.concat == Concat(0x1234, 3, 2, wide=True)
    assert found.others == bytes.fromhex("05040B8423F0")


@pytest.mark.parametrize("single", [0, 2])
@pytest.mark.parametrize("locking", [0, 1])
def test_national_tables_named_in_the_header_are_used(locking, single):
    udh = bytes((0x25, 1, locking, 0x24, 1, single))
    octets = b"\x07\x1bA"
    seen = reread(Submit("+90", Segment(Encoding.GSM7, octets), udh=udh))
    assert seen.text == "ìı"[locking] + {0: "A", 2: "Á"}[single]
    assert text_of(seen.encoding, seen.payload, seen.alphabet) == seen.text


@pytest.mark.parametrize(
    ("concat", "udh"),
    [
        (Concat(256, 2, 1), ""),
        (Concat(65536, 2, 1, wide=True), ""),
        (Concat(-1, 2, 1), ""),
        (Concat(1, 2, 3), ""),
        (Concat(1, 2, 0), ""),
        (Concat(1, 256, 1), ""),
        (None, "01"),
        (None, "0102"),
        (None, "70FF" + "00" * 255),
    ],
)
def test_a_header_that_cannot_be_is_refused(concat, udh):
    with pytest.raises(PduError):
        encode_header(concat, bytes.fromhex(udh))


# Writing


def test_the_announced_length_leaves_the_service_centre_out():
    bare = encode_submit(Submit("+4917", HELLO))
    via = encode_submit(Submit("+4917", HELLO, smsc="+491710760000"))
    assert bare.pdu[0] == 0
    assert via.pdu[:8].hex().upper() == "0791947101670000"
    assert (via.pdu[8:], via.length) == (bare.pdu[1:], bare.length)
    assert decode(via.pdu).smsc == "+491710760000"


@pytest.mark.parametrize(
    ("submit", "first", "dcs"),
    [
        (Submit("1", HELLO), 0x21, 0x00),
        (Submit("1", HELLO, report=False), 0x01, 0x00),
        (Submit("1", HELLO, flash=True, validity=timedelta(days=3)), 0x31, 0x10),
        (Submit("1", Segment(Encoding.UCS2, b"\x04\x16"), udh=b"\x01\x00"), 0x61, 0x08),
        (Submit("1", Segment(Encoding.UCS2, b""), flash=True), 0x21, 0x18),
        (Submit("1", Segment(Encoding.BINARY, b"x"), flash=True), 0x21, 0x14),
        (Submit("1", Segment(Encoding.BINARY, b"x"), concat=Concat(1, 2, 1)), 0x61, 0x04),
    ],
)
def test_flags_and_coding_are_as_asked(submit, first, dcs):
    pdu = encode_submit(submit).pdu
    assert (pdu[1], pdu[7]) == (first, dcs)
    seen = decode(pdu)
    assert (seen.flash, seen.validity) == (submit.flash, submit.validity)
    assert (seen.encoding, seen.payload) == (submit.segment.encoding, submit.segment.payload)


@pytest.mark.parametrize(
    ("segment", "header"),
    [
        (Segment(Encoding.GSM7, b"x" * 160), 0),
        (Segment(Encoding.GSM7, b"x" * 153), 6),
        (Segment(Encoding.UCS2, b"x" * 140), 0),
        (Segment(Encoding.BINARY, b"x" * 134), 6),
    ],
)
def test_a_part_holds_140_octets_and_not_one_more(segment, header):
    concat = Concat(1, 2, 1) if header else None
    assert encode_submit(Submit("1", segment, concat=concat)).length <= 155
    more = Segment(segment.encoding, segment.payload + b"xx")
    with pytest.raises(PduError):
        encode_submit(Submit("1", more, concat=concat))


@given(st.text(max_size=400), st.booleans(), st.integers(0, 65535))
def test_any_text_comes_back_part_by_part(text, wide, reference):
    parts = split(text, wide=wide)
    reference = reference if wide else reference % 256
    seen = []
    for ordinal, part in enumerate(parts, start=1):
        concat = Concat(reference, len(parts), ordinal, wide) if len(parts) > 1 else None
        seen.append(reread(Submit("+49151", part, concat=concat)))
        assert (seen[-1].concat, seen[-1].payload) == (concat, part.payload)
    assert "".join(one.text for one in seen) == text
    assert text_of(seen[0].encoding, b"".join(one.payload for one in seen)) == text


@given(st.binary(max_size=600))
def test_any_data_comes_back_part_by_part(data):
    parts = split_data(data)
    seen = [reread(Submit("+49151", part)) for part in parts]
    assert b"".join(one.payload for one in seen) == data


# Reading


@pytest.mark.parametrize("tail", ["", "00", "0700000568", "FF", "05000401020304"])
def test_a_report_is_read_whatever_follows_its_status(tail):
    head = "0791947101760000" + "0607" + "0B919471325476F8" + STAMP + "62112112000140" + "30"
    assert decode(bytes.fromhex(head + tail)) == StatusReport(
        smsc="+491710670000",
        reference=7,
        recipient="+49172345678",
        sent_at=datetime(2026, 11, 12, 20, 0, tzinfo=UTC),
        discharged_at=datetime(2026, 11, 12, 20, 0, 10, tzinfo=UTC),
        status=0x30,
    )


def test_a_report_whose_discharge_time_is_rubbish_still_reports():
    pdu = "000607" + "0B919471325476F8" + STAMP + "00000000000000" + "00"
    found = decode(bytes.fromhex(pdu))
    assert (found.discharged_at, found.status, found.reference) == (None, 0, 7)
    assert found.sent_at is not None


def test_the_service_centre_may_be_left_out():
    pdu = deliver("E8329BFD06", udl=5)
    assert decode(pdu) == decode(pdu[1:], has_smsc=False)
    assert decode(pdu).smsc is None
    assert decode(b"\x01\x91" + pdu[1:]).smsc is None


def test_what_follows_the_user_data_is_left_out():
    assert decode(deliver("E8329BFD06FFFF", udl=5)).text == "hello"


@pytest.mark.parametrize("udl", [7, 140, 160])
def test_a_user_data_length_beyond_the_end_is_an_error(udl):
    with pytest.raises(PduError) as caught:
        decode(deliver("E8329BFD06", udl=udl))
    assert caught.value.pdu == deliver("E8329BFD06", udl=udl)


@pytest.mark.parametrize(("dcs", "udl"), [("00", 161), ("00", 255), ("04", 141), ("04", 255)])
def test_a_user_data_length_that_no_part_can_have_is_what_is_there(dcs, udl):
    found = decode(deliver("68E5", udl=udl, dcs=dcs))
    assert found.payload == (b"hJ" if dcs == "00" else b"\x68\xe5")


def test_each_way_to_end_too_early_is_an_error():
    whole = bytes.fromhex("0791947101760000") + deliver("E8329BFD06", udl=5)[1:]
    assert decode(whole).text == "hello"
    for end in range(len(whole)):
        with pytest.raises(PduError):
            decode(whole[:end])


@pytest.mark.parametrize("pdu", ["0015", "FF91", "0003", "000419", "0C91" + "11" * 40])
def test_noise_is_an_error(pdu):
    with pytest.raises(PduError):
        decode(bytes.fromhex(pdu))


@given(st.binary(max_size=220), st.booleans())
@example(b"", True)
@example(b"\x00", True)
def test_any_octets_are_a_value_or_our_own_error(octets, has_smsc):
    try:
        found = decode(octets, has_smsc=has_smsc)
    except PduError:
        return
    assert isinstance(found, Deliver | StatusReport | SubmitSeen)
    if not isinstance(found, StatusReport):
        (found.text or "").encode("utf-8")


HEADS = st.sampled_from(["04", "44", "00", "40"]).map(
    lambda first: bytes.fromhex(f"00{first}0B919471325476F800")
)


@given(HEADS, st.integers(0, 255), st.integers(0, 160), st.binary(min_size=140, max_size=160))
def test_any_user_data_behind_a_sound_head_is_a_message(head, dcs, udl, user_data):
    found = decode(head + bytes((dcs,)) + bytes.fromhex(STAMP) + bytes((udl,)) + user_data * 2)
    assert isinstance(found, Deliver)
    assert found.sender == "+49172345678"
    (found.text or "").encode("utf-8")
