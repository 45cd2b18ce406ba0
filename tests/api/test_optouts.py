"""Opt-outs over HTTP: entered, listed, ended, imported and exported, each within its account."""

import csv
import io

import httpx
import pytest

from appliance.store.accounts import NewAccount
from tests.api.house import NUMBER, SENDER
from tests.test_cli import appliance, data_of

OTHER = "+4915228817300"

LARGE = 10_000_000


def rows_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def add(client, number=NUMBER, **given):
    return await client.post("/v1/opt-outs", json={"number": number, **given})


@pytest.fixture
async def admin(house):
    new = NewAccount(name="office", admin=True)
    issued = await house.store.accounts.add(new, house.now())
    headers = {"Authorization": f"Bearer {issued.api_key}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        yield client


@pytest.fixture
async def other(house):
    issued = await house.store.accounts.add(NewAccount(name="bank"), house.now())
    headers = {"Authorization": f"Bearer {issued.api_key}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        yield client


async def submit(client, number=NUMBER, **given):
    answer = await client.post("/v1/messages", json={"to": number, "text": "Hello", **given})
    return answer.status_code


async def test_an_account_opts_out_for_itself(api, other):
    made = await add(api, "+49 (1522) 881-7386", category="marketing", reason="asked by phone")
    assert made.status_code == 201
    one = made.json()
    assert (one["number"], one["account"], one["category"]) == (NUMBER, "shop", "marketing")
    assert (one["source"], one["reason"], one["ended_at"]) == ("api", "asked by phone", None)
    assert await submit(api, category="marketing") == 409
    assert await submit(api) == await submit(other, category="marketing") == 202
    again = await add(api, NUMBER, category="marketing")
    assert (again.status_code, again.json()["id"]) == (200, one["id"])


async def test_an_admin_opts_out_for_all_or_for_itself(admin, api):
    assert (await add(admin)).json()["account"] is None
    assert await submit(api) == 409
    assert (await add(admin, OTHER, for_all=False)).json()["account"] == "office"
    assert await submit(api, OTHER) == 202


async def test_an_account_does_not_speak_for_others(api):
    answer = await add(api, for_all=True)
    assert (answer.status_code, answer.json()["type"]) == (403, "/docs#problem-forbidden")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": "hello"}, "number"),
        ({"number": "112"}, "number"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"category": "adverts"}, "category"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
async def test_what_is_wrong_is_named(api, given, field):
    answer = await add(api, **({"number": NUMBER} | given))
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_list_has_pages_and_shows_no_other_accounts_numbers(api, other, admin):
    for number in (NUMBER, OTHER, SENDER):
        await add(api, number)
    await add(other, "+4915228817301")
    first = (await api.get("/v1/opt-outs", params={"limit": 2})).json()
    rest = (await api.get("/v1/opt-outs", params={"before": first["next"]})).json()
    shown = [one["number"] for one in first["opt_outs"] + rest["opt_outs"]]
    assert shown == [SENDER, OTHER, NUMBER]
    assert rest["next"] is None
    assert len((await admin.get("/v1/opt-outs")).json()["opt_outs"]) == 4


async def test_a_stop_is_shown_to_its_account_with_its_record_and_ended_by_nobody_but_admins(
    house, api, other, admin
):
    await house.has_line()
    await house.comes_in("Stop!")
    (one,) = (await api.get("/v1/opt-outs")).json()["opt_outs"]
    assert (one["number"], one["source"], one["account"]) == (SENDER, "sms", None)
    story = (await api.get(f"/v1/opt-outs/{one['id']}")).json()
    assert [(line["event"], line["text"]) for line in story["record"]] == [("opted_out", "Stop!")]
    assert (await other.get(f"/v1/opt-outs/{one['id']}")).status_code == 404
    assert (await other.delete(f"/v1/opt-outs/{one['id']}")).status_code == 404
    assert (await api.delete(f"/v1/opt-outs/{one['id']}")).status_code == 403
    ended = await admin.delete(f"/v1/opt-outs/{one['id']}", params={"reason": "by letter"})
    assert ended.status_code == 204
    assert (await api.get("/v1/opt-outs")).json()["opt_outs"] == []
    old = (await api.get("/v1/opt-outs", params={"all": True})).json()["opt_outs"]
    assert old[0]["ended_at"] is not None
    story = (await admin.get(f"/v1/opt-outs/{one['id']}")).json()
    assert [line["event"] for line in story["record"]] == ["opted_out", "ended"]
    assert story["record"][1]["reason"] == "by letter"


async def test_an_account_ends_what_it_has_entered(api):
    name = (await add(api)).json()["id"]
    assert await submit(api) == 409
    assert (await api.delete(f"/v1/opt-outs/{name}")).status_code == 204
    assert await submit(api) == 202


LIST = f"""number,category,until,reason
{NUMBER},,,by letter
hello,,,
{OTHER},marketing,2099-12-31,
{NUMBER},marketing,,
112,,,
{SENDER},adverts,,
"""


async def test_each_line_of_a_list_is_answered_and_a_second_time_changes_nothing(api):
    first = rows_of(await api.post("/v1/opt-outs/import", content=LIST))
    assert [(row["line"], row["result"]) for row in first] == [
        ("2", "imported"),
        ("3", "refused"),
        ("4", "imported"),
        ("5", "already there"),
        ("6", "refused"),
        ("7", "refused"),
    ]
    whys = [row["why"] for row in first if row["why"]]
    assert whys[0] == "number: not a phone number"
    assert "emergency" in whys[1]
    assert "category" in whys[2]
    again = rows_of(await api.post("/v1/opt-outs/import", content=LIST))
    assert {row["result"] for row in again} == {"already there", "refused"}
    assert await submit(api) == await submit(api, OTHER, category="marketing") == 409


async def test_a_list_of_many_chunks_is_entered_whole(api):
    numbers = [f"+4915{number:09}" for number in range(1201)]
    found = rows_of(await api.post("/v1/opt-outs/import", content="\n".join(numbers)))
    assert [row["result"] for row in found] == ["imported"] * len(numbers)
    listed = rows_of(await api.get("/v1/opt-outs.csv"))
    assert [row["number"] for row in listed] == numbers[::-1]


async def test_what_is_exported_can_be_imported(api, other):
    await add(api, reason='said "no", twice', until="2099-01-01T00:00:00Z")
    await add(api, OTHER, category="marketing")
    ended = (await add(api, SENDER)).json()["id"]
    await api.delete(f"/v1/opt-outs/{ended}")
    everything = await api.get("/v1/opt-outs.csv", params={"all": True})
    assert len(rows_of(everything)) == 3
    taken = rows_of(await other.post("/v1/opt-outs/import", content=everything.content))
    assert [row["result"] for row in taken] == ["refused", "imported", "imported"]
    theirs = (await other.get("/v1/opt-outs")).json()["opt_outs"]
    assert {(one["number"], one["category"], one["reason"]) for one in theirs} == {
        (NUMBER, None, 'said "no", twice'),
        (OTHER, "marketing", "entered by api"),
    }


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b"number,catgory\n", 422, "columns"),
        (b"\xff\xfe", 422, "body"),
        (b"x" * (LARGE + 1), 413, None),
    ],
    ids=["column", "no UTF-8", "too large"],
)
async def test_a_list_that_is_no_list_is_refused_whole(api, content, status, field):
    answer = await api.post("/v1/opt-outs/import", content=content)
    assert (answer.status_code, answer.json().get("field")) == (status, field)


