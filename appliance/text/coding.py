"""What a text can be written in, and what received octets say."""

from enum import StrEnum

from appliance.text.alphabet import DEFAULT, Alphabet


class Encoding(StrEnum):
    """How a part's payload is to be read. The value is what the API shows."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    BINARY = "binary"


def encoding_of(text: str, alphabet: Alphabet = DEFAULT) -> Encoding:
    """Return GSM7 if every character of ``text`` is in ``alphabet``, else UCS2."""
    return Encoding.GSM7 if alphabet.covers(text) else Encoding.UCS2


def septets(text: str, alphabet: Alphabet = DEFAULT) -> bytes:
    """Return ``text`` in septets, one to an octet, escapes included.

    Raises:
        PduError: a character is outside ``alphabet``.

    """
    return alphabet.encode(text)


def decode(encoding: Encoding, payload: bytes, alphabet: Alphabet = DEFAULT) -> str:
    """Return the text of ``payload``, which is as in ``Segment``, whatever its octets are.

    UCS-2 is read as UTF-16, as everybody sends it. What cannot be read (lone surrogates,
    half a character, undefined septets) becomes U+FFFD and spoils nothing beside it.
    Binary data has no alphabet: its ASCII is shown, the rest is U+FFFD.
    """
    match encoding:
        case Encoding.GSM7:
            return alphabet.decode(payload)
        case Encoding.UCS2:
            return payload.decode("utf-16-be", "replace")
        case Encoding.BINARY:
            return payload.decode("ascii", "replace")
