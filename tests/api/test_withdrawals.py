"""Messages taken back and batches, over HTTP."""

import asyncio

import pytest

from appliance.api.batches import MOST
from appliance.store.withdrawal import CHUNK
from tests.api.house import NUMBER, SENDER

SIMPLE = {"to": NUMBER, "text": "Hello"}


async def sent(api, **more):
    answer = await api.post("/v1/messages", json=SIMPLE | more)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def state(api, name):
    return (await api.get(f"/v1/messages/{name}")).json()["state"]


# Cancelling


async def test_a_waiting_message_is_cancelled_by_its_id(api):
    name = await sent(api)
    answer = await api.delete(f"/v1/messages/{name}")
    assert (answer.status_code, answer.json()) == (
        200,
        {"cancelled": 1, "on_air": 0, "final": 0, "finished": True},
    )
    shown = (await api.get(f"/v1/messages/{name}")).json()
    assert (shown["state"], shown["cause"]) == ("cancelled", "cancelled by its account")
    assert (await api.delete(f"/v1/messages/{name}")).json()["final"] == 1  # asked again


async def test_what_is_on_the_air_cannot_be_cancelled_and_says_so(api, house):
    await house.has_line()
    name = await sent(api)
    await house.send()
    answer = await api.delete(f"/v1/messages/{name}")
    assert (answer.status_code, answer.json()["type"]) == (409, "/docs#problem-too-late")
    assert answer.json()["detail"] == "too late: the message is sent"


async def test_messages_are_cancelled_by_batch_reference_recipient_or_ids(api):
    by_batch = [await sent(api, batch="sale") for _ in range(2)]
    by_reference = await sent(api, reference="order-1")
    by_number = await sent(api, to=SENDER)
    by_id, left = await sent(api), await sent(api)
    for body, count in (
        ({"batch": "sale"}, 2),
        ({"reference": "order-1"}, 1),
        ({"to": SENDER}, 1),
        ({"ids": [by_id, "m999"]}, 1),
        ({"batch": "no such"}, 0),
    ):
        answer = await api.post("/v1/messages/cancel", json=body)
        assert (answer.status_code, answer.json()["cancelled"]) == (200, count)
    gone = [*by_batch, by_reference, by_number, by_id]
    assert {await state(api, name) for name in gone} == {"cancelled"}
    assert await state(api, left) == "queued"


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"batch": "a", "reference": "b"}, {"ids": ["x1"]}, {"to": "hello"}]
)
async def test_it_must_be_clear_what_is_to_be_cancelled(api, body):
    assert (await api.post("/v1/messages/cancel", json=body)).status_code in (404, 422)


async def test_nobody_cancels_or_replaces_what_is_anothers(api, house, local):
    name = await sent(api, batch="sale", reference="mine")
    other = (await local.post("/local/accounts", json={"name": "other"})).json()
    key = {"Authorization": f"Bearer {other['api_key']}"}
    place = f"/v1/messages/{name}"
    assert (await api.delete(place, headers=key)).status_code == 404
    assert (await api.put(place, json={"text": "x"}, headers=key)).status_code == 404
    assert (await api.get("/v1/batches/sale", headers=key)).status_code == 404
    for body in ({"ids": [name]}, {"batch": "sale"}, {"reference": "mine"}, {"to": NUMBER}):
        found = await api.post("/v1/messages/cancel", json=body, headers=key)
        assert found.json()["cancelled"] == 0
    assert await state(api, name) == "queued"


async def test_the_box_itself_cancels_for_any_account(api, local):
    names = [await sent(api, batch="sale") for _ in range(3)]
    assert (await local.delete(f"/local/messages/{names[0]}")).json()["cancelled"] == 1
    place = "/local/messages/cancel"
    assert (await local.post(place, json={"batch": "sale"})).status_code == 422
    whose = {"account": "nobody"}
    assert (await local.post(place, json={"batch": "sale"}, params=whose)).status_code == 404
    whose = {"account": "shop"}
    found = (await local.post(place, json={"batch": "sale"}, params=whose)).json()
    assert (found["cancelled"], found["final"]) == (2, 1)


# Replacing


async def test_a_waiting_message_is_replaced_under_its_id(api):
    name = await sent(api, reference="order-1")
    answer = await api.put(
        f"/v1/messages/{name}", json={"text": "ш" * 80, "validity_seconds": 7200}
    )
    assert (answer.status_code, answer.json()["id"]) == (202, name)
    assert (answer.json()["parts"], answer.json()["encoding"]) == (2, "ucs2")
    shown = (await api.get(f"/v1/messages/{name}")).json()
    assert (shown["text"], shown["reference"], shown["to"]) == ("ш" * 80, "order-1", NUMBER)
    assert [part["state"] for part in shown["story"]["parts"]] == ["queued", "queued"]
    step = shown["story"]["history"][-1]
    assert (step["event"], step["state"]) == ("be replaced", "queued")
    assert step["cause"] == "replaced by its account: 2 parts, before 1 part"
    again = await api.post("/v1/messages", json=SIMPLE | {"reference": "order-1"})
    assert (again.json()["id"], again.json()["repeated"]) == (name, True)


