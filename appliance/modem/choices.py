"""What start-up chooses from what a modem offers, as decisions alone. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from appliance.modem.profiles import Profile

NOTHING_PROVED: Final[Mapping[str, bool]] = MappingProxyType({})

READABLE: Final = ("SM", "ME", "SR")  # what is swept, where it is offered


@dataclass(frozen=True, slots=True)
class Notifications:
    """How arrivals are told.

    ``values`` are those of AT+CNMI, () where it is refused; ``reports`` as in Health.
    """

    values: tuple[int, ...]
    reports: str
    acknowledge: bool  # AT+CSMS=1: what comes directly is acknowledged


def select_command(memory: str, places: int) -> str:
    """Return the command that uses ``memory`` for reading, writing and arrivals (1-3 places)."""
    return "AT+CPMS=" + ",".join([f'"{memory}"'] * min(max(places, 1), 3))


def choose_memories(offered: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], str]:
    """Return the memories to sweep and the one for arrivals ('' if there is none).

    The SIM's own comes first for arrivals, because what lies there moves with the SIM.
    """
    first = offered[0] if offered else ()
    swept = tuple(memory for memory in READABLE if memory in first)
    if not {"SM", "ME"} & set(swept) and "MT" in first:
        swept = ("MT", *swept)
    last = offered[-1] if offered else ()
    arrivals = next((memory for memory in ("SM", "ME", "MT") if memory in last), "")
    return swept, arrivals


def choose_notifications(
    offered: Sequence[frozenset[int]],
    profile: Profile,
    *,
    stored: bool,
    proved: Mapping[str, bool] = NOTHING_PROVED,
) -> tuple[int, ...]:
    """Return the five values for AT+CNMI (27.005 clause 3.4.1).

    Inbound messages are stored (mt=1) where there is a memory, because that survives a crash;
    reports come as ``preferred_reports`` says.
    """
    ways = preferred_reports(profile, proved)
    if len(offered) < 4:
        return (
            profile.cnmi_mode or 2,
            1 if stored else 2,
            0,
            ways[0],
            0,
        )
    modes, arrivals, _, reports, *rest = offered
    mode = _first(modes, profile.cnmi_mode, 2, 1, 3)
    mt = _first(arrivals, *((1, 2) if stored else (2, 1)))
    ds = _first(reports, *ways)
    return (
        mode,
        mt,
        0,
        ds if profile.reports else 0,
        *(_first(buffer, 0, 1) for buffer in rest[:1]),
    )


def preferred_reports(profile: Profile, proved: Mapping[str, bool]) -> tuple[int, int]:
    """Return the values of AT+CNMI's <ds> for reports, the better one first.

    A way that was proved on this model to outlive a restart beats the profile's guess, and one
    that was proved not to is no guess any more. Without a proof reports are stored (2) only
    where the profile knows that they can be read there: to lose those of a restart is better
    than to read none at all, so that they come directly (1) otherwise.

    Args:
        profile: what is known of the family.
        proved: whether reports outlive a restart, by how they come (as in Health.reports).

    """
    stored = proved.get("stored")
    direct = proved.get("acknowledged", proved.get("direct"))
    guessed = profile.stored_reports and stored is not False
    if direct and not (stored and profile.stored_reports):
        return 1, 2
    return (2, 1) if stored or guessed else (1, 2)


def needs_acknowledgement(values: Sequence[int]) -> bool:
    """Say whether something comes directly, and so is lost unless it is acknowledged."""
    return values[1] in (2, 3) or values[3] == 1


def same_ways(asked: Sequence[int], told: Sequence[int]) -> bool:
    """Say whether AT+CNMI? tells the <mt> and <ds> that were asked for, as far as it tells them."""
    short = min(len(asked), len(told))
    return all(asked[place] == told[place] for place in (1, 3) if place < short)


def how_reports_come(chosen: Notifications, profile: Profile) -> str:
    """Return the word of Health.reports for what is set."""
    ds = chosen.values[3] if len(chosen.values) > 3 else 0
    if not profile.reports or ds == 0:
        return "none"
    if ds == 2:
        return "stored"
    return "acknowledged" if chosen.acknowledge else "direct"


def _first(offered: frozenset[int], *wanted: int | None) -> int:
    return next((value for value in wanted if value in offered), min(offered, default=0))
