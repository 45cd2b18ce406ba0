"""Lines over REST: who may ask them for what, and how the answer comes."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from appliance.store.accounts import NewAccount
from appliance.store.bell import REQUESTS
from appliance.store.requests import Finished

SLOT = "1-1.2"

ASKING = {
    "ussd": {"code": "*100#"},
    "ussd-answer": {"text": "1"},
    "ussd-cancel": None,
    "pin": {"pin": "4815"},
    "reset": None,
    "pause": {"reason": "lent out"},
    "resume": None,
    "test-message": {"to": "+4915228817386"},
    "self-test": {"to": "+4915228817386"},
}


@pytest.fixture
async def admin(house):
    """Give a client with the key of an account that looks after lines."""
    issued = await house.store.accounts.add(NewAccount(name="ops", admin=True), house.now())
    headers = {"Authorization": f"Bearer {issued.api_key}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        yield client


@asynccontextmanager
async def carried_out(house, **ends):
    """Carry out what is asked meanwhile, each with the same end; give what was asked."""
    taken = []
    bell = house.store.bells.listen((REQUESTS, house.store.requests.daemon))

    async def carry_out():
        while True:
            for one in await house.store.requests.take(house.now()):
                taken.append(one)
                finished = Finished(id=one.id, at=house.now(), **ends)
                await house.store.requests.finish(finished)
            await bell.wait()

    task = asyncio.create_task(carry_out())
    try:
        yield taken
    finally:
        task.cancel()


@pytest.mark.parametrize(("what", "body"), ASKING.items(), ids=ASKING)
async def test_an_admin_asks_and_is_answered_when_it_is_done(house, admin, what, body):
    await house.has_line(SLOT)
    async with carried_out(house, answer={"text": "done"}) as taken:
        answer = await admin.post(f"/v1/lines/{SLOT}/{what}", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["line"], told["kind"]) == (SLOT, what.replace("-", "_"))
    assert (told["state"], told["answer"], told["error"]) == ("done", {"text": "done"}, None)
    assert taken[0].arguments.items() >= (body or {}).items()
    assert answer.headers["Location"] == f"/v1/requests/{told['id']}"
    assert (await admin.get(answer.headers["Location"])).json() == told


async def test_what_failed_says_why(house, admin):
    await house.has_line(SLOT)
    async with carried_out(house, error="the modem does not answer"):
        answer = await admin.post(f"/v1/lines/{SLOT}/reset")
    assert answer.status_code == 200
    assert answer.json()["state"] == "failed"
    assert answer.json()["error"] == "the modem does not answer"


async def test_what_takes_longer_than_one_waits_is_answered_with_where_to_look(house, admin):
    await house.has_line(SLOT)
    answer = await admin.post(f"/v1/lines/{SLOT}/reset", params={"wait": 0})
    assert answer.status_code == 202
    assert answer.json()["state"] == "open"
    place = answer.headers["Location"]
    (taken,) = await house.store.requests.take(house.now())
    assert (await admin.get(place)).json()["state"] == "taken"
    await house.store.requests.finish(Finished(id=taken.id, at=house.now(), answer={}))
    assert (await admin.get(place)).json()["state"] == "done"


@pytest.mark.parametrize(("what", "body"), ASKING.items(), ids=ASKING)
async def test_other_accounts_may_ask_lines_for_nothing(house, api, what, body):
    await house.has_line(SLOT)
    answer = await api.post(f"/v1/lines/{SLOT}/{what}", json=body)
    assert answer.status_code == 403
    assert answer.json()["type"] == "/docs#problem-forbidden"
    assert "--admin" in answer.json()["detail"]
    assert await house.store.requests.take(house.now()) == []


async def test_other_accounts_see_neither_lines_nor_what_admins_asked(house, api, admin):
    await house.has_line(SLOT)
    place = (await admin.post(f"/v1/lines/{SLOT}/reset", params={"wait": 0})).headers["Location"]
    assert (await api.get("/v1/lines")).status_code == 403
    assert (await api.get(f"/v1/lines/{SLOT}")).status_code == 403
    assert (await api.get(place)).status_code == 404
    assert (await admin.get(place)).status_code == 200


async def test_without_a_key_nothing_is_answered(house):
    async with httpx.AsyncClient(base_url=house.url) as nobody:
        for method, place in (
            ("GET", "/v1/lines"),
            ("GET", f"/v1/lines/{SLOT}"),
            ("GET", "/v1/requests/r1"),
            ("POST", f"/v1/lines/{SLOT}/reset"),
        ):
            assert (await nobody.request(method, place)).status_code == 401, place
        assert (await nobody.post(f"/local/lines/{SLOT}/reset")).status_code == 404


async def test_the_socket_needs_no_account(house, local):
    await house.has_line(SLOT)
    async with carried_out(house, answer={}) as taken:
        answer = await local.post(f"/local/lines/{SLOT}/reset")
    assert answer.status_code == 200
    assert taken[0].account_id is None
    assert answer.headers["Location"].startswith("/local/requests/")
    assert (await local.get(answer.headers["Location"])).json() == answer.json()


async def test_lines_are_listed_and_shown_by_any_of_their_names(house, admin):
    await house.has_line(SLOT)
    await house.has_line("1-1.3", "89490200009999999999")
    listed = (await admin.get("/v1/lines")).json()["lines"]
    assert [line["slot"] for line in listed] == [SLOT, "1-1.3"]
    for name in (SLOT, listed[0]["port"], listed[0]["sim"]):
        assert (await admin.get(f"/v1/lines/{name.replace('/', '%2F')}")).json() == listed[0]
        assert (await admin.get(f"/v1/lines/{name}")).json() == listed[0]


async def test_an_unknown_line_is_answered_with_those_there_are(house, admin):
    await house.has_line(SLOT)
    for answer in (await admin.get("/v1/lines/1-9"), await admin.post("/v1/lines/1-9/reset")):
        assert answer.status_code == 404
        assert answer.json()["type"] == "/docs#problem-line-unclear"
        assert SLOT in answer.json()["detail"]


async def test_a_pin_that_is_none_is_refused_without_being_repeated(house, admin):
    await house.has_line(SLOT)
    answer = await admin.post(f"/v1/lines/{SLOT}/pin", json={"pin": "4815x"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "pin"
    assert "4815" not in answer.text


@pytest.mark.parametrize("wait", ["-1", "121", "long"])
async def test_nobody_waits_for_ever(house, admin, wait):
    await house.has_line(SLOT)
    answer = await admin.post(f"/v1/lines/{SLOT}/reset", params={"wait": wait})
    assert (answer.status_code, answer.json()["field"]) == (422, "wait")
    assert await house.store.requests.take(house.now()) == []


async def test_what_is_no_request_is_not_found(admin):
    for name in ("r1", "m1", "nonsense"):
        assert (await admin.get(f"/v1/requests/{name}")).status_code == 404


async def test_an_admin_is_made_on_the_box_and_shown_as_one(house, local):
    made = await local.post("/local/accounts", json={"name": "ops", "admin": True})
    assert made.status_code == 201
    accounts = (await local.get("/local/accounts")).json()
    assert {one["name"]: one["admin"] for one in accounts} == {"shop": False, "ops": True}
