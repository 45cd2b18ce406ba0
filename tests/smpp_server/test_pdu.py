import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import command_codes, consts, smpp
from smpplib.client import SimpleSequenceGenerator

from appliance.errors import SmppError
from appliance.smpp_server import pdu as codec
from appliance.smpp_server.fields import (
    LENGTHS,
    Address,
    Counted,
    CString,
    Destinations,
    Octet,
    Tlv,
    Unsuccessful,
)
from appliance.smpp_server.names import GENERIC_NACK, RESPONSE, Command, Npi, Status, Tag, Ton
from appliance.smpp_server.pdu import LAYOUTS, LONGEST, Framer, Pdu, Unframed, decode
from tests.smpp_server.esme import SUBMIT_SM, frame, submit_body, tlv

NAMES = {  # ours, and those of the second opinion
    Status.OK: "ROK",
    Status.BAD_MESSAGE_LENGTH: "RINVMSGLEN",
    Status.BAD_COMMAND_LENGTH: "RINVCMDLEN",
    Status.UNKNOWN_COMMAND: "RINVCMDID",
    Status.WRONG_BIND_STATE: "RINVBNDSTS",
    Status.ALREADY_BOUND: "RALYBND",
    Status.BAD_PRIORITY: "RINVPRTFLG",
    Status.BAD_REGISTERED_DELIVERY: "RINVREGDLVFLG",
    Status.SYSTEM_ERROR: "RSYSERR",
    Status.BAD_SOURCE: "RINVSRCADR",
    Status.BAD_DESTINATION: "RINVDSTADR",
    Status.BAD_MESSAGE_ID: "RINVMSGID",
    Status.BIND_FAILED: "RBINDFAIL",
    Status.BAD_PASSWORD: "RINVPASWD",
    Status.BAD_SYSTEM_ID: "RINVSYSID",
    Status.CANCEL_FAILED: "RCANCELFAIL",
    Status.REPLACE_FAILED: "RREPLACEFAIL",
    Status.QUEUE_FULL: "RMSGQFUL",
    Status.BAD_SERVICE_TYPE: "RINVSERTYP",
    Status.BAD_DESTINATION_COUNT: "RINVNUMDESTS",
    Status.BAD_LIST_NAME: "RINVDLNAME",
    Status.BAD_DESTINATION_FLAG: "RINVDESTFLAG",
    Status.REPLACE_REFUSED: "RINVSUBREP",
    Status.BAD_ESM_CLASS: "RINVESMCLASS",
    Status.SUBMIT_FAILED: "RSUBMITFAIL",
    Status.BAD_SOURCE_TON: "RINVSRCTON",
    Status.BAD_SOURCE_NPI: "RINVSRCNPI",
    Status.BAD_DESTINATION_TON: "RINVDSTTON",
    Status.BAD_DESTINATION_NPI: "RINVDSTNPI",
    Status.BAD_SYSTEM_TYPE: "RINVSYSTYP",
    Status.BAD_REPLACE_FLAG: "RINVREPFLAG",
    Status.THROTTLED: "RTHROTTLED",
    Status.BAD_SCHEDULE: "RINVSCHED",
    Status.BAD_VALIDITY: "RINVEXPIRY",
    Status.BAD_DEFAULT_MESSAGE: "RINVDFTMSGID",
    Status.RECEIVER_TEMPORARY: "RX_T_APPN",
    Status.RECEIVER_PERMANENT: "RX_P_APPN",
    Status.RECEIVER_REJECTS: "RX_R_APPN",
    Status.BROKEN_OPTIONAL_PART: "RINVOPTPARSTREAM",
    Status.OPTIONAL_NOT_ALLOWED: "ROPTPARNOTALLWD",
    Status.BAD_OPTIONAL_LENGTH: "RINVPARLEN",
    Status.MISSING_OPTIONAL: "RMISSINGOPTPARAM",
    Status.BAD_OPTIONAL_VALUE: "RINVOPTPARAMVAL",
}

TON_NAMES = ("UNK", "INTL", "NATNL", "NWSPEC", "SBSCR", "ALNUM", "ABBREV")
NPI_NAMES = ("UNK", "ISDN", "DATA", "TELEX", "LNDMBL", "NATNL", "PRVT", "ERMES", "IP", "WAP")


