"""What the launcher asks the daemon through its Unix socket."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from scripts.place import CannotStart, Place, connects, reachable

READY_SECONDS: Final = 120  # a first migration of a large database on an SD card is slow

BETWEEN_LOOKS: Final = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account proves itself with; only its creation tells it."""

    name: str
    api_key: str
    system_id: str | None
    password: str | None

    @classmethod
    def of(cls, created: dict[str, Any]) -> Self:
        """Read the daemon's answer to the creation of an account."""
        return cls(
            created["name"], created["api_key"], created.get("system_id"), created.get("password")
        )


def client(place: Place) -> httpx.AsyncClient:
    """Return a client that speaks through the Unix socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(place.socket))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


async def until_ready(place: Place) -> None:
    """Wait until everything answers.

    Raises:
        CannotStart: not within two minutes.

    """
    try:
        async with asyncio.timeout(READY_SECONDS), client(place) as http:
            while not await ready(place, http):  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(BETWEEN_LOOKS)
    except TimeoutError as error:
        raise CannotStart(f"The daemon was not ready after {READY_SECONDS} s.") from error


async def ready(place: Place, http: httpx.AsyncClient) -> bool:
    """Return whether everything answers now: the Unix socket, the page's port and SMPP."""
    try:
        health = await http.get("/v1/health")
    except httpx.TransportError:
        return False
    if health.status_code != httpx.codes.OK or health.json().get("ready") is not True:
        return False
    doors = [place.http] if place.smpp is None else [place.http, place.smpp]
    return all(connects(family_of(door), reachable(door)) for door in doors)


def family_of(address: tuple[str, int]) -> socket.AddressFamily:
    """Return IPv4 or IPv6, whichever reaches ``address`` from here."""
    return socket.getaddrinfo(*reachable(address), type=socket.SOCK_STREAM)[0][0]


async def first_account(place: Place) -> Credentials | None:
    """Make an account if there is none; None if there is one, whose secrets nobody can tell."""
    async with client(place) as http:
        accounts = await http.get("/local/accounts")
        if accounts.raise_for_status().json():
            return None
        created = await http.post("/local/accounts", json={"name": "first"})
        return Credentials.of(created.raise_for_status().json())
