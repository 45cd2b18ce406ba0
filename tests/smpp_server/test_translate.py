from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SmppError
from appliance.smpp_server.fields import Tlv
from appliance.smpp_server.manner import PLAIN, Manner
from appliance.smpp_server.names import Status, Tag
from appliance.smpp_server.pdu import SHORT_MESSAGE, ShortMessage
from appliance.smpp_server.times import moment
from appliance.smpp_server.translate import submission
from appliance.submission import Door, Receipts
from tests.smpp_server.test_pdu import bodies

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


def message(**fields):
    known = {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b"4915112345678"}
    return ShortMessage(**(known | fields))


def read(*, now=NOW, version=0x34, manner=PLAIN, **fields):
    return submission(message(**fields), now=now, version=version, manner=manner)


def refusal(**fields):
    with pytest.raises(SmppError) as caught:
        read(**fields)
    return caught.value.status


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0x00, b"\x00 \x1be \x7f", "@ € à"),  # GSM 03.38, one septet to an octet
        (0x01, b"@ [x]", "@ [x]"),
        (0x03, b"caf\xe9", "café"),
        (0x08, "Приве́т 🙂".encode("utf-16-be"), "Приве́т 🙂"),
        (0x11, b"\x00", "@"),
        (0x19, "ж".encode("utf-16-be"), "ж"),
        (0xF1, b"\x00", "@"),
        (0xF9, b"\x00", "@"),
    ],
)
def test_text_is_read_as_its_data_coding_says(coding, octets, text):
    found = read(data_coding=coding, short_message=octets)

    assert (found.text, found.data, found.flash) == (text, None, False)


@pytest.mark.parametrize(
    ("header", "octets", "text"),
    [
        ("03240101", b"\x1bs\x1b\x65", "ş€"),
        ("03250101", b"\x1c\x04", "Ş€"),
        ("050003070201", b"\x1bs", "s"),
    ],
)
def test_septets_are_read_by_the_tables_that_their_header_names(header, octets, text):
    found = read(esm_class=0x40, short_message=bytes.fromhex(header) + octets)
    assert (found.text, found.udh) == (text, bytes.fromhex(header)[1:])


@pytest.mark.parametrize("coding", [0x02, 0x04, 0x15, 0xF5])
def test_octets_stay_octets(coding):
    found = read(data_coding=coding, short_message=b"\x00\xff")

    assert (found.text, found.data) == (None, b"\x00\xff")


@pytest.mark.parametrize("coding", [0x10, 0x14, 0x18, 0xF0, 0xF4])
def test_class_0_is_flash(coding):
    assert read(data_coding=coding, short_message=b"ab").flash


def test_data_coding_0_is_latin_1_where_that_is_set_but_a_class_is_always_gsm():
    assert read(manner=Manner(gsm0="latin1"), short_message=b"caf\xe9 @").text == "café @"
    assert read(manner=Manner(gsm0="latin1"), data_coding=0xF1, short_message=b"\x00").text == "@"


def test_a_lone_surrogate_becomes_a_sign_that_can_be_stored():
    assert read(data_coding=8, short_message=b"\xd8\x00").text == "\ufffd"


@pytest.mark.parametrize(
    ("ton", "number", "to"),
    [
        (1, b"4915112345678", "+4915112345678"),
        (1, b"+4915112345678", "+4915112345678"),
        (0, b"+4915112345678", "+4915112345678"),
        (0, b"015112345678", "015112345678"),
        (2, b"015112345678", "015112345678"),
        (6, b"12345", "12345"),
    ],
)
def test_an_international_number_gets_its_plus_and_others_stay(ton, number, to):
    assert read(dest_addr_ton=ton, destination_addr=number).to == to


def test_addresses_are_kept_as_they_were_given():
    found = read(source_addr_ton=5, source_addr_npi=0, source_addr=b"Acme Ltd")

    assert (found.smpp_source_ton, found.smpp_source_npi, found.smpp_source) == (5, 0, "Acme Ltd")
    assert (found.smpp_dest_ton, found.smpp_dest_npi) == (1, 1)
    assert found.smpp_dest == "4915112345678"
    assert found.door is Door.SMPP


@pytest.mark.parametrize(("flag", "priority"), [(0, None), (1, 1), (2, 2), (3, 3)])
def test_priority_0_leaves_it_to_the_category(flag, priority):
    assert read(priority_flag=flag).priority == priority


@pytest.mark.parametrize(
    ("flags", "version", "receipts"),
    [
        (0x00, 0x34, Receipts.NONE),
        (0x01, 0x34, Receipts.FINAL),
        (0x02, 0x34, Receipts.FAILURE),
        (0x03, 0x50, Receipts.SUCCESS),
        (0x0D, 0x34, Receipts.FINAL),
        (0x10, 0x34, Receipts.PROGRESS),
        (0x11, 0x34, Receipts.ALL),
        (0x12, 0x34, Receipts.FAILURE_AND_PROGRESS),
        (0x13, 0x50, Receipts.SUCCESS_AND_PROGRESS),
        (0xED, 0x34, Receipts.FINAL),
    ],
)
def test_receipts_are_those_that_are_asked_for(flags, version, receipts):
    assert read(registered_delivery=flags, version=version).receipts is receipts


def test_a_header_is_taken_off_the_message_it_stands_before():
    found = read(esm_class=0x40, short_message=b"\x05\x00\x03\x2a\x02\x01hello")

    assert (found.udh, found.text) == (b"\x00\x03\x2a\x02\x01", "hello")


