"""Every error is a problem detail that names the field, and repeats nothing of what was sent."""

import json
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from appliance import errors
from appliance.api import problems
from appliance.clock import ManualClock
from tests.api.house import NUMBER

SECRET = "the-secret-text-4711"
GOOD = {"to": NUMBER, "text": SECRET}
PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()

WRONG = {
    "no recipient": ({"text": SECRET}, 422, "to"),
    "no number": (GOOD | {"to": SECRET}, 422, "to"),
    "an impossible number": (GOOD | {"to": "+4912"}, 422, "to"),
    "an emergency number": (GOOD | {"to": "112"}, 422, "to"),
    "a number that is a list": (GOOD | {"to": [SECRET]}, 422, "to"),
    "an unknown key": (GOOD | {"flahs": True}, 422, "flahs"),
    "no text and no data": ({"to": NUMBER}, 422, "text"),
    "text and data": (GOOD | {"data": "AAAA"}, 422, "text"),
    "an empty text": (GOOD | {"text": ""}, 422, "text"),
    "a text too long": (GOOD | {"text": SECRET * 100}, 422, "text"),
    "a text with a zero character": (GOOD | {"text": f"{SECRET}\0"}, 422, "text"),
    "a text with half a character": (GOOD | {"text": f"{SECRET}\ud83d"}, 422, "text"),
    "data that is no base64": ({"to": NUMBER, "data": f"{SECRET}!"}, 422, "data"),
    "data that is a number": ({"to": NUMBER, "data": 7}, 422, "data"),
    "an unknown category": (GOOD | {"category": SECRET}, 422, "category"),
    "a priority too high": (GOOD | {"priority": 4}, 422, "priority"),
    "a priority in words": (GOOD | {"priority": "1"}, 422, "priority"),
    "a flash in words": (GOOD | {"flash": "yes"}, 422, "flash"),
    "a service centre that is no number": (
        GOOD | {"service_centre": SECRET},
        422,
        "service_centre",
    ),
    "a service centre in national form": (
        GOOD | {"service_centre": "01710760000"},
        422,
        "service_centre",
    ),
    "a time without its offset": (GOOD | {"send_at": "2030-01-01T08:00:00"}, 422, "send_at"),
    "a time as a number": (GOOD | {"send_at": 1893456000}, 422, "send_at"),
    "a time beyond the calendar": (
        GOOD | {"expires_at": "9999-12-31T23:59:59-12:00"},
        422,
        "expires_at",
    ),
    "a time too far away": (GOOD | {"send_at": "2999-01-01T08:00:00Z"}, 422, "send_at"),
    "an end in the past": (GOOD | {"expires_at": PAST}, 422, "expires_at"),
    "two ends": (
        GOOD | {"expires_at": "2030-01-01T08:00:00Z", "validity_seconds": 60},
        422,
        "validity_seconds",
    ),
    "no validity": (GOOD | {"validity_seconds": 0}, 422, "validity_seconds"),
    "an empty reference": (GOOD | {"reference": ""}, 422, "reference"),
    "a list instead of an object": ([SECRET], 422, "body"),
}


def assert_problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert {"type", "title", "detail"} <= set(found)
    return found


@pytest.mark.parametrize("case", WRONG)
async def test_bad_input_names_its_field_stores_nothing_and_repeats_nothing(
    api, house, caplog, case
):
    body, status, field = WRONG[case]
    caplog.set_level(logging.DEBUG)
    answer = await api.post(
        "/v1/messages",
        content=json.dumps(body),  # plain JSON: halves of characters go as escapes
        headers={"Content-Type": "application/json"},
    )

    found = assert_problem(answer, status)
    assert found["field"] == field
    assert [error["field"] for error in found["errors"]] == [field]
    assert "secret" not in answer.text
    assert "8817386" not in answer.text
    ours = [line for line in caplog.text.splitlines() if "httpcore" not in line]
    assert not [line for line in ours if "secret" in line or "8817386" in line]
    assert await house.store.views.messages(None) == []


async def test_all_wrong_fields_are_named_at_once(api):
    answer = await api.post("/v1/messages", json={"flahs": 1, "priority": 9, "text": "x"})

    found = assert_problem(answer, 422)
    assert {error["field"] for error in found["errors"]} == {"to", "flahs", "priority"}
    assert "field" not in found


async def test_a_body_that_is_no_json_is_said_to_be_none(api):
    for body in (b'{"to": ', b'{"to": "\xff"}'):
        answer = await api.post(
            "/v1/messages", content=body, headers={"Content-Type": "application/json"}
        )
        assert_problem(answer, 400)


