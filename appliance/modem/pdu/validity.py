"""Validity periods in their relative form, one octet (23.040 clause 9.2.3.12.1)."""

from bisect import bisect_right
from datetime import timedelta
from typing import Final

PERIODS: Final = (
    *(timedelta(minutes=5 * step) for step in range(1, 145)),  # to 12 hours
    *(timedelta(hours=12, minutes=30 * step) for step in range(1, 25)),  # to 24 hours
    *(timedelta(days=step) for step in range(2, 31)),
    *(timedelta(weeks=step) for step in range(5, 64)),
)
"""What each octet 0-255 means."""


def encode_validity(period: timedelta) -> int:
    """Return the octet of the longest period that is not longer than ``period``.

    What is below the five minutes of the shortest becomes five minutes, the one case
    in which a part stays valid longer than asked; beyond 63 weeks it is 63 weeks.
    """
    return max(bisect_right(PERIODS, period) - 1, 0)


def decode_validity(octet: int) -> timedelta:
    """Return the period that ``octet`` (0-255) means."""
    return PERIODS[octet]
