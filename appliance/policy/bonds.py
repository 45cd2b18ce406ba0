"""What ties messages together before it is written down: the SIM of a recipient, or a bundle."""

from dataclasses import replace
from typing import Final

from appliance.policy.candidate import Candidate

REMEMBERED: Final = 10_000
"""Recipients and bundles that are remembered: longer than what was read ahead is kept."""


class Bonds:
    """Which SIM was chosen last for a recipient, and for a bundle, since it was read."""

    def __init__(self) -> None:
        self._recipients: dict[bytes, tuple[int, int]] = {}  # the SIM, and for how many messages
        self._bundles: dict[int, int] = {}

    def tied(self, candidate: Candidate, *, itself: int = 0) -> Candidate:
        """Return a message as it is to be chosen for now; ``itself``: 1 if it is tied already."""
        known, only = candidate.known_sim, candidate.only_sim
        sim_id, times = self._recipients.get(candidate.recipient_key, (known, 0))
        if times > itself:
            known = sim_id
        if only is None and candidate.bundle is not None:
            only = self._bundles.get(candidate.bundle)
        if known == candidate.known_sim and only == candidate.only_sim:
            return candidate
        return replace(candidate, known_sim=known, only_sim=only)

    def tie(self, candidate: Candidate, sim_id: int) -> None:
        """Remember by which SIM a message is to leave."""
        before, times = self._recipients.pop(candidate.recipient_key, (sim_id, 0))
        self._recipients[candidate.recipient_key] = sim_id, 1 + (times if before == sim_id else 0)
        if len(self._recipients) > REMEMBERED:
            del self._recipients[next(iter(self._recipients))]
        if candidate.bundle is not None:
            self._bundles[candidate.bundle] = sim_id
            if len(self._bundles) > REMEMBERED:
                del self._bundles[next(iter(self._bundles))]

    def untie(self, recipient_key: bytes, sim_id: int) -> None:
        """Forget one message to a recipient that does not leave by a SIM after all."""
        before, times = self._recipients.get(recipient_key, (None, 0))
        if before == sim_id:
            self._recipients[recipient_key] = sim_id, max(times - 1, 0)

    def untie_bundle(self, bundle: int) -> None:
        """Let the segments of a bundle go by any SIM: none of them is reserved any more."""
        self._bundles.pop(bundle, None)
