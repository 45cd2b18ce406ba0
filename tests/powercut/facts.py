"""What a store has acknowledged, said by the worker, and whether a database still knows it.

The worker notes a fact when the verb has returned, never before. The note goes through the
recorder, into the log of writes and syncs, so that their order is exact.
"""

import ctypes
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy.exc import SQLAlchemyError

from appliance.clock import SystemClock
from appliance.errors import StoreError
from appliance.inbox import reading
from appliance.lifecycle import FINAL, State, message_state
from appliance.store import Store
from appliance.store.lines import SeenSim
from tests.powercut.replay import Kind, Record

Fact: TypeAlias = dict[str, Any]

DATABASE: Final = "appliance.db"

OPENED: Final = "opened"
ACCOUNT: Final = "an account added"
SIM: Final = "a SIM seen"
ACCEPTED: Final = "a message accepted"
BEGUN: Final = "an attempt begun"
ENDED: Final = "an attempt ended"
REPORTED: Final = "a report taken"
ARRIVED: Final = "an inbound part taken"
STOPPED: Final = "a STOP obeyed"
TOLD: Final = "a notice done"

_recorder = ctypes.CDLL(None)


def note(kind: str, **values: object) -> None:
    """Say what was acknowledged, in a process into which the recorder is preloaded."""
    said = json.dumps({"kind": kind, **values}).encode()
    _recorder.disk_note(said, ctypes.c_size_t(len(said)))


def noted(record: Record) -> Fact | None:
    """Return the fact in a record, None if it is a record of something else."""
    return json.loads(record.data) if record.kind is Kind.NOTE else None


async def open_store(directory: Path) -> Store:
    """Open the store as a daemon does."""
    url = f"sqlite:///{directory / DATABASE}"
    return await Store.open(url, directory, daemon="box", clock=SystemClock(), reading=reading({}))


