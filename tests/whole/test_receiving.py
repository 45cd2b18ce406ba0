"""What comes to a line: whose it is, what it says, and whether it outlives a stop."""

import asyncio
from datetime import timedelta

import pytest

from appliance.errors import ErrandFailed
from appliance.incident import IncidentKind
from appliance.lines.selftest import Patience, SelfTest
from tests.box import until
from tests.fake_modem.sim import Stored as Kept
from tests.whole.keeping import home

ALICE = "+4915123456789"


async def received(house, count):
    """Return the inbound messages that wait for no part, oldest first, once there are so many."""

    async def there():
        found = await house.store.views.inbound(None, most=1000)
        found = [one for one in found if one.state != "waiting"]
        return found[::-1] if len(found) >= count else None

    return await until(there, f"{count} inbound messages")


async def in_use(house, *, other_than=None):
    """Return the line once its modem is ready and its SIM known."""
    return await house.line_is(
        "it is ready, with its SIM",
        lambda line: line.state == "ready" and line.sim not in (None, other_than),
    )


async def emptied(house, number=0):
    async def there():
        held = (await house.do("storage", modem=number))["storage"]
        return all(used == 0 for used, _size in held[f"modem{number}"].values())

    await until(there, "its memories are empty")


@pytest.mark.parametrize("make", ["e3372", "ec25"])
async def test_messages_of_every_kind_come_as_what_they_are(tmp_path, make):
    kinds = [
        ({"text": "Look at once", "flash": True}, "Look at once", {"message_class": 0}),
        ({"text": "2 new", "mwi": "voicemail"}, "2 new", {"indication": "voicemail"}),
        ({"text": "İstanbul'da yağmur", "language": "turkish"}, "İstanbul'da yağmur", {}),
        ({"text": "Привет 👋🏽", "sender": "22000"}, "Привет 👋🏽", {"sender": "22000"}),
        ({"text": "Your code", "sender": "MyBank"}, "Your code", {"sender": "MyBank"}),
        ({"text": "ringtone", "port": 0x1581}, None, {"data": b"ringtone"}),
        ({"text": "long " * 60, "reverse": True}, "long " * 60, {}),
    ]
    async with home(tmp_path, make) as house:
        await house.ready()
        for given, _, _ in kinds:
            await house.do("inbound", **({"sender": ALICE} | given))
        found = await received(house, len(kinds))
        assert {one.text for one in found} == {text for _, text, _ in kinds}
        for _, text, facts in kinds:
            (one,) = [each for each in found if each.text == text]
            assert {name: getattr(one, name) for name in facts} == facts
            assert (one.state, one.missing) == ("complete", 0)
        await emptied(house)


async def test_what_lay_in_the_modem_when_its_sim_was_changed_is_the_former_sims(tmp_path):
    async with home(tmp_path, "e1550") as house:
        before = await in_use(house)
        await house.fault("vanish")
        await house.do("fill", memory="ME", count=3)
        await house.fault("swap")
        await house.do("fill", memory="SM", count=2)
        await house.do("mend")
        after = await in_use(house, other_than=before.sim)
        found = await received(house, 5)
        assert sorted(one.sim for one in found) == sorted([before.sim] * 3 + [after.sim] * 2)
        await emptied(house)
        await house.do("inbound", text="later", sender=ALICE)
        assert (await received(house, 6))[-1].sim == after.sim


async def test_that_reports_come_is_proved_by_one_and_forgotten_with_its_sim(tmp_path):
    async with home(tmp_path, "e3372", report_delay=0.05) as house:
        line = await house.ready()
        assert line.reports_proven_at is None
        await house.submit(ALICE)
        await house.line_is("proved", lambda line: line.reports_proven_at is not None)
        await house.modems[line.slot].nap(timedelta())
        await house.line_is("gone", lambda line: line.state != "ready")
        again = await in_use(house)
        assert again.reports_proven_at is not None
        await house.fault("swap")
        other = await in_use(house, other_than=again.sim)
        assert other.reports_proven_at is None


async def test_a_memory_that_stays_nearly_full_is_told_until_there_is_room(tmp_path):
    async with home(tmp_path, "e3372", check_every=0.1) as house:
        await house.ready()
        memory = house.bank.modems[0].memory("SM")
        memory.slots = {slot: Kept("", 20) for slot in range(45)}  # nothing that can be read
        await house.stands(IncidentKind.STORAGE)
        told = dict(await house.incidents())
        assert "45 of 50" in told[IncidentKind.STORAGE]
        assert (await house.line()).storage == "SM 45/50"
        memory.slots.clear()
        await house.stands(IncidentKind.STORAGE, standing=False)


