"""Which SIMs the site's routes lead to, as far as the store must know."""

from collections.abc import Callable
from dataclasses import dataclass

Leads = Callable[[str, str, bool], bool]
"""Tells whether a route (its name) may ever lead to a SIM (its ICCID, whether it is simulated)."""


def everywhere(_route: str, _iccid: str, _simulated: bool) -> bool:
    """Lead to every SIM: so it is where no routes are set."""
    return True


@dataclass(slots=True)
class Ways:
    """What is set just now. Asked on the thread that writes."""

    leads: Leads = everywhere
