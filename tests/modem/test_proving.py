"""A stick with several ports that might take commands: an exchange finds the one that does."""

import pytest

from appliance.errors import ModemSilent, PortBusy, PortGone
from appliance.modem.ports import open_port
from appliance.modem.proving import Place
from appliance.modem.values import LineState, Sent
from tests.modem.driving import committed, encoded, timing

HASTY = timing(prove=100, answer=50)


async def test_the_port_that_answers_is_used_and_remembered(rig, peer):
    await rig.bank()
    right = str(rig.folder / "modem0")
    modem = rig.modem(candidates=(peer.port, right), timing=timing(prove=150))
    await modem.start()
    assert modem.port == right
    assert isinstance(await modem.send(encoded(), committed()), Sent)
    assert b"AT\r" in peer.heard
    peer.heard = b""
    await modem.start()
    assert modem.port == right
    assert peer.heard == b""


async def test_when_the_stick_comes_back_under_other_names_it_is_proved_anew(rig, peers):
    await rig.bank()
    first, second = peers(), peers()
    right = str(rig.folder / "modem0")
    modem = rig.modem(candidates=(first.port, right), timing=timing(prove=150))
    await modem.start()
    assert not modem.place.moved(right, (first.port, right))
    assert modem.place.moved(second.port, (second.port, right))
    await modem.start()
    assert modem.port == right
    assert b"AT\r" in second.heard


async def test_if_no_port_answers_it_is_said_and_tried_again_later(rig, peer):
    await rig.bank()
    right = str(rig.folder / "modem0")
    await rig.fault("hang")
    modem = rig.modem(candidates=(peer.port, right), timing=HASTY)
    with pytest.raises(ModemSilent):
        await modem.start()
    assert modem.health.state is LineState.no_answer
    await rig.do("mend")
    await modem.start()
    assert modem.port == right


async def test_a_port_that_another_process_holds_is_named_if_no_other_answers(rig, peer):
    await rig.bank()
    right = str(rig.folder / "modem0")

    def held(name):
        if name == right:
            raise PortBusy(name, "ModemManager (712)")
        return open_port(name)

    modem = rig.modem(candidates=(peer.port, right), timing=HASTY, opener=held)
    with pytest.raises(PortBusy):
        await modem.start()
    assert modem.health.cause == "The port is held by ModemManager (712)."


async def test_of_a_holder_that_may_not_be_looked_at_it_is_said_who_may(rig, peer):
    await rig.bank()

    def held(name):
        raise PortBusy(name, None)

    modem = rig.modem(timing=HASTY, opener=held)
    with pytest.raises(PortBusy):
        await modem.start()
    assert modem.health.cause.endswith(f"as root, fuser -v {modem.port} names it.")


async def test_a_port_that_went_meanwhile_is_passed_over(rig):
    await rig.bank()
    right = str(rig.folder / "modem0")
    modem = rig.modem(candidates=(str(rig.folder / "gone"), right))
    await modem.start()
    assert modem.port == right
    assert modem.place.moved(str(rig.folder / "gone"), (str(rig.folder / "gone"),))
    with pytest.raises(PortGone):
        await modem.start()


async def test_where_the_known_port_is_mute_another_one_of_the_stick_stands_in(rig, peer):
    await rig.bank()
    right = str(rig.folder / "modem0")
    modem = rig.modem(candidates=(peer.port, right), known=True, timing=timing(prove=150))
    await modem.start()
    assert modem.port == right
    assert isinstance(await modem.send(encoded(), committed()), Sent)


async def test_a_known_port_that_wakes_up_once_another_was_spoken_to_is_used(peers):
    known, other = peers(), peers()
    other.replies[b"AT"] = b"\r\nOK\r\n"

    def opener(name):
        if name == other.port:
            known.replies[b"AT"] = b"\r\nOK\r\n"
        return open_port(name)

    place = Place(known.port, (known.port, other.port), known=True)
    assert await place.choose(timing(prove=150), opener) == known.port
    assert b"AT\r" in other.heard
    known.heard = b""
    assert await place.choose(timing(prove=150), opener) == known.port
    assert known.heard == b""  # it is proved
