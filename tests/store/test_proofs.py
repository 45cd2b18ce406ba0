"""What was proved of models and lines outlives a restart, and never belongs to another one."""

from datetime import timedelta

import pytest

from appliance.store.proofs import LastSeen, Proof
from appliance.store.values import LineFacts
from tests.store.steps import another_sim, on_postgresql

E3372 = ("huawei", "E3372", "21.200")

IMEI = "861821030000017"


def proof(world, way="stored", *, survived=True, model=E3372):
    maker, name, revision = model
    return Proof(
        maker=maker,
        model=name,
        revision=revision,
        way=way,
        survived=survived,
        proved_at=world.clock.now(),
    )


async def test_what_was_proved_of_a_model_is_known_after_a_restart(world, open_store, tmp_path):
    await world.store.proofs.save(proof(world))
    await world.store.proofs.save(proof(world, "acknowledged", survived=False))
    known = {"stored": True, "acknowledged": False}
    assert world.store.proofs.of(*E3372) == known
    await world.store.close()
    again = await open_store()
    assert again.proofs.of(*E3372) == known


async def test_the_last_proof_counts(world):
    await world.store.proofs.save(proof(world))
    await world.store.proofs.save(proof(world, survived=False))
    assert world.store.proofs.of(*E3372) == {"stored": False}


async def test_a_proof_says_nothing_of_another_firmware(world):
    await world.store.proofs.save(proof(world))
    assert world.store.proofs.of("huawei", "E3372", "22.333") == {}


def facts(world, **given):
    fields = {
        "slot": "slot0",
        "port": "/dev/ttyUSB0",
        "state": "ready",
        "cause": "",
        "next_step": "",
        "simulated": False,
        "imei": IMEI,
        "sim_id": world.sim,
        "memory_sim_id": world.sim,
        "reports_proven_at": world.clock.now(),
        "changed_at": world.clock.now(),
    }
    return LineFacts(**(fields | given))


async def tell(world, **given):
    world.clock.advance(timedelta(seconds=1))
    await world.store.lines.tell(facts(world, **given))


@pytest.fixture
def seen(world):
    now = world.clock.now()
    return LastSeen(sim_id=world.sim, memory_sim_id=world.sim, reports_proven_at=now)


def unknown(**given):
    """Return the fields of a line while its modem is not started."""
    return {"sim_id": None, "memory_sim_id": None, "reports_proven_at": None} | given


async def test_how_a_modem_stood_is_known_while_it_starts(world, seen):
    await world.store.lines.tell(facts(world))
    await tell(world, **unknown(imei=None))
    await tell(world, **unknown())
    assert await world.store.proofs.last_seen(IMEI, "slot0") == seen


async def test_a_modem_keeps_its_standing_in_another_place(world, seen):
    await world.store.lines.tell(facts(world))
    await tell(world, slot="slot1", **unknown())
    assert await world.store.proofs.last_seen(IMEI, "slot1") == seen


async def test_another_modem_in_its_place_inherits_nothing(world):
    await tell(world)
    await tell(world, **unknown(imei="353070030000012"))
    assert await world.store.proofs.last_seen("353070030000012", "slot0") is None
    assert await world.store.proofs.last_seen(IMEI, "slot0") is None


async def test_of_two_with_one_imei_each_keeps_its_own(world):
    other = await another_sim(world)
    await tell(world)
    await tell(world, slot="slot1", sim_id=other, memory_sim_id=other)
    assert (await world.store.proofs.last_seen(IMEI, "slot0")).memory_sim_id == world.sim
    assert (await world.store.proofs.last_seen(IMEI, "slot1")).memory_sim_id == other


async def test_a_modem_without_an_imei_was_never_seen(world):
    await tell(world, imei="")
    assert await world.store.proofs.last_seen("", "slot0") is None


@on_postgresql
async def test_what_another_daemon_saw_of_its_own_modem_is_its_own(world, open_store):
    await tell(world)
    other = await open_store("other")
    assert await other.proofs.last_seen(IMEI, "slot0") is None
