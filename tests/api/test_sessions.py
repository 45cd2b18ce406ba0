"""Who is bound by SMPP, over HTTP: seen, unbound, paused, traced and counted."""

import asyncio
import json
import logging
import re
import subprocess
from datetime import UTC, datetime

import httpx
import pytest

from tests.api.esmes import esmes_of
from tests.require import require
from tests.smpp_server.esme import (
    BIND_RX,
    BIND_TRX,
    BIND_TX,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    UNBIND,
    bind_body,
    frame,
    notice,
    submit_body,
)

SECRET = b"the-secret-text-4711"

NUMBER = b"4915112345678"


@pytest.fixture
async def esmes(house, tmp_path):
    async with esmes_of(house, tmp_path) as esmes:
        yield esmes


@pytest.fixture
async def admin(esmes):
    async with httpx.AsyncClient(base_url=esmes.url, headers=esmes.admin) as client:
        yield client


async def sessions(admin):
    return (await admin.get("/v1/sessions")).json()["sessions"]


async def count(admin, number):
    async with asyncio.timeout(PATIENCE):
        while len(found := await sessions(admin)) != number:
            await asyncio.sleep(0)
    return found


# Seen


async def test_who_is_bound_is_listed_with_how_it_goes(esmes, admin):
    client = await esmes.bound("till", version=0x34)
    await esmes.bound("till", BIND_RX)
    await client.ask(frame(SUBMIT_SM, submit_body(), sequence=2))
    await client.ask(frame(SUBMIT_SM, submit_body(to=(1, 1, b"x"), text=SECRET), sequence=3))

    first, second = await sessions(admin)
    assert first["account"] == "till"
    assert first["system_id"] == esmes.passwords["till"][0].decode()
    assert re.fullmatch(r"127\.0\.0\.1:\d+", first["peer"])
    assert (first["bind"], second["bind"]) == ("trx", "rx")
    assert (first["version"], first["tls"], first["window"]) == (0x34, None, 50)
    assert first["submits_per_second"] == pytest.approx(2 / 60)
    assert (first["submitting"], first["unacknowledged"]) == (0, 0)
    assert first["last_error"]["request"] == "submit_sm"
    assert first["last_error"]["name"] == "bad_destination"
    assert first["last_error"]["status"] == 0x0B
    assert second["last_error"] is None
    assert first["timers"]["enquire_link"] == 30
    assert first["daemon"] == "test"
    assert first["id"] != second["id"]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first["since"])).total_seconds() < 60


async def test_receipts_are_counted_as_queued_unacknowledged_and_taken(esmes, admin):
    client = await esmes.bound("till", BIND_RX)
    account = await esmes.store.accounts.by_name("till")
    delivery = asyncio.ensure_future(esmes.server.deliver(account, notice()))
    asked = await client.receive()
    (one,) = await sessions(admin)
    assert (one["unacknowledged"], one["receipts_per_second"]) == (1, 0)
    await client.answer(asked)
    await delivery
    (one,) = await sessions(admin)
    assert one["unacknowledged"] == 0
    assert one["receipts_per_second"] == pytest.approx(1 / 60)
    assert one["queued"] == 0


async def test_only_admins_may_look(house, esmes):
    for headers, status in (({}, 401), (house.auth, 403)):
        async with httpx.AsyncClient(base_url=esmes.url, headers=headers) as client:
            for place in ("/v1/sessions", "/metrics", "/v1/accounts/till/trace/lines"):
                assert (await client.get(place)).status_code == status, place
            for place in ("/v1/accounts/till/pause", "/v1/sessions/s-1/unbind"):
                assert (await client.post(place)).status_code == status, place


async def test_without_an_smpp_server_nobody_is_bound_and_nothing_is_traced(local):
    assert (await local.get("/local/sessions")).json() == {"sessions": []}
    assert (await local.post("/local/accounts/shop/trace")).status_code == 404
    assert (await local.get("/metrics")).text == ""


# Unbound


async def test_a_session_is_unbound_in_good_order_and_may_come_back(esmes, admin):
    client = await esmes.bound("till")
    other = await esmes.bound("till")
    first, _ = await sessions(admin)
    asked = asyncio.ensure_future(admin.post(f"/v1/sessions/{first['id']}/unbind"))
    unbind = await client.receive()
    assert unbind.command == UNBIND
    await client.answer(unbind)
    answer = await asked
    assert answer.status_code == 200
    assert answer.json()["state"] == "done"
    assert await client.closed() == b""
    assert [one["id"] for one in await sessions(admin)] != [first["id"]]
    assert (await other.ask(frame(SUBMIT_SM, submit_body(), sequence=9))).status == 0
    await esmes.bound("till")
    await count(admin, 2)


