"""What is set for a SIM, for errors and for a model, on modems of our own."""

from dataclasses import replace

import pytest

from appliance.errors import NotReady
from appliance.modem.causes import Kind, Overrides
from appliance.modem.profiles import PROFILES
from appliance.modem.values import (
    LineState,
    MaybeSent,
    NotSent,
    Refused,
    ReportArrived,
    Sent,
    SimRules,
)
from tests.fake_modem import PERSONALITIES
from tests.modem.driving import arrival, committed, encoded, silence, until

LONG = "0123456789" * 40  # three parts


def said(modem):
    """Return all that was written to a modem's port of late."""
    return b"".join(piece.data for piece in modem.tap._kept if piece.sent)


class Set:
    """Rules that a test changes."""

    def __init__(self, **rules):
        self.rules = SimRules(**rules)

    def __call__(self, _sim):
        return self.rules

    def now(self, **rules):
        self.rules = SimRules(**rules)


# The service centre

CENTRE = "+491722270333"


@pytest.mark.parametrize("make", ["e3372", "sim800", "zte"])
async def test_a_sim_without_a_service_centre_uses_the_one_that_is_set_for_it(rig, make):
    await rig.bank(make)
    rig.fake.sim.service_centre = rig.fake.smsc = ""
    modem = await rig.started()
    assert modem.health.service_centre is None
    refused = await modem.send(encoded(), committed())
    assert isinstance(refused, Refused)
    assert "service_centre" in refused.cause.sentence
    await modem.close()
    modem = await rig.started(rules=Set(service_centre=CENTRE))
    assert modem.health.service_centre == CENTRE
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_the_service_centre_that_is_set_outlives_a_restart_of_the_modem(rig):
    await rig.bank("sim800")
    modem = await rig.started(rules=Set(service_centre=CENTRE))
    rig.fake.reset()
    assert rig.fake.smsc != CENTRE
    await until(lambda: rig.fake.smsc == CENTRE)
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_a_service_centre_that_the_sim_has_is_not_written_again(rig):
    await rig.bank()
    rig.fake.sim.service_centre = rig.fake.smsc = CENTRE
    modem = await rig.started(rules=Set(service_centre=CENTRE))
    assert b"AT+CSCA=" not in said(modem)


# Errors


async def test_what_is_set_for_an_error_holds_for_the_next_refusal(rig):
    await rig.bank()
    overrides = Overrides()
    modem = await rig.started(overrides=lambda: overrides)
    await rig.fault("error", code=500, count=2)
    assert isinstance(await modem.send(encoded(), committed()), MaybeSent)
    overrides = Overrides(cms={500: Kind.PASSING})
    refused = await modem.send(encoded(), committed())
    assert isinstance(refused, Refused)
    assert (refused.cause.kind, refused.code) == (Kind.PASSING, 500)


async def test_what_failed_before_the_prompt_was_not_sent_whatever_is_set(rig):
    await rig.bank()
    modem = await rig.started(overrides=lambda: Overrides(cms={303: Kind.MAYBE_SENT}))
    rig.fake.pdu_mode = False
    assert isinstance(await modem.send(encoded(), committed()), NotSent)
    assert rig.on_air == []


@pytest.mark.parametrize(("make", "kind"), [("wavecom", Kind.PASSING), ("e3372", None)])
async def test_a_makers_own_number_is_read_by_its_profile(rig, make, kind):
    await rig.bank(make)
    modem = await rig.started()
    await rig.fault("error", code=512)
    outcome = await modem.send(encoded(), committed())
    assert (outcome.cause.kind if isinstance(outcome, Refused) else None) is kind


# Reports


async def test_a_model_that_wants_to_be_told_of_reports_is_told_also_after_a_restart(rig):
    await rig.bank("telit", report_needs_csmp=True)
    modem = await rig.started()
    assert isinstance(await modem.send(encoded(), committed()), Sent)
    assert isinstance(await arrival(modem), ReportArrived)
    rig.fake.first_octet = 17  # as after a restart
    modem._line.upkeep.suspect()
    await silence(modem)
    assert rig.fake.first_octet & 0x20


@pytest.mark.parametrize("make", PERSONALITIES)
async def test_nobody_else_is_sent_text_parameters(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    assert (b"AT+CSMP" in said(modem)) is (make == "telit")
    assert rig.fake.smsc
    assert [each.name for each in PROFILES if each.report_command] == ["telit"]


async def test_a_sim_without_reports_is_known_from_its_next_look_on(rig):
    await rig.bank()
    rules = Set()
    modem = await rig.started(rules=rules)
    assert (modem.unreported, modem.health.reports) == (None, "stored")
    rules.now(reports=False)
    assert modem.unreported == "no report is asked for by this SIM"
    await modem.check()
    assert modem.health.reports == "off"
    rules.now()
    await modem.check()
    assert (modem.unreported, modem.health.reports) == (None, "stored")


async def test_a_model_without_reports_is_asked_for_none(rig):
    await rig.bank("bg96")
    modem = await rig.started()
    assert (modem.unreported, modem.health.reports) == ("this modem hands out no reports", "none")


# SIMs


async def test_a_disabled_sim_is_not_started_and_asked_for_no_pin(rig):
    await rig.bank()
    await rig.fault("pin", pin="1111", tries=3)
    rules = Set(enabled=False)
    modem = rig.modem(rules=rules, pin=lambda _sim: "1111")
    with pytest.raises(NotReady):
        await modem.start()
    assert modem.health.state is LineState.disabled
    assert rig.fake.sim.iccid[-4:] in modem.health.cause
    assert "reload" in modem.health.next_step
    assert b"CPIN=" not in said(modem)
    rules.now()
    await modem.start()
    assert modem.health.state is LineState.ready


async def test_a_sim_that_is_disabled_meanwhile_ends_its_line(rig):
    await rig.bank()
    rules = Set()
    modem = await rig.started(rules=rules)
    rules.now(enabled=False)
    with pytest.raises(NotReady):
        await modem.check()
    await modem.close()
    assert modem.health.state is LineState.disabled


async def test_whether_a_sim_may_roam_is_looked_up_for_it(rig):
    await rig.bank()
    await rig.fault("coverage", coverage="roaming")
    rules = Set(roaming=True)
    modem = await rig.started(rules=rules)
    assert modem.health.state is LineState.ready
    rules.now()
    await modem.check()
    assert modem.health.state is LineState.roaming


# More parts


async def sends(modem, text, part, *, more):
    assert isinstance(await modem.send(encoded(text, part=part), committed(), more=more), Sent)


async def test_the_link_is_held_open_before_a_long_message_and_let_go_for_its_last_part(rig):
    await rig.bank()
    modem = await rig.started()
    await sends(modem, "short", 0, more=False)
    for part in range(3):
        await sends(modem, LONG, part, more=part < 2)
    await sends(modem, "short", 0, more=False)
    assert rig.fake.links == [0, 2, 2, 0, 0]
    assert said(modem).count(b"AT+CMMS=") == 2


async def test_a_modem_that_does_not_know_of_more_parts_sends_them_all_the_same(rig):
    await rig.bank()
    make = rig.fake.personality
    rig.fake.personality = replace(make, lacks=make.lacks | {"+CMMS"})
    modem = await rig.started()
    for part in range(3):
        await sends(modem, LONG, part, more=part < 2)
    assert len(rig.on_air) == 3
    assert said(modem).count(b"AT+CMMS=") == 1
