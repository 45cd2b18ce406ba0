"""Looking at a modem's port: as a technician does, with the daemon and without."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.box import ROOT, running_bank, running_box
from tests.fake_modem.sim import Sim
from tests.test_cli import appliance

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 30

ICCID = Sim.numbered(0).iccid


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    async with running_bank(folder / "bank", "--modems", "2", "--makes", "sim800,ec25") as bank:
        await bank.control.do("set", boot_pace=0.1)
        yield bank


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(bank, tmp_path_factory):
    """Run a daemon that has the first modem."""
    folder = tmp_path_factory.mktemp("box")
    async with running_box(folder / "box", str(bank.folder / "modem0")) as box:
        await box.lines_ready(1)
        yield box


@asynccontextmanager
async def tracing(data, *arguments):
    """Run a trace; give its lines."""
    environment = {key: value for key, value in os.environ.items() if "APPLIANCE" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance", "modems", "trace", *arguments),
        cwd=ROOT,
        env=environment | {"APPLIANCE_STORAGE__DATA": str(data), "PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None

    async def until(part):
        said = []
        async with asyncio.timeout(SECONDS):
            while not said or part not in said[-1]:
                line = await process.stdout.readline()
                assert line, said
                said.append(line.decode().rstrip("\n"))
        return said

    try:
        yield process, until
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_probe_says_what_a_modem_is_and_what_would_be_chosen(bank, tmp_path):
    port = str(bank.folder / "modem1")
    ended = await appliance(tmp_path, "modems", "probe", port)
    assert ended.code == 0, ended.err
    facts, _, block = ended.out.partition("paste what follows")
    for said in (
        "Quectel EC25",
        "quectel",
        "READY, 3 tries left",
        "home, Telekom.de",
        "-71 dBm",
        "SM, ME, SR",
        "AT+CNMI=2,1,0,1,0",
        "until they are stored here",
    ):
        assert said in facts
    assert "CNMI=?  (0-2),(0-3),(0,2),(0-2),(0,1)" in block
    assert block.rstrip().endswith("end --------")
    modem = (await bank.control.do("modems", modem=1))["modems"][0]
    for secret in ("imei", "iccid", "imsi", "number"):
        assert modem[secret] not in ended.out
    shown = await appliance(tmp_path, "modems", "probe", port, "--show-numbers", "--json")
    found = shown.json()
    assert found["modem"]["imei"] == modem["imei"]
    assert found["sim"]["iccid"] == modem["iccid"]
    assert found["choice"]["memories"] == ["SM", "ME", "SR"]


async def test_a_probe_enters_no_pin_and_changes_nothing(bank, tmp_path):
    await bank.control.do("fault", modem=1, kind="pin", pin="4711")
    before = (await bank.control.do("modems", modem=1))["modems"][0]
    ended = await appliance(
        tmp_path, "modems", "probe", str(bank.folder / "modem1"), APPLIANCE_MODEMS__PIN="4711"
    )
    assert "SIM PIN, 3 tries left" in ended.out
    after = (await bank.control.do("modems", modem=1))["modems"][0]
    assert (after["pin_tries"], after["cnmi"], after["csms"]) == (
        before["pin_tries"],
        before["cnmi"],
        before["csms"],
    )
    await bank.control.do("fault", modem=1, kind="pin", pin="")


async def test_a_port_that_the_daemon_has_is_not_probed(bank, box, tmp_path):
    port = str(bank.folder / "modem0")
    ended = await appliance(box.data, "modems", "probe", port)
    assert ended.code == 1
    assert "the daemon holds this port" in ended.err
    assert f"modems trace {port}" in ended.err


async def test_a_port_that_is_not_there_is_said(tmp_path):
    ended = await appliance(tmp_path, "modems", "probe", "/dev/ttyNONE7")
    assert ended.code == 1
    assert "No such file" in ended.err


async def test_the_daemons_dialogue_can_be_followed_live(bank, box):
    async with tracing(box.data, str(bank.folder / "modem0")) as (process, until):
        start = await until("AT+CMGL")  # its start, which is over already
        assert any("> AT+CGMI" in line for line in start)
        assert not [line for line in start if ICCID in line]
        await bank.control.do("say", modem=0, text="+NEWS: 1")
        assert "< +NEWS: 1" in (await until("+NEWS"))[-1]
        await box.account()
        await box.send("+4915112345678", "a secret text")
        sent = await until("+CMGS: ")
        assert any("octets)" in line for line in sent)
        assert not [line for line in sent if "4915112345678" in line]
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0


async def test_numbers_are_shown_when_asked_for(bank, box):
    async with tracing(box.data, "modem0", "--show-numbers", "--raw") as (_process, until):
        said = await until("AT+CNUM")
        assert any(ICCID in line for line in said)
        assert any(line.endswith(r"OK\r\n") for line in said)


async def test_without_a_daemon_the_start_up_is_shown(bank, tmp_path):
    async with tracing(tmp_path, str(bank.folder / "modem1")) as (process, until):
        said = await until("It is ready to send.")
        assert any("> AT+CNMI=" in line for line in said)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0


async def test_a_trace_ends_with_the_daemon(bank, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ends")
    async with running_box(folder / "box", str(bank.folder / "modem1")) as other:
        await other.lines_ready(1)
        async with tracing(other.data, "modem1") as (process, until):
            await until("AT+CNUM")
            await other.stop()
            async with asyncio.timeout(SECONDS):
                assert await process.wait() == 0
