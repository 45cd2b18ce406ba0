"""What an account has not taken, over HTTP and on the command line; and its release."""

import asyncio
import sys

from appliance.store.accounts import NewAccount
from tests.box import ROOT


async def parked(house, text="Hello"):
    """Let an inbound message come, and its account refuse it for good; return the notice's id."""
    if not house.sim:
        await house.has_line()
    await house.comes_in(text)
    shop = await house.store.accounts.by_name("shop")
    await house.store.accounts.set("shop", "carrier", "smpp")
    (*_, owed) = await house.store.notices.owed(shop.id, 9)
    await house.store.notices.parked(owed.notice.id, "deliver_sm_resp 0x65", house.now())
    return owed.notice.public_id


async def command(house, *arguments):
    """Run a command as a process; return its status and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance", *arguments, "--data", str(house.socket.parent)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_an_account_sees_what_is_parked_and_why_and_releases_it(house, api):
    name = await parked(house)
    (found,) = (await api.get("/v1/notices", params={"standing": "refused"})).json()["notices"]
    assert (found["id"], found["kind"], found["standing"], found["tries"]) == (
        name,
        "inbound",
        "refused",
        1,
    )
    assert found["last_error"] == "deliver_sm_resp 0x65"

    assert (await api.post("/v1/notices/release", json={"ids": [name]})).json() == {"released": 1}
    (found,) = (await api.get("/v1/notices")).json()["notices"]
    assert (found["standing"], found["tries"], found["parked_at"]) == ("waiting", 0, None)


async def test_the_list_comes_page_by_page(house, api):
    names = [await parked(house, text) for text in ("one", "two", "three")]
    first = (await api.get("/v1/notices", params={"limit": 2})).json()
    rest = (await api.get("/v1/notices", params={"before": first["next"]})).json()
    found = first["notices"] + rest["notices"]
    assert [one["id"] for one in reversed(found)] == names
    assert rest["next"] is None


async def test_another_account_neither_sees_nor_releases_it(house, api, local):
    name = await parked(house)
    await house.store.accounts.add(NewAccount(name="bank"), house.now())
    of_bank = {"account": "bank"}
    assert (await local.get("/local/notices", params=of_bank)).json()["notices"] == []
    answer = await local.post("/local/notices/release", params=of_bank, json={"ids": [name]})
    assert answer.json() == {"released": 0}


async def test_what_is_wrong_is_said(api, local):
    assert (await api.post("/v1/notices/release", json={"ids": ["m12"]})).status_code == 404
    assert (await api.post("/v1/notices/release", json={"ids": []})).status_code == 422
    assert (await api.get("/v1/notices", params={"standing": "lost"})).status_code == 422
    unknown = {"account": "nobody"}
    assert (await local.get("/local/notices", params=unknown)).status_code == 404


async def test_the_command_line_shows_counts_and_releases_them(house):
    name = await parked(house)
    status, said = await command(house, "notices", "list", "--standing", "refused")
    assert (status, name in said, "0x65" in said, "refused" in said) == (0, True, True, True)
    status, said = await command(house, "notices", "owed")
    assert (status, said.splitlines()[1].split()[:4]) == (0, ["shop", "0", "1", "0"])
    assert await command(house, "notices", "release", "shop") == (0, "1 released\n")
    assert (await command(house, "notices", "list", "--standing", "refused"))[1] == (
        "Everything has been taken.\n"
    )
