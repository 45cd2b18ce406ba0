"""The parts of a long inbound message, each in its own coding, and what they say together. Pure."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from appliance.store.values import InboundFacts

Decode = Callable[[str, int, bytes], str | None]
"""Text of (encoding, language, payload), None if it is none."""

GAP: Final = "…"
"""Stands for parts that are missing, however many in a row."""

PARTED: Final = ":"


class Words(NamedTuple):
    """What parts say: one of them is None. Parts that are no text make it all data."""

    text: str | None
    data: bytes | None


class Coding(NamedTuple):
    """How a payload is to be read."""

    encoding: str
    language: int  # locking × 256 + single shift table


def piece(facts: InboundFacts) -> str:
    """Return a part as it is kept until the others are there."""
    language = str(facts.language)
    return PARTED.join((facts.encoding or "", language, facts.payload.hex()))


def words(pieces: Mapping[str, str], total: int, first: Coding, decode: Decode) -> Words:
    """Return what the parts in ``pieces`` (by ordinal, from 1) say, of ``total`` there should be.

    Neighbours in one coding are joined before they are decoded, because a character may lie on
    the border. ``first`` is the coding of parts that are kept without their own.
    """
    known = [_read(pieces.get(str(number + 1)), first) for number in range(total)]
    runs = [(coding, [each[1] for each in run]) for coding, run in groupby(known, lambda k: k[0])]
    said = [
        GAP if coding is None else decode(coding.encoding, coding.language, b"".join(payloads))
        for coding, payloads in runs
    ]
    texts = [each for each in said if each is not None]
    if len(texts) == len(said):
        return Words("".join(texts), None)
    return Words(None, b"".join(payload for _, payload in known))


def _read(kept: str | None, first: Coding) -> tuple[Coding | None, bytes]:
    if kept is None:
        return None, b""
    *coding, payload = kept.split(PARTED)
    if coding:
        return Coding(coding[0], int(coding[1])), bytes.fromhex(payload)
    return first, bytes.fromhex(payload)
