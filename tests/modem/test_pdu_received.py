"""What a received part says besides its text: indications, classes, ports, and from whom."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.modem.pdu import Deliver, Indication, Waits, decode, pack
from appliance.modem.pdu.header import decode_header
from appliance.modem.pdu.semi_octets import decode_address
from appliance.text import DEFAULT, Encoding, elements_of, septets
from appliance.text.alphabet import DEFAULT_LOCKING, DEFAULT_SINGLE

STAMP = "62112112000040"  # 2026-11-12, 21:00 at +01:00


def deliver(payload="hi", *, dcs=0, pid=0, udh=b"", sender="0B919471325476F8"):
    """Return what is decoded from an SMS-DELIVER made by hand.

    ``payload``: a text that goes in septets, or octets.
    """
    first = 0x44 if udh else 0x04
    header = bytes((len(udh),)) + udh if udh else b""
    if isinstance(payload, str):
        fill = -len(header) * 8 % 7
        coded = septets(payload)
        user_data = header + pack(coded, fill)
        udl = (len(header) * 8 + fill) // 7 + len(coded)
    else:
        user_data = header + payload
        udl = len(user_data)
    pdu = f"00{first:02X}{sender}{pid:02X}{dcs:02X}{STAMP}{udl:02X}{user_data.hex()}"
    found = decode(bytes.fromhex(pdu))
    assert isinstance(found, Deliver)
    return found


# Message waiting


@pytest.mark.parametrize(
    ("dcs", "kind", "active", "stored"),
    [
        (0xC0, Waits.VOICEMAIL, False, False),
        (0xC8, Waits.VOICEMAIL, True, False),
        (0xC9, Waits.FAX, True, False),
        (0xCA, Waits.EMAIL, True, False),
        (0xCB, Waits.OTHER, True, False),
        (0xD0, Waits.VOICEMAIL, False, True),
        (0xD8, Waits.VOICEMAIL, True, True),
        (0xDB, Waits.OTHER, True, True),
    ],
)
def test_a_coding_scheme_may_say_that_something_waits_and_the_text_is_not_lost(
    dcs, kind, active, stored
):
    found = deliver("You have 2 new messages", dcs=dcs)
    assert found.waiting == Indication(kind, active=active, count=None, stored=stored)
    assert found.text == "You have 2 new messages"


def test_an_indication_in_ucs2_is_read():
    found = deliver("Новое сообщение".encode("utf-16-be"), dcs=0xE9)
    assert found.waiting == Indication(Waits.FAX)
    assert (found.text, found.encoding) == ("Новое сообщение", Encoding.UCS2)


@pytest.mark.parametrize(
    ("element", "wanted"),
    [
        ("01020003", Indication(Waits.VOICEMAIL, count=3, stored=False)),
        ("01028003", Indication(Waits.VOICEMAIL, count=3)),
        ("010281FF", Indication(Waits.FAX, count=255)),
        ("01020200", Indication(Waits.EMAIL, active=False, count=0, stored=False)),
        ("01020307", Indication(Waits.OTHER, count=7, stored=False)),
        ("01020707", Indication(Waits.VIDEO, count=7, stored=False)),
        ("01026003", Indication(Waits.VOICEMAIL, count=3, stored=False)),  # of another profile
        ("01028002" + "01028105", Indication(Waits.VOICEMAIL, count=2)),  # of several the first
    ],
)
def test_a_header_may_say_what_waits_and_how_many(element, wanted):
    assert deliver(udh=bytes.fromhex(element)).waiting == wanted


@pytest.mark.parametrize("element", ["0101C8", "0103800100", "70028003", "0102"])
def test_what_is_no_indication_is_none(element):
    assert deliver(udh=bytes.fromhex(element)).waiting is None


@pytest.mark.parametrize(
    ("dcs", "header", "stored"),
    [(0xD8, "01020001", True), (0xC8, "01028001", True), (0xC8, "01020001", False)],
)
def test_the_text_of_an_indication_is_stored_if_one_of_both_ways_says_so(dcs, header, stored):
    found = deliver(dcs=dcs, udh=bytes.fromhex(header)).waiting
    assert found == Indication(Waits.VOICEMAIL, count=1, stored=stored)


def test_the_header_says_how_many_wait_where_the_scheme_only_says_what():
    found = deliver(dcs=0xC9, udh=bytes.fromhex("01028004")).waiting
    assert found == Indication(Waits.VOICEMAIL, count=4)


def test_a_wish_to_be_called_back_is_an_indication():
    assert deliver(pid=0x5F).waiting == Indication(Waits.CALL)
    assert deliver(pid=0x5F, dcs=0xC8).waiting == Indication(Waits.VOICEMAIL, stored=False)


@pytest.mark.parametrize("dcs", [*range(0xC0), *range(0xF0, 0x100)])
def test_a_plain_message_says_nothing_of_the_kind(dcs):
    assert deliver(b"\x00h", dcs=dcs).waiting is None


# Replacing, classes, ports


@pytest.mark.parametrize("pid", range(256))
def test_replace_types_are_one_to_seven_and_no_other_protocol_replaces(pid):
    assert deliver(pid=pid).replaces == {0x40 + kind: kind for kind in range(1, 8)}.get(pid)
    assert deliver(pid=pid).pid == pid


@pytest.mark.parametrize("level", range(4))
def test_a_message_class_is_told_and_class_0_is_flash(level):
    for dcs in (0x10 + level, 0xF0 + level, 0x50 + level):
        found = deliver(dcs=dcs)
        assert (found.message_class, found.flash, found.text) == (level, level == 0, "hi")
    assert deliver(dcs=0x00).message_class is None


@pytest.mark.parametrize(
    ("element", "ports"),
    [
        ("05040B8423F0", (2948, 9200)),  # WAP push
        ("0504158A0000", (5514, 0)),
        ("0402F0F1", (240, 241)),
        ("0402F0F1" + "05040B8423F0", (2948, 9200)),
        ("0502FFFF", None),
        ("0404F0F1F2F3", None),
        ("70020102", None),
    ],
)
def test_data_is_for_the_ports_that_its_header_names(element, ports):
    found = deliver(b"\x01\x06\xff", dcs=0xF5, udh=bytes.fromhex(element))
    assert (found.ports, found.payload, found.text) == (ports, b"\x01\x06\xff", None)
    assert found.udh == bytes.fromhex(element)


def test_data_in_parts_has_ports_and_a_place():
    found = deliver(b"\xae", dcs=0x04, udh=bytes.fromhex("0003420201" + "05040B8423F0"))
    assert found.ports == (2948, 9200)
    assert (found.concat.reference, found.concat.total, found.concat.ordinal) == (0x42, 2, 1)


# Senders


def alphanumeric(name):
    """Return an alphanumeric address: how many half octets it takes, type, packed letters."""
    coded = septets(name)
    length = -(-len(coded) * 7 // 4)
    return f"{length:02X}D0{pack(coded).hex()}"


NAMES = st.text(
    alphabet=DEFAULT_LOCKING.replace("\x1b", "") + "".join(DEFAULT_SINGLE.values()), max_size=11
).filter(lambda name: len(septets(name)) <= 11)


@given(NAMES)
def test_every_alphanumeric_sender_of_up_to_eleven_septets_is_whole(name):
    assert deliver(sender=alphanumeric(name)).sender == name


@pytest.mark.parametrize("size", range(12))
def test_a_sender_has_as_many_letters_as_its_half_octets_say_odd_or_even(size):
    name = "Telekom Srv"[:size]
    address = alphanumeric(name)
    assert int(address[:2], 16) == (size * 7 + 3) // 4
    assert deliver(sender=address).sender == name


@given(st.text("0123456789", min_size=3, max_size=6), st.sampled_from([0x81, 0xA1, 0xB1, 0xC1]))
def test_short_codes_stay_as_they_are(code, kind):
    padded = code + "F" * (len(code) % 2)
    swapped = "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))
    assert deliver(sender=f"{len(code):02X}{kind:02X}{swapped}").sender == code


@given(st.integers(0, 255), st.binary(max_size=12), st.integers(0, 24))
def test_any_address_is_some_text(kind, octets, length):
    decode_address(kind, octets, length).encode("utf-8")


@pytest.mark.parametrize("words", ["😀", "👨‍👩‍👧‍👦", "🇩🇪 ok", "e\u0301", "क्षि", "a\U0010ffff"])
def test_emoji_and_marks_come_through(words):
    assert deliver(words.encode("utf-16-be"), dcs=0x08).text == words


# Headers


@given(st.binary(max_size=200))
def test_any_header_is_read_and_what_it_says_is_kept(octets):
    found = decode_header(octets)
    elements = elements_of(octets)
    if elements is None:
        assert found == (None, b"", (0, 0))
    else:
        again = decode_header(found.others)
        assert again == (None, found.others, found.languages)


ELEMENTS = st.lists(
    st.tuples(
        st.sampled_from([0x00, 0x01, 0x04, 0x05, 0x08, 0x24, 0x25, 0x70]), st.binary(max_size=5)
    ),
    max_size=6,
)


@given(ELEMENTS, st.integers(0, 255), st.integers(0, 255))
def test_whatever_a_header_and_a_scheme_say_is_a_value(elements, dcs, pid):
    udh = b"".join(bytes((one, len(data))) + data for one, data in elements)
    found = Deliver(
        sender="1",
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        encoding=Encoding.GSM7,
        payload=b"x",
        udh=udh,
        dcs=dcs,
        pid=pid,
    )
    assert found.waiting is None or isinstance(found.waiting, Indication)
    assert found.ports is None or all(0 <= port < 65536 for port in found.ports)
    assert found.message_class in (None, 0, 1, 2, 3)


def test_the_default_alphabet_covers_the_names_used_here():
    assert DEFAULT.covers("Telekom Srv")
