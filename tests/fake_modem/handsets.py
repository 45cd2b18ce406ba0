"""The people at the other end: what the handset behind a number does with what it is sent.

A number nobody has set up behaves by its last digits, so that all can be tried without any setting:

==============  =================================================================================
ends in         the handset
==============  =================================================================================
``999001``      is off until it is switched on (``switch_on``): one "still trying" report
``999002``      is off for 5 seconds, then delivers
``999003``      is off until the message expires: "still trying", then 0x46 (``expire_seconds``)
``999004``      refuses for good: report 0x41, incompatible destination
``999005``      is unknown to its network: report 0x49
``999006``      has a service centre that gives up: report 0x62
``999007``      never yields a report
``999008``      delivers and answers "OK, thanks!"
``999009``      delivers and answers "STOP"
``999010``      yields 0x01: forwarded, delivery unconfirmed
``998nnn``      is refused when submitted: ``+CMS ERROR: nnn``
``998198``      (and ``998199``) only while the PDU has a validity period
anything else   delivers
==============  =================================================================================
"""

from dataclasses import dataclass
from enum import StrEnum

DELIVERED, STILL_TRYING, EXPIRED = 0x00, 0x22, 0x46

NO_VALIDITY = frozenset({198, 199})  # +CMS: validity periods (of this form) are not supported


class Mood(StrEnum):
    """What a handset does."""

    DELIVERS = "delivers"
    OFF = "off"
    EXPIRES = "expires"
    REFUSES = "refuses"
    SILENT = "silent"
    REFUSED_AT_SUBMIT = "refused_at_submit"


@dataclass(frozen=True, slots=True)
class Handset:
    """A handset's mood.

    ``seconds``: how long it stays off, or until a message expires; None: until told (or the
    network's ``expire_seconds``). ``status``: the TP-Status of its last report. ``reply``: what it
    answers to each whole message. ``code``: the +CMS ERROR of a refusal at submit.
    """

    mood: Mood = Mood.DELIVERS
    seconds: float | None = None
    status: int = DELIVERED
    reply: str | None = None
    code: int = 38


BY_ENDING = {
    "999001": Handset(Mood.OFF),
    "999002": Handset(Mood.OFF, seconds=5),
    "999003": Handset(Mood.EXPIRES, status=EXPIRED),
    "999004": Handset(Mood.REFUSES, status=0x41),
    "999005": Handset(Mood.REFUSES, status=0x49),
    "999006": Handset(Mood.REFUSES, status=0x62),
    "999007": Handset(Mood.SILENT),
    "999008": Handset(reply="OK, thanks!"),
    "999009": Handset(reply="STOP"),
    "999010": Handset(status=0x01),
}
ORDINARY = Handset()


def by_ending(number: str) -> Handset:
    """Return the handset that the last digits of ``number`` stand for."""
    ending = number[-6:]
    if ending.startswith("998") and ending[3:].isdigit():
        return Handset(Mood.REFUSED_AT_SUBMIT, code=int(ending[3:]))
    return BY_ENDING.get(ending, ORDINARY)
