"""An application by aiosmpplib: a long text goes as message_payload, which it does by itself."""

import asyncio
import sys

from aiosmpplib import (
    ESME,
    NPI,
    TON,
    AbstractHook,
    DeliverSm,
    PhoneNumber,
    SubmitSm,
    SubmitSmResp,
)

from tests.esmes.app import SOURCE, orders, place, say


class Hook(AbstractHook):
    """Tells what comes."""

    async def sending(self, smpp_message, pdu, client_id):
        """Nothing is to be told of what is sent."""

    async def received(self, smpp_message, pdu, client_id):
        if isinstance(smpp_message, SubmitSmResp) and not isinstance(smpp_message, DeliverSm):
            say("submitted", form=smpp_message.log_id, ids=[smpp_message.message_id])
        elif isinstance(smpp_message, DeliverSm):
            if smpp_message.is_receipt():
                receipt = smpp_message.parse_receipt()
                say("receipt", id=receipt["id"], stat=receipt["stat"])
            else:
                text = smpp_message.short_message or smpp_message.message_payload
                say("inbound", text=text, **{"from": smpp_message.source.number})

    async def send_error(self, smpp_message, error, client_id):
        say("broken", error=repr(error))


async def main():
    host, port, system_id, password = place()
    esme = ESME(host, port, system_id, password, hook=Hook())
    await esme.connect()
    say("bound")
    running = asyncio.create_task(esme.start())
    async for order in orders():
        if order["do"] == "submit":
            message = SubmitSm(
                short_message=order["text"],
                source=PhoneNumber(SOURCE, TON.ALPHANUMERIC, NPI.UNKNOWN),
                destination=PhoneNumber(order["to"], TON.INTERNATIONAL, NPI.ISDN),
                encoding="ucs2" if order["form"] == "ucs2" else "gsm0338",
                log_id=order["form"],
            )
            await esme.broker.enqueue(message)
    await esme.stop()
    await running
    say("unbound")


sys.exit(asyncio.run(main()))
