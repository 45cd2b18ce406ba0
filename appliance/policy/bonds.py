"""What ties messages together before it is written down: a recipient's SIM, a bundle's SIM. Pure."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from appliance.policy.choosing import Candidate

K = TypeVar("K")

REMEMBERED: Final = 10_000
"""Recipients and bundles that are remembered: longer than what was read ahead is kept."""


class Bonds:
    """Which SIM was chosen last for a recipient, and for a bundle, since it was read."""

    def __init__(self) -> None:
        self._recipients: dict[bytes, int] = {}
        self._bundles: dict[int, int] = {}

    def tied(self, candidate: "Candidate") -> "Candidate":
        """Return a message as it is to be chosen for now."""
        known = self._recipients.get(candidate.recipient_key, candidate.known_sim)
        only = candidate.only_sim
        if only is None and candidate.bundle is not None:
            only = self._bundles.get(candidate.bundle)
        if known == candidate.known_sim and only == candidate.only_sim:
            return candidate
        return replace(candidate, known_sim=known, only_sim=only)

    def tie(self, candidate: "Candidate", sim_id: int) -> None:
        """Remember by which SIM a message is to leave."""
        _remember(self._recipients, candidate.recipient_key, sim_id)
        if candidate.bundle is not None:
            _remember(self._bundles, candidate.bundle, sim_id)

    def untie(self, bundle: int) -> None:
        """Let the segments of a bundle go by any SIM: none of them is reserved any more."""
        self._bundles.pop(bundle, None)


def _remember(known: dict[K, int], key: K, sim_id: int) -> None:
    known.pop(key, None)
    known[key] = sim_id
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
