"""Asking the running daemon through its Unix socket."""

import socket
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.cli.ends import DaemonAway, NotAllowed, Refused

if TYPE_CHECKING:
    import httpx

PATIENCE: Final = 30.0
"""Seconds that an answer may take, beyond those it was asked to wait."""


def ask(
    path: Path,
    method: str,
    place: str,
    *,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, str | float] | None = None,
    wait: float = 0,
) -> Any:  # noqa: ANN401 - JSON
    """Return the daemon's answer to one request, None if it has no body.

    Args:
        path: the Unix socket.
        method: of HTTP.
        place: the path of the URL.
        body: sent as JSON.
        query: of the URL.
        wait: seconds the daemon was asked to wait before it answers.

    Raises:
        DaemonAway: nobody answers.
        NotAllowed: this user may not ask.
        Refused: it said no.

    """
    answer = _answer(path, method, place, wait, json=body, params=query)
    return None if answer.status_code == HTTPStatus.NO_CONTENT else answer.json()


def fetch(path: Path, place: str) -> bytes:
    """Return what the daemon has at ``place``, octet for octet. Raises as ``ask``."""
    return _answer(path, "GET", place).content


def _answer(
    path: Path,
    method: str,
    place: str,
    wait: float = 0,
    **more: Any,  # noqa: ANN401 - as httpx takes it
) -> "httpx.Response":
    import httpx  # noqa: PLC0415 - large, and the daemon is a command too

    _knock(path)
    transport = httpx.HTTPTransport(uds=str(path))
    try:
        with httpx.Client(transport=transport, timeout=PATIENCE + wait) as client:
            answer = client.request(method, f"http://localhost{place}", **more)
    except httpx.TransportError:
        raise DaemonAway(path) from None
    if answer.is_error:
        raise Refused(_detail(answer))
    return answer


def follow(
    path: Path, place: str, query: Mapping[str, str | bool], *, post: bytes | None = None
) -> Iterator[str]:
    """Yield the lines of an answer that goes on, as they come, until the daemon ends it.

    ``post`` is sent with it; None: it is only asked for. Raises as ``ask``.
    """
    import httpx  # noqa: PLC0415 - as above

    method = "GET" if post is None else "POST"
    _knock(path)
    transport = httpx.HTTPTransport(uds=str(path))
    try:
        with (
            httpx.Client(transport=transport, timeout=None) as client,  # noqa: S113 - it goes on
            client.stream(method, f"http://localhost{place}", params=query, content=post) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise Refused(_detail(answer))
            yield from answer.iter_lines()
    except httpx.TransportError:
        raise DaemonAway(path) from None


def _knock(path: Path) -> None:
    """Find out whether somebody listens, since the system's own reason says why not."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PATIENCE)
        try:
            probe.connect(str(path))
        except PermissionError:
            raise NotAllowed(path) from None
        except OSError:
            raise DaemonAway(path) from None


def _detail(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The daemon answered HTTP {answer.status_code}."
