"""The units, judged by systemd itself."""

import re
import subprocess

import pytest

from appliance.config.settings import Mending
from tests.require import ROOT, require

UNIT = ROOT / "systemd" / "appliance.service"

SOCKET = ROOT / "systemd" / "appliance-usb.socket"

HELPER = ROOT / "systemd" / "appliance-usb@.service"

EXPOSED_AT_MOST = 20  # tenths of systemd-analyze's scale, where a bare unit has 92


@pytest.fixture
def analyze():
    """Give a function that runs systemd-analyze and returns its exit status and complaints."""
    command = require("systemd")

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([command, *arguments], check=False, capture_output=True, text=True)
        return done.returncode, done.stderr

    return run


def copied(unit, folder, name=None):
    """Copy a unit and let its program be one that exists here; its own will be installed."""
    copy = folder / (name or unit.name)
    text = re.sub(r"^(Exec\w+=\+?)\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy.write_text(text)
    return copy


@pytest.fixture
def unit(tmp_path):
    return copied(UNIT, tmp_path)


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


def test_systemd_understands_every_line_of_the_helper_and_its_socket(analyze, tmp_path):
    units = [str(copied(each, tmp_path)) for each in (SOCKET, HELPER)]
    assert analyze("verify", "--man=no", *units) == (0, "")


def test_the_helper_is_well_locked_up_although_it_is_root(analyze, tmp_path):
    instance = copied(HELPER, tmp_path, "appliance-usb@1.service")
    threshold = f"--threshold={EXPOSED_AT_MOST}"
    assert analyze("security", "--offline=true", threshold, str(instance))[0] == 0


def test_the_helper_runs_the_file_that_is_there_and_the_socket_is_where_the_daemon_asks():
    assert (ROOT / "appliance" / "usb_helper.py").is_file()
    assert "/opt/appliance/appliance/usb_helper.py" in HELPER.read_text()
    assert f"ListenStream={Mending().helper}" in SOCKET.read_text().splitlines()


def test_only_who_may_open_the_modems_may_ask_the_helper():
    lines = SOCKET.read_text().splitlines()
    assert {"SocketGroup=dialout", "SocketMode=0660"} <= set(lines)
