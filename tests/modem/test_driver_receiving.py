"""What the network brings is handed out once, and let go of only when it is settled."""

import asyncio

import pytest

from appliance.errors import PortGone
from appliance.modem.values import DeliverArrived, Direct, ReportArrived, Stored, Undecodable
from tests.fake_modem import PERSONALITIES
from tests.modem.driving import (
    arrival,
    arrivals,
    committed,
    encoded,
    silence,
    stored_in,
    timing,
    until,
)

LONG = "It was the best of times, it was the worst of times 😀. " * 5


async def nothing_more(modem):
    """Look through everything; nothing new may come of it."""
    waiting = asyncio.create_task(modem.next_arrival())
    await silence(modem)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_every_make_brings_short_and_long_messages(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    parts = rig.inbound("STOP") + rig.inbound(LONG)
    found = await arrivals(modem, parts)
    assert all(isinstance(one, DeliverArrived) for one in found)
    assert found[0].deliver.text == "STOP"
    assert found[0].deliver.sender == "+4915100000001"
    assert sorted(one.deliver.concat.ordinal for one in found[1:]) == list(range(1, parts))
    assert "".join(one.deliver.text for one in found[1:]) == LONG
    for one in found:
        await modem.settle(one)
    await until(lambda: rig.stored() == 0)
    assert "mass_deletions" not in rig.fake.stats


@pytest.mark.parametrize("make", [make for make in PERSONALITIES if make != "bg96"])
async def test_every_make_brings_reports_as_its_health_says(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    sent = await modem.send(encoded(), committed())
    report = await arrival(modem)
    assert isinstance(report, ReportArrived)
    assert report.report.reference == sent.reference
    assert stored_in(report) == (modem.health.reports == "stored")
    await modem.settle(report)
    await until(lambda: rig.stored() == 0 and rig.fake.in_hand is None)


async def test_a_make_without_reports_says_so(rig):
    await rig.bank("bg96")
    modem = await rig.started()
    assert modem.health.reports == "none"


@pytest.mark.parametrize("chunk", [1, 7, 1024])
async def test_however_the_bytes_are_cut_a_message_is_read(rig, chunk):
    await rig.bank("e3372", chunk=chunk)
    modem = await rig.started()
    rig.inbound("Grüße aus Köln")
    assert (await arrival(modem)).deliver.text == "Grüße aus Köln"


async def test_what_is_not_settled_is_kept_and_handed_out_once(rig):
    await rig.bank()
    modem = await rig.started()
    rig.inbound("one")
    rig.inbound("two")
    one, two = await arrivals(modem, 2)
    await nothing_more(modem)
    await modem.settle(one)
    await until(lambda: rig.stored() == 1)
    await nothing_more(modem)

    await modem.close()
    await modem.start()
    again = await arrival(modem)
    assert again == two
    await nothing_more(modem)


async def test_what_was_settled_is_deleted_before_closing(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(patience=10_000))
    rig.inbound("one")
    await modem.settle(await arrival(modem))
    assert rig.stored() == 1
    await modem.close()
    assert rig.stored() == 0


async def test_only_what_was_settled_is_deleted(rig):
    await rig.bank("zte")
    modem = await rig.started()
    for number in range(12):
        rig.inbound(f"message {number}")
    found = await arrivals(modem, 12)
    for one in found[::2]:
        await modem.settle(one)
        await modem.settle(one)
    await until(lambda: rig.stored() == 6)
    await modem.close()
    await modem.start()
    left = await arrivals(modem, 6)
    assert [one.deliver.text for one in left] == [one.deliver.text for one in found[1::2]]


async def test_a_place_whose_content_has_changed_is_not_emptied(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(patience=10_000))
    rig.inbound("old")
    old = await arrival(modem)
    rig.fake.memory("SM").slots.clear()  # somebody else deleted it, and its place was taken
    await modem.settle(old)
    rig.inbound("new")
    await silence(modem)
    new = await arrival(modem)
    assert (new.deliver.text, new.place) == ("new", old.place)
    assert rig.stored() == 1
    await modem.settle(old)
    await silence(modem)
    assert rig.stored() == 1


async def test_messages_in_every_memory_are_found_at_start_and_later(rig):
    await rig.bank("e1550")
    await rig.fault("fill", memory="ME", leave=98)
    await rig.fault("fill", memory="SM", leave=48)
    modem = await rig.started()
    found = await arrivals(modem, 4)
    assert {one.place.memory for one in found} == {"SM", "ME"}
    await rig.fault("fill", memory="ME", leave=97)
    await silence(modem)
    assert (await arrival(modem)).place.memory == "ME"


async def test_a_memory_that_is_announced_wrongly_hides_nothing(rig):
    await rig.bank("e1550")
    modem = await rig.started()
    rig.fake.cnmi[1] = 0  # it stores without a word
    rig.inbound("hidden")
    rig.fake.indicate('+CMTI: "ME",7')
    assert (await arrival(modem)).place == Stored("SM", 0)


async def test_a_full_memory_is_emptied_and_nothing_is_lost(rig):
    await rig.bank("sim800", report_delay=1000)
    modem = await rig.started()
    for number in range(120):  # more than the SIM holds
        rig.inbound(f"message {number}")
    texts = set()
    while len(texts) < 120:
        one = await arrival(modem)
        texts.add(one.deliver.text)
        await modem.settle(one)
    await until(lambda: rig.stored() == 0)


@pytest.mark.parametrize("make", ["e3372", "sim800"])
async def test_what_cannot_be_decoded_is_handed_out_raw_and_blocks_nothing(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    sim = rig.fake.sim
    rig.bank.network.inbound_raw(sim, bytes.fromhex("00ff0102"))
    rig.inbound("after")
    rig.bank.network.inbound_raw(sim, bytes.fromhex("06"), report=True)
    rig.inbound("last")
    found = await arrivals(modem, 4) if make == "e3372" else []
    if not found:  # the report comes directly, and the next only when it is acknowledged
        found = await arrivals(modem, 3)
        for one in found:
            await modem.settle(one)
        found.append(await arrival(modem))
    broken = [one for one in found if isinstance(one, Undecodable)]
    assert [one.raw.endswith((b"\x00\xff\x01\x02", b"\x06")) for one in broken] == [True, True]
    assert all(one.why for one in broken)
    texts = [one.deliver.text for one in found if isinstance(one, DeliverArrived)]
    assert texts == ["after", "last"]
    for one in found:
        await modem.settle(one)
    await until(lambda: rig.stored() == 0)


async def test_an_own_message_in_a_memory_is_left_alone(rig):
    await rig.bank()
    rig.inbound("hello")
    memory = rig.fake.memory("SM")
    await until(lambda: rig.stored() == 1)
    memory.slots[5] = type(memory.slots[0])(encoded().pdu.hex().upper(), encoded().length)
    modem = await rig.started()
    await modem.settle(await arrival(modem))
    await until(lambda: list(memory.slots) == [5])
    await nothing_more(modem)


@pytest.mark.parametrize("make", ["sim800", "ec25", "sim7600"])
async def test_a_direct_report_is_acknowledged_when_it_is_settled_and_not_before(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    await modem.send(encoded("one"), committed())
    await modem.send(encoded("two"), committed())
    first = await arrival(modem)
    assert first.place == Direct(acknowledge=True)
    await silence(modem)
    assert rig.fake.in_hand is not None
    await modem.settle(first)
    second = await arrival(modem)
    assert second.report.reference != first.report.reference
    await modem.settle(second)
    await until(lambda: rig.bank.network.delivered_reports == 2)


async def test_a_direct_report_that_was_not_settled_comes_again_after_a_restart(rig):
    await rig.bank("ec25", cnma_seconds=0.1)
    modem = await rig.started()
    sent = await modem.send(encoded(), committed())
    lost = await arrival(modem)
    await modem.close()
    await until(lambda: rig.fake.stats["cnma_missed"])
    rig.fake.settings.cnma_seconds = 60  # however slow this machine is, it is in time now
    await modem.start()
    rig.bank.network.memory_available(rig.fake.sim)  # it tries again
    again = await arrival(modem)
    assert again.report.reference == lost.report.reference == sent.reference
    await modem.settle(again)
    await until(lambda: rig.bank.network.delivered_reports == 1)


async def test_a_direct_report_is_acknowledged_right_after_the_part_in_flight(rig):
    await rig.bank("ec25")
    modem = await rig.started()
    await modem.send(encoded("one"), committed())
    await rig.do("hold")
    sending = asyncio.create_task(modem.send(encoded("two"), committed()))
    following = asyncio.create_task(modem.send(encoded("three"), committed()))
    report = await arrival(modem)
    await modem.settle(report)
    await until(lambda: rig.fake.held is not None)
    assert rig.fake.in_hand is not None
    await rig.do("hold")
    await rig.do("go")
    await sending
    await until(lambda: rig.bank.network.delivered_reports == 1)
    await until(lambda: rig.fake.held is not None)
    await rig.do("go")
    await following


async def test_notifications_that_were_reset_are_set_again_by_a_check(rig):
    await rig.bank("ec25")
    modem = await rig.started()
    await rig.fault("cnmi", values=[0, 0, 0, 0, 0])
    await silence(modem)
    assert rig.fake.cnmi == [2, 1, 0, 1, 0]
    rig.inbound("hello")
    assert (await arrival(modem)).deliver.text == "hello"


async def test_chatter_and_calls_are_no_arrivals(rig):
    await rig.bank()
    modem = await rig.started()
    for line in ("^RSSI:18", "RING", "+CBM: 4\r\n00000000", "+CMTI: ", "+CMTI: 0,111", "0123"):
        rig.fake.indicate(line)
    await nothing_more(modem)


async def test_next_arrival_ends_with_the_port(rig):
    await rig.bank()
    modem = rig.modem()
    with pytest.raises(PortGone):
        await modem.next_arrival()
    await modem.start()
    waiting = asyncio.create_task(modem.next_arrival())
    await asyncio.sleep(0)
    await modem.close()
    with pytest.raises(PortGone):
        await waiting
    with pytest.raises(PortGone):
        await modem.check()
    with pytest.raises(PortGone):
        await modem.resync()
