"""What a process holds, sampled while it lives, and whether that grows. Read from /proc (Linux)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

WARM_UP = 0.25
"""The share of a life that is left out: what is loaded once, and what fills up to a bound."""

LEAST = 24
"""Samples that a life must have to be judged."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment: seconds since the soak began, MB, open files, threads."""

    at: float
    memory: float
    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How much more a process may hold in the last third of its life than in the first.

    ``more`` at most, and ``hourly`` for each hour between the middles of the two thirds.
    """

    more: float
    hourly: float


BOUNDS = {"memory": Bound(8, 4), "files": Bound(8, 1), "threads": Bound(4, 0)}
"""Python gives memory back late, so some MB are no leak; 4 MB an hour would be one of 96 a day.
Files: bytes wait in sockets of apps that come and go."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What one quantity did: medians of the first and the last third, and the slope of all."""

    first: float
    last: float
    hourly: float
    allowed: float

    @property
    def within(self) -> bool:
        """Whether it is no more than allowed."""
        return self.last - self.first <= self.allowed


def sample(pid: int, at: float) -> Sample:
    """Read a process. Raises OSError if it is gone."""
    process = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return Sample(
        at,
        int(status["VmRSS"].split()[0]) / 1024,
        len(list((process / "fd").iterdir())),
        int(status["Threads"]),
    )


def growth(life: Sequence[Sample]) -> dict[str, Growth]:
    """Return what each quantity did in one life of a process; empty: it was too short to tell."""
    judged = life[round(len(life) * WARM_UP) :]
    if len(life) < LEAST:
        return {}
    third = len(judged) // 3
    hours = (judged[-1].at - judged[0].at) * 2 / 3 / 3600
    found = {}
    for name, bound in BOUNDS.items():
        values = [float(getattr(each, name)) for each in judged]
        slope = linear_regression([each.at for each in judged], values).slope
        found[name] = Growth(
            first=round(median(values[:third]), 1),
            last=round(median(values[-third:]), 1),
            hourly=round(slope * 3600, 1),
            allowed=round(bound.more + bound.hourly * hours, 1),
        )
    return found
