"""What the app is owed, on raw sockets: one row per case, its answer cut in every way."""

import asyncio
import re
from typing import NamedTuple

import pytest

from appliance.errors import Undelivered
from appliance.lifecycle import State
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TRX,
    DELIVER_SM,
    ENQUIRE_LINK,
    INBOUND,
    NEWS,
    PATIENCE,
    RESP,
    fields_of,
    frame,
    notice,
)
from tests.smpp_server.test_checklist import PAYLOAD, SAR_ORDINAL, SAR_REF, SAR_TOTAL
from tests.smpp_server.ways import in_every_way

RECEIPTED, STATE, NETWORK_ERROR = 0x1E, 0x427, 0x423

TEXT = (
    b"id:m1 sub:001 dlvrd:001 submit date:2603040506 done date:2603040509"
    b" stat:DELIVRD err:000 text:hello"
)

TLVS = {RECEIPTED: b"m1\0", STATE: b"\2"}


class Row(NamedTuple):
    """``news`` with ``changes`` comes as PDUs that have at least these fields, in their order."""

    name: str
    news: object
    changes: dict
    fields: tuple[dict, ...]
    version: int = 0x34
    account: dict = {}  # noqa: RUF012 - what is set for it; nobody writes to it


def receipt(name, changes, version=0x34, **fields):
    return Row(name, NEWS, changes, (fields,), version)


def inbound(name, changes, *fields, version=0x34, form="payload"):
    return Row(name, INBOUND, changes, fields, version, {"inbound_form": form})


def state(word, number, state, esm_class=0x04, version=0x34):
    tlvs = {RECEIPTED: b"m1\0", STATE: bytes((number,))}
    said = b" stat:" + word + b" err:"
    name = f"R4 {state.name.lower()} is {word.decode()}"
    return receipt(name, {"state": state}, version, has=said, esm_class=esm_class, tlvs=tlvs)


def segments(text, room, total):
    return [text[start : start + room] for start in range(0, room * total, room)]


LONG = b"x" * 300

ROWS = (
    receipt(
        "R1 a receipt goes back the way the message came",
        {},
        esm_class=0x04,
        registered_delivery=0,
        data_coding=0,
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=b"4915112345678",
        dest_addr_ton=5,
        dest_addr_npi=0,
        destination_addr=b"Acme",
    ),
    receipt(
        "R1 what a receipt has no use for is empty",
        {},
        service_type=b"",
        protocol_id=0,
        priority_flag=0,
        schedule_delivery_time=b"",
        validity_period=b"",
        replace_if_present_flag=0,
        sm_default_msg_id=0,
    ),
    receipt(
        "R1 an intermediate notification has a class of its own",
        {"state": State.SENT, "final": False},
        esm_class=0x20,
        registered_delivery=0,
    ),
    receipt("R2 the text has the form that all clients read", {}, short_message=TEXT),
    receipt(
        "R2 its first 20 characters stand in it",
        {"text_start": "0123456789012345678901234567890"},
        has=b" text:01234567890123456789",
    ),
    receipt("R2 what is not ASCII does not break it", {"text_start": "Grüße"}, has=b" text:Gr??e"),
    receipt("R2 it is the same for 3.3", {}, 0x33, short_message=TEXT),
    receipt("R3 parameters for 3.4", {}, tlvs=TLVS),
    receipt("R3 parameters for 5.0", {}, 0x50, tlvs=TLVS),
    receipt("R3 no parameters for 3.3", {}, 0x33, tlvs={}),
    receipt(
        "R3 the text's err in three octets, the first 3 for GSM",
        {"state": State.FAILED, "cause_code": 38},
        network=b"\3",
    ),
    state(b"DELIVRD", 2, State.DELIVERED),
    state(b"UNDELIV", 5, State.FAILED),
    state(b"EXPIRED", 3, State.EXPIRED),
    state(b"DELETED", 4, State.CANCELLED),
    state(b"UNKNOWN", 7, State.NO_REPORT),
    state(b"ENROUTE", 1, State.SENT, 0x20),
    Row(
        "R4 what no report came of is EXPIRED where that is set",
        NEWS,
        {"state": State.NO_REPORT},
        ({"has": b" stat:EXPIRED ", "tlvs": {RECEIPTED: b"m1\0", STATE: b"\3"}},),
        account={"unreported": "expired"},
    ),
    inbound(
        "R8 GSM characters, one to an octet",
        {"text": "Grüße @ 5 €"},
        {"esm_class": 0, "data_coding": 0, "short_message": b"Gr\x7e\x1ee \0 5 \x1be", "tlvs": {}},
    ),
    inbound(
        "R8 where it comes from and where it came to",
        {},
        {"source_addr": b"4915112345678", "destination_addr": b"4915100000"},
    ),
    inbound(
        "R8 other characters in UCS-2",
        {"text": "Привет 🙂"},
        {"data_coding": 8, "short_message": "Привет 🙂".encode("utf-16-be")},
    ),
    inbound(
        "R8 data as it is",
        {"text": None, "data": b"\0\xff\x1b"},
        {"data_coding": 4, "short_message": b"\0\xff\x1b"},
    ),
    inbound("R8 a STOP is told too", {"text": "STOP"}, {"short_message": b"STOP"}),
    inbound(
        "R8 a long one in message_payload",
        {"text": LONG.decode()},
        {"esm_class": 0, "short_message": b"", "tlvs": {PAYLOAD: LONG}},
    ),
    inbound(
        "R8 a long one by UDH where that is set",
        {"text": LONG.decode()},
        *(
            {"esm_class": 0x40, "ends": bytes((2, number)) + piece, "tlvs": {}}
            for number, piece in enumerate(segments(LONG, 153, 2), start=1)
        ),
        form="udh",
    ),
    inbound(
        "R8 a long one by SAR where that is set",
        {"text": LONG.decode()},
        *(
            {"esm_class": 0, "short_message": piece, "sar": (b"\2", bytes((number,)))}
            for number, piece in enumerate(segments(LONG, 153, 2), start=1)
        ),
        form="sar",
    ),
)


