"""An application by smpp34 (Rust, by its Python binding): a long text goes as message_payload."""

import asyncio
import sys

import smpp34
from smpplib import gsm

from tests.esmes.app import SOURCE, gsm_text, orders, place, say, say_receipt


def octets(order):
    if order["form"] == "ucs2":
        return order["text"].encode("utf-16-be")
    return gsm.gsm_encode(order["text"])


def written(event):
    payload = [one.value for one in event.tlvs if one.tag == smpp34.TLV_MESSAGE_PAYLOAD]
    data = payload[0] if payload else event.short_message
    return data.decode("utf-16-be") if event.data_coding == 8 else gsm_text(data)


async def submit(smsc, order):
    data, long = octets(order), order["form"] == "long"
    answer = await smsc.submit_sm(
        order["to"],
        b"" if long else data,
        source_addr=SOURCE,
        source_addr_ton=5,
        dest_addr_ton=1,
        dest_addr_npi=1,
        data_coding=8 if order["form"] == "ucs2" else 0,
        registered_delivery=1,
        tlvs=[smpp34.Tlv(smpp34.TLV_MESSAGE_PAYLOAD, data)] if long else [],
    )
    say("submitted", form=order["form"], ids=[answer.message_id])


async def listen(smsc):
    while isinstance(event := await smsc.next(), smpp34.DeliverSmEvent):
        if event.esm_class & 0x04:
            say_receipt(event.short_message.decode("ascii"))
        else:
            say("inbound", text=written(event), **{"from": event.source_addr})


async def main():
    client = smpp34.Client(*place(), bind_type="TRX")
    smsc = await client.connect()
    say("bound")
    listening = asyncio.create_task(listen(smsc))
    async for order in orders():
        if order["do"] == "submit":
            await submit(smsc, order)
    await smsc.unbind()
    say("unbound")
    await listening


sys.exit(asyncio.run(main()))
