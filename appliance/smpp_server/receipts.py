"""What we owe an account, as deliver_sm: receipts and inbound messages. Pure.

The form of a receipt is what all known clients read (SMPP 3.4 Appendix B has it only as an
example): ten-digit dates, three digits of ``err``, all fields there, in this order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from appliance.errors import Undelivered
from appliance.lifecycle import State
from appliance.notice import InboundNews, MessageNews, Notice
from appliance.smpp_server.fields import Tlv
from appliance.smpp_server.names import V34, EsmClass, Npi, Status, Tag, Ton
from appliance.smpp_server.pdu import ShortMessage
from appliance.smpp_server.userdata import concatenation
from appliance.text import Encoding, encoding_of, septets

LONGEST: Final = 254
"""Octets of short_message; more go into message_payload (5.3.2.32)."""

DEFAULT, BINARY, UCS2 = 0, 4, 8
"""The values of data_coding that we write (5.2.19)."""

ROOM: Final = 134
"""Octets of a segment beside its header, for peers that know no message_payload."""

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


def deliver_sms(notice: Notice, *, version: int, gsm0: str) -> tuple[ShortMessage, ...]:
    """Return what carries ``notice``: one body, or several to a peer that knows no payload TLV.

    Args:
        notice: what is owed.
        version: the interface_version of the bind; below 3.4 there are no optional parameters.
        gsm0: what data_coding 0 is on this server, as in ``translate.submission``.

    Returns:
        Nothing for news that SMPP has no PDU for, such as an incident.

    """
    match news := notice.news:
        case MessageNews():
            return (_receipt(news, version),)
        case InboundNews():
            return _inbound(news, version, gsm0, reference=notice.id)
        case _:
            return ()


def _receipt(news: MessageNews, version: int) -> ShortMessage:
    fate = FATES[news.state]
    source_ton, source_npi, source = _recipient(news)
    return ShortMessage(
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
    delivered = int(news.state is State.DELIVERED)
    # ASCII: it is read by programs, which know nothing of GSM 03.38 (there "_" is 0x11).
    return (
        f"id:{news.message_id} sub:001 dlvrd:{delivered:03d}"
        f" submit date:{_date(news.accepted_at)} done date:{_date(news.changed_at)}"
        f" stat:{fate.word} err:{_error(news):03d} text:{_shown(news.text_start)}"
    ).encode("ascii")


def _receipt_tlvs(news: MessageNews, fate: Fate) -> tuple[Tlv, ...]:
    tlvs = (
        Tlv(Tag.RECEIPTED_MESSAGE_ID, news.message_id.encode("ascii") + b"\0"),
        Tlv(Tag.MESSAGE_STATE, bytes((fate.number,))),
    )
    if news.cause_code is None:
        return tlvs
    error = bytes((GSM_NETWORK,)) + _error(news).to_bytes(2, "big")
    return (*tlvs, Tlv(Tag.NETWORK_ERROR_CODE, error))


def _error(news: MessageNews) -> int:
    return min(max(news.cause_code or 0, 0), 999)  # three digits are all that clients read


def _date(when: datetime) -> str:
    return f"{when.astimezone(UTC):%y%m%d%H%M}"


def _shown(text: str) -> str:
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:TEXT_SHOWN])


def _inbound(
    news: InboundNews, version: int, gsm0: str, *, reference: int
) -> tuple[ShortMessage, ...]:
    coding, payload = _content(news, gsm0)
    source_ton, source_npi, source = _address(news.sender)
    dest_ton, dest_npi, destination = _address(news.sim_number)

    def body(payload: bytes, esm_class: int = 0, tlvs: tuple[Tlv, ...] = ()) -> ShortMessage:
        return ShortMessage(
            source_addr_ton=source_ton,
            source_addr_npi=source_npi,
            source_addr=source,
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=destination,
            data_coding=coding,
            esm_class=esm_class,
            short_message=payload,
            tlvs=tlvs,
        )

    if len(payload) <= LONGEST:
        return (body(payload),)
    if version >= V34:
        return (body(b"", tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, payload),)),)
    return tuple(body(part, EsmClass.UDHI) for part in _parts(payload, coding, reference))


def _content(news: InboundNews, gsm0: str) -> tuple[int, bytes]:
    if news.data is not None:
        return BINARY, news.data
    text = news.text or ""
    if gsm0 == "latin1":
        if max(text, default="") <= "ÿ":
            return DEFAULT, text.encode("latin-1")
    elif encoding_of(text) is Encoding.GSM7:
        return DEFAULT, septets(text)
    return UCS2, text.encode("utf-16-be", "replace")


def _parts(payload: bytes, coding: int, reference: int) -> list[bytes]:
    """Return the segments of a long message, each behind its user data header."""
    pieces = []
    while payload:
        end = ROOM
        if coding == DEFAULT and payload[end - 1 : end] == b"\x1b":
            end -= 1  # an escape stays with its character
        elif coding == UCS2 and b"\xd8" <= payload[end - 2 : end - 1] <= b"\xdb":
            end -= 2  # and a high surrogate with its low one
        pieces.append(payload[:end])
        payload = payload[end:]
    heads = [concatenation(reference, len(pieces), number + 1) for number in range(len(pieces))]
    return [bytes((len(head),)) + head + piece for head, piece in zip(heads, pieces, strict=True)]


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
