"""What went on the air, one JSON line per PDU: what lost and double messages are counted by."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fake_modem.pdu import Concat


@dataclass(frozen=True, slots=True)
class OnAir:
    """One PDU that a modem handed to the network.

    ``accepted``: the service centre took it. ``text``, or ``data`` as hex where it is 8-bit.
    ``at``: seconds since 1970. ``reference``: the TP-MR that the modem gave it.
    """

    at: float
    modem: str
    iccid: str
    recipient: str
    reference: int
    concat: Concat | None
    text: str | None
    data: str | None
    pdu: str
    accepted: bool

    @classmethod
    def from_json(cls, line: str | bytes) -> "OnAir":
        """Read one line of a ledger."""
        row: dict[str, Any] = json.loads(line)
        concat = row.pop("concat")
        return cls(concat=Concat(**concat) if concat else None, **row)


class Ledger:
    """A ledger's file, for reading; it may be read while it is being written."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def entries(self) -> list[OnAir]:
        """Return every PDU, refused ones too, oldest first."""
        if not self.path.exists():
            return []
        return [OnAir.from_json(line) for line in self.path.read_bytes().splitlines()]

    def sent(self) -> list[OnAir]:
        """Return what the network took, oldest first."""
        return [entry for entry in self.entries() if entry.accepted]


class LedgerWriter:
    """Keeps the entries in memory and, given a path, appends each with a single write."""

    def __init__(self, path: Path | None = None) -> None:
        self.count = 0  # entries the network took
        self.entries: list[OnAir] = []
        self._file = -1
        if path is not None:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            self.count = len(Ledger(path).sent())

    def append(self, entry: OnAir) -> None:
        """Write down one PDU; on return a reader of the file sees it."""
        self.count += entry.accepted
        if self._file < 0:
            self.entries.append(entry)
            return
        os.write(self._file, (json.dumps(asdict(entry)) + "\n").encode())

    def sent(self) -> list[OnAir]:
        """Return what the network took; only of a ledger without a file."""
        return [entry for entry in self.entries if entry.accepted]

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
