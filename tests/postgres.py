"""A throw-away PostgreSQL: its own folder, its own Unix socket, no TCP, gone after the tests."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from scripts.children import end_with_parent
from tests.require import give_up, require

OWNER = "appliance"  # no superuser: what the product does must work without being one

START_SECONDS = 30
STOP_SECONDS = 20


class Cluster:
    """A running server. Its databases are cheap: about 50 ms each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(self._conninfo("postgres", "postgres"), autocommit=True)
        self._admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(OWNER)))

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Give the URL of a fresh database; at the end drop it and whoever is in it."""
        name = f"test_{next(self._numbers)}"
        self._run("CREATE DATABASE {} OWNER {} TEMPLATE {}", name, OWNER, template)
        try:
            yield f"postgresql+psycopg://{OWNER}@/{name}?host={self._folder}"
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def close(self) -> None:
        """Close our own connection."""
        self._admin.close()

    def _run(self, statement: str, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _conninfo(self, user: str, database: str) -> str:
        return f"host={self._folder} user={user} dbname={database}"


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a server of the newest PostgreSQL installed, and stop it whatever happens."""
    binaries = Path(require("postgresql")).parent
    with _folder() as folder:
        data = folder / "data"
        _run_as_owner(
            [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-N", "-E", "UTF8"],
            folder,
        )
        process = _start(binaries / "postgres", data, folder)
        try:
            _wait(process, binaries / "pg_isready", folder)
            with contextlib.closing(Cluster(folder)) as cluster:
                yield cluster
        finally:
            _stop(process)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that the server's user may enter and whose socket path is short enough."""
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        folder = Path(tempfile.mkdtemp(prefix="appliance-pg-", dir=parent))
        try:
            if owner := _owner():
                shutil.chown(folder, owner, owner)
            may_enter = subprocess.run(["test", "-w", folder], **_as_owner(), check=False)
            if may_enter.returncode == 0 and len(str(folder)) < 80:
                yield folder
                return
        finally:
            shutil.rmtree(folder)
    give_up("no folder for temporary files that PostgreSQL's user may enter")


def _owner() -> str | None:
    """Return the user to change to, None if we may stay: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    if "postgres" not in (user.pw_name for user in pwd.getpwall()):
        give_up("no user named postgres, and PostgreSQL does not run as root")
    return "postgres"


def _as_owner() -> dict[str, object]:
    owner = _owner()
    return {"user": owner, "group": owner, "extra_groups": []} if owner else {}


def _run_as_owner(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, **_as_owner()
    )
    if done.returncode != 0:
        pytest.fail(f"{command[0]}: {done.stdout}{done.stderr}", pytrace=False)


def _start(postgres: Path, data: Path, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [postgres, "-D", data, "-k", folder, "-c", "listen_addresses="],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's Ctrl-C must not reach it before we stop it
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one C call, takes no lock of Python's
            **_as_owner(),
        )


def _wait(process: subprocess.Popen[bytes], pg_isready: Path, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run([pg_isready, "-q", "-h", folder], check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()}", pytrace=False)
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # a "fast" shutdown: clients are thrown out
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_SECONDS)
