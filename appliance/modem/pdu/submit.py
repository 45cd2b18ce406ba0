"""SMS-SUBMIT: one part on its way out (clause 9.2.2.2)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from appliance.errors import PduError
from appliance.modem.pdu.dcs import encode_scheme
from appliance.modem.pdu.header import Concat, encode_header
from appliance.modem.pdu.semi_octets import encode_address
from appliance.modem.pdu.septets import pack
from appliance.modem.pdu.validity import encode_validity
from appliance.text import USER_DATA, Encoding, Segment, naming

SUBMIT: Final = 0x01  # bits of the first octet

RELATIVE_VALIDITY: Final = 0x10

REPORT_WANTED: Final = 0x20

HAS_HEADER: Final = 0x40

REFERENCE: Final = 0  # TP-MR: the modem puts its own


@dataclass(frozen=True, slots=True)
class Submit:
    """One part as it is to go out.

    Attributes:
        recipient: ``+`` and digits, or bare digits (``0-9*#abc``) to be taken as dialled.
        segment: what it carries.
        language: national tables that its septets are written in, locking × 256 + single
            shift; 0: the default ones, or ``udh`` names them.
        concat: its number in a long message, None if it is the only part.
        udh: elements of a user data header besides concatenation, without the length octet.
        report: whether the network is asked for a status report.
        flash: class 0: shown at once, not stored.
        validity: how long the service centre may try, rounded down to what the octet can
            say (but not below 5 minutes); None leaves it to the centre.
        smsc: the service centre's number, None for the SIM's own.
        protocol: TP-PID, 0-255: 0 for plain SMS (clause 9.2.3.9).

    """

    recipient: str
    segment: Segment
    concat: Concat | None = None
    udh: bytes = b""
    report: bool = True
    flash: bool = False
    validity: timedelta | None = None
    smsc: str | None = None
    language: int = 0
    protocol: int = 0


class EncodedSubmit(NamedTuple):
    """An SMS-SUBMIT ready for a modem."""

    pdu: bytes  # service centre field and TPDU, as it follows the prompt, in hex
    length: int  # octets of the TPDU alone, as AT+CMGS announces it (27.005 clause 4.3)


def encode_submit(submit: Submit) -> EncodedSubmit:
    """Return the octets of ``submit``.

    Raises:
        PduError: a number is none, the header is malformed, or it all does not fit in
            one part.

    """
    header = encode_header(submit.concat, submit.udh + naming(submit.language))
    digits, address = encode_address(submit.recipient)
    first = SUBMIT | (REPORT_WANTED if submit.report else 0) | (HAS_HEADER if header else 0)
    validity = b""
    if submit.validity is not None:
        first |= RELATIVE_VALIDITY
        validity = bytes((encode_validity(submit.validity),))
    scheme = encode_scheme(submit.segment.encoding, flash=submit.flash)
    count, user_data = _user_data(submit.segment, header)
    tpdu = b"".join(
        (
            bytes((first, REFERENCE, digits)),
            address,
            bytes((submit.protocol, scheme)),
            validity,
            bytes((count,)),
            user_data,
        )
    )
    return EncodedSubmit(_service_centre(submit.smsc) + tpdu, len(tpdu))


def _service_centre(number: str | None) -> bytes:
    """Return the field before the TPDU; its length counts octets (27.005 clause 3.1)."""
    if number is None:
        return b"\x00"
    _, address = encode_address(number)
    return bytes((len(address),)) + address


def _user_data(segment: Segment, header: bytes) -> tuple[int, bytes]:
    """Return TP-UDL and TP-UD; septets begin on a septet boundary, after fill bits."""
    if segment.encoding is Encoding.GSM7:
        fill = -len(header) * 8 % 7
        count = (len(header) * 8 + fill) // 7 + len(segment.payload)
        user_data = header + pack(segment.payload, fill)
    else:
        user_data = header + segment.payload
        count = len(user_data)
    if len(user_data) > USER_DATA:
        raise PduError(f"{len(user_data)} octets of user data do not fit in a part")
    return count, user_data
