"""What a disk may hold after a power cut, from the records of ``recorder.c``.

The rules, as strict as POSIX allows and no kinder:

- What was written before a sync began is on the disk once that sync has ended.
- Of what is not synced yet, each sector (512 or 4096 bytes) is as it was at any one moment since
  the last sync, whatever became of its neighbours. The same holds for a file's length.
- A sector is never torn: SQLite relies on that too (SQLITE_POWERSAFE_OVERWRITE).
- Names that were made, changed or removed are on the disk once the directory is synced; until
  then each such act is or is not, but those that are keep their order. (On ext4 a sync of a new
  file saves its name as well; a store that holds without that holds there too.)

SQLite's ``-shm`` file is left out. It is an index of the ``-wal`` file in shared memory, changed
through mmap, never synced and never relied on: the first process that opens the database
empties it and builds it anew from the ``-wal`` file.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final, Generic, TypeAlias, TypeVar

SECTORS: Final = (512, 4096)

EAGERNESS: Final = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How likely a disk has taken what it was not yet made to take: nothing, some of it, all."""

LEFT_OUT: Final = "-shm"

HEAD: Final = struct.Struct("=6Q")

Act = TypeVar("Act")


class Kind(StrEnum):
    """What was done; the value is the letter in the log."""

    CREATED = "C"  # a file, by open
    WRITTEN = "W"  # data at a position
    RESIZED = "T"  # to position bytes
    RENAMED = "R"  # from path to the path in data
    UNLINKED = "U"
    SYNC_BEGINS = "B"  # of a file, or of the directory itself
    SYNC_ENDED = "E"
    NOTE = "N"  # what the recorded program had to say at this point


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was done, as ``recorder.c`` writes it down."""

    kind: Kind
    thread: int = 0
    inode: int = 0
    position: int = 0
    path: str = ""
    data: bytes = b""


def read_log(log: Path) -> Iterator[Record]:
    """Read what was recorded, in order."""
    content, at = log.read_bytes(), 0
    while at < len(content):
        kind, thread, inode, position, path_length, data_length = HEAD.unpack_from(content, at)
        path_at = at + HEAD.size
        data_at = path_at + path_length
        at = data_at + data_length
        path = content[path_at:data_at].decode()
        yield Record(Kind(chr(kind)), thread, inode, position, path, content[data_at:at])


class _Kept(ABC, Generic[Act]):
    """Something of which a part is on the disk for good, and the rest is not promised."""

    def __init__(self) -> None:
        self._pending: list[Act] = []
        self._promised: dict[int, int] = {}  # thread that syncs → how much of pending it covers

    def do(self, act: Act) -> None:
        """Take note of an act that no sync covers yet."""
        self._pending.append(act)

    def sync_begins(self, thread: int) -> None:
        """Promise this thread what was done so far, for when its sync has ended."""
        self._promised[thread] = len(self._pending)

    def sync_ended(self, thread: int) -> None:
        """Put on the disk what was promised."""
        count = self._promised.pop(thread)
        for act in self._pending[:count]:
            self._settle(act)
        del self._pending[:count]
        for other, promised in self._promised.items():
            self._promised[other] = max(0, promised - count)

    @abstractmethod
    def _settle(self, act: Act) -> None: ...


@dataclass(frozen=True, slots=True)
class _Write:
    position: int
    data: bytes

    def apply(self, content: bytearray) -> range:
        """Change ``content``; return which bytes of it are others now."""
        hole = self.position - len(content)
        if hole > 0:
            content.extend(bytes(hole))
        end = self.position + len(self.data)
        content[self.position : end] = self.data
        return range(self.position - max(0, hole), end)


@dataclass(frozen=True, slots=True)
class _Resize:
    length: int

    def apply(self, content: bytearray) -> range:
        """Change ``content``; return which bytes of it are others now, or are gone."""
        before = len(content)
        del content[self.length :]
        content.extend(bytes(self.length - len(content)))
        return range(min(before, self.length), max(before, self.length))


class _File(_Kept[_Write | _Resize]):
    def __init__(self) -> None:
        super().__init__()
        self._disk = bytearray()

    def _settle(self, act: _Write | _Resize) -> None:
        act.apply(self._disk)

    def after_cut(self, eagerness: float, sector: int, random: Random) -> bytes:
        """Return what may be found: each sector, and the length, from a moment of their own."""
        cache, disk = bytearray(self._disk), bytearray(self._disk)
        length = len(disk)
        for act in self._pending:
            touched = act.apply(cache)
            if random.random() < eagerness:
                length = len(cache)
            for start in range(touched.start - touched.start % sector, touched.stop, sector):
                if random.random() < eagerness:
                    content = bytes(cache[start : start + sector]).ljust(sector, b"\0")
                    _Write(start, content).apply(disk)
        return bytes(disk[:length]).ljust(length, b"\0")


_Naming: TypeAlias = dict[str, _File | None]  # names that an act gave, or (None) took away


class _Names(_Kept[_Naming]):
    def __init__(self) -> None:
        super().__init__()
        self._disk: _Naming = {}

    def _settle(self, act: _Naming) -> None:
        self._disk |= act

    def after_cut(self, eagerness: float, random: Random) -> dict[str, _File]:
        """Return which files may be found, by name."""
        found = dict(self._disk)
        for act in self._pending:
            if random.random() < eagerness:
                found |= act
        return {name: file for name, file in found.items() if file is not None}


class Disk:
    """The disk under one directory, which was empty when the recording began."""

    def __init__(self, directory: Path) -> None:
        """Replay records about ``directory``, which need not exist any more."""
        self._directory = directory.resolve()
        self._names = _Names()
        self._files: dict[int, _File] = {}

    def take(self, record: Record) -> None:
        """Do what was done next."""
        match record.kind:
            case Kind.CREATED:
                self._files[record.inode] = _File()  # the number may have been another file's
                self._names.do({self._name(record.path): self._files[record.inode]})
            case Kind.WRITTEN:
                self._files[record.inode].do(_Write(record.position, record.data))
            case Kind.RESIZED:
                self._files[record.inode].do(_Resize(record.position))
            case Kind.RENAMED:
                new_name = self._name(record.data.decode())
                self._names.do({self._name(record.path): None, new_name: self._files[record.inode]})
            case Kind.UNLINKED:
                self._names.do({self._name(record.path): None})
            case Kind.SYNC_BEGINS:
                self._synced(record).sync_begins(record.thread)
            case Kind.SYNC_ENDED:
                self._synced(record).sync_ended(record.thread)

    def cut(self, target: Path, random: Random, eagerness: Sequence[float] = EAGERNESS) -> None:
        """Fill the empty directory ``target`` with what may be found if the power goes now.

        Args:
            target: is filled.
            random: decides about everything that is not promised.
            eagerness: what is drawn from, anew for each file; ``(1.0,)`` is no cut at all.

        """
        sector = random.choice(SECTORS)
        names = self._names.after_cut(random.choice(eagerness), random)
        for name, file in names.items():
            if not name.endswith(LEFT_OUT):
                content = file.after_cut(random.choice(eagerness), sector, random)
                (target / name).write_bytes(content)

    def _synced(self, record: Record) -> "_File | _Names":
        whole = Path(record.path) == self._directory
        return self._names if whole else self._files[record.inode]

    def _name(self, path: str) -> str:
        relative = Path(path).relative_to(self._directory)
        if len(relative.parts) != 1:
            raise NotImplementedError(f"{path}: folders in the directory are not replayed")
        return relative.name
