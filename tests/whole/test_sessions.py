"""Two daemons on one PostgreSQL: who is bound at one is seen, unbound and paused at the other."""

import asyncio

import pytest

from tests.box import running_box, until
from tests.smpp_server.esme import (
    BIND_TRX,
    RESP,
    SUBMIT_SM,
    UNBIND,
    Client,
    bind_body,
    frame,
    submit_body,
)
from tests.test_cli import appliance


@pytest.fixture
async def pair(tmp_path, postgres_url):
    nothing = str(tmp_path / "none*")
    shared = {"STORAGE__DATABASE": postgres_url, "STORAGE__LEASE_SECONDS": "3"}
    async with (
        running_box(tmp_path / "a", nothing, STORAGE__DAEMON="a", **shared) as a,
        running_box(tmp_path / "b", nothing, STORAGE__DAEMON="b", **shared) as b,
    ):
        yield a, b


class App:
    """Clients of an account, at whichever daemon; they are closed at the end."""

    def __init__(self):
        self.clients, self.account = [], {}

    async def bind(self, box):
        """Try to bind; return the client and the answer's status."""
        client = Client(*await asyncio.open_connection("127.0.0.1", box.smpp_port))
        self.clients.append(client)
        body = bind_body(self.account["system_id"].encode(), self.account["password"].encode())
        return client, (await client.ask(frame(BIND_TRX, body))).status

    async def bound(self, box):
        client, status = await self.bind(box)
        assert status == 0
        return client


@pytest.fixture
async def app():
    app = App()
    yield app
    for client in app.clients:
        await client.close()


async def leaves(client):
    """Take part in an orderly end that the other side wants."""
    unbind = await client.receive()
    assert unbind.command == UNBIND
    await client.answer(unbind)
    assert await client.closed() == b""


async def sessions(box):
    return (await box.local.get("/local/sessions")).json()["sessions"]


async def seen(box):
    """Return the sessions that a daemon knows, once there are some."""
    return await until(lambda: sessions(box), "somebody is seen")


async def nobody(box):
    return not await sessions(box)


async def test_what_one_daemon_is_asked_reaches_the_sessions_of_the_other(pair, app):
    a, b = pair
    app.account = account = await a.account()
    client = await app.bound(b)
    (one,) = await seen(a)
    assert (one["daemon"], one["account"], one["bind"]) == ("b", "first", "trx")
    asked = asyncio.ensure_future(a.local.post(f"/local/sessions/{one['id']}/unbind"))
    await leaves(client)
    assert (await asked).json()["state"] == "done"
    await until(lambda: nobody(a), "nobody is seen")

    client = await app.bound(b)
    assert (await appliance(a.data, "account", "pause", "first", "--reason", "x")).code == 0
    await leaves(client)
    assert (await app.bind(b))[1] == 0x0D
    sent = await b.http.post(
        "/v1/messages",
        json={"to": "+4915112345678", "text": "hello"},
        headers={"Authorization": f"Bearer {account['api_key']}"},
    )
    assert (sent.status_code, sent.json()["detail"]) == (403, "the account is paused: x")
    await b.stop()
    await b.start()
    assert (await app.bind(b))[1] == 0x0D, "also after a restart"
    assert (await appliance(a.data, "account", "resume", "first")).code == 0
    client = await app.bound(b)

    assert (await a.local.delete("/local/accounts/first")).status_code == 204
    await leaves(client)
    assert (await app.bind(b))[1] == 0x0E


async def test_the_command_line_lists_traces_and_unbinds(tmp_path, app):
    async with running_box(tmp_path / "box", str(tmp_path / "none*")) as box:
        data = box.data
        app.account = account = await box.account()
        assert (await appliance(data, "sessions", "list")).out == "Nobody is bound.\n"
        began = await appliance(data, "sessions", "trace", "first", "--minutes", "5")
        assert "first: traced until" in began.out
        client = await app.bound(box)
        answer = await client.ask(frame(SUBMIT_SM, submit_body(text=b"secret"), sequence=2))
        assert answer[:2] == (SUBMIT_SM | RESP, 0)
        listed = await appliance(data, "sessions", "list")
        assert account["system_id"] in listed.out
        (one,) = (await appliance(data, "sessions", "list", "--json")).json()
        lines = (await appliance(data, "sessions", "trace", "first")).out
        assert "> bind_transceiver_resp 1 ok" in lines
        assert "< submit_sm 2" in lines
        assert "secret" not in lines
        file = tmp_path / "first.pcap"
        await appliance(data, "sessions", "trace", "first", "--pcap", str(file))
        assert file.read_bytes()[:4] == bytes.fromhex("d4c3b2a1")
        assert file.stat().st_mode & 0o777 == 0o600
        assert (
            "no longer traced"
            in (await appliance(data, "sessions", "trace", "first", "--stop")).out
        )
        ended = asyncio.ensure_future(appliance(data, "sessions", "unbind", one["id"]))
        await leaves(client)
        assert (await ended).out == f"{one['id']}: unbound\n"
        again = await appliance(data, "sessions", "unbind", one["id"])
        assert (again.code, again.err) == (1, "there is no such session\n")
