"""The checklist's other operations on raw sockets, on a real store: cut and glued in every way."""

import re
from typing import NamedTuple

from appliance.clock import ManualClock
from appliance.submission import Submission
from tests.smpp_server.esme import (
    BIND_TRX,
    BIND_TX,
    CANCEL_SM,
    DATA_SM,
    ENQUIRE_LINK,
    QUERY_SM,
    REPLACE_SM,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    cancel_body,
    data_body,
    frame,
    multi_body,
    query_body,
    replace_body,
    submit_body,
    tlv,
)
from tests.smpp_server.test_checklist import PAYLOAD, SEQUENCE, sar
from tests.smpp_server.ways import in_every_way, send
from tests.store.test_dispatch import send as put_on_air

TO, FROM = (1, 1, b"4915112345678"), (1, 1, b"4915100000")
OTHER = (1, 1, b"4915112345679")
UNKNOWN = b"m1zzzzzzzzzz"
LATER = b"000001000000000R"
LIST = b"\2friends\0"
LIMITED = (("M16", 0x58, "limited"), ("M17", 0x14, "full"), ("M18", 0x08, "closed"))


class Row(NamedTuple):
    """``body``, in which ``ID`` stands for the id of the message sent before, is answered so.

    ``before``: what is done with that message first. ``says``: what the body of a good answer
    matches; by default what ``SAYS`` has of its command.
    """

    name: str
    command: int
    body: bytes
    status: int
    before: str = ""
    version: int = 0x34
    says: bytes | None = None


ID = b"<id>"

A_NAME = rb"[a-z][a-z0-9_-]{0,63}\0"  # M19

SAYS = {
    QUERY_SM: A_NAME + b"\0\1\0",
    CANCEL_SM: b"",
    REPLACE_SM: b"",
    SUBMIT_SM: A_NAME,
    DATA_SM: A_NAME,
    SUBMIT_MULTI: A_NAME + rb"\0",
}
"""The bodies of good answers (4.4-4.10): ids, and a query's date, state and error."""

DATE = rb"\d{13}00\+\0"

BUSY = rb"\x04\x28\x00\x01."  # congestion_state


def rows(command, *cases):
    return tuple(Row(name, command, body, status, *more) for name, body, status, *more in cases)


ONE_MESSAGE = {
    "submit_sm": (SUBMIT_SM, submit_body()),
    "data_sm": (DATA_SM, data_body(tail=tlv(PAYLOAD, b"x"))),
    "submit_multi": (SUBMIT_MULTI, multi_body([TO])),
}

ONE_FAILED = A_NAME + b"\1\1\1CALLME\0\0\0\0\x0b"
ONE_STOPPED = A_NAME + b"\1\1\x014915112345678\0\0\0\0\x45"

