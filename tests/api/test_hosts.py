"""The Host header: only names that are ours."""

import pytest
from starlette.responses import PlainTextResponse

from appliance.api.hosts import HostCheck


async def status(check: HostCheck, *hosts: bytes) -> int:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"host", host) for host in hosts],
    }
    sent = []

    async def send(message):
        sent.append(message)

    await check(scope, None, send)
    return sent[0]["status"]


def a_check(host: str = "127.0.0.1", allowed: tuple[str, ...] = ()) -> HostCheck:
    return HostCheck(PlainTextResponse("ok"), host, allowed)


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"localhost:8080", b"127.0.0.1", b"127.0.0.1:1", b"[::1]:8080", b"LocalHost"],
)
async def test_loopback_names_are_served(host):
    assert await status(a_check(), host) == 200


async def test_the_configured_host_and_allowed_hosts_are_served():
    check = a_check("192.168.1.5", ("Sms.Example", "fe80::1"))
    for host in (b"192.168.1.5:8080", b"sms.example", b"[fe80::1]:80"):
        assert await status(check, host) == 200


@pytest.mark.parametrize(
    "host", [b"evil.example", b"localhost.evil.example", b"192.168.1.5", b"127.0.0.2"]
)
async def test_other_hosts_are_misdirected(host):
    assert await status(a_check(), host) == 421


async def test_where_every_address_is_listened_on_addresses_are_served_and_names_are_not():
    for host in ("0.0.0.0", "::"):
        check = a_check(host)
        assert await status(check, b"192.168.1.5:8080") == 200
        assert await status(check, b"[fe80::1]") == 200
        assert await status(check, b"evil.example") == 421


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        (b"localhost", b"localhost"),
        (b"",),
        (b"local host",),
        (b"localhost:x",),
        (b"\xff",),
        (b"localhost@evil.example",),
    ],
)
async def test_a_host_that_is_missing_twice_or_malformed_is_a_bad_request(hosts):
    assert await status(a_check(), *hosts) == 400


@pytest.mark.parametrize("settings", [{"http": {"allowed_hosts": ["box.lan"]}}])
async def test_the_served_app_checks_the_host(api, settings):
    good = await api.get("/v1/health", headers={"Host": "box.lan"})
    bad = await api.get("/v1/health", headers={"Host": "evil.example"})

    assert good.status_code == 200
    assert bad.status_code == 421
    assert bad.headers["content-type"] == "application/problem+json"


async def test_the_unix_socket_asks_for_no_host(local):
    answer = await local.get("/v1/health", headers={"Host": "whatever"})
    assert answer.status_code == 200
