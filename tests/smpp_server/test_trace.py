"""Traces of PDUs: what is kept, what is hidden, and whether Wireshark can read it."""

import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SmppError
from appliance.logs import masked
from appliance.smpp_server import trace as tracing
from appliance.smpp_server.masking import cleaned
from appliance.smpp_server.names import Command
from appliance.smpp_server.pcap import Ends, capture, checksum
from appliance.smpp_server.pdu import LAYOUTS, Pdu, decode
from appliance.smpp_server.trace import Trace, read
from tests.require import require
from tests.smpp_server.esme import (
    BIND_TRX,
    DELIVER_SM,
    GENERIC_NACK,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    bind_body,
    fields_of,
    multi_body,
    submit_body,
    tlv,
)

AT = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)

MINUTE = timedelta(minutes=1)

ENDS = Ends(("192.0.2.7", 40000), ("192.0.2.1", 2775))

ENDS_6 = Ends(("2001:db8::7", 40001), ("2001:db8::1", 2775))

NUMBER = b"4915112345678"

RECEIPT = (
    b"id:m1 sub:001 dlvrd:001 submit date:2605041200 done date:2605041201 stat:DELIVRD err:000"
)


def hidden(pdu, *, clear=False):
    return cleaned(pdu, masked, clear=clear)


def said_of(command, body=b"", *, clear=False, sequence=7, status=0):
    return read(hidden(Pdu(command, status, sequence, body), clear=clear))


# What is hidden


def test_numbers_and_texts_are_hidden_and_everything_keeps_its_length():
    pdu = Pdu(SUBMIT_SM, 0, 1, submit_body(text=b"secret words", tail=tlv(0x1401, b"vip")))
    kept = hidden(pdu).pdu
    assert len(kept.encode()) == len(pdu.encode())
    fields = fields_of(kept.body)
    assert fields["short_message"] == b"*" * 12
    assert fields["destination_addr"] == b"491511*****78"
    assert fields["tlvs"] == {0x1401: b"***"}, "nobody knows what a vendor's parameter holds"


def test_what_orders_and_counts_the_parts_of_a_text_stays():
    header = bytes((5, 0, 3, 9, 2, 1))
    body = submit_body(text=header + b"secret", esm_class=0x40)
    assert fields_of(hidden(Pdu(SUBMIT_SM, 0, 1, body)).pdu.body)["short_message"] == (
        header + b"******"
    )
    tail = tlv(0x020C, b"\0\7") + tlv(0x0424, "ж".encode("utf-16-be") * 3)
    body = submit_body(text=b"", tail=tail, coding=8)
    assert fields_of(hidden(Pdu(SUBMIT_SM, 0, 1, body)).pdu.body)["tlvs"] == {
        0x020C: b"\0\7",
        0x0424: b"\0*\0*\0*",
    }


def test_of_a_receipt_only_the_start_of_the_text_is_hidden():
    body = submit_body(text=RECEIPT + b" text:hello", esm_class=4)
    shown = fields_of(hidden(Pdu(DELIVER_SM, 0, 1, body)).pdu.body)["short_message"]
    assert shown == RECEIPT + b" text:*****"


def test_all_addresses_of_a_submit_multi_are_hidden():
    body = multi_body([(1, 1, NUMBER), b"\2friends\0"])
    line = said_of(SUBMIT_MULTI, body)
    assert '[1/1/"491511*****78", "friends"]' in line
    assert NUMBER.decode() not in line


@pytest.mark.parametrize("clear", [False, True])
def test_a_password_is_hidden_whatever_is_asked(clear):
    whole = bind_body(password=b"s3cret")
    for body in (whole, whole[:-3], whole[:9], b"x" * 90 + whole):
        kept = hidden(Pdu(BIND_TRX, 0, 1, body), clear=clear)
        assert b"s3cret" not in kept.pdu.body
        assert len(kept.pdu.body) == len(body)
        assert "s3cret" not in read(kept)
    assert "acme" in said_of(BIND_TRX, whole, clear=clear)


def test_in_clear_a_pdu_is_as_it_was():
    pdu = Pdu(SUBMIT_SM, 0, 1, submit_body(text=b"secret words"))
    assert hidden(pdu, clear=True).pdu is pdu
    assert '"secret words"' in read(hidden(pdu, clear=True))


