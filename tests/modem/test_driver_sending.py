"""One part: on the air once, or not at all, and never in doubt without need."""

import asyncio

import pytest

from appliance.errors import PortGone
from appliance.modem.causes import Kind
from appliance.modem.pdu import EncodedSubmit
from appliance.modem.sending import Sender
from appliance.modem.values import (
    LateReference,
    MaybeSent,
    NotSent,
    Refused,
    ReportArrived,
    Sent,
)
from tests.fake_modem import PERSONALITIES
from tests.modem.driving import (
    NUMBER,
    arrival,
    arrivals,
    committed,
    encoded,
    silence,
    timing,
    until,
)
from tests.modem.peer import HASTY


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_every_make_sends_and_tells_the_reference(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    first, second = [await modem.send(encoded(text), committed()) for text in ("one", "two")]
    assert [sent.text for sent in rig.on_air] == ["one", "two"]
    assert [Sent(sent.reference) for sent in rig.on_air] == [first, second]


@pytest.mark.parametrize("chunk", [1, 7, 1024])
async def test_however_the_bytes_are_cut_parts_and_reports_are_read(rig, chunk):
    await rig.bank("sim800", chunk=chunk)
    modem = await rig.started()
    sent = [await modem.send(encoded(), committed()) for _ in range(3)]
    reported = []
    for _ in sent:
        reported.append(await arrival(modem))
        await modem.settle(reported[-1])
    assert [report.report.reference for report in reported] == [one.reference for one in sent]


async def test_a_long_message_keeps_the_link_open_while_more_parts_wait(rig):
    await rig.bank()
    modem = await rig.started()
    text = "0123456789" * 40
    for part in range(3):
        assert isinstance(
            await modem.send(encoded(text, part=part), committed(), more=part < 2), Sent
        )
    assert [(sent.concat.ordinal, sent.concat.total) for sent in rig.on_air] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]