async def self_tested(house, to=None, *, closed=1.0, reported=3.0):
    line = await house.ready()
    keeper = house.pool.keeper(line.slot)

    async def there():
        return keeper.line is not None

    await until(there, "the line is there")
    test = SelfTest(
        keeper,
        store=house.store,
        clock=house.clock,
        intake=house.intake,
        patience=Patience(closed=timedelta(seconds=closed), reported=timedelta(seconds=reported)),
    )
    return await test.run(to)


def proved(house, make):
    made = house.bank.modems[0].personality
    return house.store.proofs.of(made.maker, made.model, made.revision)


@pytest.mark.parametrize(
    ("make", "way"), [("e3372", "stored"), ("zte", "stored"), ("ec25", "acknowledged")]
)
async def test_a_self_test_proves_that_reports_outlive_a_stop(tmp_path, make, way):
    async with home(tmp_path, make, report_delay=0.4, cnma_seconds=0.1) as house:
        await house.do("set", network={"retry_seconds": 1.5})
        result = await self_tested(house)
        assert (result.way, result.survived) == (way, True), result.why
        assert set(proved(house, make).items()) == {(way, True)}
        number = house.bank.modems[0].sim.number
        assert [one.recipient for one in house.bank.ledger.sent()] == [number] * 2
        assert IncidentKind.SELF_TEST in dict(await house.incidents())
        again = await self_tested(house, ALICE)  # that reports come is known by now
        assert again.survived
        assert [one.recipient for one in house.bank.ledger.sent()][2:] == [ALICE]


async def test_what_the_network_repeats_while_nobody_listens_is_shown_to_be_lost(tmp_path):
    # The missed acknowledgement has switched reports off in the modem (27.005 clause 3.4.4), so
    # that it takes the repetition and tells nobody.
    async with home(tmp_path, "ec25", report_delay=0.4, cnma_seconds=0.1) as house:
        await house.do("set", network={"retry_seconds": 0.3})
        result = await self_tested(house, reported=0.5)
        assert (result.way, result.survived) == ("acknowledged", False)


async def test_a_self_test_shows_that_reports_are_lost_in_a_stop(tmp_path):
    async with home(tmp_path, "e3372", report_delay=0.05) as house:
        await house.ready()
        await house.submit(ALICE)
        await house.line_is("proved", lambda line: line.reports_proven_at is not None)
        await house.fault("no_reports")
        result = await self_tested(house, closed=0.2, reported=0.5)
        assert (result.way, result.survived) == ("stored", False)
        assert proved(house, "e3372") == {"stored": False}
        await house.modems[(await house.line()).slot].nap(timedelta())
        await house.line_is("it uses the other way", lambda line: line.reports == "acknowledged")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"make": "bg96"}, "hands over no reports"),
        ({"make": "e3372", "no_reports": True}, "the network gives none"),
        ({"make": "e3372", "report_timing": "early"}, "before the port was closed"),
    ],
    ids=["model", "network", "too early"],
)
async def test_a_self_test_that_can_tell_nothing_proves_nothing(tmp_path, given, why):
    given = dict(given)
    make, mute = given.pop("make"), given.pop("no_reports", False)
    async with home(tmp_path, make, **given) as house:
        await house.ready()
        if mute:
            await house.fault("no_reports")
        result = await self_tested(house, closed=0.2, reported=0.5 if mute else 10)
        assert result.survived is None
        assert why in result.why
        assert proved(house, make) == {}


async def test_a_self_test_needs_a_line_that_is_ready(tmp_path):
    async with home(tmp_path) as house:
        line = await house.ready()
        await house.fault("vanish")
        await house.line_is("gone", lambda line: line.state != "ready")
        test = SelfTest(
            house.pool.keeper(line.slot),
            store=house.store,
            clock=house.clock,
            intake=house.intake,
        )
        with pytest.raises(ErrandFailed):
            await test.run()


async def test_what_comes_while_the_daemon_rests_is_there_when_it_is_back(tmp_path):
    async with home(tmp_path, "e3372") as house:
        line = await house.ready()
        await house.modems[line.slot].nap(timedelta(seconds=0.3))
        await house.do("inbound", text="meanwhile", sender=ALICE)
        (one,) = await received(house, 1)
        assert one.text == "meanwhile"
        await asyncio.gather(emptied(house), house.ready())
