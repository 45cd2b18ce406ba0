"""Ids that are made before the row is written, and the form they have outside."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import NotFound

EPOCH_MS: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z. 41 bits of milliseconds from there reach the year 2093."""

NODE_BITS: Final = 6
SEQUENCE_BITS: Final = 16

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Base 32 without i, l, o and u, which are misread."""

PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)

VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}


class Ids:
    """Make ids that grow: by time, daemon and a sequence; never the same twice.

    A clock that steps back (a Raspberry Pi starts in the past) does not make them shrink:
    the caller says at start which id was the last.
    """

    def __init__(self, clock: Clock, *, node: int = 0, last: int = 0) -> None:
        self._clock = clock
        self._node = node % (1 << NODE_BITS)
        self._lock = threading.Lock()
        self._millisecond = last >> (NODE_BITS + SEQUENCE_BITS)
        self._sequence = (1 << SEQUENCE_BITS) - 1  # the last one's millisecond is used up

    def take(self, count: int = 1) -> int:
        """Return the first of ``count`` ids that follow each other (1-256)."""
        with self._lock:
            now = int(self._clock.now().timestamp() * 1000) - EPOCH_MS
            if now > self._millisecond:
                self._millisecond, self._sequence = now, -1
            if self._sequence + count >= 1 << SEQUENCE_BITS:
                self._millisecond, self._sequence = self._millisecond + 1, -1
            first = self._sequence + 1
            self._sequence += count
            node = self._node << SEQUENCE_BITS
            return (self._millisecond << (NODE_BITS + SEQUENCE_BITS)) | node | first


def floor_of(moment: datetime) -> int:
    """Return what the ids of rows made from ``moment`` on are not below."""
    milliseconds = int(moment.timestamp() * 1000) - EPOCH_MS
    return max(milliseconds, 0) << (NODE_BITS + SEQUENCE_BITS)


def moment_of(number: int) -> datetime:
    """Return when an id was made, to the millisecond; that of 0 is the beginning of 2024."""
    milliseconds = (number >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def node_of(number: int) -> int:
    """Return which daemon has made an id: its own id, as far as ``NODE_BITS`` hold it."""
    return number >> SEQUENCE_BITS & (1 << NODE_BITS) - 1


def public(prefix: str, number: int) -> str:
    """Return the id as an account sees it: a letter first, so that no client strips zeros."""
    digits = ""
    while number:
        digits = PAIRS[number & 1023] + digits
        number >>= 10
    return prefix + digits.removeprefix("0")


def private(kind: str, prefix: str, name: str) -> int:
    """Return the number behind a public id, in whatever case it was given.

    Raises:
        NotFound: it is no id of this kind; ``kind`` is the word for the sentence.

    """
    lowered = name.lower()
    if not lowered.startswith(prefix) or not 1 <= len(lowered) - len(prefix) <= 13:
        raise NotFound(kind, name)
    number = 0
    for letter in lowered[len(prefix) :]:
        if letter not in VALUES:
            raise NotFound(kind, name)
        number = number * 32 + VALUES[letter]
    if number >= 1 << 63:
        raise NotFound(kind, name)
    return number
