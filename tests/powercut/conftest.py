"""The preloaded library, built once."""

from pathlib import Path

import pytest

from tests.powercut import preload
from tests.require import require


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("gcc")
    require("libc6-dev")
    return preload.build(tmp_path_factory.mktemp("recorder"))
