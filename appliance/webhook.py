"""A carrier: notices as signed POSTs, as Standard Webhooks describe them."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.request import getproxies

import aiohttp
from standardwebhooks import Webhook

from appliance.clock import Clock
from appliance.errors import Undelivered
from appliance.models import Account
from appliance.notice import CallNews, InboundNews, IncidentNews, MessageNews, Notice
from appliance.outbox import BACK_OFF

LONGEST: Final = 30
"""Seconds until the status is there, so that one that trickles holds no place for ever."""

TIMEOUTS: Final = aiohttp.ClientTimeout(total=LONGEST, sock_connect=5, sock_read=15)
"""Seconds for each step; Standard Webhooks advise 15 to 30 for an answer."""

LONGEST_BODY: Final = 2.0
"""Seconds that the body of an answer is read, which nobody looks at."""

LARGEST_BODY: Final = 16 * 1024
"""Octets of it, so that its connection can serve the next notice."""

CONNECTIONS: Final = 100
"""Connections at once, to all receivers together."""

IDLE: Final = 60.0
"""Seconds for which a connection is kept open for what comes next."""

HEADERS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "appliance",
    "Accept-Encoding": "identity",
}

REASONS: Final[Mapping[type[Exception], str]] = {
    aiohttp.ConnectionTimeoutError: "no connection in time",
    TimeoutError: "no answer in time",
    aiohttp.ClientConnectorError: "no connection",
    aiohttp.ClientConnectorCertificateError: "the certificate is not to be trusted",
    aiohttp.ServerDisconnectedError: "the answer is no HTTP, or it broke off",
    aiohttp.ClientResponseError: "the answer is no HTTP, or it broke off",
    aiohttp.NonHttpUrlClientError: "the URL is neither http nor https",
    aiohttp.InvalidURL: "the URL is malformed",
    aiohttp.ClientError: "the connection broke",
}
"""What is shown of a failure; the nearest class counts. Their own words may hold the URL."""


class WebhookCarrier:
    """Posts notices to the accounts that have a webhook."""

    name = "webhook"
    window = 8
    waits = BACK_OFF

    def __init__(self, clock: Clock, *, verify: bool = True) -> None:
        """``verify`` checks certificates, as it should."""
        self._clock = clock
        self._signers: dict[str, Webhook] = {}
        self._verify = verify
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open a pool of connections, by a proxy if the environment names one."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=IDLE, ssl=self._verify
            ),
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=bool(getproxies()),  # else each request would look for a proxy anew
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.close()

    async def deliver(self, account: Account, notice: Notice) -> None:
        """Post one notice; return when it was answered with 2xx.

        The same notice has the same ``webhook-id`` at every try.

        Raises:
            Undelivered: anything else happened; parked if the answer was 410 (Gone).

        """
        body = json.dumps(payload(notice), ensure_ascii=False, separators=(",", ":"))
        now = self._clock.now()
        headers = {
            "webhook-id": notice.public_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer(account).sign(notice.public_id, now, body),
        }
        status = await self._post(account.webhook_url or "", body, headers)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise Undelivered(f"HTTP {status}", parked=status == HTTPStatus.GONE)

    async def _post(self, url: str, body: str, headers: Mapping[str, str]) -> int:
        """Return the status of the answer, which is all that counts of it."""
        assert self._client is not None
        try:
            answer = await self._client.post(
                url,
                data=body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=TIMEOUTS,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = next(REASONS[kind] for kind in type(error).__mro__ if kind in REASONS)
            raise Undelivered(reason) from error
        await _finish(answer)
        return answer.status

    def _signer(self, account: Account) -> Webhook:
        secret = account.webhook_secret or ""
        if secret not in self._signers:
            self._signers[secret] = Webhook(secret)
        return self._signers[secret]


def payload(notice: Notice) -> dict[str, Any]:
    """Return what is posted: the kind of event, when it happened, and its facts."""
    match news := notice.news:
        case MessageNews():
            kind, at, data = f"message.{news.state}", news.changed_at, _message(news)
        case InboundNews():
            kind = "inbound.incomplete" if news.missing else "inbound.received"
            at, data = news.received_at, _inbound(news)
        case CallNews():
            kind, at, data = "call.missed", news.received_at, _call(news)
        case IncidentNews():
            kind, at, data = f"incident.{news.kind}", news.at, _incident(news)
    return {"type": kind, "timestamp": _written(at), "data": data}


def _message(news: MessageNews) -> dict[str, Any]:
    return {
        "id": news.message_id,
        "reference": news.reference,
        "state": news.state,
        "final": news.final,
        "cause": news.cause,
        "cause_code": news.cause_code,
        "to": news.recipient,
        "parts": news.parts,
        "parts_delivered": news.parts_delivered,
        "accepted_at": _written(news.accepted_at),
        "changed_at": _written(news.changed_at),
    }


def _inbound(news: InboundNews) -> dict[str, Any]:
    return {
        "id": news.inbound_id,
        "sender": news.sender,
        "to": news.sim_number,
        "sim": news.sim,
        "text": news.text,
        "data": None if news.data is None else b64encode(news.data).decode("ascii"),
        "sent_at": _written(news.sent_at),
        "received_at": _written(news.received_at),
        "opt_out": news.opt_out,
        "missing": news.missing,
        "message_class": news.message_class,
        "indication": news.indication,
    }


def _call(news: CallNews) -> dict[str, Any]:
    return {
        "id": news.call_id,
        "caller": news.caller,
        "to": news.sim_number,
        "sim": news.sim,
        "received_at": _written(news.received_at),
    }


def _incident(news: IncidentNews) -> dict[str, Any]:
    return {
        "id": news.incident_id,
        "kind": news.kind,
        "line": news.slot,
        "sim": news.sim,
        "sentence": news.sentence,
        "next_step": news.next_step or None,
        "lasting": news.lasting,
    }


async def _finish(answer: aiohttp.ClientResponse) -> None:
    """Read the body, so that the connection can be used again, unless it is long or slow.

    The status has been heard: what goes wrong from here on changes nothing.
    """
    with suppress(aiohttp.ClientError, TimeoutError):
        try:
            async with asyncio.timeout(LONGEST_BODY):
                await answer.content.readexactly(LARGEST_BODY)
        except asyncio.IncompleteReadError:
            return  # all of it was read, and the connection serves again
    answer.close()


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
