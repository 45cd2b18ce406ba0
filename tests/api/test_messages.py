"""The API for apps: what is answered, and what is stored then."""

import asyncio
import re
import sqlite3
import uuid
from base64 import b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.house import NUMBER, SENDER

SIMPLE = {"to": NUMBER, "text": "Hello"}
BODY_NOT_NEEDED = {"pause", "release", "reset", "resume", "self-test"} | {
    "trace",
    "unbind",
    "ussd-cancel",
}


async def test_a_message_is_accepted_with_its_id_parts_encoding_and_state(api):
    answer = await api.post("/v1/messages", json=SIMPLE | {"reference": "order-1"})

    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted | {"id": ""} == {
        "id": "",
        "state": "queued",
        "parts": 1,
        "encoding": "gsm7",
        "reference": "order-1",
        "repeated": False,
        "warnings": [],
    }
    assert answer.headers["location"] == f"/v1/messages/{accepted['id']}"


async def test_what_was_accepted_is_in_the_database_when_it_is_answered(api, house):
    answer = await api.post("/v1/messages", json=SIMPLE)

    (stored,) = await house.store.views.messages(None)
    assert (stored.id, stored.to, stored.text) == (answer.json()["id"], NUMBER, "Hello")
    assert (stored.account, stored.category) == ("shop", "transactional")


async def test_a_national_number_is_understood_and_a_long_text_takes_parts(api):
    answer = await api.post("/v1/messages", json={"to": "01522 8817386", "text": "д" * 71})

    assert (answer.json()["parts"], answer.json()["encoding"]) == (2, "ucs2")
    story = (await api.get(answer.headers["location"])).json()
    assert story["to"] == NUMBER


async def test_every_field_of_the_request_reaches_the_store(api, house):
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    body = {
        "to": NUMBER,
        "data": b64encode(b"\x00\xff\x10").decode(),
        "reference": "r-1",
        "category": "otp",
        "priority": 2,
        "send_at": due.isoformat(),
        "expires_at": (due + timedelta(hours=2)).isoformat(),
        "flash": True,
        "service_centre": "+491710760000",
        "receipts": "failure",
        "when_uncertain": "resend",
    }
    answer = await api.post("/v1/messages", json=body)

    assert (answer.status_code, answer.json()["encoding"]) == (202, "binary")
    (stored,) = await house.store.views.messages(None)
    assert (stored.data, stored.text) == (b"\x00\xff\x10", None)
    assert (stored.category, stored.priority, stored.reference) == ("otp", 2, "r-1")
    assert stored.not_before == due
    assert stored.expires_at == due + timedelta(hours=2)
    with closing(sqlite3.connect(house.config.storage.data / "appliance.db")) as database:
        columns = "SELECT flash, receipts, when_uncertain, door, service_centre FROM message"
        assert database.execute(columns).fetchall() == [
            (1, "failure", "resend", "rest", "+491710760000")
        ]
    shown = (await api.get(answer.headers["location"])).json()
    assert (shown["data"], shown["text"]) == ("AP8Q", None)
    assert datetime.fromisoformat(shown["send_at"]) == due


async def test_validity_counts_from_the_moment_it_may_leave(api, house):
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    await api.post(
        "/v1/messages", json=SIMPLE | {"send_at": due.isoformat(), "validity_seconds": 600}
    )

    (stored,) = await house.store.views.messages(None)
    assert stored.expires_at == due + timedelta(seconds=600)


@pytest.mark.parametrize("more", [{}, {"validity_seconds": 3600}], ids=["plain", "with validity"])
async def test_a_repeated_request_with_the_same_key_sends_nothing_more(api, house, more):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = await api.post("/v1/messages", json=SIMPLE | more, headers=key)
    second = await api.post("/v1/messages", json=SIMPLE | more, headers=key)

    assert second.status_code == 202
    assert second.json() == first.json() | {"repeated": True}
    assert second.headers["location"] == first.headers["location"]
    assert len(await house.store.views.messages(None)) == 1


