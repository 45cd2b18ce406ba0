"""Modems that speak oddly: late echoes, odd line ends, words for numbers, floods, restarts."""

import asyncio
import re

import pytest

from appliance.errors import ModemSilent, NotReady
from appliance.modem.causes import Kind
from appliance.modem.driver import Modem
from appliance.modem.values import (
    LineState,
    MaybeSent,
    NotSent,
    Refused,
    ReportArrived,
    Sent,
    Undecodable,
)
from tests.fake_modem.commands import CME_TEXTS, CMS_TEXTS
from tests.modem.driving import (
    arrival,
    arrivals,
    committed,
    encoded,
    silence,
    timing,
    until,
)


def says(fake, change):
    """Have what a modem says changed on its way."""
    say = fake.say
    fake.say = lambda data: say(change(data))


async def works(rig, modem):
    """Send a part, get its report and an inbound message."""
    sent = await modem.send(encoded(), committed())
    assert isinstance(sent, Sent)
    report = await arrival(modem)
    assert isinstance(report, ReportArrived)
    await modem.settle(report)
    rig.inbound("hello")
    came = await arrival(modem)
    assert came.deliver.text == "hello"
    await modem.settle(came)


@pytest.mark.parametrize("make", ["e3372", "ec25", "sim800"])
@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n \r\n"])
async def test_line_ends_may_be_any(rig, make, ends):
    await rig.bank(make)
    says(rig.fake, lambda data: data.replace(b"\r\n", ends))
    await works(rig, await rig.started())


@pytest.mark.parametrize("make", ["e3372", "ec25", "sim7600"])
async def test_an_echo_that_comes_behind_its_answer_is_part_of_no_other(rig, make):
    await rig.bank(make)
    fake, receive = rig.fake, rig.fake.receive
    echo = b""

    def late(data):
        nonlocal echo
        fake.echo = False
        fake.emit(echo)  # just before the next answer
        echo = data.replace(b"\x1b", b"").replace(b"\x1a", b"") + b"\n"
        receive(data)

    fake.receive = late
    modem = await rig.started()
    assert (modem.identity.imei, modem.identity.model) == (fake.imei, fake.personality.model)
    assert modem.sim.iccid == fake.sim.iccid
    await works(rig, modem)


def in_words(data):
    """Say errors as AT+CMEE=2 asks for them, whatever was asked."""
    for name, texts in ((rb"CMS", CMS_TEXTS), (rb"CME", CME_TEXTS)):
        data = re.sub(
            rb"\+" + name + rb" ERROR: (\d+)",
            lambda found, name=name, texts=texts: (
                b"+" + name + b" ERROR: " + texts.get(int(found[1]), found[1].decode()).encode()
            ),
            data,
        )
    return data


async def test_errors_in_words_mean_what_their_numbers_mean(rig):
    await rig.bank("ec25")
    says(rig.fake, in_words)
    await rig.fault("sim_out")
    modem = rig.modem()
    with pytest.raises(NotReady):
        await modem.start()
    assert modem.health.state is LineState.sim_missing
    await rig.fault("sim_in")
    await until(lambda: rig.fake.sms_ready)
    await modem.start()
    await rig.fault("error", code=42)
    refused = await modem.send(encoded(), committed())
    assert isinstance(refused, Refused)
    assert (refused.code, refused.cause.kind) == (42, Kind.PASSING)


async def test_a_flood_of_announcements_holds_up_no_part_and_nothing_is_handed_out_twice(rig):
    await rig.bank("ec25")
    modem = await rig.started()
    rig.inbound("hello")
    came = await arrival(modem)
    for number in range(300):
        rig.fake.indicate(f'+CMTI: "{"SM" if number % 2 else "ME"}",{number % 50}')
    sent = [await modem.send(encoded(), committed()) for _ in range(3)]
    assert all(isinstance(one, Sent) for one in sent)
    await modem.settle(came)
    for _ in sent:
        report = await arrival(modem)
        assert isinstance(report, ReportArrived)
        await modem.settle(report)
    await silence(modem)
    assert not modem._line.arrivals


@pytest.mark.parametrize("change", [1, -1, 40])
async def test_a_report_that_announces_a_wrong_length_is_taken_all_the_same(rig, change):
    await rig.bank("sim800")
    modem = await rig.started(timing=timing(answer=200))
    length = re.compile(rb"\+CDS: (\d+)")
    says(
        rig.fake,
        lambda data: length.sub(lambda found: b"+CDS: %d" % (int(found[1]) + change), data),
    )
    sent = await modem.send(encoded(), committed())
    report = await arrival(modem)
    assert report.report.reference == sent.reference
    await modem.settle(report)
    await until(lambda: rig.fake.in_hand is None)


