"""Fixtures of the modem engine's tests."""

import pytest

from appliance.modem.startup import REFUSED_PINS
from tests.modem.driving import Rig


@pytest.fixture
async def rig(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    REFUSED_PINS.clear()
    await rig.close()
