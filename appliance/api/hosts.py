"""The Host header: a web page elsewhere must not reach this one under a name of its own.

Without this check a site that lets its own name resolve to our address (DNS rebinding) could
read the local page through the browser of whoever visits it.
"""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.api.problems import WRONG_HOST, Kind, problem

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

EVERY_ADDRESS: Final = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - compared, not bound

BAD_HOST: Final = Kind(400, "bad-host", "The Host header is missing or malformed")

HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
"""A name or an address with an optional port (RFC 9110 clause 7.2, of RFC 3986 what is usable)."""

ADDRESS: Final = re.compile(r"\[[0-9a-f:.]+\]|[0-9]{1,3}(\.[0-9]{1,3}){3}")


class HostCheck:
    """ASGI middleware that lets through only requests for hosts that are ours."""

    def __init__(self, app: ASGIApp, host: str, allowed: Iterable[str]) -> None:
        """Allow loopback names, ``host`` as it is listened on, and ``allowed``.

        Where every address is listened on, a plain address is good, too: a name can be made to
        point at us, an address cannot.
        """
        self._app = app
        self._any_address = host in EVERY_ADDRESS
        names = {_written(name) for name in (host, *allowed)}
        self._allowed = {name.encode("ascii", "replace") for name in LOOPBACK | names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or (found := HOST.fullmatch(hosts[0])) is None:
            await problem(BAD_HOST)(scope, receive, send)
            return
        name = found[1].lower()
        if name in self._allowed or (self._any_address and ADDRESS.fullmatch(name.decode())):
            await self._app(scope, receive, send)
            return
        detail = "add the name to allowed_hosts in [http] of the configuration if it is yours"
        await problem(WRONG_HOST, detail)(scope, receive, send)


def _written(name: str) -> str:
    """Return a host as a Host header has it: lower case, an IPv6 address in brackets."""
    lowered = name.lower()
    return f"[{lowered}]" if ":" in lowered and not lowered.startswith("[") else lowered
