"""Balances: each SIM with a code is asked what it has left, and stops sending when that is low."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from appliance.clock import Clock
from appliance.config.settings import Sim
from appliance.errors import ModemError, StoreError, UssdBusy
from appliance.incident import Incident, IncidentKind
from appliance.modem.driver import Modem
from appliance.modem.values import LineState, UssdReply
from appliance.policy import balance
from appliance.policy.balance import InVain
from appliance.store import Store
from appliance.store.balances import Balance

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=5)
"""How often it is looked which SIMs are due: a row is read for each that has a code."""

WITHIN: Final = timedelta(seconds=60)
"""How long a reply is waited for."""

AT_ONCE: Final = 2 * int(WITHIN / EVERY)
"""Looks that may be under way: one that waits for a reply does not hold up the next."""

WHILE_LOW: Final = timedelta(hours=1)
"""How often a SIM is asked at least that is paused for its balance: it may have been topped up."""

UNANSWERED: Final = 3
"""Questions without any answer, after which it is an incident: networks are busy now and then."""


class Holder(Protocol):
    """Who keeps a modem; ``line`` is None while nothing can leave by it."""

    @property
    def slot(self) -> str:
        """Where its modem sits."""
        ...

    @property
    def sim_id(self) -> int | None:
        """The SIM in it."""
        ...

    @property
    def modem(self) -> Modem:
        """The modem."""
        ...

    @property
    def line(self) -> object | None:
        """What parts leave by."""
        ...

    def news(self) -> None:
        """Have it shown that something has changed."""
        ...


class Balances:
    """Asks for balances and acts on them.

    Args:
        store: where they are kept, and SIMs paused.
        clock: what is due when.
        settings: what is set for a SIM, by its ICCID; None: nothing.
        holders: who keeps the modems just now.

    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Callable[[str], Sim | None],
        holders: Callable[[], Iterable[Holder]],
    ) -> None:
        self._store, self._clock = store, clock
        self._settings, self._holders = settings, holders
        self._vain: dict[int, InVain] = {}
        self._asking: set[str] = set()  # slots

    def schedule(self, scheduler: AsyncIOScheduler) -> None:
        """Have ``run`` called ``EVERY`` so often."""
        scheduler.add_job(
            self.run,
            "interval",
            seconds=EVERY.total_seconds(),
            coalesce=True,
            max_instances=AT_ONCE,
        )

    async def run(self) -> None:
        """Ask every SIM that is due and is not being asked, side by side."""
        async with asyncio.TaskGroup() as group:
            for holder in self._holders():
                if holder.slot not in self._asking:
                    self._asking.add(holder.slot)
                    group.create_task(self._look_safely(holder))

    async def _look_safely(self, holder: Holder) -> None:
        try:
            await self._look(holder)
        except StoreError as error:
            logger.warning("%s: its balance: %s", holder.slot, error)
        finally:
            self._asking.discard(holder.slot)

    async def _look(self, holder: Holder) -> None:
        card, sim_id = holder.modem.sim, holder.sim_id
        if card is None or sim_id is None or holder.line is None:
            return
        sim = self._settings(card.iccid)
        if (sim is None or sim.balance_minimum is None) and self._paused_here(sim_id):
            await self._let_go(holder, sim_id)
        ready = holder.modem.health.state is LineState.ready
        if sim is not None and sim.balance_code and ready and await self._is_due(sim, sim_id):
            await self._ask(sim, holder, sim_id)

    async def _is_due(self, sim: Sim, sim_id: int) -> bool:
        known, schedule = await self._store.balances.of(sim_id), sim.balance_schedule
        parts = 0
        if schedule.after_parts and known.at is not None:
            parts = len(await self._store.lines.sent_since(sim_id, known.at))
        if self._paused_here(sim_id):
            schedule = replace(schedule, every=min(schedule.every, WHILE_LOW))
        now, vain = self._clock.now(), self._vain.get(sim_id)
        return balance.due(schedule, now, asked_at=known.at, parts=parts, vain=vain)

    async def _ask(self, sim: Sim, holder: Holder, sim_id: int) -> None:
        try:
            reply = await self._reply(sim, holder.modem)
        except UssdBusy:
            return  # somebody else speaks with the network; the next look comes soon
        except ModemError as error:
            await self._failed(holder, sim_id, f"The balance was asked for in vain: {error}", None)
            return
        amount = balance.read(sim.balance_pattern, reply.text) if sim.balance_pattern else None
        if amount is None and sim.balance_pattern:
            why = f"No amount was found in the answer of the operator: {reply.text}"
            await self._failed(holder, sim_id, why, reply)
            return
        self._vain.pop(sim_id, None)
        now = self._clock.now()
        known = Balance(
            sim_id=sim_id, amount=None if amount is None else float(amount), text=reply.text, at=now
        )
        await self._store.balances.note(known)
        await self._store.incidents.end_for_sim(IncidentKind.NO_BALANCE, sim_id, now)
        if amount is None or sim.balance_minimum is None:
            await self._let_go(holder, sim_id)
        else:
            await self._judge(amount, sim.balance_minimum, holder, sim_id)

    async def _reply(self, sim: Sim, modem: Modem) -> UssdReply:
        reply = await modem.ussd(sim.balance_code, WITHIN)
        if reply.more:
            with suppress(ModemError):
                await modem.ussd_cancel()
        return reply

    async def _failed(self, holder: Holder, sim_id: int, why: str, reply: UssdReply | None) -> None:
        """Ask again later; a SIM is never paused for that."""
        now, before = self._clock.now(), self._vain.get(sim_id)
        vain = self._vain[sim_id] = InVain(before.times + 1 if before else 1, now)
        logger.info("%s: its balance is not known, %d times in a row", holder.slot, vain.times)
        if reply is None and vain.times < UNANSWERED:
            return
        await self._store.incidents.note(
            Incident(
                kind=IncidentKind.NO_BALANCE,
                sentence=why,
                next_step="Check balance_code and balance_pattern of this SIM.",
                slot=holder.slot,
                sim_id=sim_id,
                lasting=True,
                at=now,
            )
        )

    async def _judge(self, amount: Decimal, minimum: float, holder: Holder, sim_id: int) -> None:
        lines, now = self._store.lines, self._clock.now()
        if not balance.is_low(amount, minimum):
            await self._let_go(holder, sim_id)
            return
        if balance.may_pause(lines.pause_reason(sim_id)):
            await lines.pause(sim_id, balance.reason(amount, minimum), now)
            holder.news()
        await self._store.incidents.note(_low(amount, minimum, holder.slot, sim_id, now))

    async def _let_go(self, holder: Holder, sim_id: int) -> None:
        """Let a SIM send again that was paused for its balance, and for nothing else."""
        now = self._clock.now()
        if self._paused_here(sim_id):
            await self._store.lines.resume(sim_id, now, only_reason_prefix=balance.REASON)
            holder.news()
        await self._store.incidents.end_for_sim(IncidentKind.LOW_BALANCE, sim_id, now)

    def _paused_here(self, sim_id: int) -> bool:
        return balance.is_ours(self._store.lines.pause_reason(sim_id))


def _low(amount: Decimal, minimum: float, slot: str, sim_id: int, at: datetime) -> Incident:
    return Incident(
        kind=IncidentKind.LOW_BALANCE,
        sentence=f"The SIM sends nothing: {balance.reason(amount, minimum)}.",
        next_step="Top it up; it is asked every hour, and sends again by itself.",
        slot=slot,
        sim_id=sim_id,
        lasting=True,
        at=at,
    )