async def test_repeated_requests_at_the_same_time_make_one_message(api, house):
    body = SIMPLE | {"reference": "order-2"}
    answers = await asyncio.gather(*(api.post("/v1/messages", json=body) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.json()["repeated"] for answer in answers) == [False] + [True] * 9


async def test_a_repetition_shows_the_state_the_message_has_by_now(api, house):
    await house.has_line()
    body = SIMPLE | {"reference": "order-3"}
    await api.post("/v1/messages", json=body)
    await house.send()

    assert (await api.post("/v1/messages", json=body)).json()["state"] == "sent"


async def test_the_story_has_parts_attempts_and_history(api, house):
    await house.has_line()
    place = (await api.post("/v1/messages", json=SIMPLE)).headers["location"]
    await house.send()
    await house.delivered()

    shown = (await api.get(place)).json()
    assert (shown["state"], shown["final"], shown["parts"]) == ("delivered", True, 1)
    assert [part["state"] for part in shown["story"]["parts"]] == ["delivered"]
    (attempt,) = shown["story"]["attempts"]
    assert (attempt["outcome"], attempt["reference"], attempt["status"]) == ("sent", 7, 0)
    states = [step["state"] for step in shown["story"]["history"]]
    assert states == ["queued", "sending", "sent", "delivered"]


async def test_a_refusal_is_shown_with_its_cause(api, house):
    await house.has_line()
    place = (await api.post("/v1/messages", json=SIMPLE)).headers["location"]
    await house.send(refused="the number is not assigned")

    shown = (await api.get(place)).json()
    assert (shown["state"], shown["cause"]) == ("failed", "the number is not assigned")


async def test_lists_come_in_pages_newest_first(api):
    ids = [(await api.post("/v1/messages", json=SIMPLE)).json()["id"] for _ in range(5)]

    first = (await api.get("/v1/messages", params={"limit": 2})).json()
    assert [message["id"] for message in first["messages"]] == ids[:2:-1]
    second = (await api.get("/v1/messages", params={"limit": 3, "before": first["next"]})).json()
    assert [message["id"] for message in second["messages"]] == ids[2::-1]
    assert second["next"] is None


async def test_an_account_sees_only_what_is_its_own(api, house, local):
    place = (await api.post("/v1/messages", json=SIMPLE)).headers["location"]
    other = (await local.post("/local/accounts", json={"name": "other"})).json()
    key = {"Authorization": f"Bearer {other['api_key']}"}

    assert (await api.get(place, headers=key)).status_code == 404
    assert (await api.get("/v1/messages", headers=key)).json() == {"messages": [], "next": None}
    assert (await api.get("/v1/inbound", headers=key)).json() == {"inbound": [], "next": None}


async def test_inbound_messages_come_to_the_account_that_wrote_to_the_number(api, house):
    await house.has_line()
    await api.post("/v1/messages", json={"to": SENDER, "text": "Hello"})
    await house.send()
    await house.comes_in("Thanks!")

    (came,) = (await api.get("/v1/inbound")).json()["inbound"]
    assert (came["sender"], came["text"], came["state"]) == (SENDER, "Thanks!", "complete")
    assert (came["to"], came["keyword"]) == ("+4915228817300", None)


async def test_after_a_stop_the_next_message_to_it_is_refused_with_the_reason(api, house):
    await house.has_line()
    await house.comes_in("STOP", sender=NUMBER)

    answer = await api.post("/v1/messages", json=SIMPLE)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/docs#problem-opted-out"
    assert answer.json()["field"] == "to"


async def test_health_needs_no_key(api, house):
    answer = await api.get("/v1/health", headers={"Authorization": ""})
    assert answer.json() == {"ready": True, "version": "0.1.0"}
    house.ready = False
    assert (await api.get("/v1/health")).json()["ready"] is False


async def test_the_openapi_document_describes_every_route_and_no_local_one(api):
    document = (await api.get("/openapi.json")).json()

    asked = ("ussd", "ussd-answer", "ussd-cancel", "pin", "reset", "pause", "resume")
    assert set(document["paths"]) >= {
        "/v1/messages",
        "/v1/messages/{message_id}",
        "/v1/inbound",
        "/v1/calls",
        "/v1/incidents",
        "/v1/lines",
        "/v1/lines/{line}",
        *(f"/v1/lines/{{line}}/{what}" for what in (*asked, "test-message", "self-test")),
        "/v1/requests/{request_id}",
        "/v1/health",
    }
    assert {path for path in document["paths"] if not path.startswith("/v1/")} == {"/metrics"}
    assert set(document["webhooks"]) >= {"message", "inbound.received", "call.missed"}
    send = document["paths"]["/v1/messages"]["post"]
    assert send["security"] == [{"API key": []}]
    assert "application/problem+json" in send["responses"]["default"]["content"]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["description"]
    fields = document["components"]["schemas"]["SendRequest"]["properties"]
    assert all(field["description"] for field in fields.values())


async def test_the_docs_page_shows_every_route_and_loads_nothing_from_elsewhere(api):
    answer = await api.get("/docs")

    heads = re.findall(r"<h2><code>(\w+ [^<]+)", answer.text)
    assert heads[:2] == ["POST /v1/messages", "GET /v1/messages"], "what one begins with"
    asked = re.findall(r"<pre><code>(curl -X P[^<]+)", answer.text, re.DOTALL)
    bodiless = {one.split()[3].partition("/v1/")[2] for one in asked if "Content-Type" not in one}
    assert {path.rpartition("/")[2] for path in bodiless} <= BODY_NOT_NEEDED
    assert "--data-binary @FILE" in answer.text
    assert "Idempotency-Key" in answer.text
    assert "problem-opted-out" in answer.text
    assert "http://" not in answer.text.replace(str(api.base_url), "")
    assert "https://" not in answer.text