def test_of_what_cannot_be_read_only_the_reason_is_told():
    line = said_of(SUBMIT_SM, submit_body(text=b"secret", sm_length=90))
    assert line.startswith("submit_sm 7 cannot be read: the body ends in short_message: 2a2a")
    assert b"secret".hex() not in line
    assert b"secret".hex() in said_of(
        SUBMIT_SM, submit_body(sm_length=90, text=b"secret"), clear=True
    )


def test_refusals_are_named():
    assert said_of(SUBMIT_SM | RESP, status=0x58) == "submit_sm_resp 7 throttled (0x58)"
    assert said_of(GENERIC_NACK, status=3) == "generic_nack 7 unknown_command (0x03)"
    assert said_of(0x77, b"abc").startswith("unknown_0x00000077 7 cannot be read")
    assert said_of(0x80000077, status=0x400) == "unknown_0x80000077 7 other (0x400)"


def broken(pdu):
    try:
        decode(pdu)
    except SmppError as error:
        return error.reason
    return ""


octets = st.binary(max_size=20).map(lambda value: value.replace(b"\0", b""))


@given(
    st.tuples(octets, octets),
    st.binary(max_size=254),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4),
)
def test_what_could_be_read_can_be_read_after_hiding(ends, text, esm_class, coding, tlvs):
    body = submit_body(
        source=(1, 1, ends[0]),
        to=(1, 1, ends[1]),
        text=text,
        esm_class=esm_class,
        coding=coding,
        tail=b"".join(tlv(tag, value) for tag, value in tlvs),
    )
    pdu = Pdu(SUBMIT_SM, 0, 1, body)
    kept = hidden(pdu)
    assert len(kept.pdu.body) == len(body)
    if not kept.broken:
        assert decode(kept.pdu).esm_class == esm_class
    assert read(kept)


@given(st.sampled_from(sorted(LAYOUTS)), st.integers(0, 0xFFFFFFFF), st.binary(max_size=90))
def test_whatever_comes_keeps_its_length_and_gives_a_line(command, status, body):
    pdu = Pdu(command, status, 1, body)
    for clear in (False, True):
        kept = hidden(pdu, clear=clear)
        assert len(kept.pdu.body) == len(body)
        assert read(kept)
        assert kept.broken == broken(pdu)


# What is kept


def kept_by(*, clear=False):
    return Trace(AT, AT + MINUTE, masked, clear=clear)


def test_a_trace_ends_by_itself():
    trace = kept_by()
    trace.pdu(AT + MINUTE, "s-1", ENDS, Pdu(Command.ENQUIRE_LINK, 0, 1), sent=True)
    trace.ended(AT + MINUTE, "s-1", ENDS, "unbound")
    assert not list(trace.lines(UTC))


@pytest.mark.parametrize(("most", "bound"), [("MOST_PDUS", 5), ("MOST_OCTETS", 80)])
def test_of_too_many_pdus_the_last_are_kept(monkeypatch, most, bound):
    monkeypatch.setattr(tracing, most, bound)
    trace = kept_by()
    for number in range(9):
        trace.pdu(AT, "s-1", ENDS, Pdu(Command.ENQUIRE_LINK, 0, number), sent=True)
    lines = list(trace.lines(UTC))
    assert lines[0] == "(4 earlier PDUs are not kept: there were too many)"
    assert [line.split()[-1] for line in lines[1:]] == list("45678")


def test_lines_tell_when_who_and_which_way():
    trace = kept_by()
    trace.pdu(AT, "s-1", ENDS, Pdu(SUBMIT_SM, 0, 5, submit_body(service_type=b"CMT")), sent=False)
    trace.pdu(AT, "s-1", ENDS, Pdu(SUBMIT_SM | RESP, 0, 5, b"m1\0"), sent=True)
    trace.ended(AT, "s-1", ENDS, "unbound by the peer")
    first, second, third = trace.lines(UTC)
    assert first.startswith('12:00:00.250 s-1 < submit_sm 5 service_type="CMT" source_addr_ton=1')
    assert second == '12:00:00.250 s-1 > submit_sm_resp 5 ok (0x00) message_id="m1"'
    assert third == "12:00:00.250 s-1 - closed: unbound by the peer"


