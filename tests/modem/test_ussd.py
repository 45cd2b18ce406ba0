"""USSD on a started modem: codes, menus, silence, what comes unasked, and sending meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from appliance.errors import CommandRefused, ModemError, PortGone, UssdBusy, UssdFailed
from appliance.modem import ussd
from appliance.modem.turns import Rank
from appliance.modem.values import Sent, UssdReply
from tests.modem.driving import LIMIT, committed, encoded, until

SOON = timedelta(seconds=10)
SHORT = timedelta(milliseconds=80)
BALANCE = UssdReply("Your balance is 10.00 EUR", more=False)
MENU = [{"text": "Menu\n1 Balance\n2 OK", "m": 1}, {"text": "7 EUR", "m": 0}]


async def script(rig, code, *replies):
    await rig.do("ussd", code=code, replies=[{"delay": 0.01, **reply} for reply in replies])


@pytest.mark.parametrize("make", ["e3372", "e1550", "m35", "telit", "sim800", "ec25", "zte"])
async def test_each_make_is_understood(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    assert await modem.ussd("*100#", SOON) == BALANCE


@pytest.mark.parametrize("make", ["e3372", "e1550", "m35", "telit"])
async def test_unicode_is_understood_from_each_make(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    await script(rig, "*105#", {"text": "На счёте 107,93 ₽", "dcs": 72})
    assert await modem.ussd("*105#", SOON) == UssdReply("На счёте 107,93 ₽", more=False)


@pytest.mark.parametrize("packed", [True, False])
async def test_firmware_that_does_not_pack_as_its_family_does_is_found_out(rig, packed):
    bank = await rig.bank("e1550")
    modem = await rig.started()
    bank.modems[0].ussd_packed = packed
    for _ in range(2):
        assert await modem.ussd("*100#", SOON) == BALANCE


@pytest.mark.parametrize("make", ["e3372", "e1550"])
async def test_a_menu_is_answered_and_its_lines_are_kept(rig, make):
    await rig.bank(make)
    modem = await rig.started()
    await script(rig, "*101#", *MENU)
    assert await modem.ussd("*101#", SOON) == UssdReply("Menu\n1 Balance\n2 OK", more=True)
    assert await modem.ussd_answer("1", SOON) == UssdReply("7 EUR", more=False)
    with pytest.raises(UssdFailed, match="asked nothing"):
        await modem.ussd_answer("1", SOON)


async def test_a_network_that_is_out_of_reach_teaches_nothing_about_the_firmware(rig):
    bank = await rig.bank("e1550")
    modem = await rig.started()
    bank.modems[0].coverage = "none"
    with pytest.raises(CommandRefused):
        await modem.ussd("*100#", SOON)
    bank.modems[0].coverage = "home"
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_a_modem_that_tells_of_the_end_we_made_answers_no_later_code_by_it(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*101#", *MENU)
    assert (await modem.ussd("*101#", SOON)).more
    await modem.ussd_cancel()
    rig.fake.indicate("+CUSD: 2")
    assert await modem.ussd("*100#", SOON) == BALANCE
    assert modem._line.ussd.unasked == 0


async def test_what_comes_before_the_code_is_written_is_not_its_reply(rig):
    await rig.bank()
    modem = await rig.started()
    async with modem._line.link.turns.turn(Rank.SEND):
        asking = asyncio.create_task(modem.ussd("*100#", SOON))
        await asyncio.sleep(0)
        rig.fake.indicate('+CUSD: 0,"news",15')
        await until(lambda: modem._line.ussd.unasked == 1)
    assert await asking == BALANCE


async def test_there_is_one_dialogue_at_a_time(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*101#", *MENU)
    first = asyncio.create_task(modem.ussd("*101#", SOON))
    await until(lambda: rig.fake.ussd is not None)
    with pytest.raises(UssdBusy):
        await modem.ussd("*100#", SOON)
    assert (await first).more
    with pytest.raises(UssdBusy):
        await modem.ussd("*100#", SOON)
    await modem.ussd_cancel()
    assert rig.fake.ussd is None
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_a_dialogue_that_nobody_goes_on_with_gives_way_in_the_end(rig, monkeypatch):
    monkeypatch.setattr(ussd, "FORGOTTEN", timedelta())
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*101#", *MENU)
    assert (await modem.ussd("*101#", SOON)).more
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_a_silent_network_is_given_up_and_the_next_code_is_taken(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*102#", {"text": None})
    with pytest.raises(UssdFailed, match=r"no reply in 0.08 s"):
        await modem.ussd("*102#", SHORT)
    assert rig.fake.ussd is None
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_who_waits_is_told_when_it_is_cancelled(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*102#", {"text": None})
    waiting = asyncio.create_task(modem.ussd("*102#", SOON))
    await until(lambda: rig.fake.ussd is not None)
    await modem.ussd_cancel()
    with pytest.raises(UssdFailed, match="cancelled"):
        await waiting
    await modem.ussd_cancel()  # there is none: harmless
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_a_caller_that_goes_away_leaves_no_dialogue_in_the_way(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*102#", {"text": None})
    waiting = asyncio.create_task(modem.ussd("*102#", SOON))
    await until(lambda: rig.fake.ussd is not None)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await modem.ussd("*100#", SOON) == BALANCE


@pytest.mark.parametrize(
    ("m", "why"), [(2, "ended"), (3, "another"), (4, "not support"), (5, "in time")]
)
async def test_the_networks_refusals_are_told_in_words(rig, m, why):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*103#", {"text": "", "m": m})
    with pytest.raises(UssdFailed, match=why):
        await modem.ussd("*103#", SOON)


async def test_words_with_which_the_network_ends_it_are_the_reply(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*103#", {"text": "Bye", "m": 2})
    assert await modem.ussd("*103#", SOON) == UssdReply("Bye", more=False)


async def test_a_code_that_the_modem_refuses_is_not_repeated_in_the_error(rig):
    await rig.bank()
    modem = await rig.started()
    rig.fake.coverage = "none"
    with pytest.raises(CommandRefused) as caught:
        await modem.ussd("*4711*0815#", SOON)
    assert "4711" not in str(caught.value)
    assert "4711" not in repr(caught.value.args)


@pytest.mark.parametrize("code", ["", '1",15\rAT+CPWROFF', "Ж", "*1#\x1a"])
async def test_what_is_no_text_never_reaches_the_port(rig, code):
    await rig.bank()
    modem = await rig.started()
    with pytest.raises(UssdFailed):
        await modem.ussd(code, SOON)
    assert await modem.ussd("*100#", SOON) == BALANCE


async def test_what_the_network_says_unasked_is_counted_and_answers_nothing(rig, caplog):
    caplog.set_level("INFO")
    await rig.bank()
    modem = await rig.started()
    rig.fake.indicate('+CUSD: 1,"Do you want', 'to buy 4711?",15')
    await until(lambda: modem._line.ussd.unasked == 1)
    assert await modem.ussd("*100#", SOON) == BALANCE
    assert "unasked, 1 times" in caplog.text
    assert "4711" not in caplog.text


async def test_parts_are_sent_while_the_network_thinks(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*102#", {"text": None})
    waiting = asyncio.create_task(modem.ussd("*102#", timedelta(hours=1)))
    await until(lambda: rig.fake.ussd is not None)
    async with asyncio.timeout(LIMIT):
        for _ in range(3):
            assert isinstance(await modem.send(encoded(), committed()), Sent)
    assert not waiting.done()
    await modem.ussd_cancel()
    with pytest.raises(UssdFailed, match="cancelled"):
        await waiting


async def test_a_reply_in_the_middle_of_a_part_disturbs_neither(rig):
    await rig.bank(cmgs_delay=0.15)
    modem = await rig.started()
    await script(rig, "*104#", {"text": "a\nb", "delay": 0.05})
    waiting = asyncio.create_task(modem.ussd("*104#", SOON))
    await until(lambda: rig.fake.ussd is not None)
    assert isinstance(await modem.send(encoded(), committed()), Sent)
    async with asyncio.timeout(LIMIT):
        assert await waiting == UssdReply("a\nb", more=False)
    assert len(rig.on_air) == 1


async def test_a_port_that_goes_ends_the_waiting(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*102#", {"text": None})
    waiting = asyncio.create_task(modem.ussd("*102#", SOON))
    await until(lambda: rig.fake.ussd is not None)
    await rig.fault("vanish", modem=0)
    async with asyncio.timeout(LIMIT):
        with pytest.raises(PortGone):
            await waiting


async def test_a_modem_that_is_not_started_says_so(rig):
    await rig.bank()
    modem = rig.modem()
    for asking in (modem.ussd("*100#", SOON), modem.ussd_answer("1", SOON), modem.ussd_cancel()):
        with pytest.raises(PortGone):
            await asking


async def test_a_restart_of_the_modem_ends_the_dialogue(rig):
    await rig.bank()
    modem = await rig.started()
    await script(rig, "*101#", *MENU)
    assert (await modem.ussd("*101#", SOON)).more
    modem._line.ussd.restarted()
    with pytest.raises(UssdFailed, match="asked nothing"):
        await modem.ussd_answer("1", SOON)
    assert issubclass(UssdBusy, ModemError)
