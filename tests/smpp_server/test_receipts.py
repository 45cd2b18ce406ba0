import re
from datetime import timedelta, timezone
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lifecycle import State
from appliance.modem.pdu import pack as modem_pack
from appliance.smpp_server.manner import Manner
from appliance.smpp_server.names import Tag
from appliance.smpp_server.network_errors import OWN, error_of, octet_of
from appliance.smpp_server.packing import fill_bits, pack, unpack
from appliance.smpp_server.receipts import FATES, deliver_sms, refused
from appliance.text import Encoding, decode
from tests.smpp_server.esme import INBOUND, WHEN, notice

FORM = (
    r"id:(\S+) sub:(\d{3}) dlvrd:(\d{3}) submit date:(\d{10}) done date:(\d{10})"
    r" stat:([A-Z]{7}) err:(\d{3}) text:(.{0,20})"
)


def receipt(version=0x34, manner=MappingProxyType({}), **changes):
    (sm,) = deliver_sms(notice(**changes), version=version, manner=Manner(**manner))
    return sm


def inbound(version=0x34, manner=MappingProxyType({}), **changes):
    return deliver_sms(notice(INBOUND, **changes), version=version, manner=Manner(**manner))


def text_of(sm):
    return sm.short_message.decode("ascii")


def test_a_receipt_has_the_form_that_all_clients_read():
    assert text_of(receipt()) == (
        "id:m1 sub:001 dlvrd:001 submit date:2603040506 done date:2603040509"
        " stat:DELIVRD err:000 text:hello"
    )


def test_a_receipt_goes_back_the_way_the_message_came():
    sm = receipt()

    assert (sm.source_addr_ton, sm.source_addr_npi, sm.source_addr) == (1, 1, b"4915112345678")
    assert (sm.dest_addr_ton, sm.dest_addr_npi, sm.destination_addr) == (5, 0, b"Acme")
    assert (sm.registered_delivery, sm.data_coding) == (0, 0)


def test_a_message_that_came_by_another_door_has_its_recipient_as_source():
    sm = receipt(smpp_dest="", smpp_source="", smpp_source_ton=0)

    assert (sm.source_addr_ton, sm.source_addr_npi, sm.source_addr) == (1, 1, b"4915112345678")
    assert sm.destination_addr == b""


@pytest.mark.parametrize(
    ("state", "word", "number", "esm_class"),
    [
        (State.DELIVERED, "DELIVRD", 2, 0x04),
        (State.FAILED, "UNDELIV", 5, 0x04),
        (State.EXPIRED, "EXPIRED", 3, 0x04),
        (State.CANCELLED, "DELETED", 4, 0x04),
        (State.NO_REPORT, "UNKNOWN", 7, 0x04),
        (State.SENT, "ENROUTE", 1, 0x20),
        (State.UNCERTAIN, "ENROUTE", 1, 0x20),
    ],
)
def test_each_state_has_its_word_its_number_and_its_class(state, word, number, esm_class):
    sm = receipt(state=state)

    found = re.fullmatch(FORM, text_of(sm))
    assert found
    assert found[6] == word
    assert found[3] == ("001" if state is State.DELIVERED else "000")
    assert sm.optional(Tag.MESSAGE_STATE) == bytes((number,))
    assert sm.optional(Tag.RECEIPTED_MESSAGE_ID) == b"m1\0"
    assert sm.esm_class == esm_class


def test_no_state_is_without_a_word():
    assert set(FATES) == set(State)


def test_the_networks_number_stands_in_the_text_and_in_a_parameter():
    sm = receipt(state=State.FAILED, cause_code=38)

    assert " err:338 " in text_of(sm)
    assert sm.optional(Tag.NETWORK_ERROR_CODE) == b"\x03\x01\x52"
    assert " err:299 " in text_of(receipt(state=State.FAILED, cause_code=1234))
    assert receipt().optional(Tag.NETWORK_ERROR_CODE) is None