async def test_without_a_key_nothing_is_told(house):
    async with httpx.AsyncClient(base_url=house.url) as client:
        for path in ("/v1/opt-outs", "/v1/opt-outs.csv", "/v1/opt-outs/o1"):
            assert (await client.get(path)).status_code == 401
        assert (await client.post("/v1/opt-outs/import", content=LIST)).status_code == 401


async def test_the_command_line_enters_lists_ends_imports_and_exports(house, api, tmp_path):
    data = data_of(house)
    made = await appliance(data, "opt-outs", "add", NUMBER, "--reason", "at the counter", "--json")
    assert (made.code, made.json()["source"], made.json()["account"]) == (0, "cli", None)
    assert await submit(api) == 409

    listed = await appliance(data, "opt-outs", "list")
    assert NUMBER in listed.out
    assert "at the counter" in listed.out
    file = tmp_path / "list.csv"
    file.write_text(f"number\n{OTHER}\nhello\n{NUMBER}\n")
    imported = await appliance(data, "opt-outs", "import", str(file))
    assert imported.code == 1
    assert "line 3: number: not a phone number" in imported.out
    assert "1 imported, 1 refused, 1 already there" in imported.out

    exported = await appliance(data, "opt-outs", "export")
    assert [row["number"] for row in csv.DictReader(io.StringIO(exported.out))] == [OTHER, NUMBER]
    ended = await appliance(data, "opt-outs", "end", made.json()["id"])
    assert ended.code == 0
    assert await submit(api) == 202
    missing = await appliance(data, "opt-outs", "import", str(tmp_path / "none.csv"))
    assert (missing.code, "No such file" in missing.err) == (1, True)
