"""Incidents over HTTP: for accounts that look after lines, and for the command line."""

from datetime import UTC, datetime

import httpx
import pytest

from appliance.incident import Incident, IncidentKind
from appliance.store.accounts import NewAccount


@pytest.fixture
async def admin(house):
    issued = await house.store.accounts.add(NewAccount(name="watch", admin=True), datetime.now(UTC))
    headers = {"Authorization": f"Bearer {issued.api_key}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers) as client:
        yield client


async def note(house, kind, **given):
    facts = {"sentence": kind.value, "slot": "1-1.2", "at": datetime.now(UTC)} | given
    assert await house.store.incidents.note(Incident(kind=kind, **facts))


async def test_an_admin_reads_them_newest_first_and_page_by_page(house, admin):
    sim = await house.has_line()
    for kind in (IncidentKind.MENDED, IncidentKind.STORAGE, IncidentKind.SIM_CHANGED):
        await note(house, kind, sim_id=sim, lasting=kind is IncidentKind.STORAGE)

    first = (await admin.get("/v1/incidents", params={"limit": 2})).json()
    second = (await admin.get("/v1/incidents", params={"before": first["next"]})).json()
    found = first["incidents"] + second["incidents"]
    assert [one["kind"] for one in found] == ["sim_changed", "storage", "mended"]
    assert second["next"] is None
    assert found[0]["line"] == "1-1.2"
    standing = (await admin.get("/v1/incidents", params={"lasting": True})).json()["incidents"]
    assert [one["kind"] for one in standing] == ["storage"]


async def test_other_accounts_may_not_and_are_told_why(house, api):
    answer = await api.get("/v1/incidents")
    assert answer.status_code == 403
    assert answer.json()["type"] == "/docs#problem-forbidden"
    assert "--admin" in answer.json()["detail"]


async def test_an_id_of_something_else_is_none_of_an_incident(admin):
    assert (await admin.get("/v1/incidents", params={"before": "m12"})).status_code == 404


async def test_the_command_line_reads_them_too(house, local):
    await note(house, IncidentKind.CLOCK, slot=None)
    (found,) = (await local.get("/local/incidents")).json()["incidents"]
    assert found["kind"] == "clock"
    assert found["line"] is None
