"""What a self-test has proved of a model decides how its reports come; a nap is a short stop."""

import asyncio
from datetime import timedelta

import pytest

from appliance.errors import PortGone
from appliance.modem.choices import preferred_reports
from appliance.modem.profiles import BY_NAME
from tests.modem.driving import arrival, until

DIRECT, STORED = 1, 2


@pytest.mark.parametrize(
    ("profile", "proved", "first"),
    [
        ("huawei", {}, STORED),
        ("quectel", {}, DIRECT),
        ("huawei", {"stored": True, "acknowledged": True}, STORED),
        ("quectel", {"stored": True, "acknowledged": True}, DIRECT),
        ("quectel", {"stored": True}, STORED),
        ("quectel", {"stored": True, "acknowledged": False}, STORED),
        ("huawei", {"acknowledged": True}, DIRECT),
        ("huawei", {"direct": True}, DIRECT),
        ("huawei", {"stored": False}, DIRECT),
        ("huawei", {"stored": False, "acknowledged": True}, DIRECT),
        ("huawei", {"stored": False, "acknowledged": False}, DIRECT),
        ("huawei", {"acknowledged": False}, STORED),
        # Those of a restart are lost; stored ones might never be read at all.
        ("quectel", {"acknowledged": False}, DIRECT),
        ("quectel", {"stored": False}, DIRECT),
    ],
)
def test_a_way_that_was_proved_beats_the_profiles_guess(profile, proved, first):
    ways = preferred_reports(BY_NAME[profile], proved)
    assert ways[0] == first
    assert set(ways) == {DIRECT, STORED}


@pytest.mark.parametrize(
    ("make", "proved", "reports"),
    [
        ("e3372", {}, "stored"),
        ("e3372", {"stored": False}, "acknowledged"),
        ("ec25", {}, "acknowledged"),
        ("ec25", {"stored": True, "acknowledged": False}, "stored"),
        ("sim800", {"stored": True}, "acknowledged"),  # it offers no other way
        ("bg96", {"stored": True}, "none"),
    ],
)
async def test_a_modem_starts_with_what_was_proved_of_its_model(rig, make, proved, reports):
    await rig.bank(make)
    asked = []

    def proofs(model):
        asked.append((model.maker, model.model, model.revision))
        return proved

    modem = await rig.started(proofs=proofs)
    assert modem.health.reports == reports
    made = rig.fake.personality
    assert asked == [(made.maker, made.model, made.revision)]


async def test_after_a_nap_a_modem_starts_again_and_not_before(rig):
    await rig.bank()
    modem = await rig.started()
    loop = asyncio.get_running_loop()
    ends = loop.time() + 0.2
    await modem.nap(timedelta(seconds=0.2))
    assert modem.identity is None
    with pytest.raises(PortGone):
        await modem.check()
    rig.inbound("meanwhile")
    await until(lambda: rig.stored() == 1)
    await modem.start()
    assert loop.time() >= ends
    assert (await arrival(modem)).deliver.text == "meanwhile"
    await modem.close()
    await modem.start()
