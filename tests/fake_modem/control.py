"""Clients of the control socket: one that blocks, one for an event loop. Verbs: ``server``."""

import asyncio
import json
import socket
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Fields = dict[str, Any]


class ControlError(Exception):
    """The fake modem did not do what it was asked."""


def _request(identity: int, name: str, fields: Fields) -> bytes:
    return json.dumps({"do": name, "id": identity} | fields).encode() + b"\n"


def _checked(answer: Fields) -> Fields:
    if not answer["ok"]:
        raise ControlError(answer["error"])
    return answer


class Control:
    """Speaks to a bank, waiting for its answers. ``path``: the socket, or the bank's directory."""

    def __init__(self, path: Path | str, *, timeout: float = 60.0) -> None:
        path = Path(path)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path / "control" if path.is_dir() else path))
        self._file = self._socket.makefile("rb")
        self._events: deque[Fields] = deque()
        self._identity = 0

    def do(self, name: str, /, **fields: Any) -> Fields:
        """Ask for something and return the answer. Raises ControlError, TimeoutError."""
        self._identity += 1
        self._socket.sendall(_request(self._identity, name, fields))
        while True:
            said = self._next()
            if "event" in said:
                self._events.append(said)
            elif said["id"] == self._identity:
                return _checked(said)

    def event(self) -> Fields:
        """Return the next event. Raises TimeoutError."""
        while not self._events:
            said = self._next()
            if "event" in said:
                self._events.append(said)
        return self._events.popleft()

    def _next(self) -> Fields:
        line = self._file.readline()
        if not line:
            raise ControlError("the bank is gone")
        said: Fields = json.loads(line)
        return said

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncControl:
    """The same on an event loop, several requests under way at once; use ``async with``."""

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        self._path = path / "control" if path.is_dir() else path
        self._events: asyncio.Queue[Fields] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[Fields]] = {}
        self._identity = 0

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_unix_connection(self._path)
        self._listener = asyncio.create_task(self._listen())
        return self

    async def do(self, name: str, /, **fields: Any) -> Fields:
        """Ask for something and return the answer. Raises ControlError."""
        self._identity += 1
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        self._waiting[self._identity] = answer
        self._writer.write(_request(self._identity, name, fields))
        return _checked(await answer)

    async def event(self) -> Fields:
        """Return the next event, whenever it comes."""
        return await self._events.get()

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            said: Fields = json.loads(line)
            if "event" in said:
                self._events.put_nowait(said)
            elif (answer := self._waiting.pop(said["id"], None)) and not answer.done():
                answer.set_result(said)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ControlError("the bank is gone"))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.cancel()
        self._writer.close()
