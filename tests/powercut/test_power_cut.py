"""Nothing that was acknowledged is missing after a power cut.

``kill -9`` spares the page cache, so it proves nothing of this. Here a process works on a real
store while every write and sync of it is recorded; then the power fails at many moments of that
record, and the real store opens what a disk may hold then.

``POWERCUT_SEED`` repeats the draw of an earlier run (but not the timing of its worker).
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.powercut import facts, preload
from tests.powercut.replay import Disk, Kind, Record, read_log
from tests.powercut.worker import SYNCHRONOUS
from tests.require import ROOT

CUTS = 210

CUTS_TO_FIND_OUT = 40
"""Enough where nearly every cut loses something."""

PLACES = {"acknowledged", facts.DATABASE, f"{facts.DATABASE}-wal"}

SYNC_MS = 2
"""As long as the worker's syncs take at least: an answer that does not wait for one comes first."""

WORKER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Recording:
    """What a worker did, and the directory it left."""

    directory: Path
    log: Path
    records: list[Record]


def record_worker(library: Path, folder: Path, **environment: str) -> Recording:
    directory, log = folder / "data", folder / "log"
    directory.mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.powercut.worker", directory],
        cwd=ROOT,
        env={
            **os.environ,
            **preload.recording(library, directory, log),
            **preload.slow_syncs(library, SYNC_MS, directory),
            **environment,
        },
        check=True,
        timeout=WORKER_SECONDS,
    )
    return Recording(directory, log, list(read_log(log)))


@pytest.fixture(scope="module")
def recording(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record_worker(library, tmp_path_factory.mktemp("worker"))


@pytest.fixture
def random() -> Random:
    seed = int(os.environ.get("POWERCUT_SEED") or SystemRandom().randrange(1 << 32))
    print(f"POWERCUT_SEED={seed}")
    return Random(seed)


def moments(records: list[Record], cuts: int, random: Random) -> list[int]:
    """Choose after which records to cut, in order.

    Acknowledgements and rare files count as much as the many writes to the write-ahead log.
    """
    places: dict[str, list[int]] = {}
    for number, record in enumerate(records, 1):
        name = "acknowledged" if record.kind is Kind.NOTE else Path(record.path).name
        places.setdefault(name if name in PLACES else "elsewhere", []).append(number)
    return sorted(random.choice(places[random.choice(sorted(places))]) for _ in range(cuts))


async def first_loss(recording: Recording, cuts: int, folder: Path, random: Random) -> str | None:
    """Cut the power at so many moments; tell what is wrong after the first bad one, if any.

    What was found there is kept in ``folder``.
    """
    disk = Disk(recording.directory)
    acknowledged: list[facts.Fact] = []
    at = 0
    for number, moment in enumerate(moments(recording.records, cuts, random)):
        for record in recording.records[at:moment]:
            disk.take(record)
            if fact := facts.noted(record):
                acknowledged.append(fact)
        at = moment
        found = folder / f"cut-{number}"
        found.mkdir()
        disk.cut(found, random)
        if problems := await facts.problems(found, acknowledged):
            return "\n".join([f"{found}, cut after record {moment} of {recording.log}", *problems])
        shutil.rmtree(found)
    return None


async def test_nothing_acknowledged_is_missing_after_a_power_cut(recording, tmp_path, random):
    assert await first_loss(recording, CUTS, tmp_path, random) is None


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
async def test_a_store_that_does_not_sync_its_commits_is_found_out(
    library, tmp_path, random, synchronous
):
    recording = record_worker(library, tmp_path, **{SYNCHRONOUS: synchronous})

    assert await first_loss(recording, CUTS_TO_FIND_OUT, tmp_path, random) is not None


async def test_without_a_cut_the_disk_is_replayed_to_the_byte_and_every_fact_holds(
    recording, tmp_path, random
):
    disk = Disk(recording.directory)
    for record in recording.records:
        disk.take(record)
    disk.cut(tmp_path, random, eagerness=(1.0,))

    assert contents(tmp_path) == contents(recording.directory)
    acknowledged = [fact for record in recording.records if (fact := facts.noted(record))]
    assert await facts.problems(tmp_path, acknowledged) == []


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_worker_does_all_that_a_daemon_does(recording):
    done = {fact["kind"] for record in recording.records if (fact := facts.noted(record))}

    assert done == set(facts.HOLDS)