ROWS = (
    *rows(
        QUERY_SM,
        ("O1 by id", query_body(ID), 0),
        ("O1 by id of a 5.0 bind", query_body(ID), 0, "", 0x50, A_NAME + b"\0\1\0" + BUSY),
        ("O1 what is cancelled", query_body(ID), 0, "cancelled", 0x34, A_NAME + DATE + b"\4."),
        ("O1 what is on the air", query_body(ID), 0, "sent", 0x34, A_NAME + b"\0\1\0"),
        ("O1 by id and source", query_body(ID, FROM), 0),
        ("O1 by id and source with a plus", query_body(ID, (1, 1, b"+4915100000")), 0),
        ("O1 by id and another source", query_body(ID, (1, 1, b"4915100001")), 0x0C),
        ("O1 an unknown id", query_body(UNKNOWN), 0x0C),
        ("O1 no id", query_body(b""), 0x0C),
        ("O1 what is no id", query_body(b"\xff!"), 0x0C),
        ("O1 an unknown group", query_body(b"g1"), 0x0C),
        ("O1 an id of 65", query_body(b"m" * 65), 0x0C),
        ("O1 a source of 21", query_body(ID, (1, 1, b"1" * 21)), 0x0A),
        ("O1 another account's", query_body(ID), 0x0C, "of another"),
        ("O1 cut off", b"m1", 0x02),
    ),
    *rows(
        CANCEL_SM,
        ("O2 by id", cancel_body(ID), 0),
        ("O2 by id and source", cancel_body(ID, source=FROM, to=TO), 0),
        ("O2 by id and another source", cancel_body(ID, source=(1, 1, b"1")), 0x0C),
        ("O2 by id and another destination", cancel_body(ID, to=OTHER), 0x0C),
        ("O2 an unknown id", cancel_body(UNKNOWN), 0x0C),
        ("O2 another account's", cancel_body(ID), 0x0C, "of another"),
        ("O2 what is cancelled already", cancel_body(ID), 0x11, "cancelled"),
        ("O2 what is on the air", cancel_body(ID), 0x11, "sent"),
        ("O2 all alike", cancel_body(source=FROM, to=TO), 0),
        ("O2 all alike of a service_type", cancel_body(service_type=b"CMT", source=FROM, to=TO), 0),
        ("O2 none alike: source", cancel_body(source=(5, 0, b"Acme"), to=TO), 0x0C),
        ("O2 none alike: destination", cancel_body(source=FROM, to=OTHER), 0x0C),
        ("O2 none alike: service_type", cancel_body(service_type=b"X", source=FROM, to=TO), 0x0C),
        ("O2 neither id nor destination", cancel_body(source=FROM), 0x0B),
        ("O2 a service_type of 6", cancel_body(service_type=b"ABCDEF", to=TO), 0x15),
    ),
    *rows(
        REPLACE_SM,
        ("O3 by id", replace_body(ID), 0),
        ("O3 by id and source", replace_body(ID, source=FROM), 0),
        ("O3 by id and another source", replace_body(ID, source=(1, 1, b"1")), 0x0C),
        ("O3 an unknown id", replace_body(UNKNOWN), 0x0C),
        ("O3 another account's", replace_body(ID), 0x0C, "of another"),
        ("O3 what is cancelled", replace_body(ID), 0x13, "cancelled"),
        ("O3 what is on the air", replace_body(ID), 0x13, "sent"),
        ("O3 no text: only times", replace_body(ID, text=b"", schedule=LATER), 0),
        ("O3 a schedule of letters", replace_body(ID, schedule=b"tomorrow morning"), 0x61),
        ("O3 a schedule that is past", replace_body(ID, schedule=b"200101000000000+"), 0x61),
        ("O3 a validity of letters", replace_body(ID, validity=b"for ever and all"), 0x62),
        ("O3 a validity that is past", replace_body(ID, validity=b"200101000000000+"), 0x62),
        ("O3 an sm_length of 255", replace_body(ID, text=b"x" * 255), 0x01),
        ("O3 an sm_length beyond the PDU", replace_body(ID, sm_length=9), 0x01),
        ("O3 a predefined message", replace_body(ID, default_id=1), 0x63),
        ("O3 registered_delivery 3", replace_body(ID, registered=3), 0x07),
        ("O3 by a payload", replace_body(ID, tail=tlv(PAYLOAD, b"x" * 400), text=b""), 0),
        ("O3 by both", replace_body(ID, tail=tlv(PAYLOAD, b"x")), 0xC1),
        ("O3 too long", replace_body(ID, tail=tlv(PAYLOAD, b"x" * 4000), text=b""), 0x01),
    ),
    *rows(
        DATA_SM,
        ("O4 a good one", data_body(tail=tlv(PAYLOAD, b"hello")), 0),
        ("O4 a long one", data_body(tail=tlv(PAYLOAD, b"x" * 400)), 0),
        ("O4 one too long", data_body(tail=tlv(PAYLOAD, b"x" * 4000)), 0x01),
        ("O4 no payload", data_body(), 0xC3),
        ("O4 a source of 21", data_body(source=(1, 1, b"1" * 21), tail=tlv(PAYLOAD, b"x")), 0x0A),
        ("O4 a source of 65", data_body(source=(1, 1, b"1" * 65), tail=tlv(PAYLOAD, b"x")), 0x0A),
        ("O4 a destination of 21", data_body(to=(1, 1, b"1" * 21), tail=tlv(PAYLOAD, b"x")), 0x0B),
        ("O4 a time to live", data_body(tail=tlv(PAYLOAD, b"x") + tlv(0x17, b"\0\0\1\0")), 0),
        ("O4 no time to live", data_body(tail=tlv(PAYLOAD, b"x") + tlv(0x17, bytes(4))), 0x62),
        ("O4 a segment by SAR", data_body(tail=tlv(PAYLOAD, b"x") + sar()), 0),
        ("O4 an unknown data_coding", data_body(coding=5, tail=tlv(PAYLOAD, b"x")), 0x45),
        ("O4 it to 5.0", data_body(coding=5, tail=tlv(PAYLOAD, b"x")), 0x104, "", 0x50),
    ),
    *rows(
        SUBMIT_MULTI,
        ("O5 to two", multi_body([TO, OTHER]), 0),
        ("O5 to one", multi_body([TO]), 0),
        ("O5 to 254", multi_body([(1, 1, b"49151%08d" % n) for n in range(10**7, 10**7 + 254)]), 0),
        ("O5 to nobody", multi_body([]), 0x33),
        ("O5 to 255", multi_body([TO] * 255), 0x33),
        ("O5 more counted than there are", multi_body([TO], count=2), 0x40),
        ("O5 a dest_flag 0", multi_body([b"\0" + b"1\0"]), 0x40),
        ("O5 a dest_flag 3", multi_body([TO, b"\x03abc\0"]), 0x40),
        ("O5 a distribution list", multi_body([TO, LIST]), 0x34),
        ("O5 a list of 21", multi_body([b"\2" + b"x" * 21 + b"\0"]), 0x34),
        ("O5 one of two is bad", multi_body([TO, (1, 1, b"CALLME")]), 0, "", 0x34, ONE_FAILED),
        ("O5 one of two said STOP", multi_body([TO, OTHER]), 0, "stopped", 0x34, ONE_STOPPED),
        ("O5 all are bad", multi_body([(1, 1, b"CALLME"), (1, 1, b"12")]), 0x0B),
        ("O5 a bad service_type", multi_body([TO], service_type=b"XYZ"), 0x15),
        ("O5 too long a text", multi_body([TO], text=b"", tail=tlv(PAYLOAD, b"x" * 4000)), 0x01),
        ("O5 an odd UCS-2", multi_body([TO], coding=8, text=b"abc"), 0x01),
        ("O5 a bad schedule", multi_body([TO], schedule=b"x"), 0x61),
    ),
    *rows(
        SUBMIT_SM,
        ("M3 what can be no number", submit_body(to=(1, 1, b"12")), 0x0B),
        ("M3 a national number", submit_body(to=(2, 1, b"015112345678")), 0),
        ("M3 an unknown number", submit_body(to=(0, 0, b"015112345678")), 0),
        ("M3 a number that said STOP", submit_body(), 0x45, "stopped"),
        ("M7 more parts than may be", submit_body(text=b"", tail=tlv(PAYLOAD, b"x" * 4000)), 0x01),
        ("M9 a segment too long", submit_body(text=b"x" * 160, tail=sar()), 0x01),
        ("M13 replace_if_present 1", submit_body(replace=1, service_type=b"CMT"), 0, "", 0x34, ID),
        ("M19 an id to 5.0", submit_body(), 0, "", 0x50, A_NAME + BUSY),
        ("M19 an id to 3.3", submit_body(), 0, "", 0x33),
    ),
    *(
        Row(f"{row} {kind}: {before}", command, body, status, before)
        for row, status, before in LIMITED
        for kind, (command, body) in ONE_MESSAGE.items()
    ),
)


