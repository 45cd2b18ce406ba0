"""Asking the running daemon through its Unix socket."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from appliance.cli.ends import DaemonAway, NotAllowed, Refused

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
    transport = httpx.HTTPTransport(uds=str(path))
    try:
        with httpx.Client(transport=transport, timeout=PATIENCE + wait) as client:
            url = f"http://localhost{place}"
            answer = client.request(method, url, json=body, params=query)
    except httpx.TransportError as error:
        if any(isinstance(cause, PermissionError) for cause in _causes(error)):
            raise NotAllowed(path) from None
        raise DaemonAway(path) from None
    if answer.is_error:
        raise Refused(_detail(answer))
    return None if answer.status_code == HTTPStatus.NO_CONTENT else answer.json()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The daemon answered HTTP {answer.status_code}."
