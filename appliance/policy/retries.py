"""When a refused part is tried again, and when it is given up. See also ``modem.causes``."""

from datetime import timedelta
from typing import Final

MOST_TRIES: Final = 5
"""Refusals that may pass, after which a part counts as failed."""

BACK_OFF: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
)
"""How long a message waits after its first, second … refusal; the last one repeats."""


def back_off(refusals: int) -> timedelta:
    """Return how long a message waits after its n-th refusal (from 1)."""
    return BACK_OFF[min(refusals, len(BACK_OFF)) - 1]
