"""Posting straight to a receiver: connections that are kept open, and as little else as can be.

A notice is one request of a few hundred octets, of whose answer only the status counts. A general
client takes 0.8 ms of CPU for that, twice for each message; this takes a tenth, since the
answer is parsed by httptools and nothing is looked for, copied or kept that nobody asks for.
"""

import asyncio
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, Self
from urllib.parse import unquote

import httptools
import httpx

from appliance.posting import limits
from appliance.posting.reaching import reached

PORTS: Final = {"http": 80, "https": 443}

KNOWN_URLS: Final = 256
"""URLs that are kept as they were read: each account has one."""

HEADS_END: Final = 64 * 1024
"""Octets of an answer before its body; more is no answer to us."""


class Target(NamedTuple):
    """Where a URL leads: what a connection is for, and the first lines of a request."""

    secure: bool
    host: str
    port: int
    head: bytes


class DirectPoster:
    """Posts to receivers over connections of its own."""

    def __init__(self, *, verify: bool = True) -> None:
        """``verify`` checks certificates, as it should."""
        self._verify = verify
        self._tls: ssl.SSLContext | None = None
        self._places = asyncio.Semaphore(limits.CONNECTIONS)
        self._idle: deque[_Connection] = deque()  # the one used last is the last
        self._open: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        """Return the poster itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        for connection in tuple(self._open):
            connection.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post; return the status of the answer, which is all that counts of it.

        Raises:
            httpx.HTTPError, httpx.InvalidURL: there is none.

        """
        target = _target(url)
        request = b"".join(
            (
                target.head,
                *(f"{name}: {value}\r\n".encode("ascii") for name, value in headers.items()),
                b"Content-Length: %d\r\n\r\n" % len(body),
                body,
            )
        )
        async with self._places:
            connection = self._kept_for(target) or await self._connected(target)
            return await connection.ask(request)

    def _kept_for(self, target: Target) -> "_Connection | None":
        for connection in reversed(self._idle):
            if connection.leads_to[:3] == target[:3]:
                self._idle.remove(connection)
                connection.wake()
                return connection
        return None

    async def _connected(self, target: Target) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limits.CONNECT):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, target),
                    sock=await reached(target.host, target.port),
                    ssl=self._context() if target.secure else None,
                    server_hostname=target.host if target.secure else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("") from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(type(error).__name__) from error
        self._open.add(connection)
        return connection

    def _context(self) -> ssl.SSLContext:
        """Return what TLS is made with: read when it is needed first, since it takes a while."""
        if self._tls is None:
            self._tls = httpx.create_ssl_context(verify=self._verify)
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def keep(self, connection: "_Connection") -> None:
        """Keep a connection for what comes next; the one that was idle longest may go for it."""
        self._idle.append(connection)
        if len(self._idle) > limits.IDLE_CONNECTIONS:
            self._idle[0].close()

    def lost(self, connection: "_Connection") -> None:
        """Take note that a connection is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


class _Connection(asyncio.Protocol):
    """One connection: a request at a time, and what is heard of its answer."""

    def __init__(self, owner: DirectPoster, target: Target) -> None:
        self.leads_to = target
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0  # octets of the answer before its body, then of the body

    async def ask(self, request: bytes) -> int:
        """Write a request and wait for the status.

        Raises:
            httpx.ReadTimeout: it does not come in time.
            httpx.RemoteProtocolError: what came is no HTTP, or the connection broke off.

        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        self._answer = answer
        if self._transport is None or self._transport.is_closing():
            raise httpx.RemoteProtocolError("")
        self._parser, self._heard = httptools.HttpResponseParser(self), 0
        self._close_in(limits.ANSWER, httpx.ReadTimeout(""))
        self._transport.write(request)
        try:
            return await answer
        except asyncio.CancelledError:
            self.close()  # what may still come would be taken for the next answer
            raise

    def wake(self) -> None:
        """Be used again."""
        if self._timer is not None:
            self._timer.cancel()

    def close(self, why: httpx.HTTPError | None = None) -> None:
        """Close it; whoever waits for an answer is told ``why``."""
        if self._timer is not None:
            self._timer.cancel()
        self._owner.lost(self)
        if self._transport is not None:
            self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(why or httpx.RemoteProtocolError(""))

    def _close_in(self, seconds: float, why: httpx.HTTPError | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.close, why)

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read an answer; between two requests nothing may come."""
        if self._parser is None:
            self.close()
            return
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()
            return
        waiting = self._answer is not None and not self._answer.done()
        if self._heard > (HEADS_END if waiting else limits.LARGEST_BODY):
            self.close()

    def eof_received(self) -> None:
        """Close it: nothing more comes."""
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell whoever waits."""
        self.close()

    # what the parser tells

    def on_headers_complete(self) -> None:
        """Take the status; 1xx come before it."""
        assert self._parser is not None
        assert self._answer is not None
        status = self._parser.get_status_code()
        if status >= httpx.codes.OK and not self._answer.done():
            self._answer.set_result(status)
            self._heard = 0
            self._close_in(limits.LONGEST_BODY)

    def on_message_complete(self) -> None:
        """Be kept for the next request, if the other side keeps it too."""
        assert self._parser is not None
        assert self._answer is not None
        if not self._answer.done():
            return  # it was a 1xx
        if not self._parser.should_keep_alive():
            self.close()
            return
        self._parser = None
        self._close_in(limits.IDLE)
        self._owner.keep(self)


@lru_cache(KNOWN_URLS)
def _target(url: str) -> Target:
    """Return where a URL leads.

    Raises:
        httpx.InvalidURL: it is malformed.
        httpx.UnsupportedProtocol: it is neither http nor https, or names no host.

    """
    read = httpx.URL(url)
    if read.scheme not in PORTS or not read.host:
        raise httpx.UnsupportedProtocol("")
    lines = [b"POST " + read.raw_path + b" HTTP/1.1", b"Host: " + read.netloc]
    lines += [f"{name}: {value}".encode("ascii") for name, value in limits.HEADERS.items()]
    if read.userinfo:
        name, _, password = read.userinfo.partition(b":")
        pair = f"{unquote(name.decode())}:{unquote(password.decode())}"
        lines.append(b"Authorization: Basic " + b64encode(pair.encode()))
    host = read.raw_host.decode("ascii")
    port = read.port or PORTS[read.scheme]
    return Target(read.scheme == "https", host, port, b"".join(line + b"\r\n" for line in lines))