def test_a_peer_of_3_3_gets_no_parameters():
    assert receipt(version=0x33).tlvs == ()


def test_dates_are_utc_wherever_they_were_made():
    east = timezone(timedelta(hours=2))

    sm = receipt(accepted_at=WHEN.astimezone(east), changed_at=WHEN.astimezone(east))

    assert "submit date:2603040506 done date:2603040506" in text_of(sm)


@pytest.mark.parametrize(
    ("start", "shown"),
    [("", ""), ("a" * 21, "a" * 20), ("né_\n🙂", "n?_??")],
)
def test_the_text_of_a_receipt_is_ascii_that_cannot_break_its_form(start, shown):
    assert re.fullmatch(FORM, text_of(receipt(text_start=start)))[8] == shown


def test_the_longest_receipt_fits():
    sm = receipt(message_id="m" * 64, text_start="x" * 20, cause_code=500)

    assert len(sm.short_message) <= 254


def test_an_inbound_message_comes_in_gsm_septets_where_it_can():
    (sm,) = inbound(text="@ €")

    assert (sm.data_coding, sm.short_message, sm.esm_class) == (0, b"\x00 \x1be", 0)
    assert (sm.source_addr_ton, sm.source_addr_npi, sm.source_addr) == (1, 1, b"4915112345678")
    assert (sm.dest_addr_ton, sm.dest_addr_npi, sm.destination_addr) == (1, 1, b"4915100000")


def test_else_in_ucs_2_and_data_as_octets():
    (sm,) = inbound(text="Привет 🙂")
    assert (sm.data_coding, sm.short_message) == (8, "Привет 🙂".encode("utf-16-be"))

    (sm,) = inbound(text=None, data=b"\x00\xff")
    assert (sm.data_coding, sm.short_message) == (4, b"\x00\xff")


def test_latin_1_where_that_is_set():
    (sm,) = inbound(manner={"gsm0": "latin1"}, text="café @")
    assert (sm.data_coding, sm.short_message) == (0, b"caf\xe9 @")

    (sm,) = inbound(manner={"gsm0": "latin1"}, text="€")
    assert (sm.data_coding, sm.short_message) == (8, "€".encode("utf-16-be"))


def test_a_long_one_goes_as_payload():
    (sm,) = inbound(text="x" * 254)
    assert (len(sm.short_message), sm.tlvs) == (254, ())

    (sm,) = inbound(text="x" * 255)
    assert sm.short_message == b""
    assert sm.optional(Tag.MESSAGE_PAYLOAD) == b"x" * 255


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("x" * 152 + "€" * 100, Encoding.GSM7),
        ("ж" * 66 + "🙂" * 100, Encoding.UCS2),
    ],
)
def test_a_long_one_goes_to_a_peer_of_3_3_in_parts_that_can_be_read_singly(text, encoding):
    parts = inbound(version=0x33, text=text)

    assert len(parts) > 1
    read = ""
    for ordinal, sm in enumerate(parts, start=1):
        assert (sm.esm_class, sm.tlvs) == (0x40, ())
        assert len(sm.short_message) <= (159 if encoding is Encoding.GSM7 else 140)
        head, piece = sm.short_message[:6], sm.short_message[6:]
        assert head == bytes((5, 0, 3, 1, len(parts), ordinal))
        assert "\ufffd" not in decode(encoding, piece)
        read += decode(encoding, piece)
    assert read == text


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("12345", (0, 1, b"12345")),
        ("Bank of X", (5, 0, b"Bank of X")),
        ("Zürich", (5, 0, b"Z?rich")),
        (None, (0, 0, b"")),
    ],
)
def test_senders_of_all_kinds_have_an_address(sender, address):
    (sm,) = inbound(sender=sender)

    assert (sm.source_addr_ton, sm.source_addr_npi, sm.source_addr) == address


@pytest.mark.parametrize("status", [0x64, 0x58, 0x14, 0x08])
def test_some_answers_ask_for_another_try(status):
    assert not refused(status).parked


