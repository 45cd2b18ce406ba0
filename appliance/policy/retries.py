"""What follows a refusal: whether a part is tried again, when, and by which SIM. Pure.

Which class an error is of stands in ``modem.causes``; here stands what the classes mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

MOST_TRIES: Final = 5
"""Tries after which a part counts as failed, unless it is set otherwise."""

BACK_OFF: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
)
"""How long a message waits after its first, second … refusal; the last one repeats."""


class Again(StrEnum):
    """What a refused part needs for another try."""

    NEVER = "never"  # it cannot go to this number, whoever sends it
    TIME = "time"  # it passes; any SIM may try then
    ANOTHER_SIM = "another_sim"  # at once; the one that failed only after the back-off
    SECOND_OPINION = "second_opinion"  # the same, and final once another SIM is told the same
    AS_IT_IS = "as_it_is"  # at once and by any SIM: what was refused is left out


@dataclass(frozen=True, slots=True)
class Refusal:
    """A SIM was refused a part, or nobody knows whether it was; ``code`` as in the attempt."""

    sim_id: int
    code: int | None


@dataclass(frozen=True, slots=True)
class Retry:
    """What follows.

    Attributes:
        final: it failed.
        wait: how long its message waits.
        rest: how long the SIM that was refused does not carry it; nothing: it may at once.
        why: what is added to the cause of the failure; '' if nothing is.

    """

    final: bool = False
    wait: timedelta = timedelta()
    rest: timedelta = timedelta()
    why: str = ""


def back_off(tries: int) -> timedelta:
    """Return how long a message waits after its n-th try (from 1)."""
    return BACK_OFF[min(tries, len(BACK_OFF)) - 1]


def retry(again: Again, refusals: Sequence[Refusal], *, most: int, bound: bool) -> Retry:
    """Decide about a part that was refused.

    Args:
        again: what the last refusal asks for.
        refusals: of this part, the last one at the end; at least one.
        most: tries, from 1.
        bound: no other SIM can carry it: its message has begun, or is pinned.

    """
    if again is Again.NEVER:
        return Retry(final=True)
    if again is Again.AS_IT_IS:
        return Retry()
    last, tries = refusals[-1], len(refusals)
    if again is Again.SECOND_OPINION and any(
        each.code == last.code and each.sim_id != last.sim_id for each in refusals
    ):
        return Retry(final=True)
    if tries >= most:
        return Retry(final=True, why=given_up(tries))
    if again is Again.TIME or bound:
        return Retry(wait=back_off(tries))
    return Retry(rest=back_off(tries))


def given_up(tries: int) -> str:
    """Return the words for a part that is not tried again."""
    return f"given up after {tries} {'try' if tries == 1 else 'tries'}"
