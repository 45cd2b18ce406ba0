"""Calls: stored, owned as an answer would be, told to who has a webhook, listed."""

from datetime import timedelta

import pytest

from appliance.api.events import CallEvent
from appliance.errors import NotFound
from appliance.store.accounts import NewAccount
from appliance.store.balances import Balance
from appliance.store.values import CallFacts
from appliance.webhook import payload
from tests.store.conftest import ALICE, World
from tests.store.steps import another_sim, send_all

BOB = "+4915187654321"


async def call(world: World, caller: str | None = ALICE, **given: object) -> int:
    facts = {"sim_id": world.sim, "caller": caller, "received_at": world.clock.now()}
    return await world.store.calls.take(CallFacts(**(facts | given)))


async def owed(world, account_id=None):
    found = await world.store.notices.owed(account_id or world.account.id, 100)
    return [one.notice.news for one in found if hasattr(one.notice.news, "call_id")]


async def account(world, name, **given):
    issued = await world.store.accounts.add(NewAccount(name=name, **given), world.clock.now())
    return issued.account_id


async def test_a_call_belongs_to_who_wrote_to_that_number_last_by_that_sim(world):
    writer = await account(world, "writer", webhook_url="http://127.0.0.1:1/", local=True)
    await world.accept(account_id=writer)
    await send_all(world, 1)
    await call(world)
    await call(world, BOB)
    await call(world, sim_id=await another_sim(world))
    shown = await world.store.calls.shown(None)
    assert [one.account for one in shown] == ["shop", "shop", "writer"]
    assert [news.caller for news in await owed(world, writer)] == [ALICE]
    assert [news.caller for news in await owed(world)] == [BOB, ALICE]


async def test_a_notice_says_who_called_which_sim_and_when(world):
    at = world.clock.now()
    await call(world)
    (news,) = await owed(world)
    assert (news.caller, news.sim_number, news.sim) == (
        ALICE,
        "+4915100000001",
        "89490200001234567890",
    )
    assert news.received_at == at
    (shown,) = await world.store.calls.shown(world.account.id)
    assert news.call_id == shown.id
    assert shown.id.startswith("c")


async def test_a_withheld_number_goes_to_the_default_account(world):
    await call(world, None)
    (shown,) = await world.store.calls.shown(world.account.id)
    assert shown.caller is None
    assert [news.caller for news in await owed(world)] == [None]


@pytest.mark.parametrize("kind", [{"local": True}, {}])
async def test_an_account_without_a_webhook_is_owed_no_notice_but_finds_it_in_its_list(world, kind):
    writer = await account(world, "writer", **kind)
    await world.accept(account_id=writer)
    await send_all(world, 1)
    await call(world)
    assert await owed(world, writer) == []
    assert len(await world.store.calls.shown(writer)) == 1


async def test_nobody_owns_a_call_where_there_is_no_default_account(world):
    await world.store.accounts.revoke("shop", world.clock.now())
    await call(world)
    (shown,) = await world.store.calls.shown(None)
    assert shown.account is None


async def test_calls_are_listed_newest_first_page_by_page(world):
    for number in range(5):
        await call(world, f"+49151000000{number}")
        world.clock.advance(timedelta(seconds=1))
    first = await world.store.calls.shown(world.account.id, most=2)
    second = await world.store.calls.shown(world.account.id, most=9, before=first[-1].id)
    assert [one.caller[-1] for one in (*first, *second)] == ["4", "3", "2", "1", "0"]
    with pytest.raises(NotFound):
        await world.store.calls.shown(None, before="m123")


async def test_ids_go_on_after_a_restart(open_store, world, tmp_path):
    await world.store.accounts.revoke("shop", world.clock.now())
    last = await call(world)  # which owes nobody a notice, whose id would be younger
    await world.store.close()
    world.clock.advance(timedelta(hours=-1))  # a box without a clock of its own
    world.store = await open_store()
    assert await call(world) > last


async def test_what_an_operator_said_of_a_sim_is_kept_and_replaced(world):
    store, at = world.store.balances, world.clock.now()
    assert await store.of(world.sim) == Balance(sim_id=world.sim, amount=None, text=None, at=None)
    first = Balance(sim_id=world.sim, amount=1.25, text="1,25 EUR", at=at)
    await store.note(first)
    assert await store.of(world.sim) == first
    await store.note(Balance(sim_id=world.sim, amount=None, text="a\0b", at=at))
    assert (await store.of(world.sim)).text == "a\N{REPLACEMENT CHARACTER}b"


async def test_the_webhook_says_what_its_documentation_says(world):
    await call(world)
    (owed_now,) = await world.store.notices.owed(world.account.id, 1)
    event = payload(owed_now.notice)
    assert event["type"] == "call.missed"
    assert event["data"]["caller"] == ALICE
    assert CallEvent.model_validate(event).model_dump(mode="json") == event
