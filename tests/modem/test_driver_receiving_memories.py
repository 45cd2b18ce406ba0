"""Memories that are full, broken or cannot be listed: nothing in them is lost, nothing blocks."""

import pytest

from appliance.modem.answers import Usage
from appliance.modem.news import News, Note, note_of
from appliance.modem.values import DeliverArrived, Stored, Undecodable
from tests.fake_modem.sim import Stored as Kept
from tests.modem.driving import (
    arrival,
    arrivals,
    encoded,
    silence,
    timing,
    until,
)

BROKEN = {
    "cut short": "0791947101670000040D91945121",
    "too long an address": "0004FF91" + "00" * 20,
    "an odd number of digits": "0791947101670",
    "no hex at all": "PLEASE INSERT COIN",
    "nothing": "",
    "the reserved type": "0003" + "00" * 20,
}


def distorted(fake, change):
    """Have every listing that holds something come out as ``change(lines, finals)`` returns it."""
    answer = fake.answer

    def changed(lines, *finals):
        if any(line.startswith("+CMGL:") for line in lines):
            lines, finals = change(list(lines), finals)
        answer(lines, *finals)

    fake.answer = changed


async def three(rig, make="e3372", **more):
    """Start a modem that has three messages in its SIM's memory."""
    await rig.bank(make)
    for text in ("one", "two", "three"):
        rig.inbound(text)
    await until(lambda: rig.stored() == 3)
    return await rig.started(**more)


def texts(found):
    return [one.deliver.text for one in found if isinstance(one, DeliverArrived)]


