"""How fast an account may hand in messages: a bucket of tokens each. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a second on average, and at most ``burst`` (from 1) at once after a pause."""

    per_second: float
    burst: int


class Buckets:
    """A bucket of tokens for each of those that have a rate; a message takes one token."""

    def __init__(self) -> None:
        self._tokens: dict[int, tuple[float, float]] = {}  # how many there were, and when

    def take(self, whose: int, rate: Rate, now: float) -> float:
        """Take a token, if there is one.

        Args:
            whose: the bucket's key; one that was never asked for is full.
            rate: what holds now; it may be another than the last time.
            now: monotonic seconds.

        Returns:
            0 if it was taken, else the seconds until there is one.

        """
        before, at = self._tokens.get(whose, (float(rate.burst), now))
        tokens = min(before + max(now - at, 0.0) * rate.per_second, float(rate.burst))
        taken = tokens >= 1.0
        self._tokens[whose] = (tokens - taken, now)
        return 0.0 if taken else (1.0 - tokens) / rate.per_second
