"""The SIM that goes, comes, or is another one; and what else a start notes of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.clock import ManualClock
from appliance.errors import NotReady
from appliance.modem import answers
from appliance.modem.signs import READY_NOTE, SIM_NOTE
from appliance.modem.values import LineState
from tests.fake_modem import PERSONALITIES
from tests.modem.driving import LIMIT, arrival, silence, timing, until

TALKING = [name for name, make in PERSONALITIES.items() if make.sim_out]

LATER = timing(retry=60_000, sim=60_000, registration=60_000)  # longer than a test may take


async def hears_of_it(modem):
    async with asyncio.timeout(LIMIT):
        with pytest.raises(NotReady):
            await modem.next_arrival()


@pytest.mark.parametrize("make", TALKING)
async def test_a_sim_that_is_taken_out_is_noticed_at_once(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    await rig.fault("sim_out")
    await hears_of_it(modem)
    assert modem.health.state is LineState.sim_missing


@pytest.mark.parametrize("make", ["e3372", "sim7600", "ec25"])
async def test_a_sim_that_is_exchanged_is_noticed_at_once(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    was = modem.sim.iccid
    await rig.fault("swap")
    await hears_of_it(modem)
    await until(lambda: rig.fake.sms_ready)
    await modem.start()
    assert modem.sim.iccid not in {was, None}


async def test_what_lies_on_another_sim_is_not_taken_for_what_came_to_this_one(rig):
    """Nothing told of the change, and a word of something new has the memory read."""
    await rig.bank("zte")
    modem = await rig.started()
    await rig.fault("swap")
    await until(lambda: rig.fake.sms_ready)
    await rig.fault("fill", memory="SM")
    await rig.do("say", text='+CMTI: "SM",1')
    await hears_of_it(modem)
    assert modem.health.cause.startswith("Another SIM")
    assert rig.fake.memory("SM").full  # nothing was deleted either


async def test_a_sim_that_holds_much_that_is_new_and_is_the_same_has_it_read(rig):
    await rig.bank("zte")
    modem = await rig.started()
    await rig.fault("fill", memory="SM", leave=40)
    await rig.do("say", text='+CMTI: "SM",1')
    for _ in range(10):
        assert (await arrival(modem)).place.memory == "SM"


async def test_a_sim_that_only_says_that_it_is_ready_changes_nothing(rig):
    await rig.bank()
    modem = await rig.started()
    for note in ("+CPIN: READY", "^SIMST:1", "+QUSIM: 1"):
        await rig.do("say", text=note)
    await silence(modem)
    assert modem.health.state is LineState.ready
    assert modem._line.arrivals._gone is None


@pytest.mark.parametrize("make", ["sim800", "sim7600"])
async def test_a_slow_starter_is_gone_on_with_as_soon_as_it_says_that_it_is_ready(rig, make):
    await rig.bank(make)
    rig.fake.reset()
    await until(lambda: rig.bank.ports[0].present)
    modem = rig.modem(timing=LATER)
    async with asyncio.timeout(LIMIT):
        await modem.start()
    assert modem.health.state is LineState.ready


async def test_a_network_that_comes_late_is_noticed_when_the_modem_says_so(rig):
    await rig.bank()
    await rig.fault("coverage", coverage="searching")
    modem = rig.modem(timing=LATER)
    starting = asyncio.create_task(modem.start())
    await until(lambda: modem.health.state is LineState.searching)
    await rig.fault("coverage", coverage="home")
    await rig.do("say", text="+CREG: 1")
    async with asyncio.timeout(LIMIT):
        await starting


async def test_a_modem_that_only_knows_texts_cannot_send(rig):
    await rig.bank()
    more = {**rig.fake.personality.answers, "+CMGF=?": ("+CMGF: (1)",)}
    rig.fake.personality = replace(rig.fake.personality, answers=more)
    modem = rig.modem()
    with pytest.raises(NotReady):
        await modem.start()
    assert "text mode only" in modem.health.cause


async def test_a_service_that_is_not_offered_is_not_asked_for(rig):
    await rig.bank("ec25")
    more = {**rig.fake.personality.answers, "+CSMS=?": ("+CSMS: (0)",)}
    rig.fake.personality = replace(rig.fake.personality, answers=more)
    modem = await rig.started()
    assert rig.fake.csms == 0
    assert modem.health.reports == "direct"


async def test_service_centre_and_clock_are_noted(rig):
    await rig.bank()
    await rig.do("set", network={"clock": 3600.0})
    modem = await rig.started()
    assert modem.health.service_centre == rig.bank.network.settings.smsc
    assert abs(modem.health.clock_offset - 3600) <= 5
    await rig.do("set", network={"clock": None})
    await silence(modem)
    assert modem.health.clock_offset is None


async def test_a_clock_that_goes_like_ours_is_no_news(rig):
    await rig.bank()
    clock = ManualClock(datetime.now(UTC))
    modem = await rig.started(clock=clock)
    noted = modem.health.clock_offset
    clock.advance(timedelta(seconds=2))
    await silence(modem)
    assert modem.health.clock_offset == noted
    clock.advance(timedelta(minutes=5))
    await silence(modem)
    assert modem.health.clock_offset <= noted - 300


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('+CCLK: "26/05/04,14:00:00+08"', datetime(2026, 5, 4, 12, 0, tzinfo=UTC)),
        ('+CCLK: "26/05/04,07:30:00-18"', datetime(2026, 5, 4, 12, 0, tzinfo=UTC)),
        ('+CCLK: "2026/05/04,12:00:00+00"', datetime(2026, 5, 4, 12, 0, tzinfo=UTC)),
        ('+CCLK: "80/01/06,00:00:12+00"', None),  # GPS time begins there
        ('+CCLK: "04/01/01,00:00:12+00"', None),
        ('+CCLK: "26/05/04,14:00:00"', None),  # in which zone?
        ('+CCLK: "26/13/04,14:00:00+08"', None),
        ("+CCLK: ", None),
    ],
)
def test_a_modems_clock_is_read_where_it_can_be(line, told):
    assert answers.clock([line]) == told


@pytest.mark.parametrize(
    "note",
    [
        *(
            "+CPIN: NOT INSERTED",
            "+CPIN: NOT READY",
            "+QUSIM: 0",
            "^SIMST:255",
            "+SIM: NOT INSERTED",
        ),
        *("+ZUSIMR:2", "^SCKS: 0", "#QSS: 0", "+WIND: 0", "+QSIMSTAT: 1,0"),
    ],
)
def test_every_make_has_its_way_to_say_that_the_sim_went(note):
    assert SIM_NOTE.match(note)
    assert not READY_NOTE.match(note) or "ZUSIMR" in note


@pytest.mark.parametrize("line", ["+CSQ: 20,99", "^RSSI:18", '+CMTI: "SM",1', "+WIND: 7", "OK"])
def test_nothing_else_is_taken_for_it(line):
    assert not SIM_NOTE.match(line)