def strings(most):
    return st.binary(max_size=most).filter(lambda value: b"\0" not in value)


def addresses():
    return st.builds(Address, st.integers(0, 255), st.integers(0, 255), strings(20))


def lists():
    return st.builds(Address, st.none(), st.just(0), strings(20))


def values_for(field):
    if isinstance(field, Octet):
        return st.integers(0, 255)
    if isinstance(field, CString):
        return strings(field.size - 1)
    if isinstance(field, Destinations):
        return st.lists(addresses() | lists(), min_size=1, max_size=5).map(tuple)
    if isinstance(field, Unsuccessful):
        return st.lists(st.tuples(addresses(), st.integers(0, 0xFFFFFFFF)), max_size=5).map(tuple)
    assert isinstance(field, Counted)
    return st.binary(max_size=field.longest)


def tlvs():
    unknown = st.integers(0, 0xFFFF).filter(lambda tag: tag not in LENGTHS)
    known = st.sampled_from(sorted(LENGTHS)).flatmap(
        lambda tag: st.builds(
            Tlv, st.just(int(tag)), st.binary(min_size=LENGTHS[tag][0], max_size=LENGTHS[tag][-1])
        )
    )
    free = st.builds(Tlv, unknown, st.binary(max_size=300))
    return st.lists(known | free, max_size=4).map(tuple)


def bodies(layout):
    fields = {field.name: values_for(field) for field in layout.fields}
    return st.builds(layout.shape, **fields, tlvs=tlvs())


anything = st.sampled_from(sorted(LAYOUTS)).flatmap(
    lambda command: st.tuples(st.just(command), bodies(LAYOUTS[command]))
)
frames = st.builds(
    Pdu,
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=60),
)


def test_a_second_opinion_agrees_on_every_status():
    theirs = {ours: getattr(consts, f"SMPP_ESME_{name}") for ours, name in NAMES.items()}

    assert theirs == {ours: ours.value for ours in NAMES}
    assert set(Status) - set(NAMES) == {
        Status.BAD_DATA_CODING,
        Status.SERVICE_NOT_ALLOWED,
    }  # of 5.0, which they do not know


def test_a_second_opinion_agrees_on_every_command():
    theirs = {
        name.upper(): number
        for name, number in command_codes.commands.items()
        if not number & RESPONSE
    }

    assert theirs == {command.name: command.value for command in Command}
    assert command_codes.commands["generic_nack"] == GENERIC_NACK


def test_a_second_opinion_agrees_on_every_tag_ton_and_npi():
    theirs = {**consts.OPTIONAL_PARAMS, "congestion_state": 0x0428}  # of 5.0
    assert {tag.name.lower(): tag.value for tag in Tag}.items() <= theirs.items()
    assert [getattr(consts, f"SMPP_TON_{name}") for name in TON_NAMES] == list(Ton)
    assert [getattr(consts, f"SMPP_NPI_{name}") for name in NPI_NAMES] == list(Npi)


@given(anything)
def test_what_is_written_is_read_back(pair):
    command, body = pair

    written = LAYOUTS[command].encode(body)

    assert decode(Pdu(command, 0, 1, written)) == body


@given(st.sampled_from(sorted(LAYOUTS)), st.binary(max_size=400))
def test_any_octets_are_a_body_that_is_written_the_same_or_refused_with_a_status(command, octets):
    try:
        written = LAYOUTS[command].encode(decode(Pdu(command, 0, 1, octets)))
    except SmppError as error:
        assert error.status in set(Status) - {Status.OK}  # noqa: PT017 - it need not be refused
    else:
        assert written == octets


@given(anything, st.data())
def test_a_body_with_an_end_cut_off_is_never_taken_for_a_whole_one(pair, data):
    command, body = pair
    written = LAYOUTS[command].encode(body)
    mandatory = LAYOUTS[command].encode(type(body)(**{**_values(body), "tlvs": ()}))
    cut = data.draw(st.integers(0, max(0, len(mandatory) - 1)))

    if mandatory:
        with pytest.raises(SmppError):
            decode(Pdu(command, 0, 1, written[:cut]))


