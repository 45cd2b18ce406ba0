"""A third-party ESME from end to end: smpplib's blocking client on a real socket."""

import asyncio
import re

import pytest
from smpplib import consts, gsm
from smpplib.client import Client
from smpplib.exceptions import PDUError

from appliance.text import Encoding, decode
from tests.smpp_server.esme import ACCOUNT, INBOUND, PATIENCE, notice

LONG = "Grüße aus Köln: " + "0123456789" * 40 + " €"


class Esme:
    """What an application does with smpplib, in a thread of its own."""

    def __init__(self, port):
        self.client = Client("127.0.0.1", port, timeout=PATIENCE, allow_unknown_opt_params=True)
        self.sent, self.received = [], []
        self.client.set_message_sent_handler(self.keep_sent)
        self.client.set_message_received_handler(self.keep_received)

    def keep_sent(self, pdu):
        self.sent.append(pdu)

    def keep_received(self, pdu):
        self.received.append(pdu)

    def __enter__(self):
        self.client.connect()
        return self

    def __exit__(self, *_):
        self.client.disconnect()

    def submit(self, text, encoding=consts.SMPP_ENCODING_DEFAULT):
        parts, encoding, esm_class = gsm.make_parts(text, encoding)
        for part in parts:
            self.client.send_message(
                source_addr_ton=consts.SMPP_TON_ALNUM,
                source_addr="Acme",
                dest_addr_ton=consts.SMPP_TON_INTL,
                dest_addr_npi=consts.SMPP_NPI_ISDN,
                destination_addr="4915112345678",
                short_message=part,
                data_coding=encoding,
                esm_class=esm_class,
                registered_delivery=True,
            )
        return len(parts)

    def read_until(self, collected, count):
        while len(collected) < count:
            self.client.read_once()


@pytest.fixture
def tell_at_once(house):
    """Deliver a receipt for each message as soon as it is stored."""
    deliveries = []

    async def tell(public_id):
        owed = notice(message_id=public_id, number=len(deliveries))
        deliveries.append(asyncio.ensure_future(house.server.deliver(ACCOUNT, owed)))

    house.intake.accepted = tell
    return deliveries


async def test_bind_submit_receipt_with_the_same_id_unbind(house, tell_at_once):
    def work():
        with Esme(house.server.port) as esme:
            esme.client.bind_transceiver(system_id="acme", password="secret")
            count = esme.submit("hello")
            count += esme.submit(LONG)
            count += esme.submit("Привет 🙂", consts.SMPP_ENCODING_ISO10646)
            esme.read_until(esme.sent, count)
            esme.read_until(esme.received, count)
            assert esme.client.unbind().command == "unbind_resp"
            return esme

    esme = await asyncio.to_thread(work)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tell_at_once)

    ids = [pdu.message_id for pdu in esme.sent]
    assert [pdu.receipted_message_id.rstrip(b"\0") for pdu in esme.received] == ids
    texts = [pdu.short_message.decode("ascii") for pdu in esme.received]
    assert [re.match(r"id:(\S+) ", text)[1].encode() for text in texts] == ids
    assert {pdu.message_state for pdu in esme.received} == {consts.SMPP_MESSAGE_STATE_DELIVERED}
    short, *parts, cyrillic = house.intake.taken
    assert (short.text, cyrillic.text) == ("hello", "Привет 🙂")
    assert "".join(part.text for part in parts) == LONG
    assert [part.udh[2:] for part in parts] == [
        part.udh[2:3] + bytes((len(parts), number)) for number, part in enumerate(parts, start=1)
    ]


async def test_an_inbound_message_arrives_as_it_was_written(house):
    texts = ("STOP", "Привет 🙂", "x" * 300)

    def work():
        with Esme(house.server.port) as esme:
            esme.client.bind_receiver(system_id="acme", password="secret")
            esme.read_until(esme.received, len(texts))
            esme.client.unbind()
            return esme.received

    working = asyncio.ensure_future(asyncio.to_thread(work))
    async with asyncio.timeout(PATIENCE):
        while not house.woken:
            await asyncio.sleep(0)
        for text in texts:
            await house.server.deliver(ACCOUNT, notice(INBOUND, text=text))
        stop, cyrillic, long = await working

    assert decode(Encoding.GSM7, stop.short_message) == "STOP"
    assert decode(Encoding.UCS2, cyrillic.short_message) == "Привет 🙂"
    assert decode(Encoding.GSM7, long.message_payload) == "x" * 300
    assert stop.source_addr == b"4915112345678"


async def test_a_wrong_password_is_told_as_such(house):
    def work():
        with Esme(house.server.port) as esme, pytest.raises(PDUError) as caught:
            esme.client.bind_transceiver(system_id="acme", password="wrong")
        return caught.value.args[1]

    assert await asyncio.to_thread(work) == consts.SMPP_ESME_RINVPASWD


async def test_a_query_is_read_and_has_the_id_that_was_answered(real):
    def work():
        with Esme(real.server.port) as esme:
            found = []
            esme.client.set_query_resp_handler(found.append)
            esme.client.bind_transceiver(system_id="acme", password="secret")
            esme.submit("hello")
            esme.read_until(esme.sent, 1)
            name = esme.sent[0].message_id.rstrip(b"\0")
            esme.client.query_message(
                message_id=name.decode(),
                source_addr_ton=consts.SMPP_TON_ALNUM,
                source_addr_npi=consts.SMPP_NPI_UNK,
                source_addr="Acme",
            )
            esme.read_until(found, 1)
            esme.client.unbind()
            return name, found[0]

    name, answer = await asyncio.to_thread(work)

    assert answer.message_id.rstrip(b"\0") == name
    assert answer.message_state == consts.SMPP_MESSAGE_STATE_ENROUTE
    assert answer.final_date.rstrip(b"\0") == b""


async def test_a_long_inbound_message_is_joined_by_either_form_of_parts(real):
    def work():
        with Esme(real.server.port) as esme:
            esme.client.bind_receiver(system_id="acme", password="secret")
            esme.read_until(esme.received, 4)
            esme.client.unbind()
            return esme.received

    working = asyncio.ensure_future(asyncio.to_thread(work))
    async with asyncio.timeout(PATIENCE):
        while not real.woken:
            await asyncio.sleep(0)
        for form in ("udh", "sar"):
            await real.set("inbound_form", form)
            await real.server.deliver(real.account, notice(INBOUND, text="x" * 300))
        udh, sar = (await working)[:2], working.result()[2:]

    assert [pdu.esm_class for pdu in udh] == [consts.SMPP_GSMFEAT_UDHI] * 2
    assert b"".join(pdu.short_message[6:] for pdu in udh) == b"x" * 300
    assert [(pdu.sar_total_segments, pdu.sar_segment_seqnum) for pdu in sar] == [(2, 1), (2, 2)]
    assert b"".join(pdu.short_message for pdu in sar) == b"x" * 300
