"""What is counted, as Prometheus reads it: by account, command and status, and nothing twice."""

import asyncio
from dataclasses import replace

import pytest

from appliance.errors import Undelivered
from appliance.smpp_server.metrics import metrics
from appliance.smpp_server.names import Status
from appliance.smpp_server.trace import status_name
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    INBOUND,
    PATIENCE,
    QUERY_SM,
    REPLACE_SM,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    bind_body,
    frame,
    multi_body,
    notice,
    submit_body,
    tlv,
)

RECEIPTS, PDUS = "appliance_smpp_receipts_total", "appliance_smpp_pdus_total"
REFUSALS, BINDS = "appliance_smpp_refusals_total", "appliance_smpp_binds_total"
SESSIONS = "appliance_smpp_sessions"


def samples(house, name, names=None):
    """Return the samples of a metric, by the values of their labels in order."""
    families = metrics(house.server.desk, {7: "acme"} if names is None else names)
    found = [one for family in families for one in family.samples if one.name == name]
    counted = {tuple(one.labels.values()): one.value for one in found}
    assert len(counted) == len(found)  # else Prometheus refuses the whole page
    return counted


def receipts(house):
    return {what: number for (_, what), number in samples(house, RECEIPTS).items()}


async def told(house, client, status, tries=0, news=None):
    owed = replace(notice() if news is None else notice(news), tries=tries)
    telling = asyncio.ensure_future(house.server.deliver(ACCOUNT, owed))
    asked = await client.receive()
    assert asked.command == DELIVER_SM
    await client.answer(asked, status)
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([telling])
    assert isinstance(telling.exception(), Undelivered) == bool(status)


async def test_receipts_are_counted_as_sent_taken_refused_and_tried_again(house):
    client = await house.client(BIND_RX)
    assert receipts(house) == {}
    await told(house, client, 0)
    assert receipts(house) == {"sent": 1, "acked": 1}
    await told(house, client, 0x64)
    assert receipts(house) == {"sent": 2, "acked": 1, "refused": 1}
    await told(house, client, 0x64, tries=1)
    await told(house, client, 0, tries=2, news=INBOUND)
    assert receipts(house) == {"sent": 4, "acked": 2, "refused": 2, "retried": 2}

    await client.close()
    async with asyncio.timeout(PATIENCE):
        while house.server.desk.connections:
            await asyncio.sleep(0)
    assert receipts(house) == {"sent": 4, "acked": 2, "refused": 2, "retried": 2}


async def test_what_found_nobody_was_not_sent_once_more(house):
    await house.client(BIND_TX)
    with pytest.raises(Undelivered):
        await house.server.deliver(ACCOUNT, replace(notice(), tries=3))
    assert receipts(house) == {}


@pytest.mark.parametrize("status", [0x64, 0x58, 0x14, 0x08, 0x65, 0x66, 0xFF, 0x1234])
async def test_what_apps_answer_is_counted_by_its_status(house, status):
    client = await house.client(BIND_RX)
    await told(house, client, status)
    key = ("acme", "in", "deliver_sm_resp", status_name(status))
    assert samples(house, PDUS)[key] == 1
    assert status_name(0x1234) == "other"


GOOD = [
    (SUBMIT_SM, submit_body(), "submit_sm"),
    (DATA_SM, b"\0\1\1\x31\0\1\1\x31\x32\x33\0\0\0\0" + tlv(0x424, b"hello"), "data_sm"),
    (SUBMIT_MULTI, multi_body([(1, 1, b"4915112345678")]), "submit_multi"),
    (ENQUIRE_LINK, b"", "enquire_link"),
    (UNBIND, b"", "unbind"),
]
BAD = [
    (SUBMIT_SM, submit_body(esm_class=1), "submit_sm", Status.BAD_ESM_CLASS),
    (DATA_SM, b"", "data_sm", Status.BAD_COMMAND_LENGTH),
    (SUBMIT_MULTI, b"", "submit_multi", Status.BAD_COMMAND_LENGTH),
    (QUERY_SM, b"", "query_sm", Status.BAD_COMMAND_LENGTH),
    (CANCEL_SM, b"", "cancel_sm", Status.BAD_COMMAND_LENGTH),
    (REPLACE_SM, b"", "replace_sm", Status.BAD_COMMAND_LENGTH),
    (BIND_TX, bind_body(), "bind_transmitter", Status.ALREADY_BOUND),
]


@pytest.mark.parametrize(("command", "body", "name"), GOOD, ids=lambda one: str(one)[:20])
async def test_every_command_is_counted_with_its_answer(house, command, body, name):
    house.intake.new_group = lambda: "g1"
    house.intake.check = lambda account, asked: None
    client = await house.client(BIND_TRX)
    assert (await client.ask(frame(command, body, sequence=9))).status == 0
    counted = samples(house, PDUS)
    assert counted["acme", "in", name, "ok"] == 1
    assert counted["acme", "out", f"{name}_resp", "ok"] == 1
    assert samples(house, REFUSALS) == {}


@pytest.mark.parametrize(("command", "body", "name", "status"), BAD, ids=lambda one: str(one)[:20])
async def test_every_refusal_is_counted_by_its_command_and_status(
    house, command, body, name, status
):
    client = await house.client(BIND_TRX)
    assert (await client.ask(frame(command, body, sequence=9))).status == status
    word = status.name.lower()
    assert samples(house, REFUSALS) == {("acme", name, word): 1}
    assert samples(house, PDUS)["acme", "out", f"{name}_resp", word] == 1


async def test_binds_and_sessions_are_counted_by_their_type(house):
    for bind in (BIND_RX, BIND_TX, BIND_TRX, BIND_TX):
        await house.client(bind)
    counts = {("acme", "rx"): 1, ("acme", "tx"): 2, ("acme", "trx"): 1}
    assert samples(house, BINDS) == samples(house, SESSIONS) == counts

    await house.clients[1].close()
    async with asyncio.timeout(PATIENCE):
        while len(house.server.sessions()) == 4:
            await asyncio.sleep(0)
    assert samples(house, BINDS) == counts
    assert samples(house, SESSIONS) == counts | {("acme", "tx"): 1}


async def test_strangers_have_no_name_and_an_account_that_is_new_has_its_number(house):
    stranger = await house.client()
    await stranger.ask(frame(BIND_TX, bind_body(password=b"wrong")))
    assert await stranger.closed() == b""
    await stranger.close()
    async with asyncio.timeout(PATIENCE):
        while house.server.desk.connections:
            await asyncio.sleep(0)
    assert samples(house, REFUSALS) == {("", "bind_transmitter", "bad_password"): 1}

    await house.client(BIND_TX)
    assert (("7", "tx") in samples(house, BINDS, names={})) is True


async def test_whatever_a_peer_sends_it_makes_no_new_series(house):
    client = await house.client(BIND_TRX)
    for number in range(50):
        asked = frame(0x7000 + number, sequence=number + 1, status=0x9000 + number)
        assert (await client.ask(asked)).command == RESP
    odd = {key: number for key, number in samples(house, PDUS).items() if "other" in key}
    assert odd == {("acme", "in", "other", "other"): 50}
