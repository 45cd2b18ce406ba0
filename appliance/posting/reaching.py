"""A socket to a host with several addresses: the first one that answers (RFC 8305, in short).

uvloop tries one address after the other, so that a network whose IPv6 leads nowhere would cost
every notice its time.
"""

import asyncio
import socket
from itertools import chain, zip_longest
from typing import Any, Final

HEAD_START: Final = 0.25
"""Seconds that an address has before the next one is tried beside it (RFC 8305 clause 8)."""

Address = tuple[Any, ...]
"""As ``getaddrinfo`` gives it."""


async def reached(host: str, port: int) -> socket.socket:
    """Return a connected socket.

    Raises:
        OSError: none of its addresses takes us, or it has none.

    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = _by_turns(found)
    trying: set[asyncio.Task[socket.socket]] = set()
    failure = OSError(f"{host} has no address")
    try:
        while addresses or trying:
            if addresses:
                trying.add(asyncio.create_task(_connected(addresses.pop(0))))
            done, trying = await asyncio.wait(
                trying,
                timeout=HEAD_START if addresses else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            sockets = [task.result() for task in done if not task.exception()]
            for spare in sockets[1:]:
                spare.close()
            if sockets:
                return sockets[0]
            failure = next((_failure(task) for task in done), failure)
    finally:
        for task in trying:
            task.cancel()
    raise failure


def _by_turns(found: list[Address]) -> list[Address]:
    """Let the families take turns, as the resolver has ordered each."""
    first = [each for each in found if each[0] == found[0][0]]
    others = [each for each in found if each[0] != found[0][0]]
    return [each for each in chain(*zip_longest(first, others)) if each is not None]


async def _connected(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    tried = socket.socket(family, kind, protocol)
    try:
        tried.setblocking(False)
        await asyncio.get_running_loop().sock_connect(tried, where)
    except BaseException:
        tried.close()
        raise
    return tried


def _failure(task: asyncio.Task[socket.socket]) -> OSError:
    error = task.exception()
    return error if isinstance(error, OSError) else OSError(type(error).__name__)
