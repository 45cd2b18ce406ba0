"""User data headers and SAR parameters: how an ESME says that a message is a segment. Pure."""

from collections.abc import Iterator
from typing import Final

from appliance.errors import SmppError
from appliance.smpp_server.names import Status, Tag
from appliance.smpp_server.pdu import ShortMessage

CONCAT_8: Final = 0x00
CONCAT_16: Final = 0x08
CONCAT_LENGTHS: Final = {CONCAT_8: 3, CONCAT_16: 4}
"""Information elements of concatenation (3GPP TS 23.040 clauses 9.2.3.24.1 and .8)."""

PORTS_16: Final = 0x05
"""The information element of application ports (3GPP TS 23.040 clause 9.2.3.24.4)."""

SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


def split_header(payload: bytes, *, udhi: bool) -> tuple[bytes, bytes]:
    """Return the header of ``payload`` without its length octet, and what follows it.

    Raises:
        SmppError: there should be a header, and it is broken (BAD_ESM_CLASS).

    """
    if not udhi:
        return b"", payload
    if not payload or payload[0] >= len(payload):
        raise SmppError(Status.BAD_ESM_CLASS, "the user data header is cut off")
    header, rest = payload[1 : 1 + payload[0]], payload[1 + payload[0] :]
    for element, value in _elements(header):
        if element in CONCAT_LENGTHS:
            _check_concatenation(element, value)
    return header, rest


def with_sar(header: bytes, sm: ShortMessage) -> bytes:
    """Return ``header``, and with it what the SAR parameters say (5.3.2.22 to 24).

    A header that numbers the segments itself stands: it is what goes on the air.
    The reference is cut to 8 bits, because those who leave the header to us have cut
    the text to leave room for the short one; references on the air are ours anyway, and which
    segments belong together is told by the whole of it (``Submission.smpp_sar``).

    Raises:
        SmppError: a parameter is missing or has a value that cannot be.

    """
    values = [sm.optional(tag) for tag in SAR]
    given = [int.from_bytes(value, "big") for value in values if value is not None]
    if not given:
        return header
    if len(given) < len(SAR):
        raise SmppError(Status.MISSING_OPTIONAL, "SAR parameters come three together")
    reference, total, ordinal = given
    if not 1 <= ordinal <= total:
        raise SmppError(Status.BAD_OPTIONAL_VALUE, f"segment {ordinal} of {total}")
    numbered = any(element in CONCAT_LENGTHS for element, _ in _elements(header))
    if total == 1 or numbered:
        return header
    return concatenation(reference, total, ordinal) + header


def with_ports(header: bytes, sm: ShortMessage) -> bytes:
    """Return ``header``, and with it the application ports of ``sm`` (5.3.2.20 and 21).

    A header that names ports itself stands. A source that is not named is port 0.
    """
    source, destination = sm.optional(Tag.SOURCE_PORT), sm.optional(Tag.DESTINATION_PORT)
    if destination is None or any(element == PORTS_16 for element, _ in _elements(header)):
        return header
    return bytes((PORTS_16, 4)) + destination + (source or b"\0\0") + header


def concatenation(reference: int, total: int, ordinal: int) -> bytes:
    """Return the element that numbers a segment, with the low 8 bits of ``reference``."""
    return bytes((CONCAT_8, CONCAT_LENGTHS[CONCAT_8], reference & 0xFF, total, ordinal))


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(header):
        if at + 2 > len(header) or at + 2 + header[at + 1] > len(header):
            raise SmppError(Status.BAD_ESM_CLASS, "an element of the user data header is cut off")
        end = at + 2 + header[at + 1]
        yield header[at], header[at + 2 : end]
        at = end


def _check_concatenation(element: int, value: bytes) -> None:
    if len(value) != CONCAT_LENGTHS[element] or not 1 <= value[-1] <= value[-2]:
        raise SmppError(Status.BAD_ESM_CLASS, "the user data header numbers no segment")
