"""What a modem shows by itself, as incidents that stand until it is over."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from appliance.clock import Clock
from appliance.incident import Incident, IncidentKind
from appliance.modem.answers import Usage
from appliance.store import Store

ALARM: Final = 0.8
"""How full a memory is that a technician should know of."""

QUIET: Final = 0.7
"""How full it may be for the alarm to end: below, so that it does not come and go."""

RESTARTS: Final = 3
"""How often a modem restarts by itself within ``WITHIN`` that a technician should know of it."""

WITHIN: Final = timedelta(hours=1)


class StorageAlarm:
    """Watches the memories of one modem."""

    def __init__(self, store: Store, clock: Clock, slot: str) -> None:
        self._store, self._clock, self._slot = store, clock, slot
        self._before = 0.0  # how full the fullest was at the last look
        self._stands: bool | None = None  # None: as an earlier run has left it

    async def look(self, usages: Sequence[Usage], sim_id: int) -> None:
        """Judge how full the memories are, as seen after a sweep that deletes what it may.

        Only at a second look in a row: much may have come at once, and be gone at the next.

        Raises:
            StoreError: it could not be written down, and is judged again.

        """
        if not usages:
            return  # the modem does not tell, or not just now
        fullest = max(usages, key=_full)
        full, before = _full(fullest), self._before
        self._before = full
        if min(full, before) >= ALARM and not self._stands:
            await self._store.incidents.note(self._incident(fullest, sim_id))
            self._stands = True
        elif full < QUIET and self._stands is not False:
            await self._store.incidents.end(IncidentKind.STORAGE, self._slot, self._clock.now())
            self._stands = False

    def _incident(self, usage: Usage, sim_id: int) -> Incident:
        return Incident(
            kind=IncidentKind.STORAGE,
            sentence=f"The message memory {usage.memory} is nearly full:"
            f" {usage.used} of {usage.total} places are in use.",
            next_step="What could be deleted was. Put the SIM into a phone (SM) or look with"
            " another program (ME), and delete what is left there; until then messages and"
            " reports may stay with the network.",
            at=self._clock.now(),
            slot=self._slot,
            sim_id=sim_id,
            lasting=True,
        )


class RestartAlarm:
    """Watches how often one modem restarts by itself."""

    def __init__(self, store: Store, clock: Clock, slot: str) -> None:
        self._store, self._clock, self._slot = store, clock, slot
        self._stands: bool | None = None  # None: as an earlier run has left it

    async def look(self, restarts: int, sim_id: int) -> None:
        """Judge how often it did ``WITHIN``; the incident ends when it has not for so long.

        Raises:
            StoreError: it could not be written down, and is judged again.

        """
        if restarts >= RESTARTS and not self._stands:
            await self._store.incidents.note(self._incident(restarts, sim_id))
            self._stands = True
        elif restarts == 0 and self._stands is not False:
            await self._store.incidents.end(IncidentKind.RESTARTS, self._slot, self._clock.now())
            self._stands = False

    def _incident(self, restarts: int, sim_id: int) -> Incident:
        return Incident(
            kind=IncidentKind.RESTARTS,
            sentence=f"The modem has restarted by itself {restarts} times within an hour.",
            next_step="Mostly it gets too little current while it sends: use a powered hub, a"
            " shorter cable or a stronger supply (hardware.md says how strong).",
            at=self._clock.now(),
            slot=self._slot,
            sim_id=sim_id,
            lasting=True,
        )


def _full(usage: Usage) -> float:
    return usage.used / usage.total if usage.total else 0.0
