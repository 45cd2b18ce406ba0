"""Messages are taken once, by one transaction."""

import asyncio

import pytest

from appliance.errors import NotFound, OptedOut, ReferenceUsed
from appliance.lifecycle import State
from appliance.store.values import InboundFacts


async def test_an_accepted_message_waits_with_all_its_parts(world):
    accepted = await world.accept(text="x" * 200, parts=2)

    (waiting,) = await world.store.dispatch.waiting(world.clock.now(), 10)
    story = await world.store.views.message(world.account.id, accepted.id)
    assert waiting.todo == (1, 2)
    assert [part.state for part in story.parts] == [State.QUEUED, State.QUEUED]
    assert story.message.text == "x" * 200


async def test_many_submissions_at_once_each_get_their_own_id(world):
    accepted = await asyncio.gather(*(world.accept(text=str(n)) for n in range(50)))

    assert len({one.id for one in accepted}) == 50
    assert len(await world.store.dispatch.waiting(world.clock.now(), 100)) == 50


@pytest.mark.parametrize("name", ["reference", "idempotency_key"])
async def test_a_repeated_submission_is_answered_as_the_first(world, name):
    first = await world.accept(**{name: "order-1"})
    again = await world.accept(**{name: "order-1"})

    assert (again.id, again.repeated, first.repeated) == (first.id, True, False)
    assert len(await world.store.dispatch.waiting(world.clock.now(), 10)) == 1


async def test_repetitions_that_arrive_together_make_one_message(world):
    answers = await asyncio.gather(*(world.accept(reference="order-1") for _ in range(20)))

    assert len({one.id for one in answers}) == 1
    assert sum(not one.repeated for one in answers) == 1


@pytest.mark.parametrize("name", ["reference", "idempotency_key"])
async def test_another_request_under_the_same_name_is_refused(world, name):
    await world.accept(**{name: "order-1"})

    with pytest.raises(ReferenceUsed) as caught:
        await world.accept(**{name: "order-1"}, request_hash=b"another")
    assert caught.value.field == name


async def test_the_same_reference_of_another_account_is_no_repetition(world, account):
    from appliance.store.accounts import NewAccount

    other = await world.store.accounts.add(NewAccount(name="bank"), world.clock.now())
    first = await world.accept(reference="order-1")
    second = await world.accept(reference="order-1", account_id=other.account_id)
    assert first.id != second.id


async def test_nobody_is_written_to_after_stop(world):
    await world.store.inbound.take(stop(world))

    with pytest.raises(OptedOut) as caught:
        await world.accept()
    assert caught.value.field == "to"
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []


async def test_another_accounts_message_is_not_shown(world):
    accepted = await world.accept()

    assert await world.store.views.message(999, accepted.id) is None
    assert await world.store.views.message(None, accepted.id) is not None


async def test_ids_are_understood_in_any_case_and_nonsense_is_refused(world):
    accepted = await world.accept()

    assert (await world.store.views.message(None, accepted.id.upper())) is not None
    for nonsense in ("", "m", "x" + accepted.id[1:], "m!!!", "m" + "z" * 13, "1"):
        with pytest.raises(NotFound):
            await world.store.views.message(None, nonsense)


def stop(world, text: str = "STOP", **given: object) -> InboundFacts:
    from appliance.text import septets

    fields: dict[str, object] = {
        "sim_id": world.sim,
        "sender": "+4915123456789",
        "encoding": "gsm7",
        "payload": septets(text),
        "language": 0,
        "udh": b"",
        "concat_reference": None,
        "concat_wide": False,
        "total": 1,
        "ordinal": 1,
        "sent_at": world.clock.now(),
        "received_at": world.clock.now(),
        "fingerprint": (text, world.clock.now()),
    }
    fields |= given
    fields.setdefault("suffix", str(fields["sender"])[-8:])
    return InboundFacts(**fields)  # type: ignore[arg-type]