class Refused(NamedTuple):
    """A receipt that is answered with ``status`` is parked, or told again later."""

    name: str
    status: int
    parked: bool


REFUSED = tuple(
    Refused(f"R6 0x{status:02x} {'is parked' if parked else 'comes again'}", status, parked)
    for parked, statuses in ((False, (0x64, 0x58, 0x14, 0x08)), (True, (0x65, 0x66, 0x01, 0xFF)))
    for status in statuses
)


async def answer(client, asked, cut, status=0):
    """Answer a deliver_sm, with an enquire_link of our own on both sides where that is the cut."""
    body = b"" if status else b"\0"
    octets = frame(DELIVER_SM | RESP, body, sequence=asked.sequence, status=status)
    if cut == "byte by byte":
        await client.trickle(octets)
    elif cut == "glued":
        client.send(frame(ENQUIRE_LINK, sequence=1) + octets + frame(ENQUIRE_LINK, sequence=2))
        for sequence in (1, 2):
            assert await client.receive() == (ENQUIRE_LINK | RESP, 0, sequence, b"")
    else:
        client.send(octets)


def holds(found, fields):
    """Compare a deliver_sm with what a row says of it."""
    for name, value in fields.items():
        if name == "has":
            assert value in found["short_message"]
        elif name == "ends":
            assert found["short_message"].endswith(value)
        elif name == "network":
            error = int(re.search(rb" err:(\d{3}) ", found["short_message"])[1])
            assert found["tlvs"][NETWORK_ERROR] == value + error.to_bytes(2, "big")
        elif name == "sar":
            tlvs = found["tlvs"]
            assert (tlvs[SAR_TOTAL], tlvs[SAR_ORDINAL]) == value
            assert len(tlvs[SAR_REF]) == 2
        else:
            assert found[name] == value


@in_every_way(ROWS)
async def test_each_case_is_told_so_and_is_done_with_its_answer(house, row, cut):
    account = ACCOUNT.model_copy(update=row.account)
    house.accounts["acme", "secret"] = account
    client = await house.client(BIND_TRX, version=row.version)

    owed = notice(row.news, **row.changes)
    telling = asyncio.ensure_future(house.server.deliver(account, owed))
    for fields in row.fields:
        asked = await client.receive()
        assert (asked.command, asked.status) == (DELIVER_SM, 0)
        holds(fields_of(asked.body), fields)
        assert not telling.done()
        await answer(client, asked, cut)

    async with asyncio.timeout(PATIENCE):
        await telling
    assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")


@in_every_way(REFUSED)
async def test_a_refusal_is_tried_again_or_parked_and_the_session_survives(house, row, cut):
    client = await house.client(BIND_RX)
    telling = asyncio.ensure_future(house.server.deliver(ACCOUNT, notice()))

    await answer(client, await client.receive(), cut, row.status)

    with pytest.raises(Undelivered) as caught:
        await telling
    assert caught.value.parked is row.parked
    assert await client.ask(frame(ENQUIRE_LINK, sequence=3)) == (ENQUIRE_LINK | RESP, 0, 3, b"")
