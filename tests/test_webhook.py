"""Webhooks: a real server on a socket verifies what it gets, and answers in every way."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import aiohttp
import pytest
import uvloop
from standardwebhooks import Webhook, WebhookVerificationError

from appliance import credentials, webhook
from appliance.api.events import InboundEvent, MessageEvent
from appliance.clock import SystemClock
from appliance.errors import Undelivered
from appliance.lifecycle import State
from appliance.models import Account
from appliance.notice import InboundNews, MessageNews, Notice
from appliance.webhook import WebhookCarrier
from tests.smpp_server.papers import self_signed

AT = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
SECRET = credentials.new_webhook_secret()

DELIVERED = Notice(
    id=1,
    public_id="n1a2b3",
    account_id=1,
    tries=0,
    created_at=AT,
    news=MessageNews(
        message_id="m1",
        reference="order-1",
        state=State.DELIVERED,
        final=True,
        cause=None,
        cause_code=None,
        recipient="+4915228817386",
        text_start="the secret text",
        parts=2,
        parts_delivered=2,
        accepted_at=AT,
        changed_at=AT,
    ),
)
CAME = Notice(
    id=2,
    public_id="n1a2b4",
    account_id=1,
    tries=3,
    created_at=AT,
    news=InboundNews(
        inbound_id="i1",
        sender="+4915228817399",
        sim_number=None,
        sim="89490200001234567890",
        text="Grüße 👋",
        data=None,
        sent_at=AT,
        received_at=AT,
        opt_out=True,
    ),
)

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Receiver:
    """An app's web server: keeps what it gets, answers what it is told to."""

    url: str = ""
    answer: bytes = OK
    silent: bool = False
    once: bool = False  # hang up after an answer
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((first, headers, body))
                if self.silent:
                    await reader.read()
                    return
                writer.write(self.answer)
                await writer.drain()
                if self.once:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def verified(self) -> dict[str, object]:
        """Return the last event, after its signature was checked."""
        _, headers, body = self.requests[-1]
        event: dict[str, object] = Webhook(SECRET).verify(body, headers)
        return event


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=b"
    yield made
    server.close()


@pytest.fixture
async def carrier() -> AsyncIterator[WebhookCarrier]:
    async with WebhookCarrier(SystemClock()) as made:
        yield made


def account_at(url: str) -> Account:
    return Account(
        id=1,
        name="shop",
        carrier="webhook",
        webhook_url=url,
        webhook_secret=SECRET,
        created_at=AT,
    )


async def test_a_delivered_message_is_posted_signed_and_verifies(receiver, carrier):
    await carrier.deliver(account_at(receiver.url), DELIVERED)

    first, headers, _ = receiver.requests[0]
    assert first == "POST /hook?a=b HTTP/1.1"
    assert headers["webhook-id"] == "n1a2b3"
    assert headers["content-type"] == "application/json"
    assert receiver.verified() == {
        "type": "message.delivered",
        "timestamp": "2030-01-01T12:00:00Z",
        "data": {
            "id": "m1",
            "reference": "order-1",
            "state": "delivered",
            "final": True,
            "cause": None,
            "cause_code": None,
            "to": "+4915228817386",
            "parts": 2,
            "parts_delivered": 2,
            "accepted_at": "2030-01-01T12:00:00Z",
            "changed_at": "2030-01-01T12:00:00Z",
        },
    }


async def test_an_inbound_message_is_posted_with_its_text(receiver, carrier):
    await carrier.deliver(account_at(receiver.url), CAME)

    event = receiver.verified()
    assert event["type"] == "inbound.received"
    assert event["data"]["text"] == "Grüße 👋"
    assert event["data"]["opt_out"] is True


async def test_eight_bit_data_is_posted_as_base64(receiver, carrier):
    news = replace(CAME.news, text=None, data=b"\x00\xff")
    await carrier.deliver(account_at(receiver.url), replace(CAME, news=news))

    shown = receiver.verified()["data"]
    assert (shown["text"], shown["data"]) == (None, "AP8=")


async def test_a_changed_body_does_not_verify(receiver, carrier):
    await carrier.deliver(account_at(receiver.url), DELIVERED)

    first, headers, body = receiver.requests[0]
    receiver.requests[0] = first, headers, body.replace(b"m1", b"m2")
    with pytest.raises(WebhookVerificationError):
        receiver.verified()


async def test_a_second_try_has_the_same_id(receiver, carrier):
    receiver.answer = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Undelivered):
        await carrier.deliver(account_at(receiver.url), DELIVERED)
    receiver.answer = OK
    await carrier.deliver(account_at(receiver.url), replace(DELIVERED, tries=1))

    assert {headers["webhook-id"] for _, headers, _ in receiver.requests} == {"n1a2b3"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_acknowledges(receiver, carrier, status):
    receiver.answer = b"HTTP/1.1 %d Fine\r\nContent-Length: 0\r\n\r\n" % status
    if status == 204:
        receiver.answer = OK
    await carrier.deliver(account_at(receiver.url), DELIVERED)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 503])
async def test_anything_else_is_tried_again_and_redirects_are_not_followed(
    receiver, carrier, status
):
    elsewhere = b"Location: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    receiver.answer = b"HTTP/1.1 %d No\r\n" % status + elsewhere
    with pytest.raises(Undelivered) as caught:
        await carrier.deliver(account_at(receiver.url), DELIVERED)

    assert (caught.value.reason, caught.value.parked) == (f"HTTP {status}", False)
    assert len(receiver.requests) == 1


