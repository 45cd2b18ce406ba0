"""The unit, judged by systemd itself."""

import re
import subprocess

import pytest

from tests.require import ROOT, require

UNIT = ROOT / "systemd" / "appliance.service"

EXPOSED_AT_MOST = 20  # tenths of systemd-analyze's scale, where a bare unit has 92


@pytest.fixture
def analyze():
    """Give a function that runs systemd-analyze and returns its exit status and complaints."""
    command = require("systemd")

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([command, *arguments], check=False, capture_output=True, text=True)
        return done.returncode, done.stderr

    return run


@pytest.fixture
def unit(tmp_path):
    """Give a copy whose program exists here; the real one lies where the unit will be installed."""
    copy = tmp_path / UNIT.name
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    copy.write_text(text)
    return copy


def test_systemd_understands_every_line(analyze, unit):
    # It exits with 0 even after "Failed to parse ..., ignoring": silence is what counts.
    assert analyze("verify", "--man=no", str(unit)) == (0, "")


def test_the_check_notices_a_value_that_systemd_would_ignore(analyze, unit):
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=banana"))

    assert "banana" in analyze("verify", "--man=no", str(unit))[1]


def test_the_unit_is_well_locked_up(analyze, unit):
    threshold = f"--threshold={EXPOSED_AT_MOST}"

    assert analyze("security", "--offline=true", threshold, str(unit))[0] == 0


def test_the_service_waits_longer_than_the_slowest_answer_to_a_message():
    assert "TimeoutStopSec=150" in UNIT.read_text().splitlines()
