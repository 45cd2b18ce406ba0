"""What we owe an account, as deliver_sm: receipts and inbound messages. Pure.

The form of a receipt is what all known clients read (SMPP 3.4 Appendix B has it only as an
example): ten-digit dates, three digits of ``err``, all fields there, in this order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from appliance.errors import Undelivered
from appliance.lifecycle import State
from appliance.notice import InboundNews, MessageNews, Notice
from appliance.smpp_server.fields import Tlv
from appliance.smpp_server.manner import LATIN1, PACKED, PAYLOAD, SAR, UDH, Manner
from appliance.smpp_server.names import V34, EsmClass, Npi, Status, Tag, Ton
from appliance.smpp_server.network_errors import error_of
from appliance.smpp_server.packing import fill_bits, pack
from appliance.smpp_server.pdu import ShortMessage
from appliance.smpp_server.userdata import concatenation
from appliance.text import Encoding, encoding_of, septets

LONGEST: Final = 254
"""Octets of short_message; more go into message_payload (5.3.2.32)."""

DEFAULT, BINARY, UCS2 = 0, 4, 8
"""The values of data_coding that we write (5.2.19)."""

ROOM: Final = 134
"""Octets of a segment beside its header (3GPP TS 23.040 clause 9.2.3.24.1)."""

SEPTETS: Final = 153
"""Septets of a segment beside its header; unpacked, or in Latin-1, each is an octet."""

HEADER: Final = 6
"""Octets of the header that numbers a segment, its length octet included."""

TEXT_SHOWN: Final = 20
"""Characters of the message that a receipt shows."""

GSM_NETWORK: Final = 3
"""The network type in network_error_code (5.3.2.31)."""


@dataclass(frozen=True, slots=True)
class Fate:
    """A state as a receipt says it: the word, message_state (5.2.28), and esm_class."""

    word: str
    number: int
    esm_class: EsmClass


ON_THE_WAY: Final = Fate("ENROUTE", 1, EsmClass.INTERMEDIATE)

UNREPORTED: Final = Fate("EXPIRED", 3, EsmClass.RECEIPT)
"""What some accounts want to be told of what no report came of, instead of UNKNOWN."""

FATES: Final[Mapping[State, Fate]] = {
    State.QUEUED: ON_THE_WAY,
    State.SENDING: ON_THE_WAY,
    State.SENT: ON_THE_WAY,
    State.UNCERTAIN: ON_THE_WAY,
    State.DELIVERED: Fate("DELIVRD", 2, EsmClass.RECEIPT),
    State.EXPIRED: Fate("EXPIRED", 3, EsmClass.RECEIPT),
    State.CANCELLED: Fate("DELETED", 4, EsmClass.RECEIPT),
    State.FAILED: Fate("UNDELIV", 5, EsmClass.RECEIPT),
    State.NO_REPORT: Fate("UNKNOWN", 7, EsmClass.RECEIPT),
}

LATER: Final = frozenset(
    {
        Status.RECEIVER_TEMPORARY,
        Status.THROTTLED,
        Status.QUEUE_FULL,
        Status.SYSTEM_ERROR,
    }
)
"""Answers to deliver_sm that ask for another try; any other refuses for good."""


def refused(status: int) -> Undelivered:
    """Return what an answer to deliver_sm that is not OK means for the notice."""
    return Undelivered(f"deliver_sm_resp 0x{status:02X}", parked=status not in LATER)


def deliver_sms(notice: Notice, *, version: int, manner: Manner) -> tuple[ShortMessage, ...]:
    """Return what carries ``notice``: one body, or one for each part of a long inbound message.

    Args:
        notice: what is owed.
        version: the interface_version of the bind; below 3.4 there are no optional parameters.
        manner: what is set for the account.

    Returns:
        Nothing for news that SMPP has no PDU for, such as an incident.

    """
    match news := notice.news:
        case MessageNews():
            return (_receipt(news, version, manner),)
        case InboundNews():
            return _inbound(news, version, manner, reference=notice.id)
        case _:
            return ()


def form_of(sms: Sequence[ShortMessage]) -> str:
    """Return how a notice is cut into these: what was cut otherwise does not go on with them.

    Other binds and settings cut otherwise, and so does a text of which more has come meanwhile.
    """
    octets = sum(len(sm.short_message) for sm in sms)
    return f"{len(sms)}/{sms[0].esm_class:02x}/{sms[0].data_coding}/{octets}"


def _receipt(news: MessageNews, version: int, manner: Manner) -> ShortMessage:
    fate = FATES[news.state]
    if manner.expire_unreported and news.state is State.NO_REPORT:
        fate = UNREPORTED
    source_ton, source_npi, source = _recipient(news)
    return ShortMessage(
        service_type=_octets(news.smpp_service_type),
        source_addr_ton=source_ton,
        source_addr_npi=source_npi,
        source_addr=source,
        dest_addr_ton=news.smpp_source_ton,
        dest_addr_npi=news.smpp_source_npi,
        destination_addr=_octets(news.smpp_source),
        esm_class=fate.esm_class,
        short_message=_receipt_text(news, fate),
        tlvs=_receipt_tlvs(news, fate) if version >= V34 else (),
    )


def _recipient(news: MessageNews) -> tuple[int, int, bytes]:
    if news.smpp_dest:
        return news.smpp_dest_ton, news.smpp_dest_npi, _octets(news.smpp_dest)
    return _address(news.recipient)


def _receipt_text(news: MessageNews, fate: Fate) -> bytes:
    delivered, error = int(news.state is State.DELIVERED), _error(news)
    # ASCII: it is read by programs, which know nothing of GSM 03.38 (there "_" is 0x11).
    return (
        f"id:{_name(news)} sub:001 dlvrd:{delivered:03d}"
        f" submit date:{_date(news.accepted_at)} done date:{_date(news.changed_at)}"
        f" stat:{fate.word} err:{error:03d} text:{_shown(news.text_start)}"
    ).encode("ascii")


def _receipt_tlvs(news: MessageNews, fate: Fate) -> tuple[Tlv, ...]:
    tlvs: tuple[Tlv, ...] = (
        Tlv(Tag.RECEIPTED_MESSAGE_ID, _name(news).encode("ascii") + b"\0"),
        Tlv(Tag.MESSAGE_STATE, bytes((fate.number,))),
    )
    if (given := news.smpp_reference) is not None:
        tlvs += (Tlv(Tag.USER_MESSAGE_REFERENCE, given.to_bytes(2, "big")),)
    if news.cause_code is None:
        return tlvs
    error = bytes((GSM_NETWORK,)) + _error(news).to_bytes(2, "big")
    return (*tlvs, Tlv(Tag.NETWORK_ERROR_CODE, error))


def _error(news: MessageNews) -> int:
    return error_of(news.state, news.cause_code, reported=news.reported)


def _name(news: MessageNews) -> str:
    """Return the id that the ESME was answered."""
    return news.smpp_name or news.message_id


def _date(when: datetime) -> str:
    return f"{when.astimezone(UTC):%y%m%d%H%M}"


def _shown(text: str) -> str:
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:TEXT_SHOWN])


def _inbound(
    news: InboundNews, version: int, manner: Manner, *, reference: int
) -> tuple[ShortMessage, ...]:
    coding, payload = _content(news, manner.gsm0)
    sm = _addressed(news, coding)
    packed = coding == DEFAULT and manner.gsm0 == PACKED
    form = manner.inbound_form if version >= V34 else UDH
    if form == PAYLOAD or len(payload) <= _room(coding, alone=True):
        whole = pack(payload) if packed else payload
        if len(whole) <= LONGEST:
            return (replace(sm, short_message=whole),)
        return (replace(sm, tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, whole),)),)
    pieces = _pieces(payload, coding)
    total = len(pieces)
    if form == SAR:
        said = [pack(piece) if packed else piece for piece in pieces]
        return tuple(
            replace(sm, short_message=piece, tlvs=_sar(reference, total, ordinal))
            for ordinal, piece in enumerate(said, start=1)
        )
    said = [pack(piece, fill_bits(HEADER)) if packed else piece for piece in pieces]
    numbered = replace(sm, esm_class=EsmClass.UDHI)
    return tuple(
        replace(numbered, short_message=_header(reference, total, ordinal) + piece)
        for ordinal, piece in enumerate(said, start=1)
    )


def _addressed(news: InboundNews, coding: int) -> ShortMessage:
    source_ton, source_npi, source = _address(news.sender)
    dest_ton, dest_npi, destination = _address(news.sim_number)
    return ShortMessage(
        source_addr_ton=source_ton,
        source_addr_npi=source_npi,
        source_addr=source,
        dest_addr_ton=dest_ton,
        dest_addr_npi=dest_npi,
        destination_addr=destination,
        data_coding=coding,
    )


def _content(news: InboundNews, gsm0: str) -> tuple[int, bytes]:
    """Return data_coding and what it is the coding of; septets one to an octet."""
    if news.data is not None:
        return BINARY, news.data
    text = news.text or ""
    if gsm0 == LATIN1:
        if max(text, default="") <= "ÿ":
            return DEFAULT, text.encode("latin-1")
    elif encoding_of(text) is Encoding.GSM7:
        return DEFAULT, septets(text)
    return UCS2, text.encode("utf-16-be", "replace")


def _room(coding: int, *, alone: bool) -> int:
    """Return how many octets (septets) a part holds: the only one, or one of several."""
    if coding == DEFAULT:
        return 160 if alone else SEPTETS
    return 140 if alone else ROOM


def _pieces(payload: bytes, coding: int) -> list[bytes]:
    """Return what the parts of a long message say, so that each can be read singly."""
    pieces = []
    while payload:
        end = _room(coding, alone=False)
        if coding == DEFAULT and payload[end - 1 : end] == b"\x1b":
            end -= 1  # an escape stays with its character
        elif coding == UCS2 and b"\xd8" <= payload[end - 2 : end - 1] <= b"\xdb":
            end -= 2  # and a high surrogate with its low one
        pieces.append(payload[:end])
        payload = payload[end:]
    return pieces


def _header(reference: int, total: int, ordinal: int) -> bytes:
    head = concatenation(reference, total, ordinal)
    return bytes((len(head),)) + head


def _sar(reference: int, total: int, ordinal: int) -> tuple[Tlv, ...]:
    return (
        Tlv(Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
        Tlv(Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
        Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((ordinal,))),
    )


def _address(number: str | None) -> tuple[int, int, bytes]:
    """Return TON, NPI and octets of an address of ours; nothing of one that is not known."""
    if not number:
        return Ton.UNKNOWN, Npi.UNKNOWN, b""
    if number.startswith("+"):
        return Ton.INTERNATIONAL, Npi.ISDN, _octets(number[1:])
    if number.isascii() and number.isdigit():
        return Ton.UNKNOWN, Npi.ISDN, _octets(number)
    return Ton.ALPHANUMERIC, Npi.UNKNOWN, _octets(number)


def _octets(address: str) -> bytes:
    return address.encode("ascii", "replace")[:20]
