"""Septets packed into octets and back (23.038 clause 6.1.2.1).

Packing is done on one long integer: neighbours are moved together, then pairs of
neighbours, then fours, so 160 septets take eight steps and no loop over bits.
"""

from typing import Final

from appliance.errors import PduError

MOST: Final = 256
"""Septets that one call can pack; TP-UDL cannot say more than 255."""


class _Step:
    """Fields of 7 << level bits, of which every second closes up to the one below it."""

    __slots__ = ("close", "gap", "low", "open")

    def __init__(self, level: int) -> None:
        self.gap = 1 << level
        field, pitch = 7 << level, 16 << level
        self.low = sum(((1 << field) - 1) << start for start in range(0, MOST * 8, pitch))
        self.close = self.low << (pitch // 2)
        self.open = self.low << field


STEPS: Final = tuple(_Step(level) for level in range(8))


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Return ``septets`` (one to an octet) packed, after ``fill`` zero bits (0-6).

    Raises:
        PduError: there are more than 256.

    """
    if len(septets) > MOST:
        raise PduError(f"{len(septets)} septets do not fit in a part")
    bits = int.from_bytes(septets, "little")
    for step in STEPS:
        bits = (bits & step.low) | ((bits & step.close) >> step.gap)
    return (bits << fill).to_bytes((len(septets) * 7 + fill + 7) // 8, "little")


def unpack(packed: bytes, count: int, fill: int = 0) -> bytes:
    """Return the first ``count`` septets (0-256) after ``fill`` bits, one to an octet.

    What ``packed`` lacks is zero; what it has beyond them is left out.
    """
    bits = (int.from_bytes(packed, "little") >> fill) & ((1 << 7 * count) - 1)
    for step in reversed(STEPS):
        bits = (bits & step.low) | ((bits & step.open) << step.gap)
    return bits.to_bytes(count, "little")
