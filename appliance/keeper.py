"""Keeps one modem running: starts it, makes it a line, and starts it again when it fails."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from typing import Final, Protocol

from appliance.errors import ModemError, StoreError
from appliance.line import Hands, Line
from appliance.modem.driver import Modem
from appliance.modem.values import Health, LineState, SimIdentity
from appliance.policy.limits import Allowance, Limit, counts_since
from appliance.store.lines import SeenSim
from appliance.store.values import LineFacts

logger = logging.getLogger(__name__)

START_AGAIN: Final = (
    timedelta(seconds=1),
    timedelta(seconds=3),
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=1),
)
"""How long to wait after the first, second … failed start; the last one repeats."""

TELL_AGAIN: Final = timedelta(seconds=10)
"""How often the signal and the like are written down at most; a new state is at once."""


class Supply(Protocol):
    """What a line joins to be given messages: the dispatcher."""

    def join(self, line: Line) -> None:
        """Supply a line from now on."""
        ...

    def leave(self, line: Line) -> None:
        """Supply it no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is set for SIMs.

    ``limits`` are those of a SIM, ``number`` its own number as configured (None: as the SIM
    says), both by ICCID; ``simulated`` ones have no limits unless set. ``zone`` is the site's.
    """

    limits: Callable[[str, bool], Iterable[Limit]]
    number: Callable[[str], str | None]
    zone: tzinfo
    check_every: timedelta


class Allowances:
    """What each SIM may still send, kept while its modem comes and goes."""

    def __init__(self, hands: Hands, site: Site) -> None:
        self._hands, self._site = hands, site
        self._by_sim: dict[int, Allowance] = {}

    async def of(self, sim_id: int, iccid: str, *, simulated: bool) -> Allowance:
        """Return a SIM's allowance, with what the store remembers of its use."""
        if sim_id not in self._by_sim:
            limits = tuple(self._site.limits(iccid, simulated))
            since = counts_since(limits, self._hands.clock.now())
            sent = await self._hands.store.lines.sent_since(sim_id, since) if limits else []
            self._by_sim[sim_id] = Allowance(limits, sent, zone=self._site.zone)
        return self._by_sim[sim_id]


class Keeper:
    """One modem's caretaker."""

    def __init__(
        self,
        modem: Modem,
        facts: LineFacts,
        *,
        hands: Hands,
        site: Site,
        allowances: Allowances,
        supply: Supply,
    ) -> None:
        self._modem, self._facts, self._hands = modem, facts, hands
        self._site, self._allowances, self._supply = site, allowances, supply
        self._line: Line | None = None
        self._stopping = asyncio.Event()
        self._told: LineFacts | None = None
        self._tell_soon = asyncio.Event()
        modem.on_health = self._health_changed

    def _health_changed(self, _health: Health) -> None:
        """Have the modem's new health written down."""
        self._tell_soon.set()

    def stop(self) -> None:
        """Send nothing more after the part in flight, then end."""
        self._stopping.set()
        if self._line is not None:
            self._line.stop()

    def moved(self, port: str) -> None:
        """Take note that the modem's port has another name by now (ttyUSB numbers change)."""
        if port != self._facts.port:
            logger.info("%s is %s now", self._facts.slot, port)
            self._facts = replace(self._facts, port=port)
            self._modem.port = port

    async def close(self) -> None:
        """Let go of the port, whatever is under way."""
        await self._modem.close()

    async def run(self) -> None:
        """Keep the modem running until ``stop``."""
        telling = asyncio.create_task(self._tell())
        failures = 0
        try:
            while not self._stopping.is_set():
                try:
                    if await self._started():
                        failures = 0
                        await self._serve()
                except ModemError as error:
                    logger.warning("%s", error)
                except StoreError as error:
                    logger.warning("%s: %s", self._facts.slot, error)
                except Exception as error:  # noqa: BLE001 - whatever it is, it ends one line's run
                    _log_unexpected(self._facts.slot, error)
                await self._modem.close()
                failures += 1
                await self._rest(START_AGAIN[min(failures, len(START_AGAIN)) - 1])
        finally:
            telling.cancel()
            await self._modem.close()

    async def _started(self) -> bool:
        """Start the modem; False if told to stop meanwhile, which is not waited for."""
        starting = asyncio.create_task(self._modem.start())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                return True
            return False
        finally:
            stopping.cancel()
            if starting.cancel():
                await asyncio.wait((starting,))

    async def _serve(self) -> None:
        """Send and listen with a started modem, until it fails or is told to stop."""
        card = self._modem.sim
        if card is None or self._stopping.is_set():
            return
        sim_id = await self._saw(card)
        self._facts = replace(self._facts, sim_id=sim_id)
        allowance = await self._allowances.of(sim_id, card.iccid, simulated=self._facts.simulated)
        line = self._line = Line(
            self._modem,
            self._facts.slot,
            sim_id,
            allowance,
            self._hands,
            news=self._tell_soon.set,
        )
        self._tell_soon.set()
        self._supply.join(line)
        try:
            await line.run(self._site.check_every)
        finally:
            self._supply.leave(line)
            self._line = None

    async def _saw(self, card: SimIdentity) -> int:
        return await self._hands.store.lines.saw(
            SeenSim(
                iccid=card.iccid,
                imsi=card.imsi,
                number=self._site.number(card.iccid) or card.number,
                simulated=self._facts.simulated,
                at=self._hands.clock.now(),
            )
        )

    async def _rest(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _tell(self) -> None:
        """Write down what the page shows of this line, when it changes."""
        while True:
            self._tell_soon.clear()
            facts = self._now()
            if self._is_news(facts):
                self._told = facts
                try:
                    await self._hands.store.lines.tell(facts)
                except StoreError as error:
                    logger.warning("%s: %s", facts.slot, error)
            try:
                async with asyncio.timeout(TELL_AGAIN.total_seconds()):
                    await self._tell_soon.wait()
            except TimeoutError:
                pass

    def _is_news(self, facts: LineFacts) -> bool:
        told = self._told
        return told is None or replace(told, changed_at=facts.changed_at) != facts

    def _now(self) -> LineFacts:
        health, identity, now = self._modem.health, self._modem.identity, self._hands.clock.now()
        cause = health.cause
        if self._line is not None and health.state is LineState.ready and not cause:
            cause = self._line.held_by(now)
        return replace(
            self._facts,
            state=health.state.value,
            cause=cause,
            next_step=health.next_step,
            imei=identity.imei if identity else self._facts.imei,
            maker=identity.maker if identity else self._facts.maker,
            model=identity.model if identity else self._facts.model,
            operator=health.operator,
            signal_dbm=health.signal_dbm,
            registration=health.registration,
            reports=health.reports,
            storage=health.storage,
            changed_at=now,
        )


def _log_unexpected(slot: str, error: Exception) -> None:
    """Log where it happened, but not the error's own words: they may hold a text or a number."""
    kinds = ", ".join(type(each).__name__ for each in _leaves(error))
    where = "".join(traceback.format_tb(next(_leaves(error)).__traceback__))
    logger.error("%s: %s at\n%s", slot, kinds, where)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