async def settle(modem, found):
    for one in found:
        await modem.settle(one)


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("pdu", BROKEN.values(), ids=BROKEN)
async def test_one_broken_entry_neither_blocks_nor_shifts_nor_deletes_the_others(
    rig, pdu, position
):
    await rig.bank()
    for text in ("one", "two"):
        rig.inbound(text)
    await until(lambda: rig.stored() == 2)
    memory = rig.fake.memory("SM")
    good = list(memory.slots.values())
    good.insert(position, Kept(pdu, len(pdu) // 2 - 1))
    memory.slots = dict(enumerate(good))
    modem = await rig.started()
    readable = pdu and set(pdu) <= set("0123456789ABCDEF")
    found = await arrivals(modem, 3 if readable else 2)
    assert texts(found) == ["one", "two"]
    broken = [one for one in found if isinstance(one, Undecodable)]
    assert [(one.place.index, bool(one.why)) for one in broken] == [(position, True)] * len(broken)
    await settle(modem, found)
    await until(lambda: len(memory.slots) == 3 - len(found))
    # What shows no octets at all was not seen: it stays where it is.
    assert list(memory.slots) == ([] if readable else [position])
    rig.inbound("after")
    assert (await arrival(modem)).deliver.text == "after"


@pytest.mark.parametrize("missing", [0, 1, 2])
async def test_an_entry_listed_without_its_pdu_is_read_by_its_index(rig, missing):
    await rig.bank()
    for text in ("one", "two", "three"):
        rig.inbound(text)
    await until(lambda: rig.stored() == 3)

    def without(lines, finals):
        if missing < len(lines):
            lines[missing] = lines[missing].partition("\r\n")[0]
        return lines, finals

    distorted(rig.fake, without)
    modem = await rig.started()
    found = await arrivals(modem, 3)
    assert {one.place.index: one.deliver.text for one in found} == {0: "one", 1: "two", 2: "three"}
    await settle(modem, found)
    await until(lambda: rig.stored() == 0)


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("final", [(), ("+CMS ERROR: 500",), ("ERROR",)], ids=str)
async def test_a_listing_that_breaks_off_loses_nothing(rig, kept, final):
    await rig.bank()
    for text in ("one", "two", "three"):
        rig.inbound(text)
    await until(lambda: rig.stored() == 3)
    distorted(rig.fake, lambda lines, _finals: (lines[:kept], final))
    modem = await rig.started(timing=timing(answer=150))
    found = await arrivals(modem, 3)
    assert texts(found) == ["one", "two", "three"]
    await settle(modem, found)
    await until(lambda: rig.stored() == 0)
    assert modem.counts["silent_listings"] == (not final)


async def test_a_modem_that_falls_silent_at_a_listing_is_never_asked_for_one_again(rig):
    listings = 0

    def silent(_lines, _finals):
        nonlocal listings
        listings += 1
        return (), ()

    await rig.bank("e1550")
    rig.inbound("one")
    await until(lambda: rig.stored() == 1)
    distorted(rig.fake, silent)
    modem = await rig.started(timing=timing(answer=150))
    await modem.settle(await arrival(modem))
    await until(lambda: rig.stored() == 0)
    rig.inbound("two")
    assert (await arrival(modem)).deliver.text == "two"
    await modem.close()
    await modem.start()
    assert (await arrival(modem)).deliver.text == "two"
    assert listings == 1


async def test_a_full_memory_that_cannot_be_listed_is_read_and_emptied(rig):
    await rig.bank("e1550")
    await rig.do("fill", memory="SM")
    distorted(rig.fake, lambda _lines, _finals: ((), ()))
    modem = await rig.started(timing=timing(answer=150))
    await settle(modem, await arrivals(modem, 50))
    await until(lambda: rig.stored() == 0)


async def test_orphaned_parts_that_are_safe_leave_a_full_memory(rig):
    await rig.bank()
    await rig.do("fill", memory="SM", what="orphans")
    waiting = rig.inbound("there was no room")
    modem = await rig.started()
    found = await arrivals(modem, 50)
    assert {one.deliver.concat.ordinal for one in found} == {1, 2}
    await settle(modem, found)
    last = await arrivals(modem, waiting)
    assert texts(last) == ["there was no room"]


async def test_drafts_are_left_alone_while_there_is_room(rig):
    await rig.bank()
    await rig.do("fill", memory="SM", what="drafts", count=39)
    modem = await rig.started()
    await silence(modem)
    assert rig.stored() == 39
    assert modem.usages[0] == Usage("SM", 39, 50)


async def test_drafts_are_thrown_out_of_a_memory_that_is_nearly_full_and_nothing_else(rig):
    await rig.bank()
    await rig.do("fill", memory="SM", what="drafts", count=30)
    await rig.do("fill", memory="SM", what="old", count=15)
    modem = await rig.started()
    found = await arrivals(modem, 15)
    assert rig.stored() == 15
    assert modem.counts["drafts_deleted"] == 30
    assert modem.health.storage == "SM 15/50"
    await settle(modem, found)
    await until(lambda: rig.stored() == 0)


async def test_what_is_junk_in_a_full_memory_is_handed_out_raw_and_leaves(rig):
    await rig.bank("zte")
    await rig.do("fill", memory="ME", what="junk", count=90)
    modem = await rig.started()
    found = await arrivals(modem, 90)
    assert all(isinstance(one, Undecodable) for one in found)
    await settle(modem, found)
    await until(lambda: rig.stored() == 0)


async def test_how_full_each_memory_is_is_known_and_told(rig):
    await rig.bank("e1550")
    await rig.do("fill", memory="ME", count=85)
    modem = await rig.started()
    assert set(modem.usages) == {Usage("SM", 0, 50), Usage("ME", 85, 100), Usage("SR", 0, 50)}
    assert modem.health.storage == "SM 0/50, ME 85/100"
    await settle(modem, await arrivals(modem, 85))
    await until(lambda: rig.stored() == 0)
    await silence(modem)
    assert modem.health.storage == "SM 0/50"


async def test_a_note_that_a_memory_is_full_makes_all_memories_be_looked_through(rig):
    await rig.bank("e1550")
    modem = await rig.started()
    rig.fake.cnmi[1] = 0  # as real ones do once they were full: not a word any more
    rig.inbound("unheard")
    await until(lambda: rig.stored() == 1)
    rig.fake.indicate('^SMMEMFULL: "ME"')
    assert (await arrival(modem)).deliver.text == "unheard"
    assert modem.counts["full"] == 1


async def test_that_arrivals_are_told_is_seen_to_in_every_sweep(rig):
    await rig.bank("e3372")
    modem = await rig.started()
    await rig.fault("cnmi", values=[0, 0, 0, 0, 0])
    rig.inbound("unheard")
    await until(lambda: rig.stored() == 1)
    rig.fake.indicate('^SMMEMFULL: "SM"')
    assert (await arrival(modem)).deliver.text == "unheard"
    await until(lambda: rig.fake.cnmi[:2] == [1, 1])


async def test_after_noise_all_memories_are_looked_through(rig):
    await rig.bank("e3372")
    modem = await rig.started()
    rig.fake.cnmi[1] = 0
    rig.inbound("announced in noise")
    await until(lambda: rig.stored() == 1)
    rig.fake.emit(b"\xfe" * 5000 + b'\r\n+CM\xffI: "S\x00')
    rig.fake.indicate("^RSSI:1")
    assert (await arrival(modem)).deliver.text == "announced in noise"


async def test_after_a_silence_all_memories_are_looked_through(rig):
    await rig.bank("e3372")
    modem = await rig.started()
    rig.fake.cnmi[1] = 0
    rig.inbound("announced in the silence")
    await until(lambda: rig.stored() == 1)
    await modem.resync()
    assert (await arrival(modem)).deliver.text == "announced in the silence"


async def test_cell_broadcasts_are_counted_and_nothing_else(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.indicate("+CBM: 88", "00" * 88)
    rig.fake.indicate('+CBMI: "BM",3')
    rig.inbound("after")
    assert (await arrival(modem)).deliver.text == "after"
    assert modem.counts["broadcasts"] == 2


async def test_what_lay_in_a_memory_at_start_is_told_from_what_came_later(rig):
    await rig.bank("e1550")
    await rig.do("fill", memory="ME", count=2)
    await rig.do("fill", memory="SM", count=1)
    modem = await rig.started()
    found = await arrivals(modem, 3)
    assert {(one.place.memory, one.place.own, one.place.old) for one in found} == {
        ("SM", False, True),
        ("ME", True, True),
    }
    assert modem.holds_old
    await settle(modem, found)
    await until(lambda: rig.stored() == 0)
    await silence(modem)
    assert not modem.holds_old
    await rig.do("fill", memory="ME", count=1)
    await silence(modem)
    later = await arrival(modem)
    assert (later.place, later.place.old) == (Stored("ME", 0), False)
    assert not modem.holds_old


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ('+CMTI: "SM",3', Note(News.STORED, "SM")),
        ('+CDSI: "SR",50', Note(News.STORED, "SR")),
        ("+CMTI: ME,3", Note(News.STORED, "ME")),
        ("+CMTI: 0,111", Note(News.STORED)),
        ("+CMTI: ", Note(News.STORED)),
        ("+CMT: ,24", Note(News.DIRECT)),
        ("+CDS: ,25", Note(News.DIRECT)),
        ("+CBM: 88", Note(News.BROADCAST)),
        ('+CBMI: "BM",1', Note(News.BROADCAST)),
        ('^SMMEMFULL: "SM"', Note(News.FULL, "SM")),
        ("^SMMEMFULL:ME", Note(News.FULL, "ME")),
        ('+SMMEMFULL: "ME"', Note(News.FULL, "ME")),
        ("^SMGO: 1", Note(News.FULL)),
        ("^SMGO: 2", Note(News.FULL)),
        ("^SMGO: 0", None),
        ('+QIND: "smsfull","SM"', Note(News.FULL, "SM")),
        ('+CIEV: "SMSFULL",1', Note(News.FULL)),
        ('+CIEV: "SMSFULL",0', None),
        ("+WMGF", Note(News.FULL)),
        ('#SMOV: "SM"', Note(News.FULL, "SM")),
        ("SMS FULL", Note(News.FULL)),
        ('+QIND: "csq",20,99', None),
        ("+CIEV: 7,1", None),
        ("+CMGS: 7", None),
        ("^RSSI:18", None),
        ("RING", None),
    ],
)
def test_what_a_line_says_about_messages_is_understood(line, note):
    assert note_of(line) == note


async def test_an_own_message_is_never_taken_for_one_of_the_network(rig):
    await rig.bank()
    memory = rig.fake.memory("SM")
    memory.slots[0] = Kept(encoded().pdu.hex().upper(), encoded().length)
    rig.inbound("hello")
    await until(lambda: rig.stored() == 2)
    modem = await rig.started()
    assert (await arrival(modem)).place == Stored("SM", 1)
