"""Keeps one modem running: starts it, makes it a line, and starts it again when it fails."""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from appliance import logs
from appliance.errors import ErrandFailed, ModemError, NotReady, PortGone, StoreError
from appliance.lines.allowances import Allowances
from appliance.lines.hands import Hands
from appliance.lines.line import Line
from appliance.lines.roster import Roster, changes
from appliance.lines.site import Site, watch_over
from appliance.lines.standing import Standing
from appliance.modem.discovery import Found
from appliance.modem.driver import Modem
from appliance.modem.values import Health, LineState, SimIdentity
from appliance.store.lines import SeenSim
from appliance.store.values import LineFacts

logger = logging.getLogger(__name__)

TELL_AGAIN: Final = timedelta(seconds=10)
"""How often the signal and the like are written down at most; a new state is at once."""

RIVAL_AGAIN: Final = timedelta(minutes=1)
"""How long a modem waits whose SIM another one proves to hold."""

SENDING_SHOWN: Final = timedelta(seconds=5)
"""From when on a part that the modem has is worth a state of its own. Most are gone by then, so
that they cost no write; it is looked at with everything else, not told by the part."""


class Supply(Protocol):
    """What a line joins to be given messages: the dispatcher."""

    def join(self, line: Line) -> None:
        """Supply a line from now on."""
        ...

    def leave(self, line: Line) -> None:
        """Supply it no more."""
        ...


@dataclass(slots=True)
class _Wish:
    """That somebody wants the modem restarted; ``failure``: why nobody could tell it to."""

    done: asyncio.Event
    begun: bool = False
    failure: str = ""


