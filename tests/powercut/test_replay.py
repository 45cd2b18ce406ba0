"""What a power cut may leave, and what it must."""

import itertools
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.powercut.replay import Disk, Kind, Record

HOME = Path("/data")
OLD, NEW = b"o" * 8192, b"n" * 8192


def created(name: str, inode: int = 1) -> Record:
    return Record(Kind.CREATED, inode=inode, path=f"/data/{name}")


def written(data: bytes, position: int = 0) -> Record:
    return Record(Kind.WRITTEN, inode=1, position=position, data=data)


def resized(length: int) -> Record:
    return Record(Kind.RESIZED, inode=1, position=length)


def renamed(old: str, new: str, inode: int = 1) -> Record:
    return Record(Kind.RENAMED, inode=inode, path=f"/data/{old}", data=f"/data/{new}".encode())


def unlinked(name: str) -> Record:
    return Record(Kind.UNLINKED, path=f"/data/{name}")


def begins(thread: int = 1, path: str = "/data/a") -> Record:
    return Record(Kind.SYNC_BEGINS, thread=thread, inode=1, path=path)


def ended(thread: int = 1, path: str = "/data/a") -> Record:
    return Record(Kind.SYNC_ENDED, thread=thread, inode=1, path=path)


SYNCED = (begins(), ended())
NAMED = (begins(path="/data"), ended(path="/data"))
KEPT = (created("a"), written(OLD), *SYNCED, *NAMED)


@pytest.fixture
def after(tmp_path: Path) -> Callable[..., dict[str, bytes]]:
    numbers = itertools.count()

    def cut(*records: Record, eagerness: float = 0.0, seed: int = 1) -> dict[str, bytes]:
        disk = Disk(HOME)
        for record in records:
            disk.take(record)
        target = tmp_path / str(next(numbers))
        target.mkdir()
        disk.cut(target, Random(seed), (eagerness,))
        return {path.name: path.read_bytes() for path in target.iterdir()}

    return cut


def test_what_is_synced_is_kept(after):
    assert after(*KEPT) == {"a": OLD}


@pytest.mark.parametrize(
    ("act", "done"), [(written(NEW), NEW), (resized(100), OLD[:100]), (resized(0), b"")]
)
def test_what_is_not_synced_may_be_lost_or_kept(after, act, done):
    assert after(*KEPT, act) == {"a": OLD}
    assert after(*KEPT, act, eagerness=1.0) == {"a": done}


def test_what_is_written_while_a_sync_runs_is_not_promised(after):
    assert after(*KEPT, begins(), written(NEW), ended()) == {"a": OLD}
    assert after(*KEPT, written(NEW), begins()) == {"a": OLD}


def test_syncs_that_overlap_each_promise_what_was_there_at_their_begin(after):
    more = (written(NEW), begins(1), written(b"x"), begins(2))
    assert after(*KEPT, *more, ended(1)) == {"a": NEW}
    assert after(*KEPT, *more, ended(2), ended(1)) == {"a": b"x" + NEW[1:]}
    assert after(*KEPT, *more, ended(1), written(b"y"), ended(2)) == {"a": b"x" + NEW[1:]}


def test_sectors_reach_the_disk_in_any_order(after):
    found = {after(*KEPT, written(NEW), eagerness=0.5, seed=seed)["a"] for seed in range(40)}

    halves = {(content[:4096], content[4096:]) for content in found}
    assert (OLD[:4096], NEW[:4096]) in halves
    assert (NEW[:4096], OLD[:4096]) in halves
    starts = range(0, len(OLD), 512)
    sectors = {content[start : start + 512] for content in found for start in starts}
    assert sectors == {OLD[:512], NEW[:512]}  # none is torn


def test_a_file_may_be_longer_than_what_of_it_has_arrived(after):
    more = written(NEW, len(OLD))
    found = {after(*KEPT, more, eagerness=0.5, seed=seed)["a"] for seed in range(40)}

    assert OLD + bytes(len(NEW)) in {content.replace(b"n", b"\0") for content in found}
    assert OLD in found


def test_a_sector_may_be_as_it_was_between_two_writes(after):
    acts = (*KEPT, written(NEW), written(b"z" * len(NEW)))
    found = {after(*acts, eagerness=0.5, seed=seed)["a"][:512] for seed in range(40)}
    assert found == {OLD[:512], NEW[:512], b"z" * 512}


def test_a_name_is_promised_by_a_sync_of_its_directory_only(after):
    assert after(created("a"), written(OLD), *SYNCED) == {}
    assert after(created("a"), *NAMED, written(OLD)) == {"a": b""}


@pytest.mark.parametrize(
    ("acts", "names"),
    [
        ([renamed("a", "b")], {"b"}),
        ([unlinked("a")], set()),
        ([created("b", inode=2), renamed("b", "a", inode=2)], {"a"}),
    ],
)
def test_names_may_stay_as_they_were_until_the_directory_is_synced(after, acts, names):
    assert set(after(*KEPT, *acts)) == {"a"}
    assert set(after(*KEPT, *acts, eagerness=1.0)) == names
    assert set(after(*KEPT, *acts, *NAMED)) == names


def test_a_number_that_is_used_again_is_another_file(after):
    again = (unlinked("a"), created("b"), written(NEW), *SYNCED, *NAMED)
    assert after(*KEPT, *again) == {"b": NEW}
    assert after(*KEPT, *again[:-2]) == {"a": OLD}


def test_the_shared_memory_of_sqlite_is_left_out(after):
    assert after(created("a-shm"), written(OLD), *SYNCED, *NAMED) == {}
