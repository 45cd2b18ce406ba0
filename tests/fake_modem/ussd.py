"""USSD: what the network answers to a code, and how each make writes it (27.007 clause 7.15).

A script is a list of replies: the first to the code, each further one to what the user answered.
In a text, ``{balance}``, ``{balance:.2f}`` and ``{number}`` stand for what the SIM has.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_modem import pdu
from tests.fake_modem.commands import Cme, Lines, Request, command

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem
    from tests.fake_modem.sim import Sim

UCS2 = 72  # the data coding scheme of 23.038 clause 5
ASKS_BACK, UNKNOWN = 1, 4  # <m> of +CUSD


@dataclass(frozen=True, slots=True)
class Reply:
    """What the network says.

    ``text``: None: it stays silent; empty: +CUSD has only its ``m``. ``m``: 0 done, 1 it asks back,
    2 ended by the network, 4 not supported, 5 timed out. ``dcs``: 15 GSM 7-bit, 72 UCS-2.
    ``delay``: seconds.
    """

    text: str | None
    m: int = 0
    dcs: int = 15
    delay: float = 0.05


Script = tuple[Reply, ...]
NOT_KNOWN: Script = (Reply("", UNKNOWN),)
USUAL: Mapping[str, Script] = {
    "*100#": (Reply("Your balance is {balance:.2f} EUR"),),
    "*#100#": (Reply("{number}"),),
}


@dataclass(slots=True)
class Session:
    """A dialogue under way. ``left``: replies not yet given."""

    left: Script
    awaited: bool = False  # the network's reply is on its way, or will never come


@command("+CUSD")
def ussd(modem: "FakeModem", request: Request) -> Lines:
    """Send a code, or the answer to what the network asked; 2 ends the dialogue."""
    if request.kind == "test":
        return ["+CUSD: (0-2)"]
    if request.kind == "read":
        return [f"+CUSD: {int(modem.ussd_shown)}"]
    shown = request.number(0, 0)
    if shown == 2:
        modem.ussd = None
        return []
    modem.ussd_shown = shown == 1
    if len(request.arguments) < 2:
        return []
    if not modem.registered:
        raise Cme(30)
    if modem.ussd and modem.ussd.awaited:
        raise Cme(3)
    given = request.arguments[1]
    code = _unpacked(given) if modem.ussd_packed else given
    session = modem.ussd or Session(_script(modem, code))
    modem.ussd = session
    reply = session.left[0] if session.left else NOT_KNOWN[0]
    session.left, session.awaited = session.left[1:], True
    if reply.text is not None:
        modem.later(reply.delay, _say, modem, session, reply)
    return []


@command("^USSDMODE")
def ussd_mode(modem: "FakeModem", request: Request) -> Lines:
    """Choose on a Huawei between text (0) and packed septets in hex (1)."""
    if request.kind == "test":
        return ["^USSDMODE: (0-1)"]
    if request.kind == "set":
        modem.ussd_packed = request.number(0) == 1
        return []
    return [f"^USSDMODE: {int(modem.ussd_packed)}"]


def _script(modem: "FakeModem", code: str) -> Script:
    assert modem.sim
    return modem.sim.ussd.get(code) or modem.network.ussd.get(code) or NOT_KNOWN


def _say(modem: "FakeModem", session: Session, reply: Reply) -> None:
    if modem.ussd is not session or modem.sim is None:
        return  # it was cancelled
    session.awaited = False
    if reply.m != ASKS_BACK:
        modem.ussd = None
    if not modem.ussd_shown:
        return
    assert reply.text is not None
    text = _filled(reply.text, modem.sim)
    said = f',"{_written(modem, text, reply.dcs)}",{reply.dcs}' if text else ""
    modem.indicate(f"+CUSD: {reply.m}{said}")


def _filled(text: str, sim: "Sim") -> str:
    facts = {"balance": sim.balance, "number": sim.number.removeprefix("+")}
    return re.sub(
        r"\{(balance|number)(?::([^}]*))?\}", lambda at: format(facts[at[1]], at[2] or ""), text
    )


def _written(modem: "FakeModem", text: str, dcs: int) -> str:
    if dcs == UCS2 or modem.personality.ucs2_ussd:
        written = text.encode("utf-16-be", "surrogatepass").hex().upper()
        return written + modem.personality.ussd_tail
    if modem.ussd_packed:
        return pdu.pack(pdu.septets(text)).hex().upper()
    return text


def _unpacked(given: str) -> str:
    """Read a code as Huawei wants it: septets, packed, in hex."""
    try:
        octets = bytes.fromhex(given)
    except ValueError:
        return ""
    return pdu.from_septets(pdu.unpack(octets, 8 * len(octets) // 7)).rstrip("@\r")