@pytest.mark.parametrize("status", [0x65, 0x66, 0x01, 0x03, 0xFF, 0x400])
def test_all_others_park(status):
    assert refused(status).parked
    assert str(refused(status)) == f"deliver_sm_resp 0x{status:02X}"


LONG = {
    "gsm0338": ("x" * 152 + "€" * 100, 0, 153),
    "ucs2": ("ж" * 66 + "🙂" * 100, 8, 134),
}


def joined(parts, coding, packed):
    """Return what the parts say together, as a client reads them."""
    words = ""
    for sm in parts:
        said = sm.short_message
        head = said[0] + 1 if sm.esm_class & 0x40 else 0
        piece = unpack(said[head:], fill_bits(head)) if packed and coding == 0 else said[head:]
        read = decode(Encoding.UCS2 if coding else Encoding.GSM7, piece)
        assert "\ufffd" not in read
        words += read
    return words


@pytest.mark.parametrize("gsm0", ["gsm0338", "packed"])
@pytest.mark.parametrize("form", ["udh", "sar"])
@pytest.mark.parametrize(("text", "coding", "room"), LONG.values(), ids=LONG)
def test_a_long_one_comes_in_parts_where_the_account_wants_them(text, coding, room, form, gsm0):
    parts = inbound(manner={"inbound_form": form, "gsm0": gsm0}, text=text)

    total = len(parts)
    assert total > 1
    assert {sm.data_coding for sm in parts} == {coding}
    for ordinal, sm in enumerate(parts, start=1):
        if form == "sar":
            assert sm.esm_class == 0
            assert sm.optional(Tag.SAR_MSG_REF_NUM) == b"\0\1"
            assert sm.optional(Tag.SAR_TOTAL_SEGMENTS) == bytes((total,))
            assert sm.optional(Tag.SAR_SEGMENT_SEQNUM) == bytes((ordinal,))
        else:
            assert (sm.esm_class, sm.tlvs) == (0x40, ())
            assert sm.short_message[:6] == bytes((5, 0, 3, 1, total, ordinal))
        most = 140 if gsm0 == "packed" else room + 6
        assert len(sm.short_message) <= most
    assert joined(parts, coding, gsm0 == "packed") == text


@pytest.mark.parametrize("form", ["payload", "udh", "sar"])
def test_what_fits_one_part_is_whole_in_every_form(form):
    for text, octets in (("x" * 160, 160), ("ж" * 70, 140)):
        (sm,) = inbound(manner={"inbound_form": form}, text=text)
        assert (sm.esm_class, sm.tlvs, len(sm.short_message)) == (0, (), octets)


def test_packed_septets_where_that_is_set():
    (sm,) = inbound(manner={"gsm0": "packed"}, text="hellohello")
    assert (sm.data_coding, sm.short_message.hex()) == (0, "e8329bfd4697d9ec37")

    (sm,) = inbound(manner={"gsm0": "packed"}, text="x" * 300)
    assert unpack(sm.optional(Tag.MESSAGE_PAYLOAD)) == b"x" * 300


DATA = bytes(range(256)) + b"\x1b\xd8" * 72


@pytest.mark.parametrize("form", ["udh", "sar", "payload"])
def test_binary_comes_in_every_form_too_octet_for_octet(form):
    parts = inbound(manner={"inbound_form": form}, text=None, data=DATA)

    assert {sm.data_coding for sm in parts} == {4}
    if form == "payload":
        assert [sm.optional(Tag.MESSAGE_PAYLOAD) for sm in parts] == [DATA]
        return
    head = 6 if form == "udh" else 0
    assert b"".join(sm.short_message[head:] for sm in parts) == DATA
    assert [len(sm.short_message) - head for sm in parts] == [134, 134, 132]
    numbers = {
        "udh": lambda sm: tuple(sm.short_message[4:6]),
        "sar": lambda sm: (
            sm.optional(Tag.SAR_TOTAL_SEGMENTS)[0],
            sm.optional(Tag.SAR_SEGMENT_SEQNUM)[0],
        ),
    }
    assert [numbers[form](sm) for sm in parts] == [(3, 1), (3, 2), (3, 3)]


