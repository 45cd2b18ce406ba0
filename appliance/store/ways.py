"""To which SIMs the site leads a message, as far as the store must know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """What messages of a lane have in common: the names of their route and account."""

    route: str = ""
    account: str = ""
    category: str = ""


Leads = Callable[[Kind, str, bool], bool]
"""Tells whether messages of a kind may ever go by a SIM (its ICCID, whether it is simulated)."""


def everywhere(_kind: Kind, _iccid: str, _simulated: bool) -> bool:
    """Lead to every SIM: so it is where nothing is set."""
    return True


@dataclass(slots=True)
class Ways:
    """What is set just now. Asked on the thread that writes."""

    leads: Leads = everywhere
