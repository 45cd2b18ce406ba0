"""Bodies: none larger than any request can need is read."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.api.problems import Kind, problem

LARGEST: Final = 512 * 1024
"""Octets: 255 parts of text, each character written as a JSON escape, fit twice."""

LARGER: Final = {
    "/v1/messages/batch": 8 * 1024 * 1024,
    "/v1/opt-outs/import": 10_000_000,
    "/local/opt-outs/import": 10_000_000,
}
"""By path: a thousand messages of some parts each; lists of some hundred thousand numbers."""

TOO_LARGE: Final = Kind(413, "too-large", "The body is larger than any request can need")


class BodyLimit:
    """ASGI middleware that stops at ``LARGEST`` octets, or ``LARGER`` ones.

    The frameworks' own one answers with plain text, and is run twice per request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what says that it is too large, and count what says nothing."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = LARGER.get(scope["path"], LARGEST)
        if _announced(scope) > left:
            await problem(TOO_LARGE)(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(TOO_LARGE.status)
            return message

        await self._app(scope, counted, send)


def _announced(scope: Scope) -> int:
    """Return the Content-Length, 0 where there is none; the server has checked its form."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)