def _values(body):
    return {name: getattr(body, name) for name in type(body).__dataclass_fields__}


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_frames_are_found_however_the_bytes_are_cut(sent, cuts):
    stream = b"".join(one.encode() for one in sent)
    framer, found = Framer(), []

    for size in [*cuts, len(stream) + 1]:
        framer.feed(stream[:size])
        stream = stream[size:]
        while one := framer.next():
            found.append(one)

    assert found == sent
    assert framer.pending == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_the_end_of_them(data):
    framer = Framer()
    framer.feed(data)

    while isinstance(one := framer.next(), Pdu):
        assert len(one.body) < len(data)

    assert one is None or isinstance(one, Unframed)


@pytest.mark.parametrize("length", [0, 15, LONGEST + 1])
def test_a_frame_that_cannot_be_gives_its_sequence_number_if_there_is_one(length):
    framer = Framer()
    framer.feed(frame(SUBMIT_SM, sequence=99, length=length))

    assert framer.next() == Unframed(99, length)


def test_a_length_too_small_for_a_header_is_known_before_the_header_is_there():
    framer = Framer()
    framer.feed(struct.pack(">I", 15))

    assert framer.next() == Unframed(0, 15)


def test_an_error_response_needs_no_body():
    assert decode(Pdu(Command.SUBMIT_SM | RESPONSE, Status.QUEUE_FULL, 1)) == codec.Nothing()
    with pytest.raises(SmppError):
        decode(Pdu(Command.SUBMIT_SM | RESPONSE, Status.OK, 1))


def test_a_command_without_a_layout_is_refused_as_unknown():
    with pytest.raises(SmppError) as caught:
        decode(Pdu(Command.OUTBIND, 0, 1))

    assert caught.value.status == Status.UNKNOWN_COMMAND


def test_optional_parameters_that_nobody_knows_are_kept():
    octets = submit_body(tail=tlv(0x1400, b"vendor") + tlv(0x1400, b"again"))

    body = decode(Pdu(SUBMIT_SM, 0, 1, octets))

    assert body.tlvs == (Tlv(0x1400, b"vendor"), Tlv(0x1400, b"again"))
    assert body.optional(0x1400) == b"vendor"
    assert body.optional(0x1401) is None


@pytest.mark.parametrize(
    ("layout", "changes"),
    [
        (codec.SHORT_MESSAGE, {"source_addr": b"1" * 21}),
        (codec.SHORT_MESSAGE, {"source_addr": b"1\0002"}),
        (codec.SHORT_MESSAGE, {"short_message": b"x" * 255}),
        (codec.SHORT_MESSAGE, {"data_coding": 256}),
        (codec.SHORT_MESSAGE, {"tlvs": (Tlv(Tag.MESSAGE_STATE, b"12"),)}),
        (codec.SHORT_MESSAGE, {"tlvs": (Tlv(Tag.MESSAGE_PAYLOAD, b"x" * 65536),)}),
        (codec.MESSAGE_ANSWER, {"message_id": b"x" * 65}),
        (codec.MULTI, {"destinations": ()}),
        (codec.MULTI, {"destinations": (Address(1, 1, b"1"),) * 255}),
        (codec.MULTI, {"destinations": (Address(None, 0, b"x" * 21),)}),
        (codec.MULTI_ANSWER, {"unsuccessful": ((Address(1, 1, b"1"), 0),) * 256}),
    ],
)
def test_nothing_is_written_that_a_strict_reader_would_refuse(layout, changes):
    with pytest.raises(SmppError):
        layout.encode(layout.shape(**changes))


def test_what_smpplib_writes_is_read_here():
    client = type("Client", (), {"next_sequence": SimpleSequenceGenerator().next_sequence})()
    theirs = smpp.make_pdu(
        "submit_sm",
        client=client,
        source_addr_ton=5,
        source_addr="Acme",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="4915112345678",
        short_message=b"hello",
        registered_delivery=1,
    )
    framer = Framer()
    framer.feed(theirs.generate())
    found = framer.next()

    body = decode(found)

    assert (found.command, found.sequence) == (Command.SUBMIT_SM, theirs.sequence)
    assert (body.source_addr_ton, body.source_addr) == (5, b"Acme")
    assert (body.dest_addr_ton, body.destination_addr) == (1, b"4915112345678")
    assert (body.short_message, body.registered_delivery) == (b"hello", 1)