def marks_of(store: Store, directory: Path) -> Fact:
    """Return what must be the same at each opening: its secret, seen by a hash, and its tables."""
    with closing(sqlite3.connect(directory / DATABASE)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return {"print": store.messages.fingerprint("the same").hex(), "revision": revision}


async def problems(directory: Path, facts: Sequence[Fact]) -> list[str]:
    """Open the database in ``directory``; return what is wrong with it, and which facts it lost."""
    try:
        store = await open_store(directory)
        try:
            found = _read(directory, marks_of(store, directory))
            await store.lines.saw(_another_sim())  # it can be written to
        finally:
            await store.close()
    except (StoreError, SQLAlchemyError, sqlite3.Error) as error:
        return [f"it cannot be used: {error}"]
    return found.damage + [
        f"lost: {fact}" for fact in facts if not HOLDS[fact["kind"]](found, fact)
    ]


Row: TypeAlias = dict[str, Any]

Key: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Found:
    """The tables, each row by its key in ``TABLES``, and what is wrong with them."""

    marks: Fact
    tables: Mapping[str, Mapping[Key, Row]]
    parts_of: Mapping[int, Sequence[Row]]
    damage: list[str]

    def has(self, table: str, key: Key, **values: object) -> bool:
        """Return whether there is such a row, with these values."""
        row = self.tables[table].get(key)
        return row is not None and all(row[name] == value for name, value in values.items())


TABLES: Final = {  # the key, and what else is looked at
    "account": ("id", "name"),
    "sim": ("id", "iccid"),
    "message": ("id", "id, text, parts, state"),
    "part": ("id", "message_id, state"),
    "attempt": ("id", "part_id, sim_id, outcome, reference, status"),
    "report": ("attempt_id", "status"),
    "inbound": ("id", "id, state, text"),
    "inbound_part": ("inbound_id || '/' || ordinal", "inbound_id"),
    "opt_out": ("inbound_id", "ended_at"),
    "notice": ("id", "message_id, inbound_id, state, done_at IS NOT NULL AS done"),
}


def _read(directory: Path, marks: Fact) -> Found:
    with closing(sqlite3.connect(directory / DATABASE)) as connection:
        connection.row_factory = sqlite3.Row
        tables = {
            table: {
                row["key"]: dict(row)
                for row in connection.execute(f"SELECT {key} AS key, {columns} FROM {table}")
            }
            for table, (key, columns) in TABLES.items()
        }
        checked = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        dangling = [tuple(row) for row in connection.execute("PRAGMA foreign_key_check")]
    parts_of: dict[int, list[Row]] = {}
    for part in tables["part"].values():
        parts_of.setdefault(part["message_id"], []).append(part)
    found = Found(marks, tables, parts_of, [])
    found.damage.extend(f"integrity: {line}" for line in checked if line != "ok")
    found.damage.extend(f"a row without its parent: {row}" for row in dangling)
    found.damage.extend(_torn(found))
    return found


def _torn(found: Found) -> Iterator[str]:
    """Tell of which transactions only a part is there."""
    told = {(row["message_id"], row["state"]) for row in found.tables["notice"].values()}
    heard = {row["inbound_id"] for row in found.tables["notice"].values()}
    for message in found.tables["message"].values():
        states = [State(part["state"]) for part in found.parts_of.get(message["id"], ())]
        if len(states) != message["parts"] or message_state(states) != message["state"]:
            yield f"message {message} has parts {states}"
        if message["state"] in FINAL and (message["id"], message["state"]) not in told:
            yield f"message {message} ended without a notice"
    for inbound in found.tables["inbound"].values():
        if inbound["state"] == "complete" and inbound["id"] not in heard:
            yield f"inbound message {inbound} has no notice"


def _opened(found: Found, fact: Fact) -> bool:
    return all(fact[name] == value for name, value in found.marks.items())


def _accepted(found: Found, fact: Fact) -> bool:
    count = len(found.parts_of.get(fact["id"], ()))
    return count == fact["parts"] and found.has("message", fact["id"], text=fact["text"])


def _reported(found: Found, fact: Fact) -> bool:
    attempt, status = fact["attempt"], fact["status"]
    return (
        found.has("report", attempt, status=status)
        and found.has("attempt", attempt, status=status)
        and found.has("part", fact["part"], state=fact["state"])
    )


def _arrived(found: Found, fact: Fact) -> bool:
    whole = {"state": "complete", "text": fact["text"]} if fact["text"] is not None else {}
    return found.has("inbound_part", f"{fact['id']}/{fact['ordinal']}") and found.has(
        "inbound", fact["id"], **whole
    )


def _stopped(found: Found, fact: Fact) -> bool:
    return found.has("opt_out", fact["inbound"], ended_at=None) and found.has(
        "message", fact["cancelled"], state="cancelled"
    )


HOLDS: Final[Mapping[str, Callable[[Found, Fact], bool]]] = {
    OPENED: _opened,
    ACCOUNT: lambda found, fact: found.has("account", fact["id"], name=fact["name"]),
    SIM: lambda found, fact: found.has("sim", fact["id"], iccid=fact["iccid"]),
    ACCEPTED: _accepted,
    BEGUN: lambda found, fact: found.has(
        "attempt", fact["id"], part_id=fact["part"], sim_id=fact["sim"]
    ),
    ENDED: lambda found, fact: found.has("attempt", fact["id"], **_ending(fact)),
    REPORTED: _reported,
    ARRIVED: _arrived,
    STOPPED: _stopped,
    TOLD: lambda found, fact: found.has("notice", fact["id"], done=1),
}


def _ending(fact: Fact) -> Fact:
    """Return how an attempt ended; one without an answer may get a reference from its report."""
    known = {} if fact["reference"] is None else {"reference": fact["reference"]}
    return {"outcome": fact["outcome"], **known}


def _another_sim() -> SeenSim:
    now = SystemClock().now()
    return SeenSim(iccid="89490200009999999999", imsi=None, number=None, simulated=True, at=now)
