"""The conformance checklist on raw sockets: one row per case, cut and glued in every way."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from appliance.errors import (
    BadField,
    BadNumber,
    NoRoom,
    NotAllowedHere,
    NumberNotAllowed,
    OptedOut,
    QueueFull,
    ReferenceUsed,
    StoreClosed,
    TooFast,
    TooManyParts,
    TooOften,
)
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    QUERY_SM,
    REPLACE_SM,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    bind_body,
    frame,
    submit_body,
    tlv,
)
from tests.smpp_server.ways import BEHIND, in_every_way, send

SEQUENCE = 0x80000007  # F6: echoed as it is, whatever it is


class Row(NamedTuple):
    """``request`` sent in ``state`` (a bind's command, 0 unbound) is answered like this.

    ``says``: the body of a good answer, None: any. ``refusal``: what the intake says to it.
    """

    name: str
    state: int
    request: tuple[int, bytes]
    answer: tuple[int, int]
    version: int = 0x34
    closes: bool = False
    says: bytes | None = None
    refusal: Exception | None = None


def submit(name, status, *, version=0x34, state=BIND_TRX, refusal=None, **fields):
    request = (SUBMIT_SM, submit_body(**fields))
    return Row(name, state, request, (SUBMIT_SM | RESP, status), version, refusal=refusal)


def bind(name, status, *, command=BIND_TX, closes=False, says=None, **fields):
    request = (command, bind_body(**fields))
    return Row(name, 0, request, (command | RESP, status), closes=closes, says=says)


def ask(name, state, command, status, body=b"", *, closes=False, says=None):
    answer = (command | RESP, status)
    name = f"{name}: 0x{command:02x}"
    return Row(name, state, (command, body), answer, closes=closes, says=says)


def nack(name, state, command, body=b""):
    return Row(name, state, (command, body), (GENERIC_NACK, 3))


BINDS = (BIND_RX, BIND_TX, BIND_TRX)
OTHERS = (SUBMIT_MULTI, DATA_SM, QUERY_SM, CANCEL_SM, REPLACE_SM)

PAYLOAD, SAR_REF, SAR_TOTAL, SAR_ORDINAL = 0x0424, 0x020C, 0x020E, 0x020F
CONCAT = b"\x05\x00\x03\x2a\x02\x01"


def sar(reference=b"\0\1", total=b"\2", ordinal=b"\1"):
    values = ((SAR_REF, reference), (SAR_TOTAL, total), (SAR_ORDINAL, ordinal))
    return b"".join(tlv(tag, value) for tag, value in values if value is not None)


REFUSALS = (
    ("M3", 0x0B, BadNumber("to", "no number")),
    ("M3", 0x0B, NumberNotAllowed("to", "emergency")),
    ("M3", 0x45, OptedOut("to", "said STOP")),
    ("M7", 0x01, TooManyParts("text", "11 parts")),
    ("M10", 0x62, BadField("expires_at", "over before it could be sent")),
    ("M10", 0x61, BadField("not_before", "too far")),
    ("M16", 0x58, TooFast(0.5)),
    ("M17", 0x14, QueueFull(100)),
    ("M17", 0x14, NoRoom("disk nearly full")),
    ("M18", 0x08, StoreClosed("closed")),
    ("M18", 0x08, RuntimeError("hello +4915112345678")),
    ("M18", 0x45, ReferenceUsed("reference", "used")),
    ("M18", 0x45, TooOften("to", "often enough")),
    ("M18", 0x45, NotAllowedHere("text", "no links")),
)
"""What the house may say to a good request, and the status that it is told with."""


VERSIONS = {0x00: b"", 0x01: b"", 0x33: b""} | {
    version: tlv(0x210, bytes((ours,)))
    for version, ours in ((0x34, 0x34), (0x35, 0x34), (0x4F, 0x34), (0x50, 0x50), (0xFF, 0x50))
}
"""What a peer of a version is told of ours: nothing before optional parameters were known."""

GREETINGS = {
    version: {"version": version, "says": b"appliance\0" + VERSIONS[version]}
    for version in (0x33, 0x34, 0x50)
}


def hours_from_now(hours, offset="00+"):
    """Return a moment in the absolute form of 7.1.1, UTC with this name of its offset."""
    moment = datetime.now(UTC) + timedelta(hours=hours)
    return f"{moment:%y%m%d%H%M%S}0{offset}".encode()


ROWS = (
    # 3.1 Session
    *(
        bind(f"S1 a good bind: 0x{command:02x} of 0x{version:02x}", 0, command=command, **told)
        for command in (BIND_RX, BIND_TX, BIND_TRX)
        for version, told in GREETINGS.items()
    ),
    bind("S2 a wrong password", 0x0E, password=b"wrong", closes=True),
    bind("S3 an unknown system_id is told the same", 0x0E, system_id=b"nobody", closes=True),
    bind("S3 a system_id of 16", 0x0F, system_id=b"a" * 16),
    bind("S3 a password of 9", 0x0E, password=b"p" * 9),
    bind("S3 a system_type of 13", 0x53, system_type=b"t" * 13),
    bind("S3 an address_range of 41", 0x0D, address_range=b"1" * 41),
    *(
        ask(f"S5 on a session bound by 0x{bound:02x}", bound, again, 0x05, bind_body())
        for bound in BINDS
        for again in BINDS
    ),
    *(ask("S8 before a bind", 0, op, 0x04, b"junk") for op in (SUBMIT_SM, UNBIND, *OTHERS)),
    ask("S8 before a bind", 0, ENQUIRE_LINK, 0, says=b""),
    *(ask("S9 on a receiver", BIND_RX, op, 0x04, submit_body()) for op in (SUBMIT_SM, *OTHERS)),
    *(ask("F7 no octets at all", BIND_TX, op, 0x02) for op in OTHERS),
    *(
        ask(f"S11 on a session 0x{bound:02x}", bound, UNBIND, 0, closes=True, says=b"")
        for bound in BINDS
    ),
    *(ask(f"S13 on a session 0x{bound:02x}", bound, ENQUIRE_LINK, 0, says=b"") for bound in BINDS),
    *(
        bind(f"S15 a bind of 0x{version:02x}", 0, version=version, says=b"appliance\0" + tlvs)
        for version, tlvs in VERSIONS.items()
    ),
    # 3.2 Framing and unknowns
    nack("F2 an unknown command", BIND_TX, 0x999),
    nack("F2 an unknown command before a bind", 0, 0x999),
    ask("F7 a string without an end", 0, BIND_TX, 0x02, b"acme"),
    ask("F7 no octets at all", 0, BIND_TX, 0x02),
    ask("F7 cut in a string", BIND_TX, SUBMIT_SM, 0x02, b"\x00\x01\x01123"),
    ask("F7 cut between fields", BIND_TX, SUBMIT_SM, 0x02, submit_body()[:30]),
    ask("F7 stray octets", BIND_TX, ENQUIRE_LINK, 0xC0, b"x"),
    # 3.3 submit_sm
    submit("M1 none, as most have it", 0),
    submit("M1 a service_type of 6", 0x15, service_type=b"ABCDEF"),
    submit("M1 a service_type that is not allowed", 0x15, service_type=b"XYZ"),
    submit("M1 one that is not allowed, to a 5.0 bind", 0x100, service_type=b"XYZ", version=0x50),
    submit("M1 CMT", 0, service_type=b"CMT"),
    submit("M2 a source of 21", 0x0A, source=(1, 1, b"1" * 21)),
    submit("M2 a source with a control character", 0x0A, source=(5, 0, b"Ac\x07me")),
    submit("M2 a source of letters", 0, source=(5, 0, b"Acme Ltd")),
    submit("M2 no source", 0, source=(0, 0, b"")),
    submit("M2 a source TON that is none", 0x48, source=(9, 1, b"1")),
    submit("M2 a source NPI that is none", 0x49, source=(1, 2, b"1")),
    submit("M3 no destination", 0x0B, to=(1, 1, b"")),
    submit("M3 a destination of letters", 0x0B, to=(1, 1, b"+49CALLME")),
    submit("M3 a destination with a plus inside", 0x0B, to=(1, 1, b"49+151")),
    submit("M3 a destination of 21", 0x0B, to=(1, 1, b"1" * 21)),
    submit("M3 a destination TON that cannot be dialled", 0x50, to=(5, 0, b"123")),
    submit("M3 a destination TON that is none", 0x50, to=(7, 1, b"123")),
    submit("M3 a destination NPI that is none", 0x51, to=(1, 5, b"123")),
    submit("M3 a destination with a plus", 0, to=(1, 1, b"+4915112345678")),
    submit("M3 an international destination with 00", 0, to=(1, 1, b"004915112345678")),
    submit("M3 a national destination", 0, to=(2, 1, b"015112345678")),
    submit("M3 an unknown destination", 0, to=(0, 0, b"015112345678")),
    submit("M4 mode 3", 0, esm_class=3),
    submit("M4 datagram mode", 0x43, esm_class=1),
    submit("M4 transaction mode", 0x43, esm_class=2),
    submit("M4 reply path", 0, esm_class=0x80),
    submit("M4 a message type of its own", 0x43, esm_class=0x08),
    submit("M4 a header longer than the message", 0x43, esm_class=0x40, text=b"\x05\0\3"),
    submit("M4 a header one octet too long", 0x43, esm_class=0x40, text=b"\6\0\3\1\2\1"),
    submit("M4 a header in nothing", 0x43, esm_class=0x40, text=b""),
    submit("M4 an element longer than the header", 0x43, esm_class=0x40, text=b"\x03\0\3\1abc"),
    submit("M4 a segment 3 of 2", 0x43, esm_class=0x40, text=b"\x05\0\3\1\2\3abc"),
    submit("M4 a segment 0", 0x43, esm_class=0x40, text=b"\x05\0\3\1\2\0abc"),
    submit("M4 a good header", 0, esm_class=0x40, text=CONCAT + b"abc"),
    submit("M4 a good header of 16 bits", 0, esm_class=0x40, text=b"\6\x08\4\1\2\2\1abc"),
    submit("M5 an sm_length of 255", 1, text=b"x" * 255),
    submit("M6 an sm_length beyond the PDU", 1, sm_length=9),
    submit("M6 an sm_length short of the message", 0xC0, sm_length=2),
    submit("M7 message and payload", 0xC1, tail=tlv(PAYLOAD, b"x")),
    submit("M7 message and an empty payload", 0xC1, tail=tlv(PAYLOAD, b"")),
    submit("M7 payload alone", 0, text=b"", tail=tlv(PAYLOAD, b"x" * 400)),
    submit("M7 the longest payload", 0, text=b"", tail=tlv(PAYLOAD, b"x" * 65535)),
    *(
        submit(f"M8 data_coding 0x{coding:02x}", 0, coding=coding, text=b"ab")
        for coding in (0, 1, 2, 3, 4, 8, 0x10, 0x11, 0x15, 0x18, 0xF0, 0xF1, 0xF5)
    ),
    *(
        submit(f"M8 data_coding 0x{coding:02x} is not known", 0x45, coding=coding)
        for coding in (5, 9, 0x0D, 0x1C, 0x20, 0x80, 0xC8, 0xEF)
    ),
    submit("M8 unknown data_coding to a 5.0 bind", 0x104, coding=5, version=0x50),
    submit("M8 UCS-2 of odd length", 1, coding=8, text=b"abc"),
    submit("M8 an octet that is no septet", 0x45, text=b"caf\xe9"),
    submit("M9 SAR", 0, tail=sar()),
    submit("M9 SAR without a number", 0xC3, tail=sar(ordinal=None)),
    submit("M9 SAR segment 3 of 2", 0xC4, tail=sar(ordinal=b"\3")),
    submit("M9 SAR segment 0", 0xC4, tail=sar(ordinal=b"\0")),
    submit("M10 a relative schedule", 0, schedule=b"000001000000000R"),
    submit("M10 an absolute schedule", 0, schedule=hours_from_now(24)),
    submit("M10 an absolute schedule east of UTC", 0, schedule=hours_from_now(24, "08+")),
    submit("M10 an absolute schedule west of UTC", 0, schedule=hours_from_now(24, "48-")),
    submit("M10 an offset of more than 12 hours", 0x61, schedule=hours_from_now(24, "49+")),
    submit("M10 an offset of neither side", 0x61, schedule=hours_from_now(24, "00*")),
    submit("M10 an absolute validity", 0, validity=hours_from_now(24)),
    submit("M10 a validity that was over two hours ago", 0x62, validity=hours_from_now(-2)),
    submit("M10 a schedule of letters", 0x61, schedule=b"tomorrow morning"),
    submit("M10 a schedule cut short", 0x61, schedule=b"2601"),
    submit("M10 a schedule of 17", 0x61, schedule=b"0" * 17),
    submit("M10 a schedule that is past", 0x61, schedule=b"200101000000000+"),
    submit("M10 a schedule on 30 February", 0x61, schedule=b"990230000000000+"),
    submit("M10 a relative validity", 0, validity=b"000001000000000R"),
    submit("M10 a validity of letters", 0x62, validity=b"for ever and all"),
    submit("M10 a validity that is past", 0x62, validity=b"200101000000000+"),
    submit("M10 a validity of nothing", 0x62, validity=b"000000000000000R"),
    submit(
        "M10 a validity that ends before the schedule",
        0x62,
        schedule=b"000002000000000R",
        validity=b"000001000000000R",
    ),
    *(
        submit(f"M11 registered_delivery 0x{flags:02x}", 0, registered=flags)
        for flags in (0, 1, 2, 0x10, 0x11, 0x12)
    ),
    submit("M11 SME acknowledgements are ignored", 0, registered=0x0C),
    submit("M11 registered_delivery 3 from a 3.4 bind", 0x07, registered=3),
    submit("M11 registered_delivery 0x13 from a 3.4 bind", 0x07, registered=0x13),
    submit("M11 registered_delivery 3 from a 5.0 bind", 0, registered=3, version=0x50),
    submit("M11 registered_delivery 0x13 from a 5.0 bind", 0, registered=0x13, version=0x50),
    submit("M12 priority 3", 0, priority=3),
    submit("M12 priority 4", 0x06, priority=4),
    submit("M12 priority 4 from a 5.0 bind", 0, priority=4, version=0x50),
    submit("M12 priority 5 from a 5.0 bind", 0x06, priority=5, version=0x50),
    submit("M13 replace_if_present 1 with nothing to replace", 0, replace=1),
    submit("M13 replace_if_present 1 of a segment", 0x42, replace=1, tail=sar()),
    submit("M13 replace_if_present 2", 0x54, replace=2),
    submit("M14 a predefined message", 0x63, default_id=1),
    submit("M9 ports", 0, tail=tlv(0x020A, b"\0\1") + tlv(0x020B, b"\x0b\x84")),
    submit("M9 a port of a wrong length", 0xC2, tail=tlv(0x020B, b"\1")),
    submit("M9 a protocol_id", 0, protocol_id=0x41),
    *(
        submit(f"{row} {type(error).__name__}: 0x{status:02x}", status, refusal=error)
        for row, status, error in REFUSALS
    ),
    submit("M15 an unknown parameter", 0, tail=tlv(0x1400, b"vendor")),
    submit("M15 a parameter beyond the PDU", 0xC0, tail=b"\x14\x00\x00\x09x"),
    submit("M15 three stray octets", 0xC0, tail=b"\x14\x00\x00"),
    submit("M15 a parameter of a wrong length", 0xC2, tail=tlv(SAR_REF, b"\1")),
    # 3.4 Other operations
    nack("O6 deliver_sm from an ESME", BIND_TRX, DELIVER_SM, submit_body()),
    nack("O6 outbind from an ESME", 0, 0x0B, b"a\0b\0"),
    nack("O6 alert_notification from an ESME", BIND_TX, 0x102),
    *(nack(f"O7 0x{command:03x} of 5.0", BIND_TX, command) for command in (0x111, 0x112, 0x113)),
    nack("O7 broadcast_sm of a 5.0 bind", BIND_TRX, 0x111)._replace(version=0x50),
)


@in_every_way(ROWS)
async def test_each_case_gets_its_answer_and_the_session_survives_it(house, row, cut):
    house.intake.refusal = row.refusal
    client = await house.client()
    if row.state:
        await client.bind(row.state, version=row.version)
    command, body = row.request

    await send(client, frame(command, body, sequence=SEQUENCE), cut)
    answers = [await client.receive()]
    if cut == "glued" and not row.closes:  # answers to different requests come in any order
        answers.append(await client.receive())
        assert (ENQUIRE_LINK | RESP, 0, BEHIND, b"") in answers
    answer = next(one for one in answers if one.sequence == SEQUENCE)

    assert answer[:2] == row.answer
    if row.answer[1]:
        assert answer.body == b""  # F8
    elif row.says is not None:
        assert answer.body == row.says
    if row.closes:
        assert await client.closed() == b""
    else:
        assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")
    if row.answer != (SUBMIT_SM | RESP, 0):
        assert house.intake.taken == []
