"""What +CMS, +CME and TP-Status numbers mean for a part and for its line, as tables. Pure.

Names: 3GPP TS 27.005 clause 3.2.5 with 24.011 annex E.2 and 23.040 clause 9.2.3.22 (+CMS),
27.007 clause 9.2 (+CME), 23.040 clause 9.2.3.15 (TP-Status). The classing is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from appliance.lifecycle import Event


class Kind(StrEnum):
    """What to do about a refusal that came after Ctrl-Z. Before it, nothing was sent anyway."""

    NUMBER = "number"  # for good: this part cannot go to this number
    SIM = "sim"  # this SIM may not: another one might
    PASSING = "passing"  # wait, or take another SIM
    DEVICE = "device"  # the modem or its SIM needs mending
    MAYBE_SENT = "maybe_sent"  # it may be on the air: never a blind resend


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the network or the modem refused, and what follows from it."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """Kinds that the configuration sets, by the number of the error; its sentence stays."""

    cms: Mapping[int, Kind] = field(default_factory=dict)
    cme: Mapping[int, Kind] = field(default_factory=dict)


NOTHING_SET: Final = Overrides()

NO_CAUSES: Final[Mapping[int, Cause]] = MappingProxyType({})

N, S, P, D, M = Kind.NUMBER, Kind.SIM, Kind.PASSING, Kind.DEVICE, Kind.MAYBE_SENT

CMS: Final[Mapping[int, Cause]] = {
    1: Cause(N, "the number is not assigned"),
    8: Cause(S, "the operator bars this SIM"),
    10: Cause(S, "sending is barred for this SIM"),
    17: Cause(P, "the network failed"),
    21: Cause(S, "the service centre rejected it (often: no credit)"),
    22: Cause(P, "memory capacity exceeded"),
    27: Cause(P, "the destination is out of service"),
    28: Cause(S, "the network does not know this SIM"),
    29: Cause(S, "the network rejected the facility"),
    30: Cause(N, "the network does not know the subscriber"),
    38: Cause(P, "the network is out of order"),
    41: Cause(P, "temporary failure of the network"),
    42: Cause(P, "the network is congested"),
    47: Cause(P, "the network has no resources free"),
    50: Cause(S, "this SIM has not subscribed to sending"),
    69: Cause(N, "the network has not implemented what the part asks for"),
    81: Cause(N, "invalid short message transfer reference"),
    95: Cause(N, "the network found the part semantically incorrect"),
    96: Cause(N, "the network found the part's mandatory information invalid"),
    97: Cause(N, "the network does not know this message type"),
    98: Cause(P, "the message does not fit the network's state"),
    99: Cause(N, "the network does not know an information element of the part"),
    111: Cause(P, "unspecified protocol error"),
    127: Cause(P, "interworking failure"),
    192: Cause(P, "the service centre is busy"),
    193: Cause(S, "this SIM has no subscription at the service centre"),
    194: Cause(P, "the service centre's system failed"),
    195: Cause(N, "the service centre finds the address invalid"),
    196: Cause(N, "the destination is barred by the service centre"),
    197: Cause(M, "the service centre has this part already"),
    198: Cause(P, "the service centre does not support this form of validity period"),
    199: Cause(P, "the service centre does not support validity periods"),
    208: Cause(P, "the SIM's message storage is full"),
    255: Cause(M, "the network gave no cause"),
    300: Cause(D, "the modem failed"),
    301: Cause(D, "the modem's message service is reserved"),
    302: Cause(D, "the modem does not allow it now"),
    303: Cause(D, "the modem does not support it"),
    304: Cause(N, "the modem finds a PDU parameter invalid"),
    305: Cause(N, "the modem finds a text parameter invalid"),
    310: Cause(D, "no SIM is inserted"),
    311: Cause(D, "the SIM wants its PIN"),
    312: Cause(D, "the modem is locked to another SIM and wants its code"),
    313: Cause(D, "the SIM failed"),
    314: Cause(D, "the SIM is busy"),
    315: Cause(D, "the wrong SIM is inserted"),
    316: Cause(D, "the SIM wants its PUK"),
    317: Cause(D, "the SIM wants its PIN2"),
    318: Cause(D, "the SIM wants its PUK2"),
    320: Cause(D, "the message memory failed"),
    321: Cause(D, "there is nothing at that place in the memory"),
    322: Cause(D, "the message memory is full"),
    330: Cause(D, "the SIM has no service centre: set service_centre under its [[sims]]"),
    331: Cause(P, "no network service"),
    332: Cause(M, "the network did not answer in time"),
    340: Cause(D, "no acknowledgement was expected"),
    500: Cause(M, "unknown error"),
}

RANGES: Final[tuple[tuple[range, Cause], ...]] = (
    (range(128), Cause(P, "the network refused, with a cause that has no name")),
    (range(128, 256), Cause(N, "the service centre refused the part")),
    (range(300, 331), Cause(D, "the modem or its SIM refused")),
)

NO_NUMBER: Final = Cause(M, "the modem answered ERROR without a number")

OWN: Final = Cause(M, "the modem gave an error of its maker's own")

WAVECOM: Final[Mapping[int, Cause]] = MappingProxyType(  # +CMS numbers of its maker's own
    {
        512: Cause(P, "no connection to the network could be set up"),
        515: Cause(D, "the modem is still busy starting"),
    }
)

SIEMENS: Final[Mapping[int, Cause]] = MappingProxyType(  # likewise; others have copied them
    {
        516: Cause(N, "the modem finds the length of the PDU invalid"),
        517: Cause(N, "the modem finds a character of the PDU invalid"),
        519: Cause(N, "the modem finds a length or character of the PDU invalid"),
        532: Cause(D, "the SIM is not ready"),
        535: Cause(P, "the modem's protocol stack is busy"),
    }
)

CME: Final[Mapping[int, Cause]] = {
    0: Cause(M, "the modem failed"),
    3: Cause(D, "the modem does not allow it now"),
    4: Cause(D, "the modem does not support it"),
    5: Cause(D, "the modem is locked to another SIM"),
    10: Cause(D, "no SIM is inserted"),
    11: Cause(D, "the SIM wants its PIN"),
    12: Cause(D, "the SIM wants its PUK"),
    13: Cause(D, "the SIM failed"),
    14: Cause(D, "the SIM is busy"),
    15: Cause(D, "the wrong SIM is inserted"),
    16: Cause(D, "the password is wrong"),
    17: Cause(D, "the SIM wants its PIN2"),
    18: Cause(D, "the SIM wants its PUK2"),
    20: Cause(D, "the memory is full"),
    23: Cause(D, "the memory failed"),
    30: Cause(P, "no network service"),
    31: Cause(M, "the network did not answer in time"),
    32: Cause(P, "the network allows emergency calls only"),
    100: Cause(M, "unknown error"),
    515: Cause(D, "the modem is still busy starting"),
}

CME_AS_CMS: Final[Mapping[int, int]] = {
    3: 302,
    4: 303,
    5: 312,
    10: 310,
    11: 311,
    12: 316,
    13: 313,
    14: 314,
    15: 315,
    17: 317,
    18: 318,
    20: 322,
    23: 320,
    30: 331,
    31: 332,
    32: 331,
    515: 515,
}
"""What +CME numbers are called as +CMS, so that an attempt has numbers of one kind."""

VERBOSE: Final[Mapping[str, int]] = {  # what a modem with CMEE=2 writes, in lower case
    "phone failure": 0,
    "operation not allowed": 3,
    "operation not supported": 4,
    "ph-sim pin required": 5,
    "sim not inserted": 10,
    "sim pin required": 11,
    "sim puk required": 12,
    "sim failure": 13,
    "sim busy": 14,
    "sim wrong": 15,
    "incorrect password": 16,
    "sim pin2 required": 17,
    "sim puk2 required": 18,
    "memory full": 20,
    "memory failure": 23,
    "no network service": 30,
    "network timeout": 31,
    "network not allowed - emergency calls only": 32,
    "unknown": 100,
    "please wait, init or command processing in progress.": 515,
}

VERBOSE_CMS: Final[Mapping[str, int]] = {
    "unassigned (unallocated) number": 1,
    "operator determined barring": 8,
    "call barred": 10,
    "short message transfer rejected": 21,
    "destination out of service": 27,
    "unidentified subscriber": 28,
    "facility rejected": 29,
    "unknown subscriber": 30,
    "network out of order": 38,
    "temporary failure": 41,
    "congestion": 42,
    "resources unavailable, unspecified": 47,
    "requested facility not subscribed": 50,
    "me failure": 300,
    "sms service of me reserved": 301,
    "operation not allowed": 302,
    "operation not supported": 303,
    "invalid pdu mode parameter": 304,
    "invalid text mode parameter": 305,
    "sim not inserted": 310,
    "sim pin required": 311,
    "ph-sim pin required": 312,
    "sim failure": 313,
    "sim busy": 314,
    "sim wrong": 315,
    "sim puk required": 316,
    "sim pin2 required": 317,
    "sim puk2 required": 318,
    "memory failure": 320,
    "invalid memory index": 321,
    "memory full": 322,
    "smsc address unknown": 330,
    "no network service": 331,
    "network timeout": 332,
    "no +cnma acknowledgement expected": 340,
    "unknown": 500,
    "unknown error": 500,
}
"""27.005 clause 3.2.5 and 24.011 annex E.2; where these say (U)SIM, modems may say either."""

MEANING: Final[Mapping[int, Event | None]] = {
    0x00: Event.DELIVER,
    0x01: None,  # forwarded, delivery unconfirmed
    0x02: Event.EXPIRE,  # replaced at the service centre: this one never arrives
    **dict.fromkeys(range(0x20, 0x26)),  # the service centre still tries
    0x46: Event.EXPIRE,
}

STATUS: Final[Mapping[int, str]] = {
    0x00: "delivered",
    0x01: "forwarded, delivery not confirmed",
    0x02: "replaced at the service centre",
    0x20: "congestion, still trying",
    0x21: "the recipient's phone is busy, still trying",
    0x22: "no response from the recipient's phone, still trying",
    0x23: "service rejected, still trying",
    0x24: "quality of service not available, still trying",
    0x25: "error in the recipient's phone, still trying",
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by the recipient's phone",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    0x46: "the validity period expired",
    0x47: "deleted by the sender",
    0x48: "deleted by the service centre",
    0x49: "the service centre does not know the message",
    0x60: "congestion, given up",
    0x61: "the recipient's phone is busy, given up",
    0x62: "no response from the recipient's phone, given up",
    0x63: "service rejected, given up",
    0x64: "quality of service not available, given up",
    0x65: "error in the recipient's phone, given up",
}


def cms_cause(code: int | None) -> Cause:
    """Return what a ``+CMS ERROR`` after Ctrl-Z means; None stands for ``ERROR`` without a number.

    Every number has a cause; one that is in no table may have been sent.
    """
    if code is None:
        return NO_NUMBER
    if code in CMS:
        return CMS[code]
    return next((cause for codes, cause in RANGES if code in codes), OWN)


def cme_cause(code: int | None) -> Cause:
    """Return what a ``+CME ERROR`` after Ctrl-Z means. Whatever has no row may have been sent."""
    if code is None:
        return NO_NUMBER
    return CME.get(code, OWN)


def code_of(final: str) -> int | None:
    """Return the number of an error line, also of one in words. None for plain ``ERROR``."""
    head, _, tail = final.partition(":")
    words = tail.strip()
    if words.isascii() and words.isdigit():
        return int(words)
    words = words.lower().replace("(u)sim", "sim")
    return (VERBOSE_CMS if head == "+CMS ERROR" else VERBOSE).get(words)


def cms_number(final: str) -> int | None:
    """Return the number of an error line as +CMS has it; None if it has none there."""
    code = code_of(final)
    if code is None or not final.startswith("+CME"):
        return code
    return CME_AS_CMS.get(code)


def final_cause(
    final: str, own: Mapping[int, Cause] = NO_CAUSES, overrides: Overrides = NOTHING_SET
) -> Cause:
    """Return what the error line ``final`` means that came after Ctrl-Z.

    Args:
        final: the modem's own line.
        own: +CMS numbers that mean something else on its model, or something at all.
        overrides: what the configuration sets, which wins. A plain ``ERROR`` has no number
            and cannot be set.

    """
    code = code_of(final)
    if final.startswith("+CME"):
        cause, kinds = cme_cause(code), overrides.cme
    else:
        cause = own[code] if code is not None and code in own else cms_cause(code)
        kinds = overrides.cms
    kind = kinds.get(code) if code is not None else None
    return cause if kind is None else replace(cause, kind=kind)


def report_event(status: int) -> Event | None:
    """Return what a status report says became of the part, None if nothing final did.

    Args:
        status: TP-Status, the octet 0-255 of an SMS-STATUS-REPORT.

    Returns:
        The life-cycle event, or None: the part stays as it is, and a later
        report settles it.

    Source:
        3GPP TS 23.040 clause 9.2.3.15: a reserved value means that the service
        was rejected, so whatever the table does not name counts as a failure.

    """
    return MEANING.get(status, Event.REFUSE)


def status_sentence(status: int) -> str:
    """Return TP-Status 0-255 in words; a reserved value is "service rejected" (23.040 9.2.3.15)."""
    return STATUS.get(status, f"service rejected (0x{status:02X})")
