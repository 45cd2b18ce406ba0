"""From a port to a line that can send, or to a state with its cause and what to do."""

import asyncio

import pytest

from appliance.errors import ModemError, ModemSilent, NotReady, PortGone
from appliance.modem.choices import Notifications, choose_memories, choose_notifications
from appliance.modem.health import ADVICE, BY_ERROR, REGISTERED, Trouble
from appliance.modem.profiles import GENERIC, PROFILES, profile_for
from appliance.modem.values import LineState, Sent, SimRules
from tests.fake_modem import PERSONALITIES
from tests.fake_modem.faults import Hang
from tests.modem.driving import arrival, committed, encoded, silence, timing, until


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_every_make_becomes_ready_and_known(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    fake = rig.fake
    assert (modem.identity.imei, modem.identity.slot) == (fake.imei, "slot0")
    assert modem.identity.model == fake.personality.model
    assert modem.identity.profile != "generic"
    assert (modem.sim.iccid, modem.sim.imsi, modem.sim.number) == (
        fake.sim.iccid,
        fake.sim.imsi,
        fake.sim.number,
    )
    health = modem.health
    assert (health.state, health.cause, health.next_step) == (LineState.ready, "", "")
    assert (health.registration, health.operator, health.signal_dbm) == ("home", "Telekom.de", -71)
    assert health.storage == f"SM 0/{fake.memory('SM').size}"


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_every_make_starts_from_cold(rig, make):
    await rig.bank(make, noise=True)
    rig.fake.reset()
    await until(lambda: rig.bank.ports[0].present)
    modem = await rig.started(timing=timing(sim=5000, registration=5000))
    assert modem.health.state is LineState.ready
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_a_prompt_left_by_a_dead_process_is_left_at_start(rig):
    await rig.bank("sim800")
    first = await rig.started()
    gate = asyncio.Event()
    sending = asyncio.create_task(first.send(encoded("never"), gate.wait()))
    await until(lambda: rig.fake.prompting is not None)
    first._line.link._die("as if killed")
    gate.set()
    await sending
    await first.close()
    second = await rig.started()
    assert isinstance(await second.send(encoded("then"), committed()), Sent)
    assert [sent.text for sent in rig.on_air] == ["then"]


async def test_states_are_told_on_the_way(rig):
    await rig.bank()
    told = []
    modem = rig.modem(on_health=told.append)
    await modem.start()
    await modem.close()
    states = [health.state for health in told]
    assert states[0] is LineState.starting
    assert LineState.ready in states
    assert states[-1] is LineState.no_answer


async def fails(modem, state, error=NotReady):
    with pytest.raises(error):
        await modem.start()
    assert modem.health.state is state
    assert modem.health.cause
    assert modem.health.next_step
    assert modem._line is None
    return modem.health


async def test_a_port_that_is_not_there_is_told(rig):
    await rig.bank()
    modem = rig.modem(7)
    health = await fails(modem, LineState.no_answer, PortGone)
    assert "No such file" in health.cause


async def test_a_modem_that_does_not_answer_is_told_and_may_be_started_later(rig):
    await rig.bank()
    modem = rig.modem(timing=timing(wake=200, answer=50))
    await rig.fault("hang")
    await fails(modem, LineState.no_answer, ModemSilent)
    await rig.do("mend")
    await modem.start()
    assert modem.health.state is LineState.ready


async def test_a_pin_is_asked_for_once_and_entered(rig):
    await rig.bank("e3372", "ec25", "sim800", "zte")
    for number, fake in enumerate(rig.bank.modems):
        await rig.fault("pin", modem=number, pin="4711")
        asked = []
        modem = rig.modem(number, pin=lambda sim, asked=asked: asked.append(sim) or "4711")
        await modem.start()
        assert modem.health.state is LineState.ready
        assert len(asked) == 1
        assert modem.identity.imei == fake.imei
        assert fake.sim.tries == 3


@pytest.mark.parametrize("make", ["e3372", "ec25", "sim800", "zte", "e1550"])
async def test_a_wrong_pin_is_tried_once_in_a_process(rig, make):
    await rig.bank(make)
    await rig.fault("pin", pin="4711")
    modem = rig.modem(pin=lambda _sim: "0000")
    for _ in range(3):
        await fails(modem, LineState.pin_needed)
        assert rig.fake.sim.tries == 2
    other = rig.modem(pin=lambda _sim: "0000")
    await fails(other, LineState.pin_needed)
    assert rig.fake.sim.tries == 2
    right = rig.modem(pin=lambda _sim: "4711")
    await right.start()
    assert rig.fake.sim.tries == 3


@pytest.mark.parametrize("make", ["e3372", "ec25", "sim800"])
async def test_the_last_try_of_a_pin_is_never_used(rig, make):
    await rig.bank(make)
    await rig.fault("pin", pin="4711", tries=1)
    health = await fails(rig.modem(pin=lambda _sim: "4711"), LineState.pin_needed)
    assert "one try" in health.cause
    assert rig.fake.sim.tries == 1


async def test_a_pin_is_neither_logged_nor_shown(rig, caplog):
    await rig.bank("ec25", "ec25")
    await rig.fault("pin", pin="4711")
    told = []
    modem = rig.modem(pin=lambda _sim: "4711", on_health=told.append)
    with caplog.at_level("DEBUG"):
        await modem.start()
        await rig.fault("pin", modem=1, pin="4711")
        fake = rig.bank.modems[1]
        fake.sim.unlock = lambda _pin: setattr(fake.faults, "hang", Hang(begun=True))
        silent = rig.modem(1, pin=lambda _sim: "4711", timing=timing(sim=300))
        with pytest.raises(ModemError) as caught:
            await silent.start()
    assert caught.value.command == "AT+CPIN"
    assert "4711" not in caplog.text + str(caught.value) + str(told) + str(silent.health)


async def test_a_pin_whose_answer_is_lost_is_no_refused_one_once_the_sim_is_open(rig):
    await rig.bank("ec25")
    await rig.fault("pin", pin="4711")
    fake, taken = rig.fake, rig.fake.sim.unlock

    def takes_it_and_falls_silent(pin):
        fake.faults.hang = Hang(begun=True)
        return taken(pin)

    fake.sim.unlock = takes_it_and_falls_silent
    modem = rig.modem(pin=lambda _sim: "4711", timing=timing(sim=300, wake=300))
    with pytest.raises(ModemSilent):
        await modem.start()
    await rig.do("mend")
    await until(lambda: fake.sms_ready)
    await modem.start()
    fake.sim.unlock = taken
    fake.sim.power_on()
    await modem.start()
    assert modem.health.state is LineState.ready


@pytest.mark.parametrize(("fun", "make"), [(4, "ec25"), (0, "e3372"), (4, "sim7600")])
async def test_a_modem_that_another_program_left_without_radio_is_switched_on(rig, fun, make):
    await rig.bank(make)
    rig.fake.radio = fun
    await rig.started()
    assert rig.fake.radio == 1


async def test_a_modem_that_was_told_to_use_no_network_may_again(rig):
    await rig.bank()
    rig.fake.stays_away = True
    modem = await rig.started()
    assert modem.health.registration == "home"


async def test_a_mode_of_notifications_that_is_taken_in_vain_gives_way_to_the_next(rig):
    await rig.bank("ec25")
    rig.fake.cnmi_ignores = {2}
    modem = await rig.started()
    assert rig.fake.cnmi[:2] == [1, 1]
    assert modem.health.reports == "acknowledged"


async def test_notifications_that_are_not_taken_at_first_are_set_by_a_later_check(rig):
    await rig.bank("ec25")
    rig.fake.cnmi_ignores = {1, 2}
    modem = await rig.started()
    assert (modem.health.state, modem.health.reports) == (LineState.ready, "none")
    rig.fake.cnmi_ignores = set()
    await silence(modem)
    assert rig.fake.cnmi == [2, 1, 0, 1, 0]


async def test_a_modem_that_goes_on_in_text_mode_is_set_right_by_the_next_check(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.pdu_mode = False  # as after a restart that nobody was told of
    await silence(modem)
    assert rig.fake.pdu_mode
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_a_missing_pin_and_a_puk_are_told(rig):
    await rig.bank("e3372", "e3372")
    await rig.fault("pin", modem=0)
    await fails(rig.modem(0), LineState.pin_needed)
    await rig.fault("pin", modem=1, tries=0)
    await fails(rig.modem(1, pin=lambda _sim: "1234"), LineState.puk_needed)
    assert rig.bank.modems[1].sim.puk_tries == 10


@pytest.mark.parametrize("make", ["e3372", "sim7600", "zte"])
async def test_a_missing_sim_is_told(rig, make):
    await rig.bank(make)
    await rig.fault("sim_out")
    await fails(rig.modem(), LineState.sim_missing)
    await rig.fault("sim_in")
    await until(lambda: rig.fake.sms_ready)
    await rig.started()


@pytest.mark.parametrize(
    ("coverage", "state"),
    [
        ("searching", LineState.searching),
        ("none", LineState.searching),
        ("denied", LineState.denied),
        ("roaming", LineState.roaming),
    ],
)
async def test_without_a_home_network_the_line_says_why(rig, coverage, state):
    await rig.bank()
    await rig.fault("coverage", coverage=coverage)
    await fails(rig.modem(), state)


async def test_a_network_that_comes_late_is_waited_for(rig):
    await rig.bank()
    await rig.fault("coverage", coverage="searching")
    modem = rig.modem(timing=timing(registration=10_000))
    starting = asyncio.create_task(modem.start())
    await until(lambda: modem.health.state is LineState.searching)
    await rig.fault("coverage", coverage="home")
    await starting
    assert modem.health.state is LineState.ready


async def test_roaming_is_used_where_it_is_allowed(rig):
    await rig.bank()
    await rig.fault("coverage", coverage="roaming")
    modem = await rig.started(rules=lambda _sim: SimRules(roaming=True))
    assert (modem.health.state, modem.health.registration) == (LineState.ready, "roaming")


async def test_a_check_notes_what_has_changed(rig):
    await rig.bank()
    modem = await rig.started()
    await rig.fault("coverage", coverage="denied")
    await silence(modem)
    assert modem.health.state is LineState.denied
    await rig.fault("coverage", coverage="home")
    await rig.do("set", signal=99)
    await rig.fault("fill", memory="SM", leave=10)
    await silence(modem)
    assert modem.health.state is LineState.ready
    assert modem.health.storage == "SM 40/50"


async def test_a_check_of_a_hung_modem_says_so(rig):
    await rig.bank()
    modem = await rig.started(timing=timing(answer=100, wake=200))
    await rig.fault("hang")
    with pytest.raises(ModemSilent):
        await modem.check()
    assert modem.health.state is LineState.no_answer
    await rig.do("mend")
    await modem.resync()
    await modem.check()
    assert modem.health.state is LineState.ready


async def test_a_check_finds_a_sim_that_was_taken_out_or_changed(rig):
    await rig.bank("e3372", "e3372")
    out, swapped = await rig.started(0), await rig.started(1)
    await rig.fault("sim_out", modem=0)
    with pytest.raises(NotReady):
        await out.check()
    assert out.health.state is LineState.sim_missing
    was = swapped.sim.iccid
    await rig.fault("swap", modem=1)
    await until(lambda: rig.bank.modems[1].sms_ready)
    with pytest.raises(NotReady):
        await swapped.check()
    await swapped.start()
    assert swapped.sim.iccid != was


async def test_a_modem_that_restarts_by_itself_gets_its_settings_again(rig):
    await rig.bank("sim800")
    modem = await rig.started()
    rig.fake.reset()  # a UART stays; only its settings are gone
    await until(lambda: rig.fake.cnmi == [2, 1, 0, 1, 0] and rig.fake.csms == 1)
    await until(lambda: rig.fake.sms_ready)
    rig.inbound("hello")
    assert (await arrival(modem)).deliver.text == "hello"
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_starting_may_be_cancelled_and_leaves_the_port_free(rig):
    await rig.bank()
    await rig.fault("coverage", coverage="searching")
    modem = rig.modem(timing=timing(registration=60_000))
    starting = asyncio.create_task(modem.start())
    await until(lambda: modem.health.state is LineState.searching)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await rig.fault("coverage", coverage="home")
    await modem.start()


def test_every_trouble_has_advice_and_every_state_but_ready_says_what_to_do():
    assert set(ADVICE) == set(Trouble)
    for trouble, advice in ADVICE.items():
        assert bool(advice.cause) == bool(advice.next_step) == (trouble is not Trouble.NONE)
    assert set(REGISTERED) == {"home", "searching", "none", "denied", "roaming"}
    assert all(issubclass(error, ModemError) for error in BY_ERROR)


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("huawei", "E3372", "huawei"),
        ("HUAWEI TECHNOLOGIES", "E1550", "huawei"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "simcom-2g"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600G-H", "simcom"),
        ("SIMCOM INCORPORATED", "SIM7000E", "simcom"),
        ("Quectel", "EC25", "quectel"),
        ("Quectel", "BG96", "quectel-bg96"),
        ("ZTE INCORPORATED", "MF190", "zte"),
        ("QUALCOMM INCORPORATED", "M6280", "zte"),
        ("WAVECOM MODEM", "MULTIBAND  900E  1800", "wavecom"),
        ("", "", "generic"),
        ("Nokia", "Nokia N79", "generic"),
    ],
)
def test_a_model_has_its_row(maker, model, name):
    assert profile_for(maker, model).name == name


def test_rows_have_their_own_names():
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)
    assert PROFILES[-1] is GENERIC


