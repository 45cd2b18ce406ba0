import asyncio
from dataclasses import dataclass

import pytest

from appliance.errors import NobodyThere
from appliance.smpp_server.binds import Binds, Underway


@dataclass(eq=False)
class Receiver:
    account_id: int = 7
    receives: bool = True
    has_room: bool = True


def bound(*receivers):
    binds = Binds()
    for one in receivers:
        binds.add(one)
    return binds


async def test_receivers_with_room_take_turns_and_others_are_left_out():
    first, full, second = Receiver(), Receiver(has_room=False), Receiver()
    binds = bound(Receiver(receives=False), first, full, second, Receiver(account_id=8))

    assert [await binds.next(7) for _ in range(4)] == [first, second, first, second]


async def test_without_a_receiver_there_is_nobody():
    for binds in (bound(), bound(Receiver(receives=False)), bound(Receiver(account_id=8))):
        with pytest.raises(NobodyThere):
            await binds.next(7)


async def test_all_who_wait_for_room_look_again_even_if_one_gives_up():
    receiver = Receiver(has_room=False)
    binds = bound(receiver)
    impatient, patient = (asyncio.ensure_future(binds.next(7)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.sleep(0)
    assert not patient.done()
    receiver.has_room = True
    binds.changed(7)

    assert await patient is receiver
    assert impatient.cancelled()


async def test_who_waits_for_room_is_told_when_the_last_receiver_goes():
    receiver = Receiver(has_room=False)
    binds = bound(receiver)
    waiting = asyncio.ensure_future(binds.next(7))
    await asyncio.sleep(0)

    binds.remove(receiver)

    with pytest.raises(NobodyThere):
        await waiting


async def test_nothing_under_way_is_nothing_to_wait_for():
    await Underway().settled()


async def test_whoever_waits_waits_for_all_that_were_begun_before_and_for_none_after():
    underway = Underway()
    first, second = underway.begin(), underway.begin()
    waiting = asyncio.ensure_future(underway.settled())
    await asyncio.sleep(0)
    third = underway.begin()
    later = asyncio.ensure_future(underway.settled())
    await asyncio.sleep(0)

    underway.end(second)
    await asyncio.sleep(0)
    assert not waiting.done()
    underway.end(first)
    await waiting
    assert not later.done()
    underway.end(third)
    await later


async def test_one_who_gives_up_waiting_holds_up_nobody():
    underway = Underway()
    ticket = underway.begin()
    impatient, patient = (asyncio.ensure_future(underway.settled()) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.sleep(0)
    underway.end(ticket)

    await patient
    assert impatient.cancelled()
