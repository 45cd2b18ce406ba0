"""Processes that begin as a fork of one that has imported the appliance already.

What runs is what ``python -m MODULE`` runs, as a process of its own that can be killed, stopped and
counted; only its imports, two seconds of a processor, are done once for all of them. How a
process begins from nothing is shown by the tests of the launcher; benchmarks start that way too.
"""

import asyncio
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from scripts.children import end_with_parent

ROOT = Path(__file__).parent.parent

IMPORTED = (
    *("appliance.cli", "appliance.daemon", "alembic.command", "httpx", "psycopg"),
    *("tests.fake_modem.__main__", "uvloop", "uvicorn.protocols.http.httptools_impl"),
)
"""What costs so much to import."""

LONGEST = 1 << 20  # octets of a request: arguments and an environment

STATUS_OCTETS = 4


class Forked:
    """A process that was forked for us; as much of ``asyncio.subprocess.Process`` as is used."""

    def __init__(self, pid: int, status: int) -> None:
        """``status``: where its status, as ``subprocess`` gives it, can be read once it ended."""
        self.pid = pid
        self._status = status
        self._code: int | None = None
        os.set_blocking(status, False)

    def __del__(self) -> None:
        os.close(self._status)

    @property
    def returncode(self) -> int | None:
        """Return its status, -n if signal n ended it; None while it runs."""
        if self._code is None:
            with suppress(BlockingIOError):
                said = os.read(self._status, STATUS_OCTETS)
                assert said, "nobody knows how it ended"
                self._code = int.from_bytes(said, "big", signed=True)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal.

        Raises:
            ProcessLookupError: it has ended.

        """
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, as a crash does."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return its status when it has ended. For one at a time."""
        loop = asyncio.get_running_loop()
        while (code := self.returncode) is None:
            ended = loop.create_future()
            loop.add_reader(self._status, partial(_set, ended))
            try:
                await ended
            finally:
                loop.remove_reader(self._status)
        return code


def _set(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)


@dataclass(frozen=True)
class Said:
    """What came of a process that has run."""

    returncode: int
    out: bytes
    err: bytes


class Forker:
    """The process that is forked from. It ends when we do, and what it has forked with it."""

    def __init__(self) -> None:
        self._nothing = Path(os.devnull).open("rb")  # noqa: SIM115 - as long as we live
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            for each in (self._socket, theirs):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking"],
                cwd=ROOT,
                stdin=theirs,
                start_new_session=True,
            )

    def start(
        self,
        *command: str,
        env: Mapping[str, str],
        out: IO[bytes],
        err: IO[bytes],
        read: IO[bytes] | None = None,
    ) -> Forked:
        """Run a module with its arguments and nothing but this environment.

        ``read``: what it reads; None: nothing.
        """
        status, theirs = os.pipe()
        request = json.dumps({"command": command, "env": dict(env)}).encode()
        try:
            files = [read or self._nothing, out, err]
            socket.send_fds(self._socket, [request], [theirs, *(file.fileno() for file in files)])
        finally:
            os.close(theirs)
        return Forked(int(self._socket.recv(32)), status)

    def close(self) -> None:
        """End it, at once even if it is still importing."""
        self._socket.close()
        self._nothing.close()
        self._process.kill()
        self._process.wait()


_forkers: list[Forker] = []  # the one there is


def begin() -> None:
    """Have processes forked from now on."""
    _forkers.append(Forker())


def end() -> None:
    """End what processes were forked from."""
    while _forkers:
        _forkers.pop().close()


def forker() -> Forker | None:
    """Return what processes are forked from, None if each begins by itself."""
    return _forkers[0] if _forkers else None


async def run(*command: str, env: Mapping[str, str], reading: bytes = b"") -> Said:
    """Run a module to its end, with nothing but this environment."""
    file = tempfile.TemporaryFile
    with file() as read, file() as out, file() as err:
        read.write(reading)
        read.seek(0)
        forked = forker()
        process: Forked | asyncio.subprocess.Process
        if forked is not None:
            process = forked.start(*command, env=env, out=out, err=err, read=read)
        else:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *command),
                cwd=ROOT,
                env=env,
                stdin=read,
                stdout=out,
                stderr=err,
            )
        code = await process.wait()
        for each in (out, err):
            each.seek(0)
        return Said(code, out.read(), err.read())


# The process that is forked from


@dataclass(frozen=True)
class _Request:
    command: list[str]
    env: dict[str, str]
    files: list[int]  # where its status is told; stdin, stdout, stderr


def _serve() -> _Request | None:
    """Fork for each request; return in the children what to run, and None when all is over."""
    asked = socket.socket(fileno=os.dup(0))
    bell, ringing = os.pipe()
    os.set_blocking(ringing, False)
    before = signal.signal(signal.SIGCHLD, lambda *_: None), signal.set_wakeup_fd(ringing)
    running: dict[int, int] = {}  # pid: where its status is awaited
    while True:
        ready, _, _ = select.select([asked, bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
            _reap(running)
        if asked not in ready:
            continue
        said, files, _, _ = socket.recv_fds(asked, LONGEST, 4)
        if not said:
            return None
        request = _Request(**json.loads(said), files=files)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(before[1])
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (bell, ringing, *running.values()):
                os.close(each)
            asked.close()
            return request
        running[pid], *others = files
        for each in others:
            os.close(each)
        asked.send(str(pid).encode())


def _reap(running: dict[int, int]) -> None:
    for pid in tuple(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            with suppress(BrokenPipeError):  # nobody cares any more
                os.write(told, code.to_bytes(STATUS_OCTETS, "big", signed=True))
            os.close(told)


def _become(request: _Request) -> None:
    """Make this process what one that began by itself would be."""
    end_with_parent()
    os.setsid()
    told, *files = request.files
    os.close(told)
    for ours, given in enumerate(files):
        os.dup2(given, ours)
        os.close(given)
    os.environ.clear()
    os.environ.update(request.env)
    time.tzset()
    module, *arguments = request.command
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # what is not looked at is not copied
    if (asked_for := _serve()) is not None:
        _become(asked_for)
