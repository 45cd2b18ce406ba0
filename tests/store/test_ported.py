"""Numbers that have moved to another operator are known by keyed hashes alone."""

from tests.store.conftest import ALICE
from tests.store.steps import rows

BOB = "+4917612345678"


async def test_what_was_imported_is_known_and_nothing_else(world):
    ported = world.store.ported
    assert await ported.learn([(ALICE, "Vodafone"), (BOB, "Telekom")]) == 2
    assert await ported.operator(ALICE) == "Vodafone"
    assert await ported.operator(BOB) == "Telekom"
    assert await ported.operator("+4915700000000") is None
    assert await ported.count() == 2


async def test_a_later_import_overwrites_and_an_empty_operator_forgets(world):
    ported = world.store.ported
    await ported.learn([(ALICE, "Vodafone"), (BOB, "Telekom")])
    await ported.learn([(ALICE, "O2"), (BOB, "")])
    assert await ported.operator(ALICE) == "O2"
    assert await ported.operator(BOB) is None
    assert await ported.count() == 1


async def test_a_number_twice_in_one_import_is_what_it_was_last(world):
    await world.store.ported.learn([(ALICE, "Vodafone"), (ALICE, "O2")])
    assert await world.store.ported.operator(ALICE) == "O2"


async def test_more_than_a_chunk_is_taken_whole(world):
    numbers = [(f"+4915{number:09d}", "Telekom") for number in range(1201)]
    assert await world.store.ported.learn(numbers) == 1201
    assert await world.store.ported.count() == 1201


async def test_no_number_is_written_down(world, url):
    await world.store.ported.learn([(ALICE, "Vodafone")])
    ((key,),) = rows(url, "SELECT number_key FROM ported")
    assert ALICE.encode() not in bytes(key)
    assert ALICE[-8:].encode() not in bytes(key)
