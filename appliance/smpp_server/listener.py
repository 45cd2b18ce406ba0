"""Takes connections, plain or with TLS, no more than there may be."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Any, Final

from appliance.errors import CannotListen
from appliance.smpp_server.connection import LINGER, Connection
from appliance.smpp_server.guests import Guest, Guests
from appliance.smpp_server.places import place_of
from appliance.smpp_server.rules import State
from appliance.smpp_server.tls import Certificates

logger: Final = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections that the kernel keeps for us."""

LOOK_AGAIN: Final = 60.0
"""Seconds between looks at the files of the certificate; each newcomer looks at them, too."""

ACCEPT_AGAIN: Final = 1.0
"""Seconds to wait when the system has no more file descriptors or memory."""


class Listener:
    """One way in: its sockets, and the handshakes under way on it."""

    def __init__(
        self,
        name: str,
        make: Callable[[], Connection],
        guests: Guests,
        *,
        certificates: Certificates | None = None,
        handshake: float = 0,
    ) -> None:
        """``handshake``: seconds that a TLS handshake may take; ``certificates`` None: plain."""
        self._name, self._make, self._guests = name, make, guests
        self._certificates, self._handshake = certificates, handshake
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Return the port it listens at, 0 while it does not."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else 0

    async def start(self, host: str, port: int) -> None:
        """Listen at every address of ``host``.

        Raises:
            CannotListen: an address or the port cannot be had.

        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, *_, address in dict.fromkeys(found):
                self._sockets.append(_listening(family, address))
        except OSError as error:
            await self.stop()
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise CannotListen(self._name, host, port, why) from error
        for each in self._sockets:
            self._spawn(self._accept(each))
        if self._certificates:
            self._spawn(_watch(self._certificates))
        logger.info(
            "%s on %s port %d", self._name, host, self.port, extra={"event": "smpp.listening"}
        )

    async def stop(self) -> None:
        """Take nobody new; handshakes under way end."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()
        self._sockets = []

    def _spawn(self, work: Any) -> asyncio.Task[None]:  # noqa: ANN401 - a coroutine of ours
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = await loop.sock_accept(listening)
            except ConnectionError:
                continue  # it went before we came to it
            except OSError as error:
                logger.warning("%s: no connection can be taken: %s", self._name, error)
                await asyncio.sleep(ACCEPT_AGAIN)
                continue
            self._take(peer, place_of(address[0]))
            await asyncio.sleep(0)  # a queue of newcomers must not hold up who is here

    def _take(self, peer: socket.socket, place: str) -> None:
        guest = Guest(place, lambda: None)
        if not self._guests.come(guest):
            peer.close()
            return
        task = self._spawn(self._welcome(peer, guest))
        guest.leave = task.cancel

    async def _welcome(self, peer: socket.socket, guest: Guest) -> None:
        """Shake hands if it is TLS, and let the connection begin."""
        secure: dict[str, Any] = {}
        if self._certificates:
            secure = {
                "ssl": self._certificates.context,
                "ssl_handshake_timeout": self._handshake,
                "ssl_shutdown_timeout": LINGER,
            }
        try:
            connection = self._connection(guest)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, peer, **secure
            )
        except (OSError, asyncio.CancelledError) as error:
            self._guests.gone(guest)
            peer.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            logger.info("%s: %s: no connection: %s", self._name, guest.place, _short(error))

    def _connection(self, guest: Guest) -> Connection:
        connection = self._make()
        connection.guest = guest
        guest.idle = lambda: connection.session.state is State.OPEN
        return connection


async def _watch(certificates: Certificates) -> None:
    """Find out soon when new files cannot be used, not only when the next client comes."""
    while True:
        await asyncio.sleep(LOOK_AGAIN)
        certificates.refresh()


def _listening(family: int, address: Any) -> socket.socket:  # noqa: ANN401 - as the system has it
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _short(error: OSError) -> str:
    """Return what went wrong in few words; OpenSSL names its own source files."""
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
