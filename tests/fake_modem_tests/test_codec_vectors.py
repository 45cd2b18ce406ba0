"""The fake modem's own PDU code, against PDUs of other projects."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests import vectors
from tests.fake_modem import pdu

FILES = ("babca_python_gsmmodem_pdu", "node_pdu", "ofono_unit_sms", "python_messaging_sms")

# The same octets do not come back where a PDU has what we do not write: stray bits before the text,
# a zone of minus nothing or in no decimal digits, short numbers of another type, a broken number.
ONE_WAY = {
    "babca_python_gsmmodem_pdu-041",
    "babca_python_gsmmodem_pdu-046",
    "ofono_unit_sms-029",
    "python_messaging_sms-016",
    "python_messaging_sms-018",
    "python_messaging_sms-024",
    "python_messaging_sms-025",
}


def incoming_rows():
    for name in FILES:
        for row in vectors.rows(name, "decode"):
            if len(row["pdu"]) % 2:  # its source reads it only when not strict
                continue
            octets = bytes.fromhex(row["pdu"])
            if octets[octets[0] + 1 if row.get("has_smsc", True) else 0] & 3 != 1:
                yield pytest.param(row, id=row["id"])


def outgoing_rows():
    for name in FILES:
        for row in vectors.rows(name, "encode"):
            if len(row["expect"]["pdus"]) == 1:
                yield pytest.param(row, id=row["id"])


@pytest.mark.parametrize("row", list(incoming_rows()))
def test_a_known_deliver_or_report_reads_as_its_source_says(row):
    octets, expect = bytes.fromhex(row["pdu"]), row["expect"]

    read = pdu.decode(octets, has_smsc=row.get("has_smsc", True))

    if isinstance(read, pdu.Deliver):
        if "text" in expect and read.body.text is not None:
            assert read.body.text == expect["text"]
        if "number" in expect:
            assert read.sender == expect["number"]
        if "timestamp" in expect:
            assert read.sent_at == datetime.fromisoformat(expect["timestamp"])
        if "concat" in expect:
            assert read.body.concat is not None
            found = read.body.concat
            assert {"ref": found.reference, "total": found.total, "seq": found.ordinal} == expect[
                "concat"
            ]
    elif "reference" in expect:
        assert read.reference == expect["reference"]
        assert read.status == 0
    elif "sr" in expect:
        assert (read.status, read.recipient) == (expect["sr"]["status"], expect["sr"]["recipient"])


@pytest.mark.parametrize("row", [row for row in incoming_rows() if row.id not in ONE_WAY])
def test_a_known_deliver_or_report_is_written_octet_for_octet(row):
    octets, has_smsc = bytes.fromhex(row["pdu"]), row.get("has_smsc", True)
    read = pdu.decode(octets, has_smsc=has_smsc)
    centre = pdu.encode_smsc(read.smsc) if has_smsc else b""

    if isinstance(read, pdu.StatusReport):
        written = pdu.encode_report(read)
    else:
        # the concatenation header is among the elements as they were read
        body = replace(read.body, concat=None)
        written = pdu.encode_deliver(replace(read, body=body), more=not octets[len(centre)] & 4)

    assert centre + written == octets


@pytest.mark.parametrize("row", list(outgoing_rows()))
def test_a_known_submit_reads_as_it_was_meant(row):
    read = pdu.decode_submit(bytes.fromhex(row["expect"]["pdus"][0]))

    assert read.recipient == row["number"]
    assert read.body.text in (row["text"], None)
    if read.body.text is None:
        assert read.body.data.decode("latin-1") == row["text"]
    assert read.report == bool(
        row.get("request_status_report") or row.get("params", {}).get("request_status")
    )