@pytest.mark.parametrize(
    ("offered", "swept", "arrivals"),
    [
        ((("ME", "MT", "SM", "SR"),) * 3, ("SM", "ME", "SR"), "SM"),
        ((("SM", "BM", "SR"), ("SM",)), ("SM", "SR"), "SM"),
        ((("ME", "SR"), ("ME", "SR"), ("ME",)), ("ME", "SR"), "ME"),
        ((("MT",), ("MT",), ("MT",)), ("MT",), "MT"),
        (((), (), ()), (), ""),
        ((), (), ""),
    ],
)
def test_memories_are_chosen_from_what_is_offered(offered, swept, arrivals):
    assert choose_memories(offered) == (swept, arrivals)


def row(name):
    return next(profile for profile in PROFILES if profile.name == name)


@pytest.mark.parametrize(
    ("offered", "profile", "values"),
    [
        ("0123 0123 02 01 01", "simcom-2g", (2, 1, 0, 1, 0)),
        ("012 0123 02 02 01", "huawei", (1, 1, 0, 2, 0)),
        ("2 013 02 01 0", "generic", (2, 1, 0, 1, 0)),
        ("012 013 0 01 01", "generic", (2, 1, 0, 1, 0)),
        ("012 013 0 02 1", "generic", (2, 1, 0, 2, 1)),  # MC75i: only stored, only bfr 1
        ("012 013 0 012 01", "generic", (2, 1, 0, 1, 0)),
        ("012 013 0 012 01", "quectel-bg96", (2, 1, 0, 0, 0)),
        ("", "generic", (2, 1, 0, 1, 0)),
    ],
)
def test_notifications_are_chosen_from_what_is_offered(offered, profile, values):
    sets = [frozenset(map(int, digits)) for digits in offered.split()]
    assert choose_notifications(sets, row(profile), stored=True) == values


def test_without_a_memory_messages_come_directly():
    sets = [frozenset(range(4))] * 5
    assert choose_notifications(sets, GENERIC, stored=False)[1] == 2


def test_notifications_have_a_word_for_the_page():
    assert Notifications((2, 1, 0, 1, 0), "direct", acknowledge=False).reports == "direct"
