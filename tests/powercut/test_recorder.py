"""The recorder sees what a process does to a directory, and can slow its syncs down."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from benchmarks.slow_disk import slow_disk
from tests.powercut import preload
from tests.powercut.replay import Disk, Kind, Record, read_log


def run(code: str, directory: Path, environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", "import os, threading, time\n" + code],
        cwd=directory,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    ).stdout


@pytest.fixture
def recorded(library, tmp_path):
    """Give a function that runs code in a directory and returns what was recorded of it."""
    directory, log = tmp_path / "data", tmp_path / "log"
    directory.mkdir()

    def record(code: str) -> list[Record]:
        run(code, directory, preload.recording(library, directory, log))
        return list(read_log(log))

    return record


OPEN = "file = os.open('a', os.O_RDWR | os.O_CREAT)\n"

ACTS = {
    "a file is made": (OPEN, Kind.CREATED),
    "write": (OPEN + "os.write(file, b'first'); os.write(file, b' then')", Kind.WRITTEN),
    "pwrite": (OPEN + "os.pwrite(file, b'there', 5000)", Kind.WRITTEN),
    "writev": (OPEN + "os.writev(file, [b'one', b'two', b'three'])", Kind.WRITTEN),
    "an append": ("for n in range(3):\n with open('a', 'a') as f: f.write('x')", Kind.WRITTEN),
    "ftruncate": (OPEN + "os.write(file, b'x' * 99); os.ftruncate(file, 9)", Kind.RESIZED),
    "O_TRUNC": ("for n in range(2):\n with open('a', 'w') as f: f.write('x' * n)", Kind.RESIZED),
    "a new name": (OPEN + "os.rename('a', 'b')", Kind.RENAMED),
    "a taken name": (OPEN + "open('b', 'w').close(); os.replace('b', 'a')", Kind.RENAMED),
    "unlink": (OPEN + "os.unlink('a'); os.write(file, b'lost')", Kind.UNLINKED),
    "a number used again": (
        "for n in range(9):\n with open(f'{n}', 'w') as f: f.write('x' * n)\n os.unlink(f'{n}')",
        Kind.UNLINKED,
    ),
    "fsync": (OPEN + "os.fsync(file)", Kind.SYNC_ENDED),
    "fdatasync": (OPEN + "os.fdatasync(file)", Kind.SYNC_ENDED),
    "the directory's sync": ("os.fsync(os.open('.', os.O_RDONLY))", Kind.SYNC_ENDED),
    "many threads": (
        OPEN
        + """
together = threading.Barrier(4)

def scribble(number):
    for cell in range(2000):
        together.wait()
        os.pwrite(file, bytes([number]) * 512, cell * 512)

threads = [threading.Thread(target=scribble, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
""",
        Kind.WRITTEN,
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_was_done_is_recorded_and_replayed(recorded, tmp_path, act):
    code, kind = ACTS[act]
    records = recorded(code)

    assert kind in {record.kind for record in records}
    disk = Disk(tmp_path / "data")
    for record in records:
        disk.take(record)
    (tmp_path / "again").mkdir()
    disk.cut(tmp_path / "again", Random(1), eagerness=(1.0,))
    assert contents(tmp_path / "again") == contents(tmp_path / "data")


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_files_elsewhere_are_not_recorded(recorded, tmp_path):
    near = tmp_path / "data-too"
    assert recorded(f"open({str(near)!r}, 'w').write('x')") == []


SYNCS = "start = time.monotonic()\nos.fsync(file), os.fdatasync(file)\n"

TELL = "print(time.monotonic() - start)"


def test_each_sync_takes_as_long_as_it_is_told(library, tmp_path):
    environment = slow_disk(timedelta(milliseconds=50), tmp_path)
    assert float(run(OPEN + SYNCS + TELL, tmp_path, environment)) >= 0.1


def test_syncs_outside_the_slow_directory_are_not_slowed(library, tmp_path):
    slow = tmp_path / "slow"
    slow.mkdir()
    environment = preload.slow_syncs(library, 3_600_000, slow)
    run(OPEN + SYNCS, tmp_path, environment)  # an hour's wait would be seen
