"""Septets packed into octets, as a few ESMEs send data_coding 0 (23.038 clause 6.1.2.1). Pure."""

from typing import Final

SEPTET: Final = 7
CARRIAGE_RETURN: Final = 0x0D


def fill_bits(header: int) -> int:
    """Return how many bits lie between a header of so many octets and the septet behind it."""
    return -header * 8 % SEPTET


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Return ``septets`` (one to an octet) packed, after ``fill`` zero bits (0-6).

    Where seven bits would be left over, which reads as one more ``@``, they are a carriage
    return, as 23.038 has it.
    """
    if not septets:
        return b""
    if (fill + SEPTET * len(septets)) % 8 == 1:
        septets += bytes((CARRIAGE_RETURN,))
    packed, buffer, bits = bytearray(), 0, fill
    for septet in septets:
        buffer |= septet << bits
        bits += SEPTET
        while bits >= 8:
            packed.append(buffer & 0xFF)
            buffer, bits = buffer >> 8, bits - 8
    if bits:
        packed.append(buffer)
    return bytes(packed)


def unpack(packed: bytes, fill: int = 0) -> bytes:
    """Return the septets in ``packed`` after ``fill`` bits, one to an octet.

    A last one that fills the last octet exactly and is ``@`` or a carriage return is taken
    for what pads it.
    """
    septets, buffer, bits = bytearray(), 0, 0
    for number, octet in enumerate(packed):
        skipped = 0 if number else fill
        buffer |= octet >> skipped << bits
        bits += 8 - skipped
        while bits >= SEPTET:
            septets.append(buffer & 0x7F)
            buffer, bits = buffer >> SEPTET, bits - SEPTET
    if not bits and len(septets) > 1 and septets[-1] in {0, CARRIAGE_RETURN}:
        del septets[-1]
    return bytes(septets)
