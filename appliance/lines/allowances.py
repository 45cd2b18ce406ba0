"""What each SIM may still send: read from the store at its start, exchanged while it runs."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from appliance.clock import Clock
from appliance.policy.contract import Contract
from appliance.policy.limits import Allowance, Recollection, recollect
from appliance.store import Store


@dataclass(slots=True)
class _Known:
    """A SIM that was in a modem since the daemon started, and what is set for it."""

    iccid: str
    simulated: bool
    allowance: Allowance
    contract: Contract


class Allowances:
    """The allowances of all SIMs; each is one object for as long as the daemon runs.

    Args:
        store: remembers what was sent.
        clock: the wall clock.
        contract: what is set for a SIM just now, by its ICCID and whether it is simulated.
        zone: the site's.

    """

    def __init__(
        self, store: Store, clock: Clock, contract: Callable[[str, bool], Contract], zone: tzinfo
    ) -> None:
        self._store, self._clock = store, clock
        self._contract, self._zone = contract, zone
        self._known: dict[int, _Known] = {}
        self._reading = asyncio.Lock()

    def contract(self, sim_id: int) -> Contract:
        """Return what is set just now for a SIM whose allowance was asked for."""
        return self._known[sim_id].contract

    async def of(self, sim_id: int, iccid: str, *, simulated: bool) -> Allowance:
        """Return a SIM's allowance, with what the store remembers of its use.

        It is read anew each time a modem starts with it: another daemon may have had the SIM.

        Raises:
            StoreError: it could not be read.

        """
        contract = self._contract(iccid, simulated)
        fresh = _Known(iccid, simulated, Allowance(zone=self._zone), contract)
        known = self._known.setdefault(sim_id, fresh)
        await self._read({sim_id: known})
        return known.allowance

    async def refresh(self) -> None:
        """Go by what is set now, for all SIMs: what they have sent keeps counting.

        Raises:
            StoreError: what they have sent could not be read; then all is as it was.

        """
        await self._read(dict(self._known))

    async def _read(self, sims: Mapping[int, _Known]) -> None:
        """Let the meters of SIMs count what is in the store, and what is sent meanwhile."""
        async with self._reading:
            contracts = [self._contract(sim.iccid, sim.simulated) for sim in sims.values()]
            try:
                found = [
                    await self._recollection(sim_id, known.allowance, contract)
                    for (sim_id, known), contract in zip(sims.items(), contracts, strict=True)
                ]
            except BaseException:
                for known in sims.values():
                    known.allowance.unwatch()
                raise
            for known, contract, recollection in zip(sims.values(), contracts, found, strict=True):
                known.allowance.exchange(recollection)
                known.allowance.price = contract.price
                known.contract = contract

    async def _recollection(
        self, sim_id: int, allowance: Allowance, contract: Contract
    ) -> Recollection:
        now = self._clock.now()
        since = allowance.watch(now)
        work = partial(recollect, contract.limits, now=now, since=since)
        return await self._store.usage.read(sim_id, work)