async def of_another(real):
    other = await real.store.accounts.local(real.clock.now())
    return (await real.real_intake.submit(other, Submission(to="+4915112345678", text="x"))).id


async def prepare(real, row):
    """Bring about what the row needs; return the id that it is about."""
    if row.before == "of another":
        return (await of_another(real)).encode()
    for key, value in SET.get(row.before, {}).items():
        await real.set(key, value)
    client = await real.client(BIND_TX)
    name = await real.submitted(client, service_type=b"CMT")
    if row.before == "cancelled":
        assert (await client.ask(frame(CANCEL_SM, cancel_body(name), sequence=51))).status == 0
    elif row.before == "sent":
        await put_on_air(real)
    elif row.before == "stopped":
        await real.stop("+4915112345678")
    elif row.before == "closed":
        await real.store.close()
    return name


SET = {
    "limited": {"submits_per_second": 1, "burst": 1},
    "full": {"queue_ceiling": 1},
}
"""What is set for the account before it submits the first message, which is all it may."""


@in_every_way(ROWS)
async def test_each_case_gets_its_answer_and_the_session_survives_it(real, row, cut):
    real.real_intake.gate._clock = ManualClock(real.clock.now())  # no bucket fills meanwhile
    name = await prepare(real, row)
    before = [] if row.before == "closed" else await real.all_stored()
    client = await real.client(BIND_TRX, version=row.version)

    await send(client, frame(row.command, row.body.replace(ID, name), sequence=SEQUENCE), cut)
    answers = [await client.receive() for _ in range(2 if cut == "glued" else 1)]
    answer = next(one for one in answers if one.sequence == SEQUENCE)

    assert answer[:2] == (row.command | RESP, row.status)
    says = SAYS[row.command] if row.says is None else row.says.replace(ID, name + rb"\0")
    assert re.fullmatch(b"" if row.status else says, answer.body, re.DOTALL)  # F8
    assert (await client.ask(frame(ENQUIRE_LINK, sequence=3)))[:3] == (ENQUIRE_LINK | RESP, 0, 3)
    if row.status and row.before != "closed":
        assert await real.all_stored() == before  # what is refused has done nothing
