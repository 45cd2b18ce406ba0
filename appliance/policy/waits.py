"""Why a message that may leave has not left, in words. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free, waits_for, why_never, why_not_by

NAMED: Final = 3
"""SIMs that are named where several wait for the same; the others are counted."""

STANDS_ASIDE: Final = "no SIM may carry it just now"
"""The cause of what steps aside for others of its lane; why each SIM may not is asked anew."""

NOBODY: Final = "no SIM is ready"


def why_waits(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta,
    unready: Iterable[tuple[str, str]] = (),
) -> str:
    """Return why no line carries a message just now, SIM by SIM.

    Args:
        candidate: the message.
        lines: all that are ready, with what is reserved for them.
        now: the moment.
        sticky: how long a message waits for the SIM that its recipient knows.
        unready: the modems that are not ready, each with its own cause.

    """
    known = waits_for(candidate, lines, now, sticky=sticky)
    if known is not None:
        why = why_not_by(candidate, known, now)
        patience = int(sticky.total_seconds())
        return f"{known.name}: {why}; its recipient knows this SIM, which has {patience} s"
    may = [line for line in lines if not why_never(candidate, line, now)]
    if not may and candidate.only_sim is not None:
        return _told([("the SIM that it belongs to", "is not ready"), *unready])
    groups = candidate.route.groups_at(candidate.due_at, now)
    led = may or [line for line in lines if line.in_group(groups)]
    if lines and not led:
        return _told([(f"route {candidate.route.name}", "none of its SIMs is ready"), *unready])
    found = [(line.name, why_not_by(candidate, line, now)) for line in led]
    return _told([*found, *unready]) or NOBODY


def _told(found: Iterable[tuple[str, str]]) -> str:
    """Return names and reasons, those that wait for the same together."""
    names: dict[str, list[str]] = {}
    for name, why in found:
        names.setdefault(why, []).append(name)
    return "; ".join(f"{_listed(named)}: {why}" for why, named in names.items())


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