async def test_a_session_that_is_gone_cannot_be_unbound(esmes, admin):
    assert (await admin.post("/v1/sessions/s1abc-7/unbind")).status_code == 404


# Paused


async def test_a_paused_account_is_put_out_and_kept_out_until_it_is_resumed(esmes, admin):
    client = await esmes.bound("till")
    answer = await admin.post("/v1/accounts/till/pause", json={"reason": "unpaid"})
    assert answer.status_code == 200
    assert answer.json()["pause_reason"] == "unpaid"
    assert (await client.receive()).command == UNBIND
    system_id, password = esmes.passwords["till"]
    late = await esmes.client()
    body = bind_body(system_id=system_id, password=password)
    assert (await late.ask(frame(BIND_TX, body)))[:2] == (BIND_TX | RESP, 0x0D)

    assert (await admin.post("/v1/accounts/till/resume")).json()["paused_at"] is None
    await esmes.bound("till")


async def test_a_paused_account_submits_nothing_by_rest_and_may_still_look(house, esmes, api):
    body = {"to": f"+{NUMBER.decode()}", "text": "hello"}
    async with httpx.AsyncClient(base_url=esmes.url, headers=esmes.admin) as admin:
        await admin.post("/v1/accounts/shop/pause", json={"reason": "unpaid"})
        refused = await api.post("/v1/messages", json=body)
        assert refused.status_code == 403
        assert refused.json()["type"].endswith("account-paused")
        assert refused.json()["detail"] == "the account is paused: unpaid"
        several = await api.post("/v1/messages/batch", json={"messages": [body]})
        assert several.json()["refused"] == 1, several.text
        assert "account-paused" in several.text
        assert (await api.get("/v1/messages")).status_code == 200
        await admin.post("/v1/accounts/shop/resume")
        assert (await api.post("/v1/messages", json=body)).status_code == 202


async def test_an_account_that_was_paused_elsewhere_is_put_out_too(esmes, admin):
    client = await esmes.bound("till")
    await esmes.store.pausing.pause("till", "", esmes.clock.now())  # no route of this daemon
    assert (await client.receive()).command == UNBIND


async def test_an_account_that_was_revoked_elsewhere_is_put_out_too(esmes, admin):
    client = await esmes.bound("till")
    await esmes.store.accounts.revoke("till", esmes.clock.now())
    assert (await client.receive()).command == UNBIND


async def test_nobody_pauses_the_box_itself_or_who_is_not_there(esmes, admin):
    for name in ("local", "nobody"):
        assert (await admin.post(f"/v1/accounts/{name}/pause")).status_code == 404
        assert (await admin.post(f"/v1/accounts/{name}/resume")).status_code == 404


# Traced


async def test_a_trace_begins_with_the_bind_and_hides_numbers_and_texts(esmes, admin, tmp_path):
    tshark = require("tshark")
    began = await admin.post("/v1/accounts/till/trace", json={"minutes": 5})
    assert (began.json()["running"], began.json()["clear"]) == (True, False)
    client = await esmes.bound("till")
    await client.ask(frame(SUBMIT_SM, submit_body(text=SECRET), sequence=2))
    await (await esmes.bound("tech")).ask(frame(SUBMIT_SM, submit_body(), sequence=77))
    client.send(frame(UNBIND, sequence=3))
    await client.closed()

    state = (await admin.get("/v1/accounts/till/trace")).json()
    assert (state["pdus"], state["missed"]) == (6, 0)
    lines = (await admin.get("/v1/accounts/till/trace/lines")).text.splitlines()
    said = [line.split()[2:4] for line in lines]
    assert said == [
        ["<", "bind_transceiver"],
        [">", "bind_transceiver_resp"],
        ["<", "submit_sm"],
        [">", "submit_sm_resp"],
        ["<", "unbind"],
        [">", "unbind_resp"],
        ["-", "closed:"],
    ]
    written = "\n".join(lines)
    for secret in (SECRET, NUMBER, esmes.passwords["till"][1]):
        assert secret.decode() not in written
    capture = await admin.get("/v1/accounts/till/trace/capture")
    assert capture.headers["content-type"] == "application/vnd.tcpdump.pcap"
    file = tmp_path / "till.pcap"
    file.write_bytes(capture.content)
    port = f"tcp.port=={esmes.server.port},smpp"
    asked = [tshark, "-n", "-r", str(file), "-d", port, "-T", "json"]
    done = subprocess.run(asked, check=True, capture_output=True, timeout=60)
    frames = [one["_source"]["layers"] for one in json.loads(done.stdout)]
    assert sum("smpp" in layers for layers in frames) == 6
    assert "_ws.malformed" not in done.stdout.decode()


