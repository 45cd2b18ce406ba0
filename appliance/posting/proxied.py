"""Posting by the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY, NO_PROXY): by httpx."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

import httpx

from appliance.posting import limits


class ProxiedPoster:
    """Posts to receivers as httpx does."""

    def __init__(self, *, verify: bool = True) -> None:
        """``verify`` checks certificates, as it should."""
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(limits.ANSWER, connect=limits.CONNECT),
            limits=httpx.Limits(
                max_connections=limits.CONNECTIONS,
                max_keepalive_connections=limits.IDLE_CONNECTIONS,
                keepalive_expiry=limits.IDLE,
            ),
            follow_redirects=False,
            verify=verify,
            headers=limits.HEADERS,
        )

    async def __aenter__(self) -> Self:
        """Return the poster itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post; see ``DirectPoster.post``."""
        request = self._client.build_request("POST", url, content=body, headers=headers)
        answer = await self._client.send(request, stream=True)
        await _finish(answer)
        return answer.status_code


async def _finish(answer: httpx.Response) -> None:
    """Read the body, so that the connection can be used again, unless it is long or slow.

    The status has been heard: what goes wrong from here on changes nothing.
    """
    read = 0
    with suppress(httpx.HTTPError, TimeoutError):
        try:
            async with asyncio.timeout(limits.LONGEST_BODY):
                async for piece in answer.aiter_raw():
                    read += len(piece)
                    if read > limits.LARGEST_BODY:
                        break
        finally:
            await answer.aclose()
