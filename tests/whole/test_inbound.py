"""Inbound messages on the whole system: the rules as they are set, and parts that are refused."""

import asyncio
import signal
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.box import running_bank, running_box, until
from tests.smpp_server.esme import BIND_RX, DELIVER_SM, Client, fields_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENDER = "+4915120000042"


def to(account, keyword="join"):
    return f'[[inbound]]\naccount = "{account}"\nkeywords = ["{keyword}"]\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(tmp_path_factory):
    async with running_bank(tmp_path_factory.mktemp("bank"), "--modems", "1") as bank:
        yield bank


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(bank, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inbound") / "data"
    async with running_box(folder, bank.ports, config="# no rules yet") as box:
        await box.lines_ready(1)
        yield box


async def account(box, name):
    answer = await box.local.post("/local/accounts", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


@asynccontextmanager
async def bound(box, account):
    """Bind a receiver that answers only what it is told to."""
    client = Client(*await asyncio.open_connection("127.0.0.1", box.smpp_port))
    try:
        name, word = account["system_id"].encode(), account["password"].encode()
        await client.bind(BIND_RX, system_id=name, password=word)
        yield client
    finally:
        client.writer.transport.abort()


async def next_text(client):
    """Take the next message, and return what it says."""
    asked = await client.receive()
    assert asked.command == DELIVER_SM
    await client.answer(asked)
    return fields_of(asked.body)["short_message"]


async def test_rules_for_inbound_messages_hold_as_soon_as_they_are_read_again(bank, box):
    path = box.data.with_suffix(".toml")
    first, second = await account(box, "club"), await account(box, "shop")

    async def inbound(text):
        await bank.control.do("inbound", modem=0, sender=SENDER, text=text)

    async with bound(box, first) as club, bound(box, second) as shop:
        path.write_text(to("club"))
        answer = await box.local.post("/local/reload", json={})
        assert answer.json()["changed"] == ["inbound"]
        await inbound("JOIN one")
        assert await next_text(club) == b"JOIN one"

        path.write_text(to("shop"))
        box.process.send_signal(signal.SIGHUP)

        async def read_again():
            return box.log.read_text().count("was read again") >= 2

        await until(read_again, "the file is read again")
        await inbound("JOIN two")
        assert await next_text(shop) == b"JOIN two"

        path.write_text(to("nobody") + to("club"))  # refused whole: the rule before holds
        answer = await box.local.post("/local/reload", json={})
        assert (answer.status_code, "inbound" in answer.json()["detail"]) == (422, True)
        await inbound("JOIN three")
        assert await next_text(shop) == b"JOIN three"

        path.write_text(to("shop", "leave") + to("club"))
        assert (await box.local.post("/local/reload", json={})).status_code == 200
        await inbound("JOIN four")
        assert await next_text(club) == b"JOIN four"


async def parts_of(client, count):
    """Receive parts, and return their ordinals with what they ask."""
    found = [await client.receive() for _ in range(count)]
    return [(fields_of(one.body)["short_message"][5], one) for one in found]


async def test_parts_that_were_taken_are_not_told_again_though_the_daemon_was_killed(bank, box):
    parted = await account(box, "parted")
    answer = await box.local.put(
        "/local/accounts/parted/settings/inbound_form", json={"value": "udh"}
    )
    assert answer.status_code == 200, answer.text
    box.data.with_suffix(".toml").write_text(to("parted"))
    assert (await box.local.post("/local/reload", json={})).status_code == 200
    text = "JOIN " + "long " * 100
    async with bound(box, parted) as client:
        await bank.control.do("inbound", modem=0, sender=SENDER, text=text)
        said = b""
        for expected in (1, 2, 3):
            ((ordinal, asked),) = await parts_of(client, 1)
            assert ordinal == expected
            if expected < 3:  # the third comes only when it is stored that the second was taken
                await client.answer(asked)
                said += fields_of(asked.body)["short_message"][6:]
        await box.kill()
    await box.start()
    async with bound(box, parted) as client:
        for expected in (3, 4):
            ((ordinal, asked),) = await parts_of(client, 1)
            assert ordinal == expected
            await client.answer(asked)
            said += fields_of(asked.body)["short_message"][6:]

        async def done():
            page = (await box.local.get("/local/sessions")).json()["sessions"]
            return [one["queued"] for one in page if one["account"] == "parted"] == [0]

        await until(done, "nothing more is owed")
    assert said.decode() == text
