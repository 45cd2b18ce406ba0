"""All that these tests let servers say is read by Wireshark; here is what no other test lets them.

Each module of this folder is a capture of its own (see ``tap``): the checklist in every way, the
timers, the lock-out, the limits, outbind, shutdown, what hostile peers are told, TLS in clear.
"""

import asyncio
import ssl

import pytest

from appliance.lifecycle import State
from appliance.smpp_server.operations import Operations
from tests.esmes.recorder import SERVER, recording
from tests.esmes.wireshark import Pdu, decrypted
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_TRX,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    INBOUND,
    QUERY_SM,
    RESP,
    SUBMIT_SM,
    UNBIND,
    Client,
    House,
    frame,
    notice,
    submit_body,
)
from tests.smpp_server.papers import self_signed
from tests.smpp_server.tap import running

TOLD = (
    *({"state": state} for state in (State.DELIVERED, State.FAILED, State.SENT, State.NO_REPORT)),
    {"state": State.FAILED, "cause": "number", "cause_code": 1},
)

WRITTEN = ({"text": "Hello"}, {"text": "Привет 🙂"}, {"text": "x" * 400}, {"data": bytes(300)})


async def leave(client):
    """Unbind, as the last thing that is said."""
    assert (await client.ask(frame(UNBIND, sequence=9)))[:2] == (UNBIND | RESP, 0)
    assert await client.closed() == b""


async def tell(house, client, account, owed):
    """Tell what is owed, and answer all its parts; return how many there were."""
    telling, parts = asyncio.ensure_future(house.server.deliver(account, owed)), 0
    while not telling.done():
        asked = await client.receive()
        assert asked.command == DELIVER_SM
        parts += 1
        await client.answer(asked)
        client.send(frame(ENQUIRE_LINK, sequence=8))  # behind its answer it is done, or goes on
        assert (await client.receive()).command == ENQUIRE_LINK | RESP
    await telling
    return parts


@pytest.mark.parametrize("form", ["payload", "udh", "sar"])
@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
async def test_all_that_an_app_is_told_in_every_form(house, version, form):
    account = ACCOUNT.model_copy(update={"inbound_form": form})
    house.accounts["acme", "secret"] = account
    client = await house.client(BIND_TRX, version=version)

    for number, changes in enumerate(TOLD):
        assert await tell(house, client, account, notice(number=number, **changes)) == 1
    for number, changes in enumerate(WRITTEN, start=len(TOLD)):
        parts = await tell(house, client, account, notice(INBOUND, number=number, **changes))
        long = changes in WRITTEN[2:] and not (form == "payload" and version > 0x33)
        assert (parts > 1) == long
    await leave(client)


# Whether what is wrong is seen

BROKEN = {
    SUBMIT_SM: b"an id without an end",
    DATA_SM: b"an id\0\x04\x28\x00\x09a parameter cut off",
    QUERY_SM: b"an id\0no date, no state",
}
"""Bodies of answers as they must never be."""


class BrokenOperations(Operations):
    """Carries nothing out, and answers what cannot be read; ``body``: of each answer."""

    body = b""

    async def answer(self, account, request, *, version, load):
        return self.body


class BrokenHouse(House):
    def operations(self):
        return BrokenOperations(self.intake, None, gsm0="gsm0338")


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("papers"), "server")


async def connected(house, papers, secure, **options):
    """Return a client that is bound, over TLS where that is asked for."""
    if not secure:
        return await house.client(BIND_TRX)
    context = ssl.create_default_context(cafile=papers[0])
    client = Client(*await asyncio.open_connection("127.0.0.1", house.server.tls_port, ssl=context))
    house.clients.append(client)
    await client.bind(BIND_TRX)
    return client


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("command", BROKEN, ids=hex)
async def test_a_broken_frame_of_ours_is_reported_with_its_test(tmp_path, papers, command, secure):
    with running(tmp_path / "broken.pcap") as tape:
        house = BrokenHouse(tls_certificate=str(papers[0]), tls_key=str(papers[1]))
        house.server._operations.body = BROKEN[command]
        await house.server.start()
        client = await connected(house, papers, secure)
        asked = {SUBMIT_SM: submit_body(), DATA_SM: DATA, QUERY_SM: b"m1" + bytes(4)}[command]
        assert (await client.ask(frame(command, asked, sequence=2))).body == BROKEN[command]
        await house.close()

    (complaint,), missed = tape.read()

    assert complaint.test.endswith(f"[{command:#x}-{'tls' if secure else 'plain'}]")
    assert complaint.pdus == [Pdu(command | RESP, 0)]
    assert "alformed" in complaint.what
    assert missed == []


DATA = b"\0\1\0014915100000\0\1\0014915112345678\0\0\0\0" + b"\x04\x24\0\1x"


async def test_what_wireshark_does_not_find_is_missed(tmp_path):
    with running(tmp_path / "short.pcap") as tape:
        house = House()
        await house.server.start()
        client = await house.client(BIND_TRX)
        assert (await client.ask(frame(ENQUIRE_LINK)))[:2] == (ENQUIRE_LINK | RESP, 0)
        await house.close()
    (line,) = tape.lines.values()
    line.octets[SERVER] += frame(ENQUIRE_LINK)  # which is not in the capture

    assert tape.read() == ([], [line.test])


async def test_a_tap_knows_of_no_way_past_it(house):
    await house.client(BIND_TRX)
    (connection,) = house.server.desk.connections
    with pytest.raises(AttributeError, match="writelines"):
        connection._transport.writelines([b"unheard"])


async def test_what_goes_over_the_wire_by_tls_is_what_the_tap_has_heard(papers, tmp_path):
    keys, wire = tmp_path / "keys", tmp_path / "wire.pcap"
    with running(tmp_path / "tap.pcap") as tape:
        house = House(tls_certificate=str(papers[0]), tls_key=str(papers[1]))
        await house.server.start()
        context = ssl.create_default_context(cafile=papers[0])
        context.keylog_filename = str(keys)
        async with recording(wire, house.server.tls_port) as recorder:
            ends = await asyncio.open_connection("127.0.0.1", recorder.port, ssl=context)
            client = Client(*ends)
            await client.bind(BIND_TRX)
            assert (await client.ask(frame(SUBMIT_SM, submit_body(), sequence=2))).status == 0
            assert (await client.ask(frame(0x999, sequence=3))).status == 3
            await leave(client)
            await client.close()
        await house.close()
    (line,) = tape.lines.values()

    assert decrypted(wire, keys) == line.octets
    assert line.said == [
        Pdu(BIND_TRX | RESP, 0),
        Pdu(SUBMIT_SM | RESP, 0),
        Pdu(RESP, 3),
        Pdu(UNBIND | RESP, 0),
    ]
