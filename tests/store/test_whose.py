"""Inbound messages and calls go where the site's rules say, and else to who wrote last."""

import pytest

from appliance.policy.inbound_routes import InboundRoute
from appliance.store.values import CallFacts
from tests.store.conftest import ALICE
from tests.store.steps import another_sim
from tests.store.test_inbound import another_account, piece, routed, take, wrote

ICCID, NUMBER = "89490200001234567890", "+4915100000001"  # of the world's SIM


async def goes_to(world, **given):
    """Take one inbound message and return the name of its account, which must be owed it."""
    name, creditors = await routed(world, **given)
    account = await world.store.accounts.by_name(name)
    assert account.id in creditors
    return name


def route(world, *routes):
    world.store.whose.route_by([InboundRoute(**each) for each in routes])


@pytest.mark.parametrize("named", [ICCID, NUMBER])
async def test_what_comes_to_a_sim_goes_to_the_account_of_its_rule(world, named):
    await another_account(world)
    await wrote(world, world.account.id)
    route(world, {"account": "bank", "sims": frozenset({named})})
    assert await goes_to(world) == "bank"

    other = await another_sim(world)
    assert await goes_to(world, sim_id=other) == "shop"


async def test_what_begins_with_a_word_goes_to_the_account_of_its_rule(world):
    await another_account(world)
    route(world, {"account": "bank", "keywords": frozenset({"join"})})
    assert await goes_to(world, text="  JOIN: me") == "bank"
    assert await goes_to(world, text="please join") == "shop"
    assert await goes_to(world, text="...") == "shop"


async def test_the_first_rule_that_fits_and_whose_account_exists_holds(world):
    await another_account(world)
    route(
        world,
        {"account": "nobody", "sims": frozenset({NUMBER})},
        {"account": "bank", "sims": frozenset({NUMBER})},
        {"account": "shop", "sims": frozenset({NUMBER})},
    )
    assert await goes_to(world) == "bank"
    await world.store.accounts.revoke("bank", world.clock.now())
    assert await goes_to(world) == "shop"


async def test_data_has_no_first_word(world):
    await another_account(world)
    route(world, {"account": "bank", "keywords": frozenset({"join"})})
    assert await goes_to(world, encoding="binary", payload=b"join") == "shop"


async def test_a_long_one_is_routed_by_the_first_word_of_the_whole(world):
    await another_account(world)
    route(world, {"account": "bank", "keywords": frozenset({"join"})})
    long = {"total": 2, "concat_reference": 9}
    await take(world, piece(world, "two", ordinal=2, **long))
    assert await goes_to(world, text="join ", ordinal=1, **long) == "bank"


async def test_a_stop_is_told_to_whom_the_rule_says_and_counts_against_who_wrote(world):
    bank = await another_account(world)
    await wrote(world, bank)
    route(world, {"account": "shop", "sims": frozenset({NUMBER})})
    assert await goes_to(world, text="STOP") == "shop"
    (notice,) = await world.store.notices.owed(world.account.id, 9)
    assert notice.notice.news.opt_out


async def test_who_is_meant_is_who_wrote_last_else_who_is_told(world):
    bank = await another_account(world)
    key = world.store._base.keys.number(ALICE)

    async def meant():
        def look(connection):
            found = world.store.whose.owner(connection, key, world.sim, "Hello")
            return found.told, found.meant

        return await world.store._base.reader.run(look)

    assert await meant() == (world.account.id, world.account.id)
    route(world, {"account": "bank", "sims": frozenset({NUMBER})})
    assert await meant() == (bank, bank)
    await wrote(world, world.account.id)
    assert await meant() == (bank, world.account.id)


async def test_a_call_goes_by_the_rules_of_sims_only(world):
    bank = await another_account(world)
    call = CallFacts(sim_id=world.sim, caller=ALICE, received_at=world.clock.now())
    route(world, {"account": "bank", "keywords": frozenset({"join"})})
    await world.store.calls.take(call)
    route(world, {"account": "bank", "sims": frozenset({ICCID})})
    await world.store.calls.take(call)
    assert [one.account for one in await world.store.calls.shown(None)] == ["bank", "shop"]
    assert len(await world.store.calls.shown(bank)) == 1