async def test_what_has_left_is_not_replaced(api, house):
    await house.has_line()
    name = await sent(api)
    await house.send()
    answer = await api.put(f"/v1/messages/{name}", json={"text": "No"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/docs#problem-too-late")
    assert (await api.get(f"/v1/messages/{name}")).json()["text"] == "Hello"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": "a", "data": "AAAA"}, "text"),
        ({"text": "x" * 2000}, "text"),
        ({"to": SENDER}, "to"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00Z", "validity_seconds": 1}, "validity_seconds"),
    ],
)
async def test_a_replacement_is_checked_as_a_message_is(api, body, field):
    name = await sent(api)
    answer = await api.put(f"/v1/messages/{name}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await api.get(f"/v1/messages/{name}")).json()["text"] == "Hello"


# Lists and batches


async def test_lists_show_what_is_asked_for(api):
    one = await sent(api, batch="sale", reference="r-1")
    other = await sent(api, to=SENDER)
    await api.delete(f"/v1/messages/{other}")
    for query, expected in (
        ({"state": "queued"}, [one]),
        ({"state": "cancelled"}, [other]),
        ({"batch": "sale"}, [one]),
        ({"reference": "r-1"}, [one]),
        ({"to": SENDER}, [other]),
        ({"to": SENDER, "state": "queued"}, []),
        ({}, [other, one]),
    ):
        found = (await api.get("/v1/messages", params=query)).json()["messages"]
        assert [each["id"] for each in found] == expected, query
    assert found[1]["batch"] == "sale"
    for query in ({"state": "lost"}, {"to": "hello"}, {"batch": ""}, {"batch": "\0"}):
        assert (await api.get("/v1/messages", params=query)).status_code == 422


async def test_a_batch_is_taken_in_one_request_each_message_by_itself_and_in_order(api):
    messages = [SIMPLE | {"reference": f"r-{n}"} for n in range(CHUNK + 20)]
    messages[3] |= {"to": "112"}
    messages[5] |= {"batch": "own"}
    messages[7] = {"text": "to nobody"}
    messages[9] = "no object"
    answer = await api.post("/v1/messages/batch", json={"batch": "sale", "messages": messages})
    found = answer.json()
    assert (answer.status_code, found["accepted"], found["refused"]) == (200, CHUNK + 17, 3)
    wrong = {n for n, each in enumerate(found["messages"]) if each["problem"]}
    assert wrong == {3, 7, 9}
    assert found["messages"][3]["problem"]["type"] == "/docs#problem-number-not-allowed"
    assert found["messages"][7]["problem"]["field"] == "to"
    references = [each["accepted"] and each["accepted"]["reference"] for each in found["messages"]]
    assert references[10:] == [f"r-{n}" for n in range(10, CHUNK + 20)]

    again = await api.post("/v1/messages/batch", json={"batch": "sale", "messages": messages})
    ids = [each["accepted"] and each["accepted"]["id"] for each in found["messages"]]
    repeated = again.json()["messages"]
    assert [each["accepted"] and each["accepted"]["id"] for each in repeated] == ids
    assert all(each["accepted"]["repeated"] for each in repeated if each["accepted"])
    counts = (await api.get("/v1/batches/sale")).json()
    assert (counts["total"], counts["states"]) == (CHUNK + 16, {"queued": CHUNK + 16})
    assert (await api.get("/v1/batches/own")).json()["total"] == 1


async def test_one_reference_twice_in_a_request_is_one_message(api, house):
    body = {"messages": [SIMPLE | {"reference": "r"}] * 2}
    found = (await api.post("/v1/messages/batch", json=body)).json()["messages"]
    assert found[0]["accepted"]["id"] == found[1]["accepted"]["id"]
    assert len(await house.store.views.messages(None)) == 1


async def test_a_batch_has_its_bounds(api):
    for count in (0, MOST + 1):
        answer = await api.post("/v1/messages/batch", json={"messages": [SIMPLE] * count})
        assert (answer.status_code, answer.json()["field"]) == (422, "messages")
    large = [SIMPLE | {"text": "x" * 600}] * MOST  # more than one message may have
    answer = await api.post("/v1/messages/batch", json={"messages": large[:900] + [{}] * 100})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 900)
    huge = {"messages": [SIMPLE | {"text": "x" * 20_000}] * 500}
    assert (await api.post("/v1/messages/batch", json=huge)).status_code == 413


async def test_a_large_batch_is_cancelled_as_a_whole(api):
    await api.post("/v1/messages/batch", json={"batch": "b", "messages": [SIMPLE] * 250})
    found, single = await asyncio.gather(
        api.post("/v1/messages/cancel", json={"batch": "b"}), api.post("/v1/messages", json=SIMPLE)
    )
    assert found.json() == {"cancelled": 250, "on_air": 0, "final": 0, "finished": True}
    counts = (await api.get("/v1/batches/b")).json()
    assert (counts["states"], counts["cancelling"]) == ({"cancelled": 250}, False)
    assert await state(api, single.json()["id"]) == "queued"


async def test_marketing_is_never_asked_to_be_sent_twice(api):
    body = SIMPLE | {"category": "marketing", "when_uncertain": "resend"}
    answer = await api.post("/v1/messages", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "when_uncertain")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "x" * 65])
async def test_a_time_zone_must_be_one(api, zone):
    answer = await api.post("/v1/messages", json=SIMPLE | {"time_zone": zone})
    assert (answer.status_code, answer.json()["field"]) == (422, "time_zone")
    assert (await api.post("/v1/messages", json=SIMPLE | {"time_zone": "Asia/Kolkata"})).is_success