async def test_a_body_sent_as_a_form_is_told_what_to_send(api):
    answer = await api.post("/v1/messages", data=GOOD)

    found = assert_problem(answer, 422)
    assert "application/json" in found["detail"]
    assert "secret" not in answer.text


async def test_a_body_too_large_is_not_read(api):
    async def without_length():
        for _ in range(600):
            yield b"x" * 1000

    answer = await api.post("/v1/messages", json=GOOD | {"text": "x" * 600_000})
    assert_problem(answer, 413)
    async with httpx.AsyncClient(base_url=api.base_url, headers=api.headers) as other:
        answer = await other.post("/v1/messages", content=without_length())
    assert_problem(answer, 413)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic c2hvcDp4", "Bearer " + "x" * 5000]
)
async def test_a_wrong_credential_is_challenged(api, house, header):
    answer = await api.post("/v1/messages", json=GOOD, headers={"Authorization": header})

    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await house.store.views.messages(None) == []


async def test_a_revoked_key_opens_nothing_at_once(api, house, local):
    assert (await api.get("/v1/messages")).status_code == 200

    assert (await local.delete("/local/accounts/shop")).status_code == 204

    assert_problem(await api.get("/v1/messages"), 401)
    assert house.dropped == [house.issued.account_id]


async def test_a_key_for_another_message_is_refused(api):
    key = {"Idempotency-Key": "k-1"}
    await api.post("/v1/messages", json=GOOD, headers=key)
    answer = await api.post("/v1/messages", json=GOOD | {"text": "other"}, headers=key)

    found = assert_problem(answer, 409)
    assert found["type"] == "/docs#problem-reference-used"
    assert found["field"] == "Idempotency-Key"


async def test_a_bad_idempotency_key_is_refused_by_its_name(api):
    answer = await api.post("/v1/messages", json=GOOD, headers={"Idempotency-Key": "x" * 300})

    assert assert_problem(answer, 422)["field"] == "Idempotency-Key"


@pytest.mark.parametrize("name", ["m1234", "x", "m" + "z" * 40, "m%00", "..%2f"])
async def test_an_unknown_message_is_not_found(api, name):
    assert_problem(await api.get(f"/v1/messages/{name}"), 404)


async def test_an_unknown_place_and_a_wrong_method_are_problems(api):
    assert_problem(await api.get("/nothing"), 404)
    answer = await api.delete("/v1/messages")
    assert_problem(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"before": "'; --"}]
)
async def test_bad_queries_name_their_parameter(api, query):
    found = assert_problem(await api.get("/v1/messages", params=query), 422)
    assert found["field"] == next(iter(query))


async def test_local_routes_are_not_served_over_tcp(api):
    for place in ("/local/accounts", "/local/messages", "/local/lines"):
        assert_problem(await api.get(place), 404)


async def test_a_full_disk_is_told_with_a_time_to_come_back(house, api, tmp_path):
    house.doors.intake._space._keep_free = 1 << 60

    answer = await api.post("/v1/messages", json=GOOD)
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


async def test_who_submits_too_fast_is_told_when_the_next_one_may_come(house, api):
    for key, value in (("submits_per_second", 1), ("burst", 2)):
        await house.store.accounts.set(house.issued.name, key, value)
    house.doors.intake.gate._clock = ManualClock(house.now())  # no token comes meanwhile
    for _ in range(2):
        assert (await api.post("/v1/messages", json=GOOD)).status_code == 202

    answer = await api.post("/v1/messages", json=GOOD)

    assert assert_problem(answer, 429)["type"] == "/docs#problem-too-fast"
    assert answer.headers["retry-after"] == "1"
    many = await api.post("/v1/messages/batch", json={"messages": [GOOD]})
    assert many.json()["messages"][0]["problem"]["status"] == 429


async def test_an_account_whose_queue_is_full_is_told_to_come_back(house, api):
    await house.store.accounts.set(house.issued.name, "queue_ceiling", 1)
    assert (await api.post("/v1/messages", json=GOOD)).status_code == 202

    answer = await api.post("/v1/messages", json=GOOD)

    assert assert_problem(answer, 429)["type"] == "/docs#problem-queue-full"
    assert int(answer.headers["retry-after"]) > 0
    assert len((await api.get("/v1/messages")).json()["messages"]) == 1


async def test_a_shut_store_is_told_without_its_inner_words(house, api):
    await api.get("/v1/messages")  # the key is known from here on
    await house.store.close()

    answer = await api.post("/v1/messages", json=GOOD)
    found = assert_problem(answer, 503)
    assert "nothing was stored" in found["detail"]


def test_every_error_of_ours_has_a_status():
    def below(kind: type[Exception]):
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    for kind in below(errors.ApplianceError):
        assert any(base in problems.KINDS for base in kind.__mro__)
