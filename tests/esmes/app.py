"""What the applications of this folder share: orders and answers are lines of JSON.

An application is told ``HOST PORT SYSTEM_ID PASSWORD`` on its command line and binds. It is ordered
``{"do": "submit", "form": …, "to": …, "text": …}`` and ``{"do": "unbind"}``, and says ``bound``,
``submitted`` (``form``, ``ids``), ``receipt`` (``id``, ``stat``), ``inbound`` (``from``, ``text``)
and ``unbound``, each as ``{"event": …}``. Forms: ``short`` and ``ucs2`` fit one submit_sm, ``long``
goes in the way that the client has for it.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from smpplib.gsm import GSM_CHARACTER_TABLE

SOURCE = "Acme"


class Place(NamedTuple):
    """Where to bind, and as whom."""

    host: str
    port: int
    system_id: str
    password: str


def place() -> Place:
    """Read the command line."""
    host, port, system_id, password = sys.argv[1:]
    return Place(host, int(port), system_id, password)


def say(event: str, **facts: Any) -> None:
    """Tell the test."""
    print(json.dumps({"event": event, **facts}), flush=True)


def say_receipt(text: str) -> None:
    """Tell of a receipt by the fields of its text."""
    say("receipt", id=field(text, "id"), stat=field(text, "stat"))


def field(text: str, name: str) -> str:
    """Return a field of a receipt's text, empty if it is not there."""
    found = re.search(rf"{name}:(\S+)", text)
    return found[1] if found else ""


def gsm_text(octets: bytes) -> str:
    """Read GSM 03.38, one septet to an octet, by the table that smpplib only writes by."""
    table, text, shift = GSM_CHARACTER_TABLE, "", 0
    for octet in octets:
        if octet == 0x1B:
            shift = 0x80
        else:
            text, shift = text + table[octet + shift], 0
    return text


async def orders() -> AsyncIterator[dict[str, Any]]:
    """Give the test's orders as they come; ends after ``unbind``."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in reader:
        order = json.loads(line)
        yield order
        if order["do"] == "unbind":
            return