async def test_what_is_out_of_time_right_before_ctrl_z_is_not_sent(rig):
    await rig.bank()
    modem = await rig.started()
    asked = []

    def in_time():
        asked.append(len(rig.on_air))
        return False

    said = await modem.send(encoded("never"), committed(), in_time=in_time)
    assert said == NotSent("it is too late for it")
    assert asked == [0]
    assert isinstance(await modem.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_nothing_is_on_the_air_before_the_commit(rig):
    await rig.bank()
    modem = await rig.started()
    gate = asyncio.Event()

    async def slow():
        await gate.wait()

    sending = asyncio.create_task(modem.send(encoded(), slow()))
    await until(lambda: rig.fake.prompting is not None)
    assert not sending.done()
    assert rig.on_air == []
    gate.set()
    assert isinstance(await sending, Sent)


async def test_a_commit_may_take_longer_than_a_prompt(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(prompt=30))
    gate = asyncio.Event()

    async def slow():
        await gate.wait()

    sending = asyncio.create_task(modem.send(encoded(), slow()))
    await until(lambda: rig.fake.prompting is not None)
    asyncio.get_running_loop().call_later(0.1, gate.set)
    assert isinstance(await sending, Sent)


async def raises():
    raise OSError("disk full")


async def says_no():
    return False


@pytest.mark.parametrize("commit", [raises, says_no])
async def test_a_commit_that_fails_sends_nothing(rig, commit):
    await rig.bank()
    modem = await rig.started()
    assert await modem.send(encoded("never"), commit()) == NotSent("not committed")
    assert rig.on_air == []
    assert isinstance(await modem.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_without_a_prompt_nothing_is_sent_and_the_next_part_goes(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(prompt=100))
    await rig.fault("no_prompt")
    assert isinstance(await modem.send(encoded("never"), committed()), NotSent)
    assert isinstance(await modem.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_a_prompt_that_comes_too_late_takes_nothing(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(prompt=50))
    await rig.fault("late_prompt", seconds=0.1)
    assert isinstance(await modem.send(encoded("never"), committed()), NotSent)
    assert isinstance(await modem.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_the_commit_is_awaited_to_its_end_even_if_nothing_is_sent(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(prompt=30))
    await rig.fault("no_prompt")
    ended = []

    async def slow():
        await asyncio.sleep(0.1)
        ended.append(True)

    assert isinstance(await modem.send(encoded(), slow()), NotSent)
    assert ended
    await modem.close()
    assert isinstance(await modem.send(encoded(), slow()), NotSent)
    assert len(ended) == 2


@pytest.mark.parametrize(
    ("code", "kind"), [(1, Kind.NUMBER), (21, Kind.SIM), (38, Kind.PASSING), (322, Kind.DEVICE)]
)
async def test_a_refusal_is_classed(rig, code, kind):
    await rig.bank()
    modem = await rig.started()
    refused = await modem.send(encoded(recipient=f"+49151999998{code:03d}"), committed())
    assert isinstance(refused, Refused)
    assert (refused.code, refused.cause.kind, refused.final) == (code, kind, f"+CMS ERROR: {code}")
    assert isinstance(await modem.send(encoded(), committed()), Sent)


@pytest.mark.parametrize("code", [500, 332, 512, None])
async def test_an_ambiguous_error_may_have_sent_it(rig, code):
    await rig.bank()
    modem = await rig.started()
    await rig.fault("error", code=code, sent=True)
    assert isinstance(await modem.send(encoded(), committed()), MaybeSent)
    assert len(rig.on_air) == 1


async def test_a_refusal_before_the_prompt_releases_the_part_whatever_its_code(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.pdu_mode = False  # AT+CMGS is then refused at once
    outcome = await modem.send(encoded(), committed())
    assert isinstance(outcome, NotSent)
    assert outcome.code is not None
    assert rig.on_air == []


async def test_silence_after_ctrl_z_is_maybe_sent_and_the_next_part_is_in_step(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(send=100))
    await rig.fault("lost", number=NUMBER)
    assert isinstance(await modem.send(encoded("lost"), committed()), MaybeSent)
    sent = await modem.send(encoded("next"), committed())
    assert [one.text for one in rig.on_air] == ["lost", "next"]
    assert sent == Sent(rig.on_air[1].reference)


@pytest.mark.parametrize("busy", [True, False])
async def test_a_late_reference_belongs_to_the_part_that_was_given_up(rig, busy):
    await rig.bank("ec25", report_delay=1000)
    modem = await rig.started(timing=timing(send=50, answer=200))
    await rig.fault("late", seconds=0.15, busy=busy)
    assert isinstance(await modem.send(encoded("late"), committed()), MaybeSent)
    late = await arrival(modem)
    assert late == LateReference(rig.on_air[0].reference)
    sent = await modem.send(encoded("next"), committed())
    assert sent == Sent(rig.on_air[1].reference)
    await modem.settle(late)


async def test_a_late_answer_never_answers_the_next_part(rig):
    await rig.bank("ec25", report_delay=1000)
    modem = await rig.started(timing=timing(send=50, answer=300))
    await rig.fault("late", seconds=0.15)
    assert isinstance(await modem.send(encoded("late"), committed()), MaybeSent)
    await rig.fault("error", code=38, number="+4915177777777")
    outcome = await modem.send(encoded("next", recipient="+4915177777777"), committed())
    assert isinstance(outcome, Refused)
    assert await arrival(modem) == LateReference(rig.on_air[0].reference)


async def test_a_port_that_vanishes_before_the_prompt_has_sent_nothing(rig):
    await rig.bank()
    modem = await rig.started()
    await rig.fault("no_prompt", count=-1)
    sending = asyncio.create_task(modem.send(encoded(), committed()))
    await until(lambda: rig.fake.prompting is not None)
    await rig.fault("vanish")
    assert isinstance(await sending, NotSent)


async def test_a_port_that_vanishes_in_mid_send_leaves_the_part_in_doubt(rig):
    await rig.bank()
    modem = await rig.started()
    await rig.do("hold")
    off = "+4915112999001"  # is switched on later, and gives a report only then
    sending = asyncio.create_task(modem.send(encoded(recipient=off), committed()))
    await until(lambda: rig.fake.held is not None)
    await rig.fault("vanish")
    assert isinstance(await sending, MaybeSent)
    with pytest.raises(PortGone):
        await arrival(modem)
    assert modem.health.state == "no_answer"
    assert isinstance(await modem.send(encoded(), committed()), NotSent)

    await rig.do("mend")
    await rig.do("go")
    await modem.start()
    await rig.do("switch_on", number=off)
    found = await arrival(modem)
    while found.report.status:
        found = await arrival(modem)  # first that it is still being tried
    assert found.report.reference == rig.on_air[0].reference


async def test_a_modem_that_stops_reading_has_sent_nothing_and_holds_up_nobody(rig):
    await rig.bank("e3372", "sim800")
    deaf, well = (
        await rig.started(0, timing=timing(prompt=100, answer=100, wake=200)),
        await rig.started(1),
    )
    await rig.fault("deaf", modem=0)
    sending = asyncio.create_task(deaf.send(encoded("never"), committed()))
    for _ in range(5):
        assert isinstance(await well.send(encoded("well"), committed()), Sent)
    assert isinstance(await sending, NotSent)
    assert {sent.text for sent in rig.on_air} == {"well"}


async def test_being_cancelled_before_ctrl_z_sends_nothing_and_leaves_the_port_usable(rig):
    await rig.bank()
    modem = await rig.started()
    gate = asyncio.Event()

    async def slow():
        await gate.wait()

    commit = asyncio.create_task(slow())
    sending = asyncio.create_task(modem.send(encoded("never"), commit))
    await until(lambda: rig.fake.prompting is not None)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not commit.cancelled()
    gate.set()
    await commit
    assert isinstance(await modem.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_being_cancelled_after_ctrl_z_waits_for_the_outcome(rig):
    await rig.bank()
    modem = await rig.started()
    await rig.do("hold")
    sending = asyncio.create_task(modem.send(encoded(), committed()))
    await until(lambda: rig.fake.held is not None)
    for _ in range(3):
        sending.cancel()
        await asyncio.sleep(0)
    assert not sending.done()
    await rig.do("go")
    assert await sending == Sent(rig.on_air[0].reference)


@pytest.mark.parametrize("make", ["e3372", "sim800", "zte"])
@pytest.mark.parametrize("when", ["early", "in_answer"])
async def test_a_report_may_come_before_its_reference_or_in_another_answer(rig, make, when):
    await rig.bank(make, report_timing=when)
    modem = await rig.started()
    sent = await modem.send(encoded(), committed())
    arriving = asyncio.create_task(arrival(modem))
    while when == "in_answer" and not arriving.done():
        await silence(modem)
    report = await arriving
    assert isinstance(report, ReportArrived)
    assert report.report.reference == sent.reference
    await modem.settle(report)


async def test_parts_and_reports_of_many_messages_all_fit(rig):
    await rig.bank("e3372", cmgs_delay=0.001)
    modem = await rig.started()
    await rig.do("set", reference=250)

    async def listen():
        found = []
        while len(found) < 40:
            found.append(await arrival(modem))
            await modem.settle(found[-1])
        return found

    listening = asyncio.create_task(listen())
    sent = [await modem.send(encoded(str(number)), committed()) for number in range(40)]
    reported = await listening
    assert sorted(one.report.reference for one in reported) == sorted(one.reference for one in sent)
    await until(lambda: rig.stored() == 0)
    assert len(rig.on_air) == 40


async def test_a_second_report_is_handed_out_too(rig):
    await rig.bank("e3372", report_copies=2)
    modem = await rig.started()
    await modem.send(encoded(), committed())
    first, second = await arrivals(modem, 2)
    assert first.report == second.report


async def test_a_pdu_that_did_not_leave_whole_was_not_sent(peer, opened):
    link = await opened(timing=HASTY)
    sender = Sender(link)
    sending = asyncio.create_task(
        sender.send(EncodedSubmit(bytes(100_000), 4), committed(), more=False)
    )
    await peer.hears(b"AT+CMGS=4\r")
    peer.stop_reading()
    peer.say(b"\r\n> ")
    assert isinstance(await sending, NotSent)
    assert b"\x1a" not in peer.heard


async def test_an_ok_without_a_reference_may_have_sent_it(peer, opened):
    link = await opened()
    sending = asyncio.create_task(Sender(link).send(encoded(), committed(), more=False))
    await peer.hears(b"AT+CMGS=")
    peer.say(b"\r\n> ")
    await peer.hears(b"\x1a")
    peer.say(b"\r\nOK\r\n")
    assert isinstance(await sending, MaybeSent)


async def test_a_refused_cmms_is_not_asked_for_again(peer, opened):
    peer.replies[b"AT+CMMS=2"] = b"\r\n+CMS ERROR: 500\r\n"
    link = await opened()
    sender = Sender(link)
    for count in (1, 2):
        sending = asyncio.create_task(sender.send(encoded(), committed(), more=True))
        while peer.heard.count(b"AT+CMGS=") < count:
            await asyncio.sleep(0.005)
        peer.say(b"\r\n> ")
        while peer.heard.count(b"\x1a") < count:
            await asyncio.sleep(0.005)
        peer.say(b"\r\n+CMGS: 7\r\n\r\nOK\r\n")
        assert await sending == Sent(7)
    assert peer.heard.count(b"AT+CMMS") == 1
