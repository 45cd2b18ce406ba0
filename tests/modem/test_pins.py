"""What is remembered of PINs, over restarts of the daemon."""

import pytest

from appliance.errors import ModemSilent, NotReady
from appliance.modem.pins import NotesInMemory, Pins, in_memory
from appliance.modem.values import LineState
from tests.fake_modem.faults import Hang
from tests.modem.driving import timing

CARD = "8949020000000000001"


@pytest.fixture
def notes():
    return NotesInMemory()


async def tried(notes, pin, *, refused=True):
    """Let an earlier process try a PIN; it dies before the answer if that is not known."""
    before = Pins(notes)
    await before.begin(CARD, pin)
    if refused:
        await before.refuse(CARD, pin)


@pytest.mark.parametrize("refused", [True, False])
async def test_a_restart_forgets_no_try(notes, refused):
    await tried(notes, "1111", refused=refused)
    pins = Pins(notes)
    assert await pins.was_refused(CARD, "1111")
    assert await pins.was_refused(CARD, "1111", tries=2)
    assert not await pins.was_refused(CARD, "2222")
    assert not await pins.was_refused("another card", "1111")


async def test_a_sim_that_has_all_its_tries_was_given_the_right_pin_meanwhile(notes):
    await tried(notes, "1111")
    assert not await Pins(notes).was_refused(CARD, "1111", tries=3)


async def test_who_types_a_pin_may_know_better_than_an_earlier_process(notes):
    await tried(notes, "1111")
    pins = Pins(notes)
    assert not await pins.was_refused(CARD, "1111", by_hand=True)
    await pins.begin(CARD, "1111")
    await pins.refuse(CARD, "1111")
    assert await pins.was_refused(CARD, "1111", by_hand=True)
    assert await pins.was_refused(CARD, "1111", tries=3)


async def test_a_pin_that_was_taken_was_not_refused(notes):
    pins = Pins(notes)
    await pins.begin(CARD, "1111")
    await pins.take(CARD, "1111")
    assert not await pins.was_refused(CARD, "1111")
    assert not await Pins(notes).was_refused(CARD, "1111")


async def test_an_open_sim_tells_that_a_try_without_an_answer_was_good_but_no_refused_one(notes):
    await tried(notes, "1111", refused=False)
    await Pins(notes).opened("another card", CARD)
    assert not await Pins(notes).was_refused(CARD, "1111")
    await tried(notes, "2222")
    await Pins(notes).opened(CARD)
    assert await Pins(notes).was_refused(CARD, "2222")


@pytest.mark.parametrize("make", ["sierra", "e3372", "ec25"])
async def test_a_daemon_that_starts_again_and_again_uses_up_no_tries(rig, notes, make):
    await rig.bank(make)
    await rig.fault("pin", pin="4711")
    for _ in range(4):
        modem = rig.modem(pin=lambda _sim: "0000", pins=Pins(notes))
        with pytest.raises(NotReady):
            await modem.start()
        assert modem.health.state is LineState.pin_needed
        assert rig.fake.sim.tries == 2
    await rig.modem(pin=lambda _sim: "4711", pins=Pins(notes)).start()
    assert rig.fake.sim.tries == 3


async def test_a_try_whose_answer_never_came_is_not_made_again_by_the_next_daemon(rig, notes):
    await rig.bank("e3372")
    await rig.fault("pin", pin="4711")
    fake, unlock = rig.fake, rig.fake.sim.unlock

    def takes_it_and_falls_silent(pin):
        fake.faults.hang = Hang(begun=True)
        return unlock(pin)

    fake.sim.unlock = takes_it_and_falls_silent
    short = timing(sim=300, wake=300)
    with pytest.raises(ModemSilent):
        await rig.modem(pin=lambda _sim: "0000", pins=Pins(notes), timing=short).start()
    await rig.do("mend")
    with pytest.raises(NotReady):
        await rig.modem(pin=lambda _sim: "0000", pins=Pins(notes)).start()
    assert fake.sim.tries == 2


async def test_what_is_remembered_in_memory_ends_with_it():
    pins = in_memory()
    await pins.begin(CARD, "1111")
    assert not await in_memory().was_refused(CARD, "1111")