def test_long_ucs_2_and_binary_may_come_whole():
    (sm,) = inbound(text="ж" * 200)
    assert (sm.data_coding, sm.short_message) == (8, b"")
    assert sm.optional(Tag.MESSAGE_PAYLOAD) == ("ж" * 200).encode("utf-16-be")


@given(st.sampled_from(State), st.none() | st.integers(-9, 70_000), st.booleans())
def test_err_has_three_digits_whatever_the_number(state, code, reported):
    assert re.fullmatch(FORM, text_of(receipt(state=state, cause_code=code, reported=reported)))


def test_no_number_of_a_report_is_taken_for_one_of_a_refusal():
    reported = {error_of(State.FAILED, code, reported=True) for code in range(256)}
    refused = {error_of(State.FAILED, code, reported=False) for code in range(700)}
    ours = {error_of(state, None, reported=False) for state in OWN}

    assert not reported & refused
    assert not (reported | refused) & ours


@pytest.mark.parametrize(
    ("state", "code", "reported", "error"),
    [
        (State.DELIVERED, None, True, "000"),
        (State.SENT, None, False, "000"),
        (State.SENT, 0x20, True, "032"),
        (State.FAILED, 0x41, True, "065"),
        (State.FAILED, 0xFF, True, "255"),
        (State.FAILED, 0x41, False, "365"),
        (State.FAILED, 0, False, "300"),
        (State.FAILED, 208, False, "508"),
        (State.FAILED, 322, False, "622"),
        (State.FAILED, 599, False, "899"),
        (State.FAILED, 600, False, "299"),
        (State.FAILED, -1, False, "299"),
        (State.FAILED, None, False, "902"),
        (State.EXPIRED, 0x46, True, "070"),
        (State.EXPIRED, None, False, "900"),
        (State.CANCELLED, None, False, "901"),
        (State.NO_REPORT, None, False, "903"),
    ],
)
def test_err_is_the_networks_number_or_one_of_ours(state, code, reported, error):
    sm = receipt(state=state, cause_code=code, reported=reported)

    assert f" err:{error} " in text_of(sm)
    assert (sm.optional(Tag.NETWORK_ERROR_CODE) is None) == (code is None)


def test_several_that_were_submitted_together_have_the_id_that_was_answered():
    sm = receipt(smpp_name="g1")
    assert text_of(sm).startswith("id:g1 ")
    assert sm.optional(Tag.RECEIPTED_MESSAGE_ID) == b"g1\0"


@given(st.binary(max_size=300), st.integers(0, 6))
def test_what_is_packed_is_read_back(octets, fill):
    septets = bytes(octet & 0x7F for octet in octets)
    padded = septets[-1:] in (b"\0", b"\r")  # which may as well be padding

    read = unpack(pack(septets, fill), fill)

    assert read == septets or (padded and read == septets[:-1])


@given(st.binary(max_size=300), st.integers(0, 6))
def test_any_octets_are_septets(octets, fill):
    assert max(unpack(octets, fill), default=0) < 0x80


def test_a_second_opinion_agrees_on_packing():
    for count in range(161):
        septets = bytes(1 + number % 100 for number in range(count)).replace(b"\r", b"x")
        theirs = modem_pack(septets)
        assert pack(septets)[: len(theirs) - 1] == theirs[: len(theirs) - 1]
        assert unpack(theirs) == septets


@pytest.mark.parametrize(
    ("state", "code", "octet"),
    [
        (State.FAILED, 30, 30),
        (State.FAILED, 500, 255),
        (State.FAILED, None, 255),
        (State.SENT, None, 0),
    ],
)
def test_a_query_is_answered_with_the_number_itself_as_far_as_it_fits(state, code, octet):
    assert octet_of(state, code) == octet