def test_a_header_in_a_payload_is_taken_off_too():
    payload = Tlv(Tag.MESSAGE_PAYLOAD, b"\x06\x05\x04\x0b\x84\x23\xf0" + b"push")

    found = read(esm_class=0x40, data_coding=4, tlvs=(payload,))

    assert (found.udh, found.data) == (b"\x05\x04\x0b\x84\x23\xf0", b"push")


def test_a_header_of_no_elements_is_none():
    found = read(esm_class=0x40, short_message=b"\x00hello")

    assert (found.udh, found.text) == (b"", "hello")


def sar(reference, total, ordinal):
    return (
        Tlv(Tag.SAR_MSG_REF_NUM, reference.to_bytes(2, "big")),
        Tlv(Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
        Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((ordinal,))),
    )


def test_sar_parameters_become_a_header():
    assert read(tlvs=sar(0x0102, 3, 2)).udh == b"\x00\x03\x02\x03\x02"


def test_a_message_of_one_segment_needs_no_header():
    assert read(tlvs=sar(1, 1, 1)).udh == b""


def test_a_header_that_numbers_the_segments_wins_over_sar_and_another_is_joined():
    numbered = b"\x06\x08\x04\x01\x02\x03\x01"
    ports = b"\x06\x05\x04\x0b\x84\x23\xf0"

    first = read(esm_class=0x40, short_message=numbered + b"x", tlvs=sar(9, 2, 2))
    second = read(esm_class=0x40, short_message=ports + b"x", tlvs=sar(9, 2, 2))

    assert first.udh == numbered[1:]
    assert second.udh == b"\x00\x03\x09\x02\x02" + ports[1:]


@pytest.mark.parametrize(
    ("written", "then"),
    [
        (b"260401000000000+", datetime(2026, 4, 1, tzinfo=UTC)),
        (b"260401000000508+", datetime(2026, 3, 31, 22, 0, 0, 500_000, tzinfo=UTC)),
        (b"260401000000008-", datetime(2026, 4, 1, 2, 0, tzinfo=UTC)),
        (b"000000000000000R", NOW),
        (b"000002030405000R", NOW + timedelta(days=2, hours=3, minutes=4, seconds=5)),
        (b"000100000000000R", datetime(2026, 4, 30, 12, 0, tzinfo=UTC)),
        (b"011100000000000R", datetime(2028, 2, 29, 12, 0, tzinfo=UTC)),
    ],
)
def test_both_forms_of_a_time_name_a_moment(written, then):
    assert moment(written, NOW) == then


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"260401",
        b"260401000000000",
        b"260401000000000Z",
        b"26040100000000 +",
        b"261301000000000+",
        b"260401250000000+",
        b"260401000000049+",
        b"000001000000500R",
        b"000001000000001R",
    ],
)
def test_other_forms_name_none(written):
    with pytest.raises(ValueError):
        moment(written, NOW)


@given(st.binary(max_size=17))
def test_no_octets_are_a_time_by_accident(written):
    with suppress(ValueError):
        assert moment(written, NOW).tzinfo is UTC


def test_times_become_the_first_and_the_last_moment():
    found = read(schedule_delivery_time=b"000000010000000R", validity_period=b"000001000000000R")

    assert found.not_before == NOW + timedelta(hours=1)
    assert found.expires_at == NOW + timedelta(days=1)
    assert read().not_before is None
    assert read().expires_at is None


def test_a_schedule_that_says_now_is_now():
    assert read(schedule_delivery_time=b"260331120000000+").not_before == NOW
    assert refusal(schedule_delivery_time=b"260331115959000+") == Status.BAD_SCHEDULE
    assert refusal(validity_period=b"260331120000000+") == Status.BAD_VALIDITY


@pytest.mark.parametrize(
    ("times", "status"),
    [
        ({"schedule_delivery_time": b"250331120000000+"}, Status.BAD_SCHEDULE),
        ({"schedule_delivery_time": b"260331130000008+"}, Status.BAD_SCHEDULE),  # two hours ahead
        ({"schedule_delivery_time": b"no time"}, Status.BAD_SCHEDULE),
        ({"validity_period": b"000000000000000R"}, Status.BAD_VALIDITY),
        ({"validity_period": b"260331130000008+"}, Status.BAD_VALIDITY),
        ({"validity_period": b"no time"}, Status.BAD_VALIDITY),
        (
            {
                "schedule_delivery_time": b"000000020000000R",
                "validity_period": b"000000010000000R",
            },
            Status.BAD_VALIDITY,
        ),
        (
            {
                "schedule_delivery_time": b"260401000000000+",
                "validity_period": b"260331180000000+",
            },
            Status.BAD_VALIDITY,
        ),
    ],
)
def test_times_that_are_over_or_none_are_refused_by_their_own_status(times, status):
    assert refusal(**times) == status


def test_the_two_forms_may_be_mixed():
    found = read(schedule_delivery_time=b"260401000000000+", validity_period=b"000002000000000R")
    assert found.expires_at - found.not_before == timedelta(hours=36)


@given(bodies(SHORT_MESSAGE), st.sampled_from([0x33, 0x34, 0x50]))
def test_any_body_is_a_submission_or_refused_with_a_status(body, version):
    try:
        found = submission(body, now=NOW, version=version, manner=PLAIN)
    except SmppError as error:
        assert error.status in set(Status) - {Status.OK}  # noqa: PT017 - it need not be refused
    else:
        assert (found.text is None) != (found.data is None)


def test_no_refusal_holds_a_text_or_a_number():
    secret = {"destination_addr": b"0151SECRET", "short_message": b"SECRET"}

    with pytest.raises(SmppError) as caught:
        read(**secret)

    assert "SECRET" not in str(caught.value)
    assert "0151" not in str(caught.value)