async def test_a_report_that_was_torn_is_kept_raw_and_comes_again(rig):
    await rig.bank("sim800", cnma_seconds=0.3)
    modem = await rig.started(timing=timing(answer=50))
    torn = re.compile(rb"(\+CDS: \d+\r\n[0-9A-F]{40})[0-9A-F]+")
    once = iter([True])
    says(
        rig.fake,
        lambda data: torn.sub(rb"\1", data) if torn.search(data) and next(once, None) else data,
    )
    sent = await modem.send(encoded(), committed())
    kept = await arrival(modem)
    assert isinstance(kept, Undecodable)
    await modem.settle(kept)
    await until(lambda: rig.fake.stats["cnma_missed"])  # it was not acknowledged
    await silence(modem)  # sets again what that has switched off
    rig.bank.network.memory_available(rig.fake.sim)
    report = await arrival(modem)
    assert report.report.reference == sent.reference


class Yes(asyncio.Protocol):
    """Says OK to everything."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"\r\nOK\r\n" * data.count(b"\r"))


async def test_what_says_ok_to_everything_is_no_modem_that_sends():
    server = await asyncio.get_running_loop().create_server(Yes, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    modem = Modem(f"socket://127.0.0.1:{port}", slot="yes", timing=timing())
    try:
        with pytest.raises(NotReady):
            await modem.start()
        assert modem.health.state is LineState.blocked
        assert "neither the SIM's ICCID nor its IMSI" in modem.health.cause
    finally:
        await modem.close()
        server.close()


@pytest.mark.parametrize("make", ["sim800", "m95"])
async def test_a_modem_that_restarts_in_mid_send_is_not_waited_for(rig, make):
    """Too little current mostly: it goes off in the moment in which it sends."""
    await rig.bank(make)
    modem = await rig.started(timing=timing(send=600_000))
    await rig.do("hold")
    sending = asyncio.create_task(modem.send(encoded(), committed()))
    await until(lambda: rig.fake.held is not None)
    rig.fake.reset()
    outcome = await sending
    assert isinstance(outcome, MaybeSent)
    assert "restarted" in outcome.why
    assert modem.restarts(within=timing().send) == 1
    await until(lambda: rig.fake.sms_ready and rig.fake.cnmi == [2, 1, 0, 1, 0])
    await rig.do("mend")
    assert isinstance(await modem.send(encoded("next"), committed()), Sent)


async def test_a_modem_that_restarts_at_the_prompt_has_sent_nothing(rig):
    await rig.bank("sim800")
    modem = await rig.started()
    await rig.fault("no_prompt", count=1)
    sending = asyncio.create_task(modem.send(encoded(), committed()))
    await until(lambda: rig.fake.prompting is not None)
    rig.fake.reset()
    assert isinstance(await sending, NotSent)
    assert rig.on_air == []


@pytest.mark.parametrize("make", ["e3372", "ec25"])
async def test_places_with_gaps_are_all_read_though_listing_is_of_no_use(rig, make):
    await rig.bank(make)
    await (await rig.started()).close()  # from now on "SM" takes what comes
    for number in range(6):
        rig.inbound(f"no. {number}")
    memory = rig.fake.memory("SM")
    await until(lambda: len(memory.slots) == 6)
    places = (0, 7, 8, 30, 48, 49)
    memory.slots = dict(zip(places, memory.slots.values(), strict=True))
    modem = rig.modem()
    modem._habits.by_index = True
    await modem.start()
    came = await arrivals(modem, 6)
    assert {one.deliver.text for one in came} == {f"no. {number}" for number in range(6)}
    for one in came:
        await modem.settle(one)
    await until(lambda: not memory.slots)


async def test_one_index_in_two_memories_is_two_messages(rig):
    await rig.bank("ec25")
    await (await rig.started()).close()  # from now on "SM" takes what comes
    rig.inbound("in SM")
    sm, me = rig.fake.memory("SM"), rig.fake.memory("ME")
    await until(lambda: 0 in sm.slots)
    me.slots[0] = sm.slots.pop(0)
    rig.inbound("in ME")
    await until(lambda: 0 in sm.slots)
    modem = await rig.started()
    came = await arrivals(modem, 2)
    assert {one.place.memory: one.place.index for one in came}.keys() == {"SM", "ME"}
    await modem.settle(next(one for one in came if one.place.memory == "ME"))
    await until(lambda: not me.slots)
    assert sm.slots


async def test_a_prompt_that_comes_after_it_was_given_up_takes_nothing_of_the_next_part(rig):
    await rig.bank("e3372")
    modem = await rig.started(timing=timing(prompt=100))
    rig.fake.faults.late_prompt = 0.2
    assert isinstance(await modem.send(encoded("first"), committed()), NotSent)
    assert isinstance(await modem.send(encoded("second"), committed()), Sent)
    assert [one.text for one in rig.on_air] == ["second"]


async def test_a_port_that_falls_silent_for_good_after_a_part_was_asked_for_says_so(rig):
    await rig.bank("e3372")
    modem = await rig.started(timing=timing(prompt=100, answer=100, wake=200))
    await rig.fault("hang")
    assert isinstance(await modem.send(encoded(), committed()), NotSent)
    with pytest.raises(ModemSilent):
        await modem.check()
