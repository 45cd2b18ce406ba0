"""Balances: asked as set, kept, and acted on; a real store, and a real modem on a fake network."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from appliance.clock import ManualClock
from appliance.config.reading import Config
from appliance.config.settings import Sim
from appliance.errors import BadConfig
from appliance.incident import IncidentKind
from appliance.lines.balances import UNANSWERED, WHILE_LOW, Balances
from appliance.modem.driver import Modem
from tests.modem.driving import Rig
from tests.rooms import add_sim, opened

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CODE = {"balance_code": "*100#", "balance_pattern": r"is (-?[\d.,]+)", "balance_minimum": 2}


@dataclass
class Holder:
    slot: str
    sim_id: int
    modem: Modem
    line: object | None = True
    changes: int = 0

    def news(self):
        self.changes += 1


class Room:
    def __init__(self, rig, store, clock, holder):
        self.rig, self.store, self.clock, self.holder = rig, store, clock, holder
        self.settings = CODE
        self.asked = 0
        self.balances = self.anew()

    def anew(self):
        self.balances = Balances(self.store, self.clock, self._set_for, lambda: [self.holder])
        return self.balances

    def _set_for(self, iccid):
        return None if self.settings is None else Sim(iccid=iccid, **self.settings)

    async def has(self, balance):
        self.rig.fake.sim.balance = balance

    async def says(self, *replies, code="*100#"):
        quick = [{"delay": 0.01, **reply} for reply in replies]
        await self.rig.do("ussd", code=code, replies=quick)

    async def look(self, later=timedelta()):
        """Look once, ``later``; return whether the SIM was asked."""
        self.clock.advance(later)
        before = self.rig.fake.stats["commands"]
        await self.balances.run()
        return self.rig.fake.stats["commands"] > before

    async def known(self):
        return await self.store.balances.of(self.holder.sim_id)

    @property
    def paused(self):
        return self.store.lines.pause_reason(self.holder.sim_id)

    async def incidents(self):
        """Return the lasting ones that stand."""
        return {one.kind: one for one in await self.store.incidents.shown(lasting=True)}


@pytest.fixture
async def room(tmp_path):
    clock = ManualClock(NOON)
    rig = Rig(tmp_path / "bank")
    (tmp_path / "bank").mkdir()
    await rig.bank()
    modem = await rig.started()
    async with opened(tmp_path, clock) as store:
        sim_id = await add_sim(store, clock, modem.sim.iccid)
        yield Room(rig, store, clock, Holder("slot0", sim_id, modem))
    await rig.close()


async def test_a_sim_is_asked_at_first_and_then_once_a_day(room):
    assert await room.look()
    known = await room.known()
    assert (known.amount, known.text, known.at) == (10.0, "Your balance is 10.00 EUR", NOON)
    assert not await room.look(MINUTE)
    assert await room.look(timedelta(hours=24))
    assert await room.incidents() == {}


async def test_a_restart_asks_no_earlier(room):
    assert await room.look()
    room.anew()
    assert not await room.look(MINUTE)


async def test_nobody_is_asked_without_a_code_or_while_nothing_can_leave(room):
    room.settings = None
    assert not await room.look()
    room.settings = {}
    assert not await room.look()
    room.settings, room.holder.line = CODE, None
    assert not await room.look()


async def test_a_low_balance_pauses_the_sim_and_says_so_once(room):
    await room.has(1.2)
    await room.look()
    assert room.paused == "balance 1.20 is below 2.00"
    assert room.holder.changes == 1
    (low,) = (await room.incidents()).values()
    assert low.kind == IncidentKind.LOW_BALANCE
    assert low.slot == "slot0"
    await room.has(0.8)
    assert await room.look(WHILE_LOW)
    assert room.paused == "balance 0.80 is below 2.00"
    assert len(await room.store.incidents.shown()) == 1


async def test_a_sim_that_was_topped_up_sends_again_by_itself(room):
    await room.has(1.2)
    await room.look()
    await room.has(12)
    assert not await room.look(WHILE_LOW - MINUTE)
    assert await room.look(MINUTE)
    assert room.paused is None
    assert await room.incidents() == {}


async def test_a_balance_of_the_minimum_is_enough(room):
    await room.has(2)
    await room.look()
    assert room.paused is None


async def test_who_was_paused_by_hand_stays_so_for_that_reason(room):
    await room.store.lines.pause(room.holder.sim_id, "the contract ends", NOON)
    await room.has(1)
    await room.look()
    assert room.paused == "the contract ends"
    assert set(await room.incidents()) == {IncidentKind.LOW_BALANCE}
    await room.has(10)
    await room.look(timedelta(hours=24))
    assert room.paused == "the contract ends"
    assert await room.incidents() == {}


async def test_a_minimum_that_is_taken_away_lets_the_sim_go(room):
    await room.has(1)
    await room.look()
    assert room.paused
    room.settings = None
    await room.look()
    assert room.paused is None
    assert await room.incidents() == {}


async def test_without_a_pattern_the_words_are_kept_and_no_amount(room):
    room.settings = {"balance_code": "*100#"}
    await room.has(0)
    await room.look()
    known = await room.known()
    assert (known.amount, known.text) == (None, "Your balance is 0.00 EUR")
    assert room.paused is None


async def test_words_without_an_amount_are_an_incident_and_never_a_pause(room):
    await room.says({"text": "Try later"})
    await room.look()
    (unread,) = (await room.incidents()).values()
    assert unread.kind == IncidentKind.NO_BALANCE
    assert "Try later" in unread.sentence
    assert room.paused is None
    assert (await room.known()).at is None
    assert not await room.look(9 * MINUTE)
    assert await room.look(MINUTE)
    assert not await room.look(29 * MINUTE)
    assert len(await room.store.incidents.shown()) == 1
    await room.says({"text": "it is 5,00"})
    assert await room.look(MINUTE)
    assert await room.incidents() == {}
    assert (await room.known()).amount == 5.0


async def test_a_network_that_says_no_is_an_incident_only_after_some_times(room):
    await room.says({"text": "", "m": 5})
    for times in range(1, UNANSWERED + 1):
        assert await room.look(timedelta(hours=3))
        assert (IncidentKind.NO_BALANCE in await room.incidents()) == (times == UNANSWERED)
    assert "did not answer" in (await room.incidents())[IncidentKind.NO_BALANCE].sentence


async def test_a_menu_is_read_and_closed(room):
    await room.says({"text": "it is 3.00. 1 top up", "m": 1})
    await room.look()
    assert (await room.known()).amount == 3.0
    assert room.rig.fake.ussd is None


async def test_a_dialogue_of_somebody_else_is_not_disturbed(room):
    await room.says({"text": "1 this 2 that", "m": 1}, {"text": "that"}, code="*101#")
    assert (await room.holder.modem.ussd("*101#")).more
    await room.look()
    assert (await room.holder.modem.ussd_answer("2")).text == "that"
    assert await room.look()
    assert (await room.known()).amount == 10.0


async def test_the_operators_words_are_in_no_log(room, caplog):
    caplog.set_level("INFO")
    await room.says({"text": "Dear Mrs Miller"})
    await room.look()
    assert "Miller" not in caplog.text
    assert "*100#" not in caplog.text


SIM_TABLE = '[[sims]]\niccid = "8949020000000000001"\n'


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('balance_code = "100"', "sims.0.balance_code: must be a code such as *100#, or be empty"),
        (
            'balance_code = "*100#"\nbalance_pattern = "("',
            (
                "sims.0.balance_pattern: is no regular expression: missing ), unterminated"
                " subpattern at position 0"
            ),
        ),
        (
            "balance_code = '*100#'\nbalance_pattern = 'x'",
            'sims.0.balance_pattern: needs one group, or one named "amount": (?P<amount>...)',
        ),
        (
            "balance_pattern = '(x)'",
            "sims.0.balance_pattern: needs balance_code, whose answer it reads",
        ),
        (
            "balance_code = '*100#'\nbalance_minimum = 2",
            "sims.0.balance_minimum: needs balance_pattern, which finds the amount",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_start_with_its_place(tmp_path, lines, complaint):
    file = tmp_path / "appliance.toml"
    file.write_text(SIM_TABLE + lines)
    with pytest.raises(BadConfig) as caught:
        Config.load(file)
    assert complaint in caught.value.complaints
