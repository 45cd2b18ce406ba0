"""What a SIM has sent, as meters ask for it: the store answers from its tables (``store.usage``).

A moment never counts twice: the buckets of a question begin at its edges and end at the next one,
the last one has no end.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from appliance.policy.limits.kinds import micros

KEY_BYTES: Final = 8
"""Bytes of a recipient's keyed hash that meters keep: enough to tell recipients apart."""


class Memory(Protocol):
    """What is remembered of one SIM. Parts that were given back are not."""

    def moments(self, since: datetime) -> Sequence[datetime]:
        """Return when parts were sent, from ``since`` on, oldest first."""
        ...

    def counts(self, edges: Sequence[datetime]) -> Sequence[int]:
        """Return how many parts were sent from each edge on."""
        ...

    def costs(self, edges: Sequence[datetime], price: float) -> Sequence[int]:
        """Return what they cost, in millionths; one without a price of its own costs ``price``."""
        ...

    def recipients(self, edges: Sequence[datetime]) -> Sequence[dict[bytes, int]]:
        """Return to whom they went: the first ``KEY_BYTES`` of each one's hash, with how many."""
        ...

    def first(self) -> datetime | None:
        """Return when the first part of all was sent; None: none was."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """One part that was sent; ``price`` is None where none was set."""

    at: datetime
    recipient: bytes | None = None
    price: float | None = None


class Past:
    """A memory that is told in full."""

    def __init__(self, sent: Iterable[Sent] = ()) -> None:
        self._sent = sorted(sent, key=lambda part: part.at)

    def moments(self, since: datetime) -> list[datetime]:
        """Return when parts were sent, from ``since`` on, oldest first."""
        return [part.at for part in self._sent if part.at >= since]

    def counts(self, edges: Sequence[datetime]) -> list[int]:
        """Return how many parts were sent from each edge on."""
        return [len(bucket) for bucket in self._buckets(edges)]

    def costs(self, edges: Sequence[datetime], price: float) -> list[int]:
        """Return what they cost, in millionths."""
        return [
            sum(micros(price if part.price is None else part.price) for part in bucket)
            for bucket in self._buckets(edges)
        ]

    def recipients(self, edges: Sequence[datetime]) -> list[dict[bytes, int]]:
        """Return to whom they went, with how many."""
        return [
            dict(Counter(part.recipient[:KEY_BYTES] for part in bucket if part.recipient))
            for bucket in self._buckets(edges)
        ]

    def first(self) -> datetime | None:
        """Return when the first part of all was sent."""
        return self._sent[0].at if self._sent else None

    def _buckets(self, edges: Sequence[datetime]) -> list[list[Sent]]:
        buckets: list[list[Sent]] = [[] for _ in edges]
        for part in self._sent:
            place = bisect_right(edges, part.at)
            if place:
                buckets[place - 1].append(part)
        return buckets