# What Wireshark makes of it


def dissected(octets, folder):
    """Return tshark's dissection of each frame."""
    tshark = require("tshark")
    file = folder / "trace.pcap"
    file.write_bytes(octets)
    checks = ("tcp.check_checksum", "ip.check_checksum")
    options = [part for name in checks for part in ("-o", f"{name}:TRUE")]
    asked = [tshark, "-n", "-r", str(file), "-d", "tcp.port==2775,smpp", "-T", "json", *options]
    done = subprocess.run(asked, check=True, capture_output=True, timeout=60)
    return [one["_source"]["layers"] for one in json.loads(done.stdout)]


def pdus_in(frames):
    found = []
    for layers in frames:
        smpp = layers.get("smpp", [])
        found += smpp if isinstance(smpp, list) else [smpp]
    return found


def conversation(trace, session, ends):
    """Let a trace hear of texts short, long and beyond a segment, of a receipt and of the end."""
    said = [
        (Pdu(BIND_TRX, 0, 1, bind_body()), False),
        (Pdu(BIND_TRX | RESP, 0, 1, b"appliance\0" + tlv(0x210, b"\x34")), True),
        (Pdu(SUBMIT_SM, 0, 2, submit_body()), False),
        (Pdu(SUBMIT_SM | RESP, 0, 2, b"m1\0"), True),
        (Pdu(SUBMIT_SM | RESP, 0x58, 3), True),
        (
            Pdu(
                SUBMIT_SM,
                0,
                4,
                submit_body(
                    text=bytes((5, 0, 3, 9, 2, 1)) + b"\4\x36" * 9, esm_class=0x40, coding=8
                ),
            ),
            False,
        ),
        (Pdu(SUBMIT_SM, 0, 5, submit_body(text=b"", tail=tlv(0x0424, b"long" * 1500))), False),
        (Pdu(SUBMIT_MULTI, 0, 6, multi_body([(1, 1, NUMBER), b"\2friends\0"])), False),
        (Pdu(DELIVER_SM, 0, 1, submit_body(text=RECEIPT + b" text:hello", esm_class=4)), True),
        (Pdu(DELIVER_SM | RESP, 0, 1, b"\0"), False),
        (Pdu(GENERIC_NACK, 3, 9), True),
    ]
    for pdu, sent in said:
        trace.pdu(AT, session, ends, pdu, sent=sent)
    trace.ended(AT, session, ends, "unbound by the peer")
    return len(said)


@pytest.mark.parametrize("clear", [False, True])
def test_wireshark_reads_every_pdu_and_finds_none_malformed(tmp_path, clear):
    trace = kept_by(clear=clear)
    count = sum(conversation(trace, *each) for each in (("s-1", ENDS), ("s-2", ENDS_6)))
    frames = dissected(b"".join(capture(trace.said())), tmp_path)
    assert len(pdus_in(frames)) == count
    written = json.dumps(frames)
    assert "_ws.malformed" not in written
    assert "_ws.expert" not in json.dumps(
        [one.get("tcp", {}).get("tcp.analysis") for one in frames]
    )
    for layers in frames:
        assert layers["tcp"]["tcp.checksum.status"] == "1", "good"
        assert layers.get("ip", {}).get("ip.checksum.status", "1") == "1"
    assert ("4915112345678" in written) is clear
    assert "friends" in written


def test_a_capture_begins_in_the_middle_where_the_beginning_had_to_go(tmp_path, monkeypatch):
    monkeypatch.setattr(tracing, "MOST_PDUS", 4)
    trace = kept_by()
    conversation(trace, "s-1", ENDS)
    frames = dissected(b"".join(capture(trace.said())), tmp_path)
    assert len(pdus_in(frames)) == 3
    assert "_ws.malformed" not in json.dumps(frames)


@given(st.binary(min_size=20, max_size=60))
def test_a_checksum_makes_the_sum_of_all_words_whole(data):
    even = data[: len(data) // 2 * 2]
    words = even + checksum(even)
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
