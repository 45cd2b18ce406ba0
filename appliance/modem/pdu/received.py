"""What a modem hands over: SMS-DELIVER, SMS-STATUS-REPORT, and SUBMITs found in its memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypedDict

from appliance import text
from appliance.errors import PduError
from appliance.modem.pdu.dcs import decode_scheme
from appliance.modem.pdu.header import Concat, decode_header
from appliance.modem.pdu.indication import REPLACING, Indication, indication, ports
from appliance.modem.pdu.semi_octets import MOST_DIGITS, decode_address, decode_timestamp
from appliance.modem.pdu.septets import unpack
from appliance.modem.pdu.validity import decode_validity
from appliance.text import USER_DATA, Alphabet, Encoding, alphabet_of

MESSAGE_TYPE: Final = 0x03  # bits of the first octet

VALIDITY_FORMAT: Final = 0x18

HAS_HEADER: Final = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """A part with what it carries.

    Attributes:
        smsc: the service centre, None if the modem did not say.
        pid: TP-Protocol-Identifier, 0-255.
        dcs: TP-Data-Coding-Scheme, 0-255.
        encoding: how ``payload`` is to be read; compressed text counts as binary.
        payload: as in ``text.Segment``, without the header.
        udh: the elements of the header besides concatenation, without the length octet;
            empty if there are none, or if the header is malformed (it is then ignored,
            clause 9.2.3.24, and the text kept).
        concat: which part of a long message it is, None if it is the only one.
        languages: national languages of the locking and the single shift table, 0 the default.

    """

    encoding: Encoding
    payload: bytes
    udh: bytes = b""
    concat: Concat | None = None
    languages: tuple[int, int] = (0, 0)
    smsc: str | None = None
    pid: int = 0
    dcs: int = 0

    @property
    def message_class(self) -> int | None:
        """Return 0-3, where it goes on a phone (23.038 clause 4), None if that is not said."""
        return decode_scheme(self.dcs).message_class

    @property
    def flash(self) -> bool:
        """Tell whether it is to be shown at once and not stored: class 0."""
        return self.message_class == 0

    @property
    def compressed(self) -> bool:
        """Tell whether ``payload`` is compressed text (23.042), which is kept as it came."""
        return decode_scheme(self.dcs).compressed

    @property
    def ports(self) -> tuple[int, int] | None:
        """Return the application ports (destination, originator) of 8-bit data, or None."""
        return ports(self.udh)

    @property
    def alphabet(self) -> Alphabet:
        """Return the 7-bit alphabet that the header names, for ``text.decode``."""
        return alphabet_of(*self.languages)

    @property
    def text(self) -> str | None:
        """Return this part's text, None if it is binary.

        Of a long message join the payloads first: a character may lie on the border.
        """
        if self.encoding is Encoding.BINARY:
            return None
        return text.decode(self.encoding, self.payload, self.alphabet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver(Carrying):
    """SMS-DELIVER: a part that came in (clause 9.2.2.1).

    Attributes:
        sender: ``+`` and digits if international, the text of an alphanumeric address,
            else bare digits; may be empty.
        sent_at: the service centre's time stamp, aware; None if it is no moment.

    """

    sender: str
    sent_at: datetime | None

    @property
    def waiting(self) -> Indication | None:
        """Return what it says is waiting elsewhere (voicemail …), None if it is a plain message.

        Of a long message each part must be asked: often only the first one says it.
        """
        return indication(self.dcs, self.pid, self.udh)

    @property
    def replaces(self) -> int | None:
        """Return which type (1-7) of earlier message of this sender it replaces, or None."""
        return self.pid - REPLACING[0] + 1 if self.pid in REPLACING else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitSeen(Carrying):
    """SMS-SUBMIT found in a memory: somebody's own draft or sent part (clause 9.2.2.2).

    ``validity`` is a period, a moment, or None where there is none that can be read.
    """

    recipient: str
    reference: int
    validity: timedelta | datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """SMS-STATUS-REPORT: what became of a part (clause 9.2.2.3).

    Attributes:
        reference: TP-MR of the part it is about, 0-255.
        recipient: as ``Deliver.sender``; the network may have changed its form.
        sent_at: when the service centre took the part, aware; None if it is no moment.
        discharged_at: when it came to its end, or was last tried; None likewise.
        status: TP-Status, 0-255 (clause 9.2.3.15).
        smsc: the service centre, None if the modem did not say.

    """

    reference: int
    recipient: str
    sent_at: datetime | None
    discharged_at: datetime | None
    status: int
    smsc: str | None = None


Received = Deliver | StatusReport | SubmitSeen


def decode(pdu: bytes, *, has_smsc: bool = True) -> Received:
    """Return what ``pdu`` says.

    Octets beyond the end are left out, a length of user data that is larger than a part is
    taken as what is there, optional fields of a report are not looked at, a time stamp that
    is no moment is None, and a malformed user data header is ignored.

    Args:
        pdu: the octets as a modem gives them.
        has_smsc: the service centre's field is in front of the TPDU, as in +CMT, +CMGR
            and +CMGL. False for +CDS of modems that leave it out.

    Raises:
        PduError: it ends too early, an address is longer than one can be, or the message
            type is the reserved one. ``PduError.pdu`` has the octets.

    """
    octets = _Octets(pdu)
    smsc = octets.service_centre() if has_smsc else None
    first = octets.one("first octet")
    kind = KINDS.get(first & MESSAGE_TYPE)
    if kind is None:
        raise PduError("the message type is the reserved one", pdu)
    return kind(octets, first, smsc)


class _UserData(TypedDict):
    encoding: Encoding
    payload: bytes
    udh: bytes
    concat: Concat | None
    languages: tuple[int, int]


class _Octets:
    """A PDU that is read from its beginning."""

    def __init__(self, pdu: bytes) -> None:
        self._pdu = pdu
        self._at = 0

    def take(self, count: int, what: str) -> bytes:
        taken = self._pdu[self._at : self._at + count]
        if len(taken) < count:
            raise PduError(f"it ends in the middle of the {what}", self._pdu)
        self._at += count
        return taken

    def one(self, what: str) -> int:
        return self.take(1, what)[0]

    def skip(self, count: int, what: str) -> None:
        self.take(count, what)

    def service_centre(self) -> str | None:
        """Read the field before the TPDU; its length counts octets (27.005 clause 3.1)."""
        length = self.one("service centre's number")
        if not length:
            return None
        self._refuse_long(2 * (length - 1))
        field = self.take(length, "service centre's number")
        return decode_address(field[0], field[1:], 2 * (length - 1)) or None

    def address(self) -> str:
        """Read a number whose length counts half octets (clause 9.1.2.5)."""
        length = self.one("number")
        self._refuse_long(length)
        field = self.take(1 + (length + 1) // 2, "number")
        return decode_address(field[0], field[1:], length)

    def moment(self, what: str) -> datetime | None:
        return decode_timestamp(self.take(7, what))

    def user_data(self, first: int, dcs: int) -> _UserData:
        """Read TP-UDL and TP-UD (clauses 9.2.3.16 and 9.2.3.24)."""
        scheme = decode_scheme(dcs)
        length = self.one("user data length")
        octets = self._rest((length * 7 + 7) // 8 if scheme.septets else length)
        skip = _header_octets(octets) if first & HAS_HEADER else 0
        header = decode_header(octets[1:skip])
        payload = octets[skip:]
        if scheme.septets:
            fill = -skip * 8 % 7
            count = min(length, len(octets) * 8 // 7) - (skip * 8 + fill) // 7
            payload = unpack(payload, max(count, 0), fill)
        return _UserData(
            encoding=scheme.encoding,
            payload=payload,
            udh=header.others,
            concat=header.concat,
            languages=header.languages,
        )

    def _rest(self, said: int) -> bytes:
        """Take as many octets of user data as the PDU says, or what there is if it must be wrong.

        What says more than a part can hold was not cut short on its way: all of it is here.
        """
        left = len(self._pdu) - self._at
        return self.take(min(said, left) if said > USER_DATA else said, "user data")

    def _refuse_long(self, digits: int) -> None:
        if digits > MOST_DIGITS:
            raise PduError(f"a number cannot have {digits} digits", self._pdu)


def _header_octets(user_data: bytes) -> int:
    """Return how many octets the header takes with its length octet; 0 if it cannot be there."""
    if not user_data or user_data[0] >= len(user_data):
        return 0
    return 1 + user_data[0]


def _deliver(octets: _Octets, first: int, smsc: str | None) -> Deliver:
    sender = octets.address()
    pid, dcs = octets.take(2, "protocol and coding")
    sent_at = octets.moment("time stamp")
    carried = octets.user_data(first, dcs)
    return Deliver(smsc=smsc, sender=sender, pid=pid, dcs=dcs, sent_at=sent_at, **carried)


def _submit(octets: _Octets, first: int, smsc: str | None) -> SubmitSeen:
    reference = octets.one("reference")
    recipient = octets.address()
    pid, dcs = octets.take(2, "protocol and coding")
    validity = VALIDITIES[first & VALIDITY_FORMAT](octets)
    return SubmitSeen(
        smsc=smsc,
        reference=reference,
        recipient=recipient,
        pid=pid,
        dcs=dcs,
        validity=validity,
        **octets.user_data(first, dcs),
    )


def _report(octets: _Octets, _first: int, smsc: str | None) -> StatusReport:
    return StatusReport(
        smsc=smsc,
        reference=octets.one("reference"),
        recipient=octets.address(),
        sent_at=octets.moment("time stamp"),
        discharged_at=octets.moment("discharge time"),
        status=octets.one("status"),
    )


KINDS: Final[Mapping[int, Callable[[_Octets, int, str | None], Received]]] = {
    0b00: _deliver,
    0b01: _submit,
    0b10: _report,
}
"""By TP-MTI. The reserved 11 could be read as a DELIVER (clause 9.2.3.1), but no network
sends it, and noise that looks like one should be kept as it is, not shown as a text."""

VALIDITIES: Final[Mapping[int, Callable[[_Octets], timedelta | datetime | None]]] = {
    0x00: lambda _octets: None,
    0x08: lambda octets: octets.skip(7, "validity"),  # the enhanced form, which nobody uses
    0x10: lambda octets: decode_validity(octets.one("validity")),
    0x18: lambda octets: octets.moment("validity"),
}
"""By TP-VPF (clause 9.2.3.3)."""
