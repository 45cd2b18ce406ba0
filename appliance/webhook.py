"""A carrier: notices as signed POSTs, as Standard Webhooks describe them."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Protocol, Self
from urllib.request import getproxies

import httpx
from standardwebhooks import Webhook

from appliance.clock import Clock
from appliance.errors import Undelivered
from appliance.models import Account
from appliance.notice import CallNews, InboundNews, IncidentNews, MessageNews, Notice
from appliance.outbox import BACK_OFF
from appliance.posting.direct import DirectPoster
from appliance.posting.proxied import ProxiedPoster

LONGEST: Final = 30
"""Seconds until the status is there, so that one that trickles holds no place for ever."""

REASONS: Final[Mapping[type[Exception], str]] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request was not taken in time",
    httpx.PoolTimeout: "too many deliveries at once",
    httpx.ConnectError: "no connection",
    httpx.RemoteProtocolError: "the answer is no HTTP, or it broke off",
    httpx.UnsupportedProtocol: "the URL is neither http nor https",
    httpx.InvalidURL: "the URL is malformed",
    TimeoutError: "no answer in time",
    httpx.HTTPError: "the connection broke",
}
"""What is shown of a failure; the nearest class counts. Their own words may hold the URL."""


class Poster(Protocol):
    """Posts bodies to receivers, until the end of a block."""

    async def __aenter__(self) -> object:
        """Begin."""
        ...

    async def __aexit__(self, *error: object) -> None:
        """Close what is open."""
        ...

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post; return the status of the answer.

        Raises:
            httpx.HTTPError, httpx.InvalidURL: there is none.

        """
        ...


class WebhookCarrier:
    """Posts notices to the accounts that have a webhook."""

    name = "webhook"
    window = 8
    waits = BACK_OFF

    def __init__(self, clock: Clock, *, verify: bool = True) -> None:
        """Prepare to post, by a proxy if the environment names one.

        ``verify`` checks certificates, as it should.
        """
        self._clock = clock
        self._signers: dict[str, Webhook] = {}
        self._poster: Poster = POSTERS[bool(getproxies())](verify=verify)

    async def __aenter__(self) -> Self:
        """Return the carrier itself."""
        await self._poster.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close its connections."""
        await self._poster.__aexit__(*error)

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
        try:
            async with asyncio.timeout(LONGEST):
                return await self._poster.post(url, headers, body.encode())
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            reason = next(REASONS[kind] for kind in type(error).__mro__ if kind in REASONS)
            raise Undelivered(reason) from error

    def _signer(self, account: Account) -> Webhook:
        secret = account.webhook_secret or ""
        if secret not in self._signers:
            self._signers[secret] = Webhook(secret)
        return self._signers[secret]


POSTERS: Final[Mapping[bool, Callable[..., Poster]]] = {False: DirectPoster, True: ProxiedPoster}
"""By whether the environment names a proxy."""


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


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