async def test_in_clear_the_log_says_so_and_a_password_is_hidden_all_the_same(esmes, admin, caplog):
    client = await esmes.bound("till")
    with caplog.at_level(logging.WARNING):
        await admin.post("/v1/accounts/till/trace", json={"minutes": 5, "clear": True})
    assert "with numbers and texts as they are, asked for by account" in caplog.text
    await client.ask(frame(SUBMIT_SM, submit_body(text=SECRET), sequence=2))
    await esmes.bound("till")
    lines = (await admin.get("/v1/accounts/till/trace/lines")).text
    assert SECRET.decode() in lines
    assert NUMBER.decode() in lines
    assert esmes.passwords["till"][1].decode() not in lines


async def test_a_trace_that_was_ended_is_kept_and_grows_no_more(esmes, admin):
    client = await esmes.bound("till")
    assert (await admin.get("/v1/accounts/till/trace")).status_code == 404
    await admin.post("/v1/accounts/till/trace")
    assert (await admin.get("/v1/accounts/till/trace")).json()["pdus"] == 0
    await client.ask(frame(SUBMIT_SM, submit_body(), sequence=2))
    ended = (await admin.delete("/v1/accounts/till/trace")).json()
    assert (ended["running"], ended["pdus"]) == (False, 2)
    await client.ask(frame(SUBMIT_SM, submit_body(), sequence=3))
    await esmes.bound("till")
    assert (await admin.get("/v1/accounts/till/trace")).json()["pdus"] == 2


@pytest.mark.parametrize("minutes", [0, -1, 61, "x"])
async def test_a_trace_is_bounded(esmes, admin, minutes):
    answer = await admin.post("/v1/accounts/till/trace", json={"minutes": minutes})
    assert answer.status_code == 422
    assert answer.json()["field"] == "minutes"


# Counted


def sample(text, name, **labels):
    """Return the value of a metric, None if there is no such sample."""
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and dict(re.findall(r'(\w+)="([^"]*)"', found[1] or "")) == labels:
            return float(found[2])
    return None


async def counted_strangers(admin):
    """Return the metrics when a session is in them that was never bound: once it is gone."""
    async with asyncio.timeout(PATIENCE):
        while 'account=""' not in (text := (await admin.get("/metrics")).text):
            await asyncio.sleep(0)
    return text


async def test_pdus_are_counted_by_account_command_and_status(esmes, admin):
    client = await esmes.bound("till")
    for sequence in range(2, 5):
        await client.ask(frame(SUBMIT_SM, submit_body(), sequence=sequence))
    await client.ask(frame(SUBMIT_SM, submit_body(to=(1, 1, b"x")), sequence=9))
    stranger = await esmes.client()
    await stranger.ask(frame(BIND_TRX, bind_body(password=b"wrong")))
    await stranger.closed()
    await stranger.close()
    for sequence in range(200):
        client.send(frame(0x7000 + sequence, sequence=sequence))
    await client.ask(frame(0x9999, sequence=1))
    account = await esmes.store.accounts.by_name("till")

    def counted(text):
        pdus = "appliance_smpp_pdus_total"
        assert (
            sample(text, pdus, account="till", direction="in", command="submit_sm", status="ok")
            == 4
        )
        answered = {"account": "till", "direction": "out", "command": "submit_sm_resp"}
        assert sample(text, pdus, **answered, status="ok") == 3
        assert sample(text, pdus, **answered, status="bad_destination") == 1
        refusals = "appliance_smpp_refusals_total"
        assert (
            sample(text, refusals, account="till", command="submit_sm", status="bad_destination")
            == 1
        )
        assert sample(text, "appliance_smpp_binds_total", account="till", bind="trx") == 1
        assert (
            sample(text, refusals, account="", command="bind_transceiver", status="bad_password")
            == 1
        )
        assert len([line for line in text.splitlines() if 'command="other"' in line]) == 1

    delivery = asyncio.ensure_future(esmes.server.deliver(account, notice(number=1)))
    while (asked := await client.receive()).command & RESP:
        pass
    await client.answer(asked)
    await delivery
    text = await counted_strangers(admin)
    counted(text)
    assert sample(text, "appliance_smpp_sessions", account="till", bind="trx") == 1
    receipts = "appliance_smpp_receipts_total"
    assert sample(text, receipts, account="till", what="sent") == 1
    assert sample(text, receipts, account="till", what="acked") == 1
    await client.close()
    await count(admin, 0)
    text = (await admin.get("/metrics")).text
    counted(text)
    assert sample(text, "appliance_smpp_sessions", account="till", bind="trx") is None
