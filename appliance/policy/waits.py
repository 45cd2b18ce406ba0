"""Why a message that may leave has not left, in words. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free, waits_for, why_never, why_not_by, widens_at
from appliance.policy.limits import Wait

NAMED: Final = 3
"""SIMs that are named where several wait for the same; the others are counted."""

STANDS_ASIDE: Final = "no SIM may carry it just now"
"""The cause of what steps aside for others of its lane; why each SIM may not is asked anew."""

NEXT_GROUP: Final = "group {} may carry it too"

NOBODY: Final = "no SIM is ready"


def why_waits(
    candidate: Candidate,
    lines: Sequence[Free],
    now: datetime,
    *,
    sticky: timedelta,
    unready: Iterable[tuple[str, str]] = (),
    zone: tzinfo = UTC,
) -> str:
    """Return why no line carries a message just now, SIM by SIM.

    Args:
        candidate: the message.
        lines: all that are ready, with what is reserved for them.
        now: the moment.
        sticky: how long a message waits for the SIM that its recipient knows.
        unready: the modems that are not ready, each with its own cause.
        zone: the site's, in which times are said.

    """
    known = waits_for(candidate, lines, now, sticky=sticky)
    if known is not None:
        why = why_not_by(candidate, known, now, zone)
        patience = int(sticky.total_seconds())
        return f"{known.name}: {why}; its recipient knows this SIM, which has {patience} s"
    may = [line for line in lines if not why_never(candidate, line, now)]
    if not may and candidate.only_sim is not None:
        return _told([("the SIM that it belongs to", "is not ready"), *unready])
    groups = candidate.route.groups_at(candidate.due_at, now)
    led = may or [line for line in lines if line.in_group(groups)]
    later = list(_later(candidate, now, zone))
    if lines and not led:
        nobody = f"route {candidate.route.name}", "none of its SIMs is ready"
        return _told([nobody, *later, *unready])
    found = [(line.name, why_not_by(candidate, line, now, zone)) for line in led]
    return _told([*found, *later, *unready]) or NOBODY


def _later(candidate: Candidate, now: datetime, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Tell when the next group of a message's route may take it, if there is one."""
    opens, route = widens_at(candidate, now), candidate.route
    if opens is not None:
        following = route.groups[len(route.groups_at(candidate.due_at, now))]
        yield f"route {route.name}", Wait(opens, NEXT_GROUP.format(following), zone, now).reason


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
