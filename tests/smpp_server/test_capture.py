"""Our answers to the checklist and all that we send of our own, recorded and read by Wireshark."""

import asyncio

import pytest

from appliance.lifecycle import State
from tests.esmes.recorder import recording
from tests.esmes.wireshark import complaints, dissected, said
from tests.smpp_server import test_checklist, test_checklist_operations
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_TRX,
    ENQUIRE_LINK,
    INBOUND,
    RESP,
    UNBIND,
    Client,
    frame,
    notice,
)

LENGTHS = (0, 15, 70_001)  # F1

TOLD = (
    *({"state": state} for state in (State.DELIVERED, State.FAILED, State.SENT, State.NO_REPORT)),
    {"state": State.FAILED, "cause": "number", "cause_code": 1},
)

WRITTEN = ({"text": "Hello"}, {"text": "Привет 🙂"}, {"text": "x" * 400}, {"data": bytes(300)})


class Recorded:
    """A server behind a recorder."""

    def __init__(self, house, recorder):
        self.house, self.recorder = house, recorder

    async def client(self, bind=None, **fields):
        client = Client(*await asyncio.open_connection("127.0.0.1", self.recorder.port))
        self.house.clients.append(client)  # which ends them
        if bind:
            await client.bind(bind, **fields)
        return client

    async def leave(self, client):
        assert (await client.ask(frame(UNBIND, sequence=9)))[:2] == (UNBIND | RESP, 0)
        assert await client.closed() == b""
        await client.close()

    async def asks(self, state, version, octets):
        """Let a client ask something, and then whether we are still there."""
        client = await self.client(state, version=version) if state else await self.client()
        client.send(octets + frame(ENQUIRE_LINK, sequence=3))
        await client.receive()
        client.writer.write_eof()
        await client.closed()
        await client.close()

    async def tells(self, client, account, news):
        """Tell what is owed, all its parts."""
        answering = asyncio.ensure_future(answer_all(client))
        await self.house.server.deliver(account, news)
        answering.cancel()
        await asyncio.wait({answering})


async def answer_all(client):
    while True:
        await client.answer(await client.receive())


@pytest.fixture
async def recorded(house, tmp_path):
    async with recording(tmp_path / "smpp.pcap", house.server.port) as recorder:
        yield Recorded(house, recorder)


def wireshark_is_content(recorder, least):
    assert complaints(recorder.path) == []
    found = [pdu for one in recorder.conversations for pdu in said(one)]
    assert sorted(dissected(recorder.path)) == sorted(found)
    assert len(found) >= least


async def test_answers_to_the_checklist_are_well_formed(recorded):
    for row in test_checklist.ROWS:
        command, body = row.request
        await recorded.asks(row.state, row.version, frame(command, body, sequence=7))
    for length in LENGTHS:
        await recorded.asks(0, 0x34, frame(ENQUIRE_LINK, sequence=7, length=length))

    wireshark_is_content(recorded.recorder, len(test_checklist.ROWS))


@pytest.mark.parametrize("form", ["payload", "udh", "sar"])
async def test_receipts_and_inbound_messages_are_well_formed(recorded, form):
    account = ACCOUNT.model_copy(update={"inbound_form": form})
    recorded.house.accounts["acme", "secret"] = account
    for version in (0x33, 0x34, 0x50):
        client = await recorded.client(BIND_TRX, version=version)
        for number, changes in enumerate(TOLD):
            await recorded.tells(client, account, notice(number=number, **changes))
        for number, changes in enumerate(WRITTEN, start=len(TOLD)):
            await recorded.tells(client, account, notice(INBOUND, number=number, **changes))
        await recorded.leave(client)

    wireshark_is_content(recorded.recorder, 3 * (len(TOLD) + len(WRITTEN) + 2))


async def test_answers_to_the_other_operations_are_well_formed(real, tmp_path):
    rows = [row for row in test_checklist_operations.ROWS if not row.before]
    async with recording(tmp_path / "smpp.pcap", real.server.port) as recorder:
        recorded = Recorded(real, recorder)
        client = await recorded.client(BIND_TRX)
        for row in rows:
            name = await real.submitted(client, service_type=b"CMT")
            body = row.body.replace(test_checklist_operations.ID, name)
            await recorded.asks(BIND_TRX, row.version, frame(row.command, body, sequence=7))

    wireshark_is_content(recorder, len(rows))


async def test_what_we_ask_of_our_own_is_well_formed(make_house, tmp_path):
    house = await make_house(enquire_link_seconds=0.01)
    async with recording(tmp_path / "smpp.pcap", house.server.port) as recorder:
        client = await Recorded(house, recorder).client(BIND_TRX)
        assert (await client.receive()).command == ENQUIRE_LINK
        stopping = asyncio.ensure_future(house.server.stop())
        while (asked := await client.receive()).command != UNBIND:
            client.send(frame(asked.command | RESP, sequence=asked.sequence))
        client.send(frame(UNBIND | RESP, sequence=asked.sequence))
        await stopping
        await client.closed()
        await client.close()

    wireshark_is_content(recorder, 3)
