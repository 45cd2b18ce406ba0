"""Message waiting indications, and what else TP-PID and a header say of a received part."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from appliance.modem.pdu.dcs import STORING, WAITING
from appliance.text import elements_of

SPECIAL: Final = 0x01
"""Special SMS message indication: what waits, and how many of it (clause 9.2.3.24.2)."""

PORTS: Final[Mapping[int, int]] = {0x04: 1, 0x05: 2}
"""Application port addressing (clauses 9.2.3.24.3 and .4): octets of a port, by element."""

RETURN_CALL: Final = 0x5F  # TP-PID: please call back (clause 9.2.3.9)

REPLACING: Final = range(0x41, 0x48)  # TP-PID: replace short message type 1 to 7


class Waits(StrEnum):
    """What is waiting. The value is what the API shows."""

    VOICEMAIL = "voicemail"
    FAX = "fax"
    EMAIL = "email"
    OTHER = "other"
    VIDEO = "video"
    CALL = "call"  # somebody wants to be called back


BASIC: Final = (Waits.VOICEMAIL, Waits.FAX, Waits.EMAIL, Waits.OTHER)
"""By bits 1-0, in a coding scheme as in a header."""

EXTENDED: Final[Mapping[int, Waits]] = {0b001: Waits.VIDEO}
"""By bits 4-2 in a header, where bits 1-0 say "other"."""


@dataclass(frozen=True, slots=True)
class Indication:
    """Something is waiting elsewhere, or (not ``active``) no longer is.

    Attributes:
        kind: what it is.
        active: whether it waits; False takes an earlier indication back.
        count: how many wait, 0-255; None where that is not said.
        stored: whether a phone keeps the text that came with it.

    """

    kind: Waits
    active: bool = True
    count: int | None = None
    stored: bool = True


def indication(dcs: int, pid: int, udh: bytes) -> Indication | None:
    """Return what a received part says is waiting, None if it says nothing of the kind.

    Args:
        dcs: TP-DCS; groups 1100 to 1110 are indications (23.038 clause 4).
        pid: TP-PID; "return call" is one.
        udh: elements of the header. They say most and so count most; of several the
            first. The text is to be stored if the header or the coding scheme says so.

    """
    coded, headed = _coded(dcs), _headed(udh)
    if headed is not None:
        stored = headed.stored or (coded is not None and coded.stored)
        return replace(headed, stored=stored)
    if coded is None and pid == RETURN_CALL:
        return Indication(Waits.CALL)
    return coded


def ports(udh: bytes) -> tuple[int, int] | None:
    """Return the application ports (destination, originator) that a header names, or None.

    They are 0-255 or 0-65535; of several elements the last one counts (clause 9.2.3.24).
    """
    found = None
    for identifier, data in elements_of(udh) or ():
        width = PORTS.get(identifier)
        if width is not None and len(data) == 2 * width:
            found = int.from_bytes(data[:width], "big"), int.from_bytes(data[width:], "big")
    return found


def _coded(dcs: int) -> Indication | None:
    group = dcs >> 4
    if group not in WAITING:
        return None
    return Indication(BASIC[dcs & 0b11], active=bool(dcs & 0b1000), stored=group in STORING)


def _headed(udh: bytes) -> Indication | None:
    for identifier, data in elements_of(udh) or ():
        if identifier == SPECIAL and len(data) == 2:
            what, count = data
            kind = BASIC[what & 0b11]
            if kind is Waits.OTHER:
                kind = EXTENDED.get(what >> 2 & 0b111, kind)
            return Indication(kind, active=count > 0, count=count, stored=bool(what & 0x80))
    return None
