"""The fake modem's own PDU code, against itself and the standard."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from tests.fake_modem import pdu
from tests.fake_modem.messages import delivers

words = st.text(st.sampled_from(pdu.BASIC.replace("\x1b", "") + "€[]{}^~|\\\f"), max_size=40)
any_words = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
texts = st.builds(lambda word, times: word * times, words | any_words, st.integers(0, 20))
moments = st.integers(946_684_800, 3_755_000_000)  # 2000 to 2088
zones = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


@given(texts, st.booleans(), moments, zones)
def test_any_text_arrives_whole_and_no_part_is_too_long(text, wide, moment, zone):
    sent_at = datetime.fromtimestamp(moment, zone)
    parts = delivers("+4915112345678", text, sent_at, reference=201, wide=wide)

    read = [pdu.decode(pdu.encode_deliver(part), has_smsc=False) for part in parts]

    assert "".join(part.body.text for part in read) == text
    assert all(len(pdu.encode_deliver(part)) <= 1 + 12 + 2 + 7 + 1 + 140 for part in parts)
    assert all(part.sent_at == sent_at for part in read)
    if len(read) > 1:
        assert [part.body.concat for part in read] == [
            pdu.Concat(201, len(read), ordinal, wide) for ordinal in range(1, len(read) + 1)
        ]


@given(st.text(st.sampled_from(pdu.BASIC.replace("\x1b", "")), min_size=1, max_size=11))
def test_a_sender_may_be_a_name(name):
    if all(char in pdu.DIGITS for char in name) or name.startswith("+"):
        return
    deliver = delivers(name, "hi", datetime(2026, 1, 2, tzinfo=UTC))[0]

    read = pdu.decode(pdu.encode_deliver(deliver), has_smsc=False)

    # seven zero bits at the end may be an "@" or nothing (23.038 clause 6.1.2.3.1)
    assert read.sender.rstrip("@") == name.rstrip("@")


@given(st.binary(max_size=60))
def test_any_octets_are_a_pdu_or_a_bad_pdu(octets):
    for read in (pdu.decode, pdu.decode_submit):
        with contextlib.suppress(pdu.BadPdu):
            read(octets)


def test_a_relative_validity_reads_as_the_clause_says():
    octets = {0: 5, 143: 720, 144: 750, 167: 1440, 168: 2880, 196: 43200, 197: 50400, 255: 635040}
    for octet, minutes in octets.items():
        read = pdu.decode_submit(bytes.fromhex(f"0011000B911111111111F10000{octet:02X}00"))
        assert read.validity == timedelta(minutes=minutes)
