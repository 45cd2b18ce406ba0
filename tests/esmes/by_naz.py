"""An application by naz: a long text goes in segments by SAR parameters.

naz reads only ids and hands its hook the octets of each PDU, so the texts are read here.
"""

import asyncio
import codecs
import logging
import struct
import sys

import naz

from tests.esmes.app import SOURCE, orders, place, say, say_receipt

CUT = 140  # characters of a segment

ENCODINGS = {0: "gsm0338", 8: "ucs2"}

FIELDS = "soosoosooossoooo"  # what comes before sm_length: C-strings and octets

SOURCE_ADDR, ESM_CLASS, DATA_CODING = 3, 7, 14

PAYLOAD = 0x0424


def deliver_sm(pdu):
    """Return source_addr, esm_class, data_coding and the octets of the message."""
    values, rest = [], pdu[16:]
    for kind in FIELDS:
        head, rest = rest.split(b"\0", 1) if kind == "s" else (rest[0], rest[1:])
        values.append(head)
    length, rest = rest[0], rest[1:]
    message, rest = rest[:length], rest[length:]
    while rest:
        tag, size = struct.unpack(">HH", rest[:4])
        message = rest[4 : 4 + size] if tag == PAYLOAD else message
        rest = rest[4 + size :]
    return values[SOURCE_ADDR].decode(), values[ESM_CLASS], values[DATA_CODING], message


class Hook(naz.hooks.BaseHook):
    """Tells what comes. ``counts``: how many segments each form has."""

    def __init__(self):
        self.counts, self.ids = {}, {}
        self.unbound = asyncio.Event()

    async def to_smsc(self, smpp_command, log_id, hook_metadata, pdu):
        """Nothing is to be told of what is sent."""

    async def from_smsc(self, smpp_command, log_id, hook_metadata, status, pdu):
        if smpp_command == naz.SmppCommand.BIND_TRANSCEIVER_RESP:
            say("bound")
        elif smpp_command == naz.SmppCommand.SUBMIT_SM_RESP:
            names = self.ids.setdefault(log_id, [])
            names.append(pdu[16:].rstrip(b"\0").decode())
            if len(names) == self.counts[log_id]:
                say("submitted", form=log_id, ids=names)
        elif smpp_command == naz.SmppCommand.DELIVER_SM:
            self.delivered(pdu)
        elif smpp_command == naz.SmppCommand.UNBIND_RESP:
            self.unbound.set()

    def delivered(self, pdu):
        source, esm_class, coding, message = deliver_sm(pdu)
        if esm_class & 0x04:
            say_receipt(message.decode("ascii"))
        else:
            say("inbound", text=codecs.decode(message, ENCODINGS[coding]), **{"from": source})


def segments(order):
    """Return the pieces of a text with what naz is told of each."""
    if order["form"] != "long":
        return [(order["text"], {})]
    text = order["text"]
    pieces = [text[start : start + CUT] for start in range(0, len(text), CUT)]
    sar = {"sar_msg_ref_num": 7, "sar_total_segments": len(pieces)}
    return [(piece, sar | {"sar_segment_seqnum": at}) for at, piece in enumerate(pieces, start=1)]


async def submit(client, hook, order):
    pieces = segments(order)
    hook.counts[order["form"]] = len(pieces)
    for text, sar in pieces:
        message = naz.protocol.SubmitSM(
            short_message=text,
            source_addr=SOURCE,
            source_addr_ton=5,
            source_addr_npi=0,
            destination_addr=order["to"],
            log_id=order["form"],
            encoding="ucs2" if order["form"] == "ucs2" else "gsm0338",
            **sar,
        )
        await client.send_message(message)


async def main():
    host, port, system_id, password = place()
    hook = Hook()
    quiet = naz.log.SimpleLogger("naz.client", level=logging.ERROR)
    client = naz.Client(
        smsc_host=host,
        smsc_port=port,
        system_id=system_id,
        password=password,
        broker=naz.broker.SimpleBroker(),
        hook=hook,
        logger=quiet,
    )
    await client.connect()
    await client.tranceiver_bind()
    tasks = [asyncio.create_task(run()) for run in (client.receive_data, client.dequeue_messages)]
    async for order in orders():
        if order["do"] == "submit":
            await submit(client, hook, order)
    await client.unbind()
    await hook.unbound.wait()
    say("unbound")
    for task in tasks:
        task.cancel()


sys.exit(asyncio.run(main()))
