"""What a door that keeps ids of its own asks the store."""

import pytest

from appliance.errors import NotFound
from appliance.lifecycle import State
from tests.store.conftest import ALICE
from tests.store.test_dispatch import send

BOB = "+4915123456780"

OTHER = 99


async def test_a_message_is_found_by_its_id_for_its_account_only(world):
    accepted = await world.accept(smpp={"source": "Acme", "coding": 8}, udh=b"\5\2\1\2")

    (found,) = await world.store.enquiry.of(world.account.id, accepted.id.upper())

    assert (found.id, found.state, found.recipient) == (accepted.id, State.QUEUED, ALICE)
    assert (found.smpp["source"], found.udh) == ("Acme", b"\5\2\1\2")
    for account, name in ((OTHER, accepted.id), (world.account.id, "m1"), (world.account.id, "")):
        with pytest.raises(NotFound):
            await world.store.enquiry.of(account, name)


async def test_a_group_is_all_that_was_handed_in_by_its_name(world):
    group = world.store.enquiry.new_group()
    both = [await world.accept(batch=group, recipient=to) for to in (ALICE, BOB)]
    await world.accept()

    found = await world.store.enquiry.of(world.account.id, group)

    assert [one.id for one in found] == [one.id for one in both]
    assert world.store.enquiry.new_group() != group
    with pytest.raises(NotFound):
        await world.store.enquiry.of(OTHER, group)


async def test_what_waits_for_a_number_is_found_until_it_leaves(world):
    first, second = await world.accept(), await world.accept()
    await world.accept(recipient=BOB, suffix=BOB[-8:])
    enquiry, account = world.store.enquiry, world.account.id

    assert [one.id for one in await enquiry.waiting(account, ALICE)] == [first.id, second.id]
    await send(world)
    assert [one.id for one in await enquiry.waiting(account, ALICE)] == [second.id]
    assert await enquiry.waiting(OTHER, ALICE) == []


async def test_a_sim_is_found_by_its_own_number(world):
    assert await world.store.enquiry.sim("+4915100000001") == world.sim
    assert await world.store.enquiry.sim("+4915100000002") is None


async def test_what_is_set_for_an_account_is_kept_and_known_at_once(world):
    accounts, before = world.store.accounts, world.account

    changed = await accounts.set(before.name, "service_types", {"OTP": "otp"})
    assert changed.service_types == {"OTP": "otp"}
    assert accounts.current(before).service_types == {"OTP": "otp"}
    assert (await accounts.by_name(before.name)).service_types == {"OTP": "otp"}

    await accounts.set(before.name, "service_types", None)
    assert accounts.current(before).service_types is None
    with pytest.raises(NotFound):
        await accounts.set("nobody", "gsm0", "latin1")


async def test_a_replaced_message_has_what_its_esme_gave_with_the_new_one(world):
    accepted = await world.accept(smpp={"coding": 0}, flash=True)
    known = await world.store.replacement.known(world.account.id, accepted.id)

    await world.store.replacement.replace(known, world.new(smpp={"coding": 8}))

    (found,) = await world.store.enquiry.of(world.account.id, accepted.id)
    assert found.smpp == {"coding": 8}
    asked = (await world.store.replacement.known(world.account.id, accepted.id)).asked
    assert (asked.smpp_coding, asked.flash) == (8, False)
