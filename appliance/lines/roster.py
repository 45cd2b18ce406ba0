"""Which modem holds which SIM and tells which IMEI: two that tell the same are noticed here.

In memory, for the modems that run just now; what a slot held in earlier runs the store knows.
"""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Final, Protocol

from appliance.clock import Clock
from appliance.incident import Incident, IncidentKind
from appliance.store import Store
from appliance.store.lines import Before
from appliance.store.values import LineFacts

CLONES: Final = "Go by their slots, nothing else tells them apart; replace one of them if it fails."


def changes(before: Before, now: LineFacts) -> Iterator[Incident]:
    """Return what changed hands in a slot, compared with what was known of it."""
    if before.imei and now.imei and now.imei != before.imei:
        yield Incident(
            kind=IncidentKind.MODEM_CHANGED,
            sentence="Another modem is in this place now: it tells another IMEI.",
            next_step="Nothing, if you changed it.",
            at=now.changed_at,
            slot=now.slot,
        )
    if before.sim_id is not None and now.sim_id is not None and now.sim_id != before.sim_id:
        yield Incident(
            kind=IncidentKind.SIM_CHANGED,
            sentence="Another SIM is in this modem now. Limits and open messages stay with each.",
            next_step="Nothing, if you changed it.",
            at=now.changed_at,
            slot=now.slot,
            sim_id=now.sim_id,
        )


class Holder(Protocol):
    """Who has a SIM: the caretaker of a modem."""

    @property
    def slot(self) -> str:
        """Where its modem sits."""
        ...

    async def still_has_it(self) -> bool:
        """Look whether the SIM is still there. If not, the line has ended."""
        ...


class Roster:
    """The modems that run, by SIM and by IMEI."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._by_sim: dict[int, Holder] = {}
        self._by_imei: dict[str, set[str]] = {}

    async def rival(self, sim_id: int, holder: Holder) -> str | None:
        """Return the slot of another modem that proves to hold this SIM; None if none does.

        One that only believed so, because its SIM was moved, ends its line.
        """
        other = self._by_sim.get(sim_id)
        if other is None or other is holder:
            return None
        return other.slot if await other.still_has_it() else None

    @contextmanager
    def holding(self, sim_id: int, holder: Holder) -> Iterator[None]:
        """Have the SIM in the modem of ``holder`` meanwhile."""
        self._by_sim[sim_id] = holder
        try:
            yield
        finally:
            if self._by_sim.get(sim_id) is holder:
                del self._by_sim[sim_id]

    async def joined(self, imei: str, slot: str) -> None:
        """Note that a modem runs; if another one tells its IMEI, that is an incident of both.

        Raises:
            StoreError: it could not be written down.

        """
        slots = self._by_imei.setdefault(imei, set())
        slots.add(slot)
        await self._judge(slots if imei and len(slots) > 1 else {slot}, imei)

    async def left(self, imei: str, slot: str) -> None:
        """Note that a modem runs no more. Raises as ``joined``."""
        slots = self._by_imei.get(imei, set())
        slots.discard(slot)
        await self._judge({slot, *slots}, imei)
        if not slots:
            self._by_imei.pop(imei, None)

    async def _judge(self, slots: Set[str], imei: str) -> None:
        """Write down of each slot whether it shares its IMEI just now."""
        same, now = self._by_imei.get(imei, set()), self._clock.now()
        for slot in sorted(slots):
            others = ", ".join(sorted(same - {slot}))
            if imei and slot in same and others:
                await self._store.incidents.note(
                    Incident(
                        kind=IncidentKind.SAME_IMEI,
                        sentence=f"The modem tells the IMEI of the one at {others}. Both are used.",
                        next_step=CLONES,
                        at=now,
                        slot=slot,
                        lasting=True,
                    )
                )
            else:
                await self._store.incidents.end(IncidentKind.SAME_IMEI, slot, now)