async def test_gone_parks_the_notice(receiver, carrier):
    receiver.answer = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Undelivered) as caught:
        await carrier.deliver(account_at(receiver.url), DELIVERED)

    assert caught.value.parked


async def test_nobody_listening_is_said_without_the_url(carrier):
    with pytest.raises(Undelivered) as caught:
        await carrier.deliver(account_at("http://127.0.0.1:9/secret-path"), DELIVERED)

    assert caught.value.reason == "no connection"


@pytest.mark.parametrize("url", ["http://[::1/x", "gopher://127.0.0.1/", "", "http://"])
async def test_a_url_that_is_none_is_an_undelivered_notice(carrier, url):
    with pytest.raises(Undelivered):
        await carrier.deliver(account_at(url), DELIVERED)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_tried_again(receiver, carrier, answer):
    receiver.answer, receiver.once = answer, True
    with pytest.raises(Undelivered):
        await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_an_answer_that_never_comes_is_given_up(receiver, carrier, monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUTS", aiohttp.ClientTimeout(total=0.2))
    receiver.silent = True
    with pytest.raises(Undelivered, match="no answer in time"):
        await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_an_answer_whose_body_never_ends_or_breaks_off_acknowledges_all_the_same(
    receiver, carrier, monkeypatch
):
    monkeypatch.setattr(webhook, "LONGEST_BODY", 0.2)
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    await carrier.deliver(account_at(receiver.url), DELIVERED)
    receiver.once = True
    await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_a_long_answer_is_not_read_to_its_end(receiver, carrier, monkeypatch):
    monkeypatch.setattr(webhook, "LONGEST_BODY", 3600)
    length = webhook.LARGEST_BODY * 1000
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length
    receiver.answer += bytes(webhook.LARGEST_BODY * 2)
    async with asyncio.timeout(10):  # before nothing more is waited for
        await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_one_connection_serves_many_notices(receiver, carrier):
    for _ in range(5):
        await carrier.deliver(account_at(receiver.url), DELIVERED)

    assert len(receiver.requests) == 5
    assert receiver.connections == 1


def test_the_loop_that_the_daemon_runs_on_posts_as_well():
    async def posted() -> None:
        receiver = Receiver()
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with WebhookCarrier(SystemClock()) as carrier:
            for _ in range(3):
                await carrier.deliver(account_at(receiver.url), DELIVERED)
        assert (len(receiver.requests), receiver.connections) == (3, 1)
        server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(posted())


async def test_where_the_environment_names_a_proxy_it_is_asked(receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", receiver.url)
    async with WebhookCarrier(SystemClock()) as carrier:
        await carrier.deliver(account_at("http://app.example/hook"), DELIVERED)
    assert receiver.requests[0][0] == "POST http://app.example/hook HTTP/1.1"


async def test_a_name_and_a_password_in_the_url_are_told_as_such(receiver, carrier):
    await carrier.deliver(account_at(receiver.url.replace("//", "//me:p%40ss@")), DELIVERED)
    _, headers, _ = receiver.requests[0]
    assert headers["authorization"] == "Basic bWU6cEBzcw=="


CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


async def test_a_receiver_that_says_close_gets_a_new_connection_each_time(receiver, carrier):
    receiver.answer = CLOSE
    for _ in range(3):
        await carrier.deliver(account_at(receiver.url), DELIVERED)
    assert receiver.connections == 3


async def test_what_comes_before_the_answer_is_not_taken_for_it(receiver, carrier):
    receiver.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + OK
    await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_a_head_without_end_is_no_answer(receiver, carrier):
    receiver.answer = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000
    with pytest.raises(Undelivered, match="no HTTP"):
        await carrier.deliver(account_at(receiver.url), DELIVERED)


async def test_a_certificate_is_checked_by_whom_it_is_vouched_for(tmp_path, monkeypatch):
    certificate, key = self_signed(tmp_path, "receiver")
    papers = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    papers.load_cert_chain(certificate, key)
    server = await asyncio.start_server(Receiver().serve, "127.0.0.1", 0, ssl=papers)
    account = account_at(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with WebhookCarrier(SystemClock()) as carrier:
        with pytest.raises(Undelivered, match="certificate"):
            await carrier.deliver(account, DELIVERED)
    async with WebhookCarrier(SystemClock(), verify=False) as carrier:
        await carrier.deliver(account, DELIVERED)
    server.close()


async def test_two_accounts_are_signed_with_their_own_secrets(receiver, carrier):
    other = account_at(receiver.url)
    other.webhook_secret = credentials.new_webhook_secret()
    await carrier.deliver(account_at(receiver.url), DELIVERED)
    receiver.verified()
    await carrier.deliver(other, DELIVERED)
    with pytest.raises(WebhookVerificationError):
        receiver.verified()


@pytest.mark.parametrize("state", list(State))
def test_the_documentation_describes_what_is_posted(state):
    told = replace(DELIVERED, news=replace(DELIVERED.news, state=state))
    event = json.loads(json.dumps(webhook.payload(told)))
    assert MessageEvent.model_validate(event).model_dump(mode="json") == event
    assert event["type"] == f"message.{state.value}"


def test_the_documentation_describes_an_inbound_message_as_it_is_posted():
    event = json.loads(json.dumps(webhook.payload(CAME)))
    assert InboundEvent.model_validate(event).model_dump(mode="json") == event
