"""One line: a modem with its SIM, what it sends, what it hears, and when it may send again."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from appliance import logs, text
from appliance.errors import ModemError, PduError, StoreError
from appliance.lifecycle import Event
from appliance.lines.attempt import Answer, encode, segments_of, understand
from appliance.lines.beginning import Beginning, committed, known_reference
from appliance.lines.conduct import Conduct
from appliance.lines.hands import Hands
from appliance.lines.hearing import Hearing
from appliance.lines.offer import Offer
from appliance.lines.reserved import Reserved, UnderWay
from appliance.lines.standing import Standing
from appliance.lines.watching import Watch
from appliance.models import Outcome
from appliance.modem.causes import Cause, Kind
from appliance.modem.driver import Modem
from appliance.modem.values import MaybeSent, NotSent, Refused
from appliance.policy.candidate import Candidate
from appliance.policy.choosing import Free
from appliance.policy.contract import Contract
from appliance.policy.limits import Allowance, Wait
from appliance.store.bell import GONE, Bell
from appliance.store.ids import public
from appliance.store.messages import PREFIX
from appliance.store.values import AttemptEnd, Begin, Begun, NotBegun, Waiting

logger = logging.getLogger(__name__)

ASK_AGAIN: Final = timedelta(seconds=10)
"""How often a message that is paced asks whether it may go on: limits are changed now and then."""

GIVE_WAY: Final = timedelta(milliseconds=100)
"""How much longer a message that is paced waits than it must: what goes first takes that turn."""

SLOW: Final = timedelta(seconds=15)
"""How long an answer to CMGS may take before the line says that it waits for it."""


class Line:
    """A modem with a usable SIM: what a part can leave by.

    The dispatcher reserves messages for it (``reserve``); they are claimed only when their
    turn comes, so that another message may still take their place.
    """

    def __init__(
        self,
        modem: Modem,
        slot: str,
        sim_id: int,
        allowance: Allowance,
        hands: Hands,
        *,
        watch: Watch,
        contract: Callable[[], Contract] = Contract,
        standing: Standing | None = None,
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """``news`` is called when what holds the line has changed, or how it stands.

        ``contract`` tells what is set for the SIM just now.
        """
        self.standing = standing or Standing(sim_id, sim_id)
        self._conduct = Conduct(modem, sim_id, hands, watch, fail=self.fail, news=news)
        self._hearing = Hearing(
            modem,
            self.standing,
            slot=slot,
            store=hands.store,
            inbox=hands.inbox,
            clock=hands.clock,
            reported=self._conduct.reported,
            late=self._late,
            news=news,
        )
        self.sim_id, self.slot, self.allowance, self.reserved = sim_id, slot, allowance, Reserved()
        self._offer = Offer(
            sim_id, slot, contract, self._may_send_of, lambda: self.probing, hangs=self._hangs
        )
        self._handed_at: datetime | None = None  # the part that the modem has just now
        self.resume_at: datetime | None = hands.clock.now()  # look for begun messages then
        self._modem, self._hands, self._watch, self._news = modem, hands, watch, news
        self._failure: asyncio.Future[ModemError] = asyncio.get_running_loop().create_future()
        self._turn, self._stopping = Bell(), False
        self._last_uncertain: AttemptEnd | None = None

    def reserve(self, waiting: Waiting, *, urgent: bool = False) -> None:
        """Let this line send a message next; urgent: also between the parts of a long one."""
        self.reserved.add(waiting, urgent=urgent)
        self._offer.count(len(waiting.todo))
        self._turn.nudge()

    def free(self, ahead: int) -> Free:
        """Return this line as choosing sees it, which may have ``ahead`` messages reserved."""
        if self.probing:
            ahead = 0 if self.reserved.current else 1
        return self._offer.free(ahead, self.reserved, self._modem.health.operator)

    def may_send(
        self,
        now: datetime,
        parts: int = 1,
        recipient: bytes | None = None,
        message_id: int | None = None,
        priority: int = 0,
        *,
        before: int = 0,
    ) -> Wait:
        """Return when this line may send ``parts`` parts (of a message), and what holds it.

        ``before`` of them are of others, which go first.
        """
        return self._conduct.held(now) or self.allowance.earliest(
            now, parts, recipient, message_id=message_id, priority=priority, before=before
        )

    def _may_send_of(self, at: datetime, parts: int, of: Candidate) -> Wait:
        before = max(parts - of.parts - self.reserved.behind(of.priority), 0)
        return self.may_send(
            at, parts, of.recipient_key or None, of.key, of.priority, before=before
        )

    @property
    def paused(self) -> str | None:
        """Why its SIM sends nothing until somebody resumes it; None if it may send."""
        return self._conduct.paused(self._hands.clock.now())

    @property
    def probing(self) -> bool:
        """Whether its SIM is tried with one message after it was bad."""
        return self._conduct.probing(self._hands.clock.now())

    @property
    def holds(self) -> set[int]:
        """The messages that nobody else may take: its own, and those whose outcome is unwritten."""
        return self.reserved.keys | self._hands.record.unwritten

    @property
    def idle(self) -> bool:
        """Whether it has nothing to send."""
        return self.reserved.current is None and not self.reserved

    def handed_for(self, now: datetime) -> timedelta:
        """Return how long the modem has had a part by now, nothing if it has none."""
        return now - self._handed_at if self._handed_at is not None else timedelta()

    def held_by(self, now: datetime) -> str:
        """Return what holds this line just now, a sentence; empty if nothing does."""
        return self._hangs(now) or self.paused or self.may_send(now).reason

    def _hangs(self, now: datetime) -> str:
        if self.handed_for(now) < SLOW:
            return ""
        return f"the modem has not answered to a part for more than {SLOW.seconds} s"

    def stop(self) -> None:
        """Send nothing more after the part in flight."""
        self._stopping = True
        self._turn.nudge()

    def fail(self, error: ModemError) -> None:
        """End the run with an error, after the part in flight."""
        if not self._failure.done():
            self._failure.set_result(error)

    async def run(self, check_every: timedelta) -> None:
        """Send and listen until ``stop``, or until the modem fails (then ModemError is raised)."""
        bells = self._hands.store.bells
        bells.join(self._turn, GONE)
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._hearing.run())
                checking = group.create_task(self._check(check_every))
                failing = group.create_task(self._fail())
                await self._send_all()
                for task in (listening, checking, failing):
                    task.cancel()
        except* ModemError as errors:
            raise errors.exceptions[0] from None
        finally:
            bells.forget(GONE, self._turn)

    # sending

    async def _send_all(self) -> None:
        while not self._stopping:
            waiting = self.reserved.next()
            if waiting is not None:
                self._hands.nudge()
                await self._send(waiting)
            else:
                self._hands.nudge()
                if not self._stopping:
                    await self._turn.wait()

    async def _send(self, waiting: Waiting) -> None:
        """Send what is left of one message, part after part; what is urgent goes in between."""
        if len(waiting.todo) == waiting.parts and self._hands.held(waiting):
            self._hands.again()
            return
        segments = segments_of(waiting)
        concat_reference = waiting.concat_reference
        with self.reserved.sending(waiting) as under_way:
            for number, ordinal in enumerate(waiting.todo):
                first = number == 0
                if not await self._turn_of(under_way, first=first):
                    self._hands.again()
                    return
                begin = self._begin(waiting, ordinal, concat_reference, first=first)
                begun = await self._unbroken(
                    self._send_part(begin, segments[ordinal - 1], under_way)
                )
                if begun is None:
                    self._hands.again()  # it may wait otherwise than it was read
                    return
                concat_reference = begun.concat_reference

    async def _turn_of(self, under_way: UnderWay, *, first: bool) -> bool:
        """Wait until the next part may go; False if its message should rather go otherwise."""
        while await self._room(under_way, first=first):
            if first or not self.reserved.interrupts:
                return True
            urgent = self.reserved.next()
            assert urgent is not None
            await self._send(urgent)
        return False

    def _begin(
        self, waiting: Waiting, ordinal: int, concat_reference: int | None, *, first: bool
    ) -> Begin:
        now = self._hands.clock.now()
        return Begin(
            waiting=waiting,
            ordinal=ordinal,
            sim_id=self.sim_id,
            at=now,
            first=first,
            concat_reference=concat_reference,
            price=self.allowance.price,
            unreported=self._modem.unreported,
        )

    async def _unbroken(self, sending: Coroutine[Any, Any, Begun | None]) -> Begun | None:
        """Let a part come to its outcome, and that be written down, whoever is cancelled."""
        task = asyncio.create_task(sending)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _room(self, under_way: UnderWay, *, first: bool) -> bool:
        """Wait until a part may go; False if its message should rather go by another line."""
        while not self._stopping:
            now = self._hands.clock.now()
            of = under_way.waiting
            wait = self.may_send(now, under_way.left, of.recipient_key, of.message_id, of.priority)
            if wait.at is not None and wait.at <= now:
                return True
            if first or wait.at is None or self.paused is not None:
                return False
            await self._turn.wait(min(wait.at - now + GIVE_WAY, ASK_AGAIN))
            if GONE in self._turn.heard() and not await self._still_to_go(of.message_id):
                return False
        return False

    async def _still_to_go(self, message_id: int) -> bool:
        """Tell whether anything of a message still has to leave; True if nobody knows."""
        try:
            return await self._hands.store.dispatch.still_to_go(message_id)
        except StoreError:
            return True

    async def _send_part(
        self, begin: Begin, segment: text.Segment, under_way: UnderWay
    ) -> Begun | None:
        """Send one part; return its attempt if the message may go on, else None."""
        store, whom = self._hands.store, begin.waiting.recipient_key
        if not store.tenure.holds:
            self._hands.again()
            return None
        self.allowance.spend(begin.at, whom, message_id=begin.waiting.message_id)
        under_way.left -= 1  # at once: a part is waiting or spent, never neither
        beginning = asyncio.create_task(store.dispatch.begin(begin))
        waiting = begin.waiting
        if store.shared or (waiting.numbered and begin.concat_reference is None):
            # Another daemon may be quicker; the header needs the reference that it brings.
            await asyncio.wait([beginning])
        with self._slowness_told(begin.at):
            outcome = await self._hand_over(begin, segment, beginning, more=under_way.left > 0)
        try:
            begun = await beginning
        except StoreError as error:
            logger.warning("message %d was not begun: %s", waiting.message_id, error)
            self._hands.record.undo(begin, self._hands.again)
            begun = NotBegun(str(error))
        if isinstance(begun, NotBegun):
            self.allowance.give_back(begin.at, whom)
            return None
        end = understand(begin, begun, outcome, self._hands.clock.now())
        self._remember(end, outcome)
        if self.may_send(end.at).reason:
            self._news()
        return begun if end.event in (Event.ACCEPT, Event.LOSE) else None

    async def _hand_over(
        self, begin: Begin, segment: text.Segment, beginning: Beginning, *, more: bool
    ) -> Answer:
        """Give a part to the modem; what has no form for the air fails by itself."""
        tenure = self._hands.store.tenure
        try:
            encoded = encode(begin, segment, known_reference(beginning, begin))
        except PduError as error:
            await asyncio.wait([beginning])
            return Refused(Cause(Kind.NUMBER, str(error)), None, "")
        return await self._modem.send(
            encoded, committed(beginning), more=more, in_time=lambda: tenure.holds
        )

    @contextmanager
    def _slowness_told(self, at: datetime) -> Iterator[None]:
        """Let it be seen that the modem has a part for long, from ``at`` on."""
        self._handed_at = at
        telling = asyncio.get_running_loop().call_later(SLOW.total_seconds(), self._tell_slow)
        try:
            yield
        finally:
            self._handed_at = None
            telling.cancel()

    def _tell_slow(self) -> None:
        self._news()
        self._hands.nudge()  # what waits for this line may go by others now

    def _remember(self, end: AttemptEnd, outcome: Answer) -> None:
        """Write an outcome down, and judge the line by it."""
        released = end.event is Event.RELEASE
        self._hands.record.end(end, self._hands.again if released else _nothing)
        waiting = end.begin.waiting
        detail = f"reference {end.reference}" if end.reference is not None else end.cause or ""
        part = f"{public(PREFIX, waiting.message_id)}/{end.begin.ordinal}"
        logs.part_ended(part, waiting.recipient, self.slot, end.outcome, detail)
        if released:
            self.resume_at = end.not_before or end.at
        if isinstance(outcome, MaybeSent):
            self._last_uncertain = end
        elif isinstance(outcome, NotSent):
            self.allowance.give_back(end.begin.at, waiting.recipient_key)
        if not isinstance(outcome, NotSent) or self._hands.store.tenure.holds:
            self._conduct.heed(outcome)

    async def _fail(self) -> None:
        raise await self._failure

    # listening

    async def _late(self, reference: int) -> None:
        """Take a late answer: the part that was lost sight of was sent."""
        end, self._last_uncertain = self._last_uncertain, None
        if end is not None:
            now = self._hands.clock.now()
            sent = replace(end, outcome=Outcome.SENT, event=Event.ACCEPT, cause=None)
            self._hands.record.end(replace(sent, reference=reference, at=now), _nothing)

    async def _check(self, every: timedelta) -> None:
        """Look after the modem every so often, and at once where it has become doubtful."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(every.total_seconds()):
                    await self._modem.doubt.wait()
            self._modem.doubt.clear()
            await self._modem.check()
            self._watch.mender.answered()
            await self._hearing.look()
            await self._conduct.look()


def _nothing() -> None:
    """Do nothing: only what goes back to the queue concerns others."""
