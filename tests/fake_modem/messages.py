"""What people and masts send: a text as SMS-DELIVER, or as the pages of a cell broadcast."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from tests.fake_modem.alphabet import language_header
from tests.fake_modem.pdu import Body, Concat, Deliver, alphabet_of, encoding_of, is_gsm7, pack
from tests.fake_modem.pdu import septets as septets_of

USER_DATA = 140  # octets (23.040 clause 9.2.3.24)
WAITING = {"voicemail": 0, "fax": 1, "email": 2, "other": 3}  # 23.038 clause 4, groups 110x, 1110
PAGE = 82  # octets of a broadcast page (23.041 clause 9.4.1.2.5)
PAGE_GSM7, PAGE_UCS2 = 0x0F, 0x48  # data coding of a broadcast (23.038 clause 5)


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of message a text is sent as.

    ``dcs``: as it is; None: what the text needs. ``flash``: class 0. ``mwi``: an indication that
    such messages wait, see ``WAITING``. ``port``: 8-bit data (the text in UTF-8) to this
    application port. ``language``: written with its shift table and, if ``locking``, its basic one.
    """

    dcs: int | None = None
    pid: int = 0
    flash: bool = False
    mwi: str | None = None
    port: int | None = None
    language: str | None = None
    locking: bool = False

    def header(self) -> bytes:
        """Return the header elements, without those of concatenation."""
        elements = b""
        if self.port is not None:
            elements += bytes([0x05, 4]) + 2 * self.port.to_bytes(2, "big")
        if self.language:
            elements += language_header(self.language, locking=self.locking)
        return elements

    def scheme(self, text: str) -> int:
        """Return the TP-DCS."""
        if self.dcs is not None:
            return self.dcs
        if self.port is not None:
            return 0x04
        wide = not alphabet_of(self.header()).covers(text)
        if wide and self.language:
            raise ValueError(f"{self.language} cannot write this")
        if self.mwi:
            return (0xE8 if wide else 0xD8) | WAITING[self.mwi]
        return (0x08 if wide else 0x00) | (0x10 if self.flash else 0x00)


ORDINARY = Kind()


def delivers(
    sender: str,
    text: str,
    sent_at: datetime | None = None,
    *,
    reference: int = 0,
    wide: bool = False,
    kind: Kind = ORDINARY,
) -> list[Deliver]:
    """Make the SMS-DELIVER that bring ``text``; those of a long one have a concatenation header."""
    header, dcs = kind.header(), kind.scheme(text)
    made = Deliver(
        sender, sent_at or datetime.now(UTC), Body(None, header=header), pid=kind.pid, dcs=dcs
    )
    bodies = _split(text, dcs, header, len(Concat(0, 1, 1, wide).header()))
    if len(bodies) == 1:
        return [replace(made, body=bodies[0])]
    return [
        replace(made, body=replace(body, concat=Concat(reference, len(bodies), ordinal, wide)))
        for ordinal, body in enumerate(bodies, 1)
    ]


def _split(text: str, dcs: int, header: bytes, concat: int) -> list[Body]:
    """Cut a text so that each part fits, with ``concat`` octets of header more if it is cut."""
    encoding = encoding_of(dcs)
    if encoding == "data":
        data = text.encode()
        cuts = _cuts([1] * len(data), 8, header, concat)
        return [Body(None, data[start:end], header) for start, end in pairwise(cuts)]
    alphabet = alphabet_of(header)
    if encoding == "gsm7":
        cuts = _cuts([len(alphabet.codes[char]) for char in text], 7, header, concat)
    else:
        sizes = [len(char.encode("utf-16-be", "surrogatepass")) // 2 for char in text]
        cuts = _cuts(sizes, 16, header, concat)
    return [Body(text[start:end], header=header) for start, end in pairwise(cuts)]


def _cuts(sizes: list[int], bits: int, header: bytes, concat: int) -> list[int]:
    """Return where to cut units of these sizes, in steps of ``bits``."""
    whole = 8 * (USER_DATA - (1 + len(header) if header else 0)) // bits
    if sum(sizes) <= whole:
        return [0, len(sizes)]
    piece = room = 8 * (USER_DATA - 1 - len(header) - concat) // bits
    cuts = [0]
    for index, size in enumerate(sizes):
        if size > room:
            cuts.append(index)
            room = piece
        room -= size
    return [*cuts, len(sizes)]


def pages(text: str, *, channel: int = 50, serial: int = 0) -> list[bytes]:
    """Make the pages that broadcast ``text`` (23.041 clause 9.4.1.2), 88 octets each."""
    dcs = PAGE_GSM7 if is_gsm7(text) else PAGE_UCS2
    octets = septets_of(text) if dcs == PAGE_GSM7 else text.encode("utf-16-be")
    size = PAGE * 8 // 7 if dcs == PAGE_GSM7 else PAGE
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)] or [b""]
    made = []
    for number, piece in enumerate(pieces, 1):
        head = serial.to_bytes(2, "big") + channel.to_bytes(2, "big")
        padded = piece.ljust(size, b"\r") if dcs == PAGE_GSM7 else piece.ljust(size, b"\0")
        content = pack(padded) if dcs == PAGE_GSM7 else padded
        made.append(head + bytes([dcs, number << 4 | len(pieces)]) + content)
    return made
