"""The codec against what other projects' tests say of real and made PDUs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

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
)
from appliance.modem.pdu.semi_octets import decode_address, decode_timestamp, encode_address
from appliance.modem.pdu.validity import decode_validity, encode_validity
from appliance.text import Encoding, Segment, septets, split
from appliance.text import decode as text_of
from tests.vectors import rows

BABCA, NODE, OFONO, MESSAGING, GAMMU = (
    "babca_python_gsmmodem_pdu",
    "node_pdu",
    "ofono_unit_sms",
    "python_messaging_sms",
    "gammu_at_sms_encode",
)

NOT_HEX = "not hex: never gets as far as this codec, which takes octets"
ABSOLUTE = "absolute validity: we send relative periods, which need no clock"
CLASS = "message classes 1-3 are the handset's business: we send none and class 0"

EXCLUDED = {
    f"{BABCA}-035": ABSOLUTE,
    f"{BABCA}-050": NOT_HEX,
    f"{BABCA}-051": NOT_HEX,
    f"{MESSAGING}-002": ABSOLUTE,
    f"{MESSAGING}-006": CLASS,
    f"{MESSAGING}-007": CLASS,
    f"{MESSAGING}-008": CLASS,
    f"{MESSAGING}-027": "cut short: its own strict mode (row 026) refuses it too, and so do we",
    f"{OFONO}-010": "cell broadcast is no SMS TPDU",
    f"{OFONO}-011": "cell broadcast is no SMS TPDU",
}
"""Rows that are not compared, and why."""

NO_REJECT = "we never ask the centre to reject duplicates: its modem-side reference is not ours"
DIALLED = "numbers without + go out as dialled (0x81), not as national ones (0xA1)"

OUR_OCTETS = {
    f"{BABCA}-032": (NO_REJECT, {1: 0x01}),
    f"{BABCA}-048": (NO_REJECT, {1: 0x41}),
    f"{BABCA}-034": (DIALLED, {1: 0x81, 8: 0x81}),
}
"""Encoded rows in which single octets differ by choice: why, and ours by their place."""

OUR_VALUES = {
    f"{BABCA}-046": ("the number is broken: their reading of it is one of many", {"number"}),
    f"{NODE}-007": ("00 is that library's other spelling of +", {"number_any_form"}),
    f"{MESSAGING}-023": ("rendered as a text, its time without its zone", {"text", "date_utc"}),
}
"""Decoded rows in which some expectations do not count."""

SMSC_OF_TEST = {
    f"{MESSAGING}-004": "+34646456456",
    f"{MESSAGING}-012": "+44000000000",
    f"{MESSAGING}-013": "+34646456456",
}
"""Service centres that the source test sets outside of the row."""


def chosen(name, *kinds):
    return [pytest.param(row, id=row["id"]) for row in counted(name, *kinds)]


def counted(name, *kinds):
    return [row for row in rows(name, *kinds) if row["id"] not in EXCLUDED]


def read(row):
    whole_octets = len(row["pdu"]) // 2 * 2
    return decode(bytes.fromhex(row["pdu"][:whole_octets]), has_smsc=row["has_smsc"])


@pytest.mark.parametrize(
    ("name", "kinds", "checked"),
    [
        (BABCA, ("gsm7", "address-decode", "smsc-decode", "relative-validity", "timestamp"), 30),
        (BABCA, ("encode", "decode", "malformed"), 18),
        (NODE, (), 46),
        (OFONO, ("decode", "encode", "cbs"), 14),
        (MESSAGING, ("encode", "decode", "malformed"), 24),
        (GAMMU, (), 193),
    ],
)
def test_no_row_is_left_out_unseen(name, kinds, checked):
    assert len(counted(name, *kinds)) == checked


def test_each_exception_is_a_row():
    named = {*EXCLUDED, *OUR_OCTETS, *OUR_VALUES, *SMSC_OF_TEST}
    found = {row["id"] for name in (BABCA, NODE, OFONO, MESSAGING) for row in rows(name)}
    assert named <= found


# Decoding


def same_number(got, wanted):
    return got.removeprefix("+") == wanted.removeprefix("+")


def text_in(found):
    return found.payload.decode() if found.encoding is Encoding.BINARY else found.text


def in_utc(moment):
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def who(found):
    return found.sender if isinstance(found, Deliver) else found.recipient


def told_validity(found):
    told = found.validity
    return told.total_seconds() if isinstance(told, timedelta) else told.isoformat()


KINDS = {"SMS-DELIVER": Deliver, "SMS-SUBMIT": SubmitSeen, "SMS-STATUS-REPORT": StatusReport}

CLAIMS: dict[str, Callable[[object, object], bool]] = {
    "type": lambda found, wanted: type(found) is KINDS[wanted],
    "smsc": lambda found, wanted: found.smsc == wanted,
    "csca": lambda found, wanted: found.smsc == wanted,
    "number": lambda found, wanted: wanted == "SR-UNKNOWN" or who(found) == wanted,
    "number_any_form": lambda found, wanted: same_number(who(found), wanted),
    "text": lambda found, wanted: text_in(found) == wanted,
    "timestamp": lambda found, wanted: found.sent_at.isoformat() == wanted,
    "date_utc": lambda found, wanted: found.sent_at.astimezone(UTC) == in_utc(wanted),
    "discharge": lambda found, wanted: found.discharged_at.isoformat() == wanted,
    "protocol_id": lambda found, wanted: found.pid == wanted,
    "pid": lambda found, wanted: found.pid == wanted,
    "dcs": lambda found, wanted: found.dcs == wanted,
    "encoding": lambda found, wanted: found.encoding == wanted,
    "ref": lambda found, wanted: found.reference == wanted,
    "reference": lambda found, wanted: found.reference == wanted,
    "validity": lambda found, wanted: told_validity(found) == wanted,
    "validity_octet": lambda found, wanted: encode_validity(found.validity) == wanted,
    "concat": lambda found, wanted: (
        (found.concat.reference, found.concat.total, found.concat.ordinal)
        == (wanted["ref"], wanted["total"], wanted["seq"])
    ),
    "sr": lambda found, wanted: (
        (found.status, found.recipient) == (wanted["status"], wanted["recipient"])
        and found.sent_at.replace(tzinfo=UTC) == in_utc(wanted["scts"])  # without its zone
        and found.discharged_at.replace(tzinfo=UTC) == in_utc(wanted["dt"])
    ),
    "udl": lambda found, wanted: udl_of(found) == wanted,
    "udhl": lambda found, wanted: len(found.udh) == wanted,
    "mwi": lambda found, wanted: (found.waiting is not None) == wanted,
}
"""What a row may expect, and how it is looked for."""


def udl_of(found):
    """Return TP-UDL as it must have been, from the payload and the header."""
    header = len(found.udh) + 1 if found.udh else 0
    if found.encoding is Encoding.GSM7:
        return -(-header * 8 // 7) + len(found.payload)
    return header + len(found.payload)


@pytest.mark.parametrize(
    "row", [row for name in (BABCA, NODE, OFONO, MESSAGING) for row in chosen(name, "decode")]
)
def test_a_pdu_says_what_others_read_in_it(row):
    found = read(row)
    _, ignored = OUR_VALUES.get(row["id"], ("", set()))
    for claim, wanted in row["expect"].items():
        assert claim in ignored or CLAIMS[claim](found, wanted), claim


@pytest.mark.parametrize(
    "row", [row for name in (BABCA, MESSAGING) for row in chosen(name, "malformed")]
)
def test_a_malformed_pdu_is_our_own_error(row):
    with pytest.raises(PduError):
        read(row)


@pytest.mark.parametrize("row", chosen(BABCA, "address-decode"))
def test_an_address_reads_as_others_read_it(row):
    octets = bytes.fromhex(row["hex"])
    size = row["expect"]["bytes_read"]
    number = row["expect"]["number"]
    assert decode_address(octets[1], octets[2:size], octets[0]) == number
    if octets[1] == 0x91:
        length, ours = encode_address(number)
        assert (bytes((length,)) + ours).hex().upper() == row["expect"]["reencoded"]


@pytest.mark.parametrize("row", chosen(BABCA, "smsc-decode"))
def test_a_service_centre_reads_as_others_read_it(row):
    octets = bytes.fromhex(row["hex"])[: row["expect"]["bytes_read"]]
    hello = encode_submit(Submit("1", Segment(Encoding.GSM7, b"x"))).pdu[1:]
    number = decode(octets + hello).smsc
    assert number == row["expect"]["number"]
    again = encode_submit(Submit("1", Segment(Encoding.GSM7, b"x"), smsc=number)).pdu
    assert again.hex().upper().startswith(row["expect"]["reencoded"])


@pytest.mark.parametrize("row", chosen(BABCA, "relative-validity"))
def test_a_relative_validity_means_what_it_means_to_others(row):
    period = timedelta(seconds=row["expect"]["seconds"])
    assert decode_validity(row["octet"]) == period
    assert encode_validity(period) == row["octet"]


@pytest.mark.parametrize("row", chosen(BABCA, "timestamp"))
def test_a_time_stamp_reads_as_others_read_it(row):
    found = decode_timestamp(bytes.fromhex(row["hex"]))
    assert found.isoformat() == row["expect"]["timestamp"]


# Long messages


def joined(parts):
    """Return the text of parts of one message, None if they are of several."""
    identity = {(part.concat.reference, part.concat.total, part.concat.wide) for part in parts}
    if len(identity) != 1:
        return None
    by_ordinal = {part.concat.ordinal: part.payload for part in parts}
    return text_of(parts[0].encoding, b"".join(by_ordinal[at] for at in sorted(by_ordinal)))


@pytest.mark.parametrize("row", chosen(NODE, "concat-append"))
def test_parts_tell_which_message_they_belong_to(row):
    parts = [decode(bytes.fromhex(row["raw"][pdu])) for pdu in ("pduStr1", "pduStr2")]
    result = row["raw"].get("expectedResult", {"data": {"text": None}})
    assert joined(parts) == result["data"]["text"]


def test_the_long_messages_among_the_rows_join():
    parts = [read(row) for row in counted(OFONO, "decode") if "assembly_pdu" in row["test"]]
    assert len(parts) == 3
    assert joined(parts).startswith("Итак, Александр  слушал за дверью")
    assert joined(parts).endswith("что  был наг.")


# Encoding


def segments_of(row):
    if row.get("params", {}).get("fmt") == 4:
        return (Segment(Encoding.BINARY, row["text"].encode("ascii")),)
    return split(row["text"])


def validity_of(row):
    if "validity_octet" in row:
        return decode_validity(row["validity_octet"])
    seconds = row.get("params", row).get("validity")
    return None if seconds is None else timedelta(seconds=seconds)


def submits_of(row):
    params = row.get("params", row)
    parts = segments_of(row)
    reference = params.get("rand_id", params.get("ref", 0))
    for ordinal, part in enumerate(parts, start=1):
        yield Submit(
            row["number"],
            part,
            concat=Concat(reference, len(parts), ordinal) if len(parts) > 1 else None,
            report=params.get("request_status_report", params.get("request_status", False)),
            flash=params.get("klass") == 0,
            validity=validity_of(row),
            smsc=row.get("smsc") or SMSC_OF_TEST.get(row["id"]),
        )


def as_ours(row, pdu):
    """Return their PDU with TP-MR as we leave it to the modem, and our choices in place."""
    octets = bytearray.fromhex(pdu)
    octets[octets[0] + 2] = 0
    _, changes = OUR_OCTETS.get(row["id"], ("", {}))
    for place, octet in changes.items():
        octets[place] = octet
    return octets.hex()


@pytest.mark.parametrize(
    "row", [row for name in (BABCA, OFONO, MESSAGING) for row in chosen(name, "encode")]
)
def test_a_text_becomes_the_octets_that_others_make_of_it(row):
    ours = [encode_submit(submit).pdu.hex() for submit in submits_of(row)]
    assert ours == [as_ours(row, pdu) for pdu in row["expect"]["pdus"]]


@pytest.mark.parametrize("row", chosen(BABCA, "gsm7") + chosen(NODE, "gsm7"))
def test_septets_are_packed_as_others_pack_them(row):
    packed = pack(septets(row["text"]), row.get("align_bits", 0))
    assert packed.hex().upper() == row["expect"]["packed_hex"]


# gammu


def gammu_segment(expect):
    """Return the one part that gammu cuts a text down to."""
    if expect["coding"] == "Default":
        return Segment(Encoding.GSM7, septets(expect["text"])[:160])
    return Segment(Encoding.UCS2, expect["text"].encode("utf-16-be")[:140])


@pytest.mark.parametrize("row", chosen(GAMMU))
def test_what_gammu_writes_reads_as_it_was_meant(row):
    found, expect = read(row), row["expect"]
    assert type(found) is (Deliver if expect["sent"] else SubmitSeen)
    assert (found.smsc, who(found)) == (expect["smsc"], expect["number"])
    segment = gammu_segment(expect)
    assert (found.encoding, found.payload) == (segment.encoding, segment.payload)
    assert expect["text"].startswith(found.text)
    if expect["sent"]:
        assert found.sent_at == in_utc(expect["sent"])


def test_what_gammu_submits_we_write_alike():
    checked = [row for row in counted(GAMMU) if not row["expect"]["sent"]]
    for row in checked:
        expect = row["expect"]
        ours = encode_submit(
            Submit(
                expect["number"],
                gammu_segment(expect),
                report=False,
                validity=timedelta(weeks=63),
                smsc=expect["smsc"],
            )
        )
        assert ours.pdu.hex().upper() == row["pdu"], row["id"]
    assert len(checked) == 97
