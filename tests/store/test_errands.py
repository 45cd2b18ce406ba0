"""Requests that no modem is needed to fail: taken from the tables, and ended in them."""

import asyncio
from datetime import timedelta

import pytest

from appliance.lines import errands
from appliance.lines.errands import Errands
from appliance.models import RequestState
from appliance.store.bell import REQUESTS
from appliance.store.requests import NewRequest
from tests.store.steps import on_postgresql


@pytest.fixture
async def at_work(store, clock):
    """Let a daemon without modems carry out what is asked of it."""
    task = asyncio.create_task(Errands(store, clock, None, lambda _slot: None).run())
    yield
    task.cancel()


async def ask(asking, asked, clock, kind="reset", **arguments):
    new = NewRequest(
        daemon=asked.requests.daemon,
        slot="1-1",
        kind=kind,
        arguments=arguments,
        account_id=None,
        at=clock.now(),
    )
    return await asking.requests.open(new)


async def ended(store, name):
    """Return a request when it has ended."""
    bell = store.bells.listen((REQUESTS, name))
    async with asyncio.timeout(30):
        while not (found := await store.requests.get(name)).ended:
            await bell.wait()
    return found


@pytest.mark.usefixtures("at_work")
async def test_a_line_without_a_modem_says_so(store, clock):
    found = await ended(store, await ask(store, store, clock))
    assert (found.state, found.answer) == (RequestState.FAILED, None)
    assert found.error == "the modem at 1-1 is not there: plug it in"


@pytest.mark.usefixtures("at_work")
async def test_a_kind_that_only_a_newer_daemon_knows_is_refused(store, clock):
    found = await ended(store, await ask(store, store, clock, "dance"))
    assert found.state is RequestState.FAILED
    assert "update it" in found.error


@pytest.mark.usefixtures("at_work")
async def test_one_that_fails_keeps_no_other_from_being_carried_out(store, clock):
    names = [await ask(store, store, clock, kind) for kind in ("dance", "reset", "ussd")]
    assert [(await ended(store, name)).ended for name in names] == [True] * 3


@on_postgresql
async def test_what_another_process_asks_is_found_though_its_bell_is_not_heard(
    store, open_store, clock, tmp_path, monkeypatch
):
    (tmp_path / "other").mkdir()
    other = await open_store("other", directory=tmp_path / "other")
    monkeypatch.setattr(errands, "LOOK_AGAIN", timedelta(milliseconds=20))
    task = asyncio.create_task(Errands(store, clock, None, lambda _slot: None).run())
    name = await ask(other, store, clock)
    async with asyncio.timeout(30):
        while not (await other.requests.get(name)).ended:
            await asyncio.sleep(0)
    task.cancel()
