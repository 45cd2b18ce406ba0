"""Digits in half octets, the lower half first: addresses and time stamps."""

from datetime import datetime, timedelta, timezone
from typing import Final

from appliance.errors import PduError
from appliance.modem.pdu.septets import unpack
from appliance.text import DEFAULT

SWAP: Final = bytes((octet & 0x0F) << 4 | octet >> 4 for octet in range(256))

DIGITS: Final = str.maketrans("abcde", "*#abc")  # hex digit -> digit (23.040 clause 9.1.2.3)

HEX: Final = str.maketrans("*#abc", "abcde")

FILLER: Final = "f"

MOST_DIGITS: Final = 20
"""Of one address (23.040 clause 9.1.2.5: at most 12 octets with length and type)."""

INTERNATIONAL: Final = 0b001  # types of number, bits 6-4 of the type-of-address octet

ALPHANUMERIC: Final = 0b101

AS_INTERNATIONAL: Final = 0x91  # ISDN numbering plan

AS_DIALLED: Final = 0x81
"""Type unknown, ISDN plan: the network reads it as if it had been dialled, short codes too."""


def encode_address(number: str) -> tuple[int, bytes]:
    """Return how many digits ``number`` has, and its type-of-address octet with the digits.

    Args:
        number: ``+`` and 1-20 digits, or 1-20 of ``0-9*#abc`` to be taken as dialled.

    Raises:
        PduError: it is neither.

    """
    digits = number.removeprefix("+")
    if not 0 < len(digits) <= MOST_DIGITS or digits.strip("0123456789*#abc"):
        raise PduError("the number is empty, too long, or has a character that is no digit")
    kind = AS_DIALLED if digits == number else AS_INTERNATIONAL
    padded = digits.translate(HEX) + FILLER * (len(digits) % 2)
    return len(digits), bytes((kind,)) + bytes.fromhex(padded).translate(SWAP)


def decode_address(kind: int, octets: bytes, length: int) -> str:
    """Return an address as people write it.

    Args:
        kind: the type-of-address octet.
        octets: the half octets that follow it.
        length: how many of the half octets count.

    Returns:
        ``+`` and digits if international; the text of an alphanumeric one; else bare
        digits (national, short, unknown). Digits end at a filler; "" if there are none.

    """
    type_of_number = kind >> 4 & 0b111
    if type_of_number == ALPHANUMERIC:
        return DEFAULT.decode(unpack(octets, length * 4 // 7))
    digits = octets.translate(SWAP).hex()[:length].partition(FILLER)[0].translate(DIGITS)
    return f"+{digits}" if digits and type_of_number == INTERNATIONAL else digits


def decode_timestamp(octets: bytes) -> datetime | None:
    """Return the moment that seven octets say, aware, or None if they are no moment.

    Source:
        3GPP TS 23.040 clause 9.2.3.11: year (of this century) to second, then the
        distance from GMT in quarters of an hour, whose sign is bit 3 of the octet.

    """
    digits = octets[:6].translate(SWAP).hex()
    tens, ones = octets[6] & 0x07, octets[6] >> 4
    if not digits.isdecimal() or ones > 9:
        return None
    quarters = -(tens * 10 + ones) if octets[6] & 0x08 else tens * 10 + ones
    year, *rest = (int(digits[start : start + 2]) for start in range(0, 12, 2))
    try:
        zone = timezone(timedelta(minutes=15 * quarters))
        return datetime(2000 + year, *rest, tzinfo=zone)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
