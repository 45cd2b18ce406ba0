"""Processes that are forked are as good as those that begin by themselves."""

import os
import signal
from pathlib import Path

import pytest

from tests import forking
from tests.box import until

MODULE = "tests.house.sayer"


@pytest.fixture
def forker():
    made = forking.Forker()
    yield made
    made.close()


def env(**more):
    return {"PATH": os.environ["PATH"], **more}


async def test_a_forked_process_reads_says_and_ends_as_any_other():
    said = await forking.run(MODULE, "7", env=env(WORD="hello"), reading=b"read")
    assert (said.returncode, said.out, said.err) == (7, b"hello read\n", b"no more\n")


async def test_what_it_does_not_catch_is_told_and_its_status_is_1():
    said = await forking.run(MODULE, "seven", env=env(WORD=""))
    assert said.returncode == 1
    assert b"ValueError" in said.err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_signal_ends_it_and_is_its_status(forker, tmp_path, number):
    with (tmp_path / "out").open("wb") as out:
        process = forker.start(MODULE, "forever", env=env(WORD=""), out=out, err=out)
    await until_it_runs(tmp_path / "out")
    assert process.returncode is None
    process.send_signal(number)
    assert await process.wait() == process.returncode == -number
    with pytest.raises(ProcessLookupError):
        process.kill()


async def test_none_outlives_what_it_was_forked_from(forker, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        process = forker.start(MODULE, "forever", env=env(WORD=""), out=out, err=out)
    await until_it_runs(tmp_path / "out")
    forker.close()

    async def gone():
        return not Path(f"/proc/{process.pid}/exe").exists()

    await until(gone, "it has ended")


async def until_it_runs(out):
    async def runs():
        return b"forever" in out.read_bytes()

    await until(runs, "it runs")
