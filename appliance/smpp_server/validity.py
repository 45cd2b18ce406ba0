"""Until when a certificate holds, read from its own octets. Pure.

The standard library reads this only of a peer's certificate, not of ours. So the few fields
before it are stepped over (X.509: RFC 5280 clause 4.1, in DER: ITU-T X.690).
"""

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Final

PEM: Final = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END"
)

SEQUENCE, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18

BEFORE: Final = 3
"""Fields between the version and the validity: serial number, signature, issuer."""


def holds_until(pem: bytes) -> datetime:
    """Return the last moment (aware, UTC) of the first certificate of a file.

    Those behind it vouch for it: they end later, or do not matter to those who need them not.

    Raises:
        ValueError: there is none, or it is not of this form.

    """
    found = PEM.search(pem)
    if not found:
        raise ValueError("there is no certificate in it")
    try:
        return _not_after(b64decode(found[1]))
    except (IndexError, ValueError):
        raise ValueError("until when the certificate holds cannot be read") from None


def _not_after(certificate: bytes) -> datetime:
    _, whole, _ = _element(certificate)
    _, fields, _ = _element(whole)  # what is signed
    tag, _, rest = _element(fields)
    if tag == VERSION:  # left out where it is 1
        fields = rest
    for _ in range(BEFORE):
        _, _, fields = _element(fields)
    tag, validity, _ = _element(fields)
    if tag != SEQUENCE:
        raise ValueError("no validity")
    _, _, rest = _element(validity)
    tag, written, _ = _element(rest)
    return _moment(tag, written.decode("ascii"))


def _element(octets: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and the value of the first element, and what follows it."""
    tag, length, start = octets[0], octets[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(octets[2:start], "big")
    if start + length > len(octets):
        raise ValueError("it is cut off")
    return tag, octets[start : start + length], octets[start + length :]


def _moment(tag: int, written: str) -> datetime:
    """Read a time; two digits of a year are of 1950 to 2049 (RFC 5280 clause 4.1.2.5)."""
    if tag == UTC_TIME:
        written = ("20" if written < "5" else "19") + written
    elif tag != GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