@dataclass(slots=True)
class _Offer:
    """A PIN that somebody gave for the next start, and for no other."""

    pin: str
    tried: asyncio.Event


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
        roster: Roster,
    ) -> None:
        self._roster = roster
        self._modem, self._facts, self._hands = modem, facts, hands
        self._site, self._allowances, self._supply = site, allowances, supply
        self._line: Line | None = None
        self._stopping = asyncio.Event()
        self._told: tuple[int, LineFacts] | None = None  # in which epoch of our tenure, and what
        self._tell_soon = asyncio.Event()
        self._offer: _Offer | None = None
        self._wish: _Wish | None = None
        self._hurry = asyncio.Event()  # the next start is wanted at once
        self._watch = watch_over(modem, facts.slot, hands, site, self._tell_soon.set)
        self._mender = self._watch.mender
        modem.on_health = self._health_changed

    @property
    def slot(self) -> str:
        """Where its modem sits."""
        return self._facts.slot

    @property
    def modem(self) -> Modem:
        """The modem that it keeps."""
        return self._modem

    @property
    def line(self) -> Line | None:
        """What parts leave by, None while the modem is not started."""
        return self._line

    @property
    def sim_id(self) -> int | None:
        """The SIM that was last seen in the modem, by its id in the store."""
        return self._facts.sim_id

    def news(self) -> None:
        """Have what has changed written down."""
        self._tell_soon.set()

    async def unlock(self, pin: str) -> Health:
        """Start the modem with a PIN that somebody gave; return how it does afterwards.

        It is given to the SIM once at most, and kept nowhere. Neither is it tried if only one
        try is left, or if this SIM has refused it before.

        Raises:
            ErrandFailed: the SIM is open, or another PIN is being tried.

        """
        if self._line is not None:
            raise ErrandFailed("the SIM is open: it wants no PIN")
        if self._offer is not None:
            raise ErrandFailed("another PIN is about to be tried")
        self._offer = offer = _Offer(pin, asyncio.Event())
        self._hurry.set()
        try:
            await offer.tried.wait()
        finally:
            if self._offer is offer:
                self._offer = None
        return self._modem.health

    async def reset(self, why: str) -> Health:
        """Restart the modem because somebody wants it; return how it does when it was started.

        The part in flight comes to its outcome first.

        Raises:
            ErrandFailed: another restart is under way, or nobody could tell it to the modem.

        """
        if self._wish is not None:
            raise ErrandFailed("it is being restarted")
        self._wish = wish = _Wish(asyncio.Event())
        self._hurry.set()
        if self._line is not None:
            self._line.fail(NotReady(self._modem.port, f"to be restarted, {why}"))
        try:
            await wish.done.wait()
        finally:
            self._wish = None
        if wish.failure:
            raise ErrandFailed(wish.failure)
        return self._modem.health

    def _health_changed(self, _health: Health) -> None:
        """Have the modem's new health written down."""
        self._tell_soon.set()

    def stop(self) -> None:
        """Send nothing more after the part in flight, then end."""
        self._stopping.set()
        self._hurry.set()
        if self._line is not None:
            self._line.stop()

    def found(self, found: Found, *, back: bool) -> None:
        """Take note of where the modem is by now (ttyUSB numbers change); ``back``: again."""
        moved = self._modem.place.moved(found.port, found.candidates)
        if moved:
            logger.info("%s is %s now", found.slot, found.port)
            self._tell_soon.set()
        if (moved or back) and self._line is None:
            self._hurry.set()

    async def close(self) -> None:
        """Let go of the port, whatever is under way."""
        await self._modem.close()

    async def run(self) -> None:
        """Keep the modem running until ``stop``, and mend it when it fails."""
        telling = asyncio.create_task(self._tell())
        try:
            await self._mender.remember()
            while not self._stopping.is_set():
                failure = await self._once()
                await self._modem.close()
                if self._wish is not None and not self._wish.begun:
                    await self._restart(self._wish)
                else:
                    await self._mender.mend(failure, self._rest)
        finally:
            telling.cancel()
            await self._modem.close()

    async def _once(self) -> Exception | None:
        """Start the modem and serve with it until it fails; return what it failed of."""
        try:
            if await self._started():
                await self._mender.started()
                self._grant()
                await self._serve()
        except ModemError as error:
            logger.warning("%s", error)
            if not isinstance(error, PortGone):  # it comes back from its restart
                self._grant()
            return error
        except StoreError as error:
            logger.warning("%s: %s", self.slot, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one line's run
            logs.unexpected(self.slot, error)
        return None

    async def _restart(self, wish: _Wish) -> None:
        wish.begun = True
        try:
            await self._mender.reset(self._rest)
        except ModemError as error:
            wish.failure = str(error)
            wish.done.set()

    def _grant(self) -> None:
        """Tell who wanted a restart how the modem does."""
        if self._wish is not None and self._wish.begun:
            self._wish.done.set()

    async def _started(self) -> bool:
        """Start the modem; False if told to stop meanwhile, which is not waited for."""
        offer, self._offer = self._offer, None  # whatever comes of it, it is tried once
        starting = asyncio.create_task(self._modem.start(offer.pin if offer else None))
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
            if offer:
                offer.tried.set()

    async def _serve(self) -> None:
        """Send and listen with a started modem, until it fails or is told to stop."""
        card = self._modem.sim
        if card is None or self._stopping.is_set():
            return
        sim_id = await self._saw(card)
        if rival := await self._roster.rival(sim_id, self):
            self._modem.refuse_sim(rival)
            await self._rest(RIVAL_AGAIN)
            return
        with self._roster.holding(sim_id, self):
            await self._serve_sim(sim_id, card)

    async def _serve_sim(self, sim_id: int, card: SimIdentity) -> None:
        self._facts = replace(self._facts, sim_id=sim_id)
        allowance = await self._allowances.of(sim_id, card.iccid, simulated=self._facts.simulated)
        imei = self._modem.identity.imei if self._modem.identity else ""
        last = await self._hands.store.proofs.last_seen(imei, self.slot)
        await self._watch.recall(sim_id)
        line = self._line = Line(
            self._modem,
            self._facts.slot,
            sim_id,
            allowance,
            self._hands,
            watch=self._watch,
            contract=lambda: self._allowances.contract(sim_id),
            standing=Standing.after(last, sim_id),
            news=self._tell_soon.set,
        )
        self._tell_soon.set()
        self._supply.join(line)
        try:
            await self._roster.joined(imei, self.slot)
            await line.run(self._site.check_every)
        finally:
            self._leave(line)
            if not self._stopping.is_set():
                await self._roster.left(imei, self.slot)

    def _leave(self, line: Line) -> None:
        """Supply a line no more; harmless twice."""
        if self._line is line:
            self._supply.leave(line)
            self._line = None

    async def still_has_it(self) -> bool:
        """Look whether the SIM is still in the modem. If not, its line has ended."""
        line = self._line
        if line is None:
            return False
        try:
            await self._modem.check()
        except ModemError as error:
            logger.info("%s: its SIM is somewhere else now (%s)", self.slot, error)
            line.stop()
            self._leave(line)
            return False
        return self._line is line

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

    async def _rest(self, pause: timedelta) -> bool:
        """Wait before the next start, unless that is wanted at once; False: it is to stop."""
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._hurry.wait()
        except TimeoutError:
            pass
        if not self._stopping.is_set():
            self._hurry.clear()
        return not self._stopping.is_set()

    async def _tell(self) -> None:
        """Write down what the page shows of this line, when it changes."""
        while True:
            self._tell_soon.clear()
            facts = self._now()
            if self._is_news(facts):
                self._told = self._hands.store.tenure.epoch, facts
                try:
                    before = await self._hands.store.lines.tell(facts)
                    for incident in changes(before, facts):
                        await self._hands.store.incidents.note(incident)
                except StoreError as error:
                    logger.warning("%s: %s", facts.slot, error)
            try:
                async with asyncio.timeout(TELL_AGAIN.total_seconds()):
                    await self._tell_soon.wait()
            except TimeoutError:
                pass

    def _is_news(self, facts: LineFacts) -> bool:
        told, epoch = self._told, self._hands.store.tenure.epoch  # of an earlier one: shown as gone
        return told != (epoch, replace(facts, changed_at=told[1].changed_at)) if told else True

    def _now(self) -> LineFacts:
        health, identity, now = self._modem.health, self._modem.identity, self._hands.clock.now()
        state, cause, next_step = health.state, health.cause, health.next_step
        standing = self._line.standing if self._line is not None else None
        if self._line is None and state is LineState.ready:
            state = LineState.starting  # ready is a line, with its SIM
        elif self._line is not None and state is LineState.ready and not cause:
            cause = self._line.held_by(now)
            if self._line.handed_for(now) >= SENDING_SHOWN:
                state = LineState.sending
            if self._line.paused:
                next_step = f"Resume it with: appliance modems resume {self._facts.slot}"
        return replace(
            self._facts,
            state=state.value,
            cause=cause,
            next_step=next_step,
            imei=identity.imei if identity else self._facts.imei,
            maker=identity.maker if identity else self._facts.maker,
            model=identity.model if identity else self._facts.model,
            operator=health.operator,
            signal_dbm=health.signal_dbm,
            registration=health.registration,
            reports=health.reports,
            storage=health.storage,
            revision=identity.revision if identity else self._facts.revision,
            profile=identity.profile if identity else self._facts.profile,
            service_centre=health.service_centre,
            mending=self._mender.said,
            mended=self._mender.mended or None,
            rungs=self._mender.rungs or None,
            counted=dict(self._modem.counts) or None,
            clock_offset_seconds=health.clock_offset,
            port=self._modem.port,
            # The store keeps a SIM where it was last seen; only one that is in use is seen.
            sim_id=self._facts.sim_id if self._line is not None else None,
            memory_sim_id=standing.memory_sim_id if standing else None,
            reports_proven_at=standing.reports_proven_at if standing else None,
            changed_at=now,
        )
