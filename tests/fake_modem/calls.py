"""A call that comes in, and the answer to a USSD code."""

from typing import TYPE_CHECKING

from tests.fake_modem import pdu

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


def ring(modem: "FakeModem", number: str, rings: int = 10) -> None:
    """Ring every three seconds until AT+CHUP, ATH or the caller gives up."""
    modem.caller = number
    _ring(modem, number, rings)


def _ring(modem: "FakeModem", number: str, rings: int) -> None:
    if modem.caller != number or not rings:
        modem.caller = ""
        return
    shown = [f'+CLIP: "{number}",145,,,,0'] if modem.clip else []
    modem.indicate("RING", *shown)
    modem.later(3, _ring, modem, number, rings - 1)


def ussd_reply(modem: "FakeModem", given: str) -> None:
    """Answer a USSD code with what the network knows of it."""
    packed = modem.personality.packed_ussd
    text = modem.network.ussd.get(_unpacked(given) if packed else given, "Unknown code.")
    shown = pdu.pack(pdu.septets(text)).hex().upper() if packed else text
    modem.indicate(f'+CUSD: 0,"{shown}",15')


def _unpacked(given: str) -> str:
    """Read a code as Huawei wants it: septets, packed, in hex."""
    try:
        octets = bytes.fromhex(given)
    except ValueError:
        return ""
    return pdu.from_septets(pdu.unpack(octets, 8 * len(octets) // 7)).rstrip("@\r")
