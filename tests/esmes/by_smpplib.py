"""An application by smpplib: a long text goes in parts with a UDH, as smpplib cuts it."""

import asyncio
import sys
import threading

from smpplib import consts, gsm, smpp
from smpplib.client import Client

from tests.esmes.app import SOURCE, gsm_text, orders, place, say, say_receipt

PATIENCE = 30  # seconds that smpplib waits before it asks whether the other side is there

CODECS = {0: gsm_text, 8: lambda octets: octets.decode("utf-16-be")}


class App:
    """Reads in a thread of its own. ``forms``: what each submit_sm belongs to."""

    def __init__(self, client):
        self.client = client
        self.forms = {}
        client.set_message_sent_handler(self.sent)
        client.set_message_received_handler(self.received)

    def submit(self, order):
        coding = 8 if order["form"] == "ucs2" else 0
        parts, coding, esm_class = gsm.make_parts(order["text"], coding)
        names = []
        for part in parts:
            pdu = smpp.make_pdu(
                "submit_sm",
                client=self.client,
                source_addr_ton=consts.SMPP_TON_ALNUM,
                source_addr=SOURCE,
                dest_addr_ton=consts.SMPP_TON_INTL,
                dest_addr_npi=consts.SMPP_NPI_ISDN,
                destination_addr=order["to"],
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=1,
            )
            self.forms[pdu.sequence] = order["form"], len(parts), names
            self.client.send_pdu(pdu)

    def sent(self, pdu):
        form, count, names = self.forms[pdu.sequence]
        names.append(pdu.message_id.rstrip(b"\0").decode())
        if len(names) == count:
            say("submitted", form=form, ids=names)

    def received(self, pdu):
        if pdu.esm_class & 0x04:
            say_receipt(pdu.short_message.decode("ascii"))
            return
        text = CODECS[pdu.data_coding](pdu.short_message or pdu.message_payload)
        say("inbound", text=text, **{"from": pdu.source_addr.decode()})

    def read(self):
        while self.client.state == consts.SMPP_CLIENT_STATE_BOUND_TRX:
            self.client.read_once()


async def main():
    host, port, system_id, password = place()
    client = Client(host, port, timeout=PATIENCE, allow_unknown_opt_params=True)
    app = App(client)
    client.connect()
    client.bind_transceiver(system_id=system_id, password=password)
    say("bound")
    reading = threading.Thread(target=app.read)
    reading.start()
    async for order in orders():
        if order["do"] == "submit":
            app.submit(order)
    client.send_pdu(smpp.make_pdu("unbind", client=client))
    reading.join()
    client.disconnect()
    say("unbound")


sys.exit(asyncio.run(main()))
