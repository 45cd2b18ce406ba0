"""Incoming calls: each is told once, with its number where there is one, and hung up."""

import asyncio

import pytest

from appliance.modem.calls import caller
from appliance.modem.values import CallArrived, DeliverArrived, Sent
from tests.modem.driving import LIMIT, arrival, arrivals, committed, encoded, timing, until

CALLER = "+4915112345678"
OTHER = "+4915187654321"


async def ring(rig, number=CALLER, rings=200, every=0.02):
    await rig.do("call", modem=0, number=number, rings=rings, every=every)


def ended(rig):
    return [(call["number"], call["ended_by"]) for call in rig.fake.calls]


def clip(number):
    return f'+CLIP: "{number}",145,,,,0'


@pytest.mark.parametrize("make", ["e3372", "e1550", "sim800", "ec25", "sim7600", "zte"])
async def test_each_make_hangs_up_and_tells_who_it_was(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)
    await until(lambda: ended(rig) == [(CALLER, "hangup")])


async def test_a_withheld_number_is_none(rig):
    await rig.bank()
    modem = await rig.started()
    await ring(rig, "")
    assert await arrival(modem) == CallArrived(None)
    assert ended(rig) == [("", "hangup")]


async def test_several_rings_are_one_call(rig):
    await rig.bank()
    modem = await rig.started()
    for _ in range(3):
        rig.fake.indicate("RING", clip(CALLER))
    await ring(rig, OTHER)
    assert await arrivals(modem, 2) == [CallArrived(CALLER), CallArrived(OTHER)]


async def test_a_call_after_the_first_has_ended_is_another_one(rig):
    await rig.bank()
    modem = await rig.started()
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)
    rig.fake.indicate("NO CARRIER")
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)


async def test_a_call_after_a_pause_is_another_one(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(ringing=10))
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)
    await until(lambda: modem._line.calls._call is None)
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)


async def test_a_number_that_is_not_shown_is_asked_for(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.clip = False
    await ring(rig)
    assert await arrival(modem) == CallArrived(CALLER)


async def test_a_number_shown_with_the_second_ring_is_waited_for(peer_modem):
    peer, calls, told = await peer_modem()
    peer.say(b"\r\nRING\r\n")
    await peer.hears(b"AT+CLCC")
    peer.say(f"\r\nRING\r\n\r\n{clip(CALLER)}\r\n".encode())
    await until(lambda: told == [CallArrived(CALLER)])
    assert peer.heard.count(b"AT+CHUP") == 1
    calls.close()


async def test_a_call_whose_number_never_comes_is_hung_up_all_the_same(peer_modem):
    peer, calls, told = await peer_modem(caller=40)
    peer.say(b"\r\n+CRING: VOICE\r\n")
    await until(lambda: told == [CallArrived(None)])
    assert b"AT+CHUP" in peer.heard
    calls.close()


async def test_the_other_way_is_tried_where_the_first_was_taken_in_vain(peer_modem):
    peer, calls, told = await peer_modem()
    peer.say(f"\r\nRING\r\n\r\n{clip(CALLER)}\r\n".encode())
    await until(lambda: told == [CallArrived(CALLER)])
    assert b"ATH" not in peer.heard
    peer.say(f"\r\nRING\r\n\r\n{clip(CALLER)}\r\n".encode())
    await peer.hears(b"ATH\r")
    await until(calls._task.done)
    assert told == [CallArrived(CALLER)]
    calls.close()


async def test_a_modem_that_knows_no_way_to_hang_up_is_logged_and_the_call_told(peer_modem, caplog):
    peer, calls, told = await peer_modem(refused=(b"AT+CHUP", b"ATH", b"AT+CLCC"))
    peer.say(f"\r\nRING\r\n\r\n{clip(CALLER)}\r\n".encode())
    await until(lambda: told == [CallArrived(CALLER)])
    assert "knows no way" in caplog.text
    assert CALLER not in caplog.text
    calls.close()


async def test_a_caller_that_gives_up_at_once_is_told_too(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.indicate("RING", clip(CALLER))
    rig.fake.indicate("NO CARRIER")
    assert await arrival(modem) == CallArrived(CALLER)


async def test_a_call_in_the_middle_of_a_part_disturbs_neither(rig):
    await rig.bank(cmgs_delay=0.2)
    modem = await rig.started()
    sending = asyncio.create_task(modem.send(encoded(), committed()))
    await until(lambda: len(rig.on_air) == 1 or rig.fake.busy)
    await ring(rig)
    async with asyncio.timeout(LIMIT):
        assert isinstance(await sending, Sent)
    assert await arrival(modem) == CallArrived(CALLER)
    assert ended(rig) == [(CALLER, "hangup")]
    assert len(rig.on_air) == 1


async def test_a_call_in_the_middle_of_a_listing_disturbs_neither(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.interruptions += [("RING", 0), (clip(CALLER), 1)]
    rig.inbound("hello")
    found = await arrivals(modem, 2)
    assert {type(each) for each in found} == {CallArrived, DeliverArrived}
    (message,) = [each for each in found if isinstance(each, DeliverArrived)]
    assert message.deliver.payload
    assert CallArrived(CALLER) in found


async def test_numbers_are_shown_again_after_the_modem_has_restarted(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.clip = False
    rig.fake.indicate("^SYSSTART")
    await until(lambda: rig.fake.clip)
    assert modem.identity


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        (["+49151", "145"], "+49151"),
        (["49151", "145"], "+49151"),
        (["0151", "129"], "0151"),
        (["*#7"], "*#7"),
        (["", "128"], None),
        (["Withheld", "128"], None),
    ],
)
def test_a_number_is_international_if_it_says_so(fields, number):
    assert caller(fields) == number
