"""One line: a modem with its SIM, what it sends, what it hears, and when it may send again."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from appliance import logs, text
from appliance.attempt import Answer, encode, segments_of, understand
from appliance.clock import Clock
from appliance.errors import ModemError, StoreError
from appliance.inbox import Inbox
from appliance.lifecycle import Event
from appliance.models import Outcome
from appliance.modem.causes import Kind
from appliance.modem.driver import Modem
from appliance.modem.values import (
    Arrival,
    DeliverArrived,
    LateReference,
    MaybeSent,
    NotSent,
    Refused,
    ReportArrived,
    Sent,
)
from appliance.policy.limits import Allowance, Wait
from appliance.record import Record
from appliance.store import Store
from appliance.store.ids import public
from appliance.store.messages import PREFIX
from appliance.store.values import AttemptEnd, Begin, Begun, NotBegun, Waiting

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=10)
"""How long a claim stands: longer than any answer to CMGS takes (23.040 leaves it open)."""

PAUSE: Final = timedelta(seconds=30)
"""How long a line pauses, times its troubles in a row."""

LONGEST_PAUSE: Final = timedelta(minutes=30)

MOST_UNCERTAIN: Final = 2
"""Parts lost sight of in a row, after which the modem must prove itself."""

MOST_BARRED: Final = 3
"""Refusals in a row that mean "this SIM may not", after which it pauses."""

SLOW: Final = timedelta(seconds=15)
"""How long an answer to CMGS may take before the line says that it waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a line works with.

    ``nudge`` wakes the dispatcher: there is room for a message. ``again`` does so too: a
    message that was reserved is not sent by this line, so the queue must be read again.
    """

    store: Store
    inbox: Inbox
    clock: Clock
    record: Record
    nudge: Callable[[], None]
    again: Callable[[], None]


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
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """``news`` is called when what holds the line has changed."""
        self.sim_id = sim_id
        self.allowance = allowance
        self.slot = slot
        self.reserved: deque[Waiting] = deque()
        self.current: Waiting | None = None
        self._left = 0  # parts of the current message that are not begun
        self._handed_at: datetime | None = None  # the part that the modem has just now
        self.resume_at: datetime | None = hands.clock.now()  # look for begun messages then
        self._modem, self._hands, self._news = modem, hands, news
        self._turn = asyncio.Event()
        self._doubt = asyncio.Event()  # whether the modem is well
        self._stopping = False
        self._paused_until: datetime | None = None
        self._pause_reason = ""
        self._uncertain = self._barred = self._unsent = 0
        self._last_uncertain: AttemptEnd | None = None

    def reserve(self, waiting: Waiting) -> None:
        """Let this line send a message next."""
        self.reserved.append(waiting)
        self._turn.set()

    @property
    def pending(self) -> int:
        """How many parts are reserved for this line and not begun."""
        return self._left + sum(len(waiting.todo) for waiting in self.reserved)

    def may_send(self, now: datetime, parts: int = 1) -> Wait:
        """Return when this line may send ``parts`` parts, and what holds it until then."""
        if self._paused_until is not None and self._paused_until > now:
            return Wait(self._paused_until, self._pause_reason)
        return self.allowance.earliest(now, parts)

    @property
    def idle(self) -> bool:
        """Whether it has nothing to send."""
        return self.current is None and not self.reserved

    def held_by(self, now: datetime) -> str:
        """Return what holds this line just now, a sentence; empty if nothing does."""
        if self._handed_at is not None and now - self._handed_at >= SLOW:
            return f"the modem has not answered to a part for more than {SLOW.seconds} s"
        return self.may_send(now).reason

    def stop(self) -> None:
        """Send nothing more after the part in flight."""
        self._stopping = True
        self._turn.set()

    async def run(self, check_every: timedelta) -> None:
        """Send and listen until ``stop``, or until the modem fails (then ModemError is raised)."""
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen())
                checking = group.create_task(self._check(check_every))
                await self._send_all()
                listening.cancel()
                checking.cancel()
        except* ModemError as errors:
            raise errors.exceptions[0] from None

    # sending

    async def _send_all(self) -> None:
        while not self._stopping:
            if self.reserved:
                self.current = self.reserved.popleft()
                self._hands.nudge()
                try:
                    await self._send(self.current)
                finally:
                    self.current, self._left = None, 0
            else:
                self._turn.clear()
                self._hands.nudge()
                if not self._stopping:
                    await self._turn.wait()

    async def _send(self, waiting: Waiting) -> None:
        """Send what is left of one message, part after part."""
        segments = segments_of(waiting)
        concat_reference = waiting.concat_reference
        for number, ordinal in enumerate(waiting.todo):
            self._left = len(waiting.todo) - number
            if not await self._room(self._left, first=number == 0):
                self._hands.again()
                return
            begin = self._begin(waiting, ordinal, concat_reference, first=number == 0)
            begun = await self._unbroken(
                self._send_part(begin, segments[ordinal - 1], more=self._left > 1)
            )
            if begun is None:
                return
            concat_reference = begun.concat_reference

    def _begin(
        self, waiting: Waiting, ordinal: int, concat_reference: int | None, *, first: bool
    ) -> Begin:
        now = self._hands.clock.now()
        return Begin(
            waiting=waiting,
            ordinal=ordinal,
            sim_id=self.sim_id,
            at=now,
            lease_until=now + LEASE,
            first=first,
            concat_reference=concat_reference,
        )

    async def _unbroken(self, sending: Coroutine[Any, Any, Begun | None]) -> Begun | None:
        """Let a part come to its outcome, and that be written down, whoever is cancelled."""
        task = asyncio.create_task(sending)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _room(self, parts: int, *, first: bool) -> bool:
        """Wait until a part may go; False if its message should rather go by another line."""
        while not self._stopping:
            now = self._hands.clock.now()
            wait = self.may_send(now, parts)
            if wait.at is not None and wait.at <= now:
                return True
            if first or wait.at is None:
                return False
            await asyncio.sleep((wait.at - now).total_seconds())
        return False

    async def _send_part(self, begin: Begin, segment: text.Segment, *, more: bool) -> Begun | None:
        """Send one part; return its attempt if the message may go on, else None."""
        self.allowance.spend(begin.at)
        self._left -= 1
        beginning = asyncio.create_task(self._hands.store.dispatch.begin(begin))
        waiting = begin.waiting
        if waiting.parts > 1 and begin.concat_reference is None:
            await asyncio.wait([beginning])  # the header needs the reference that it brings
        encoded = encode(begin, segment, _known_reference(beginning, begin))
        with self._slowness_told(begin.at):
            outcome = await self._modem.send(encoded, _committed(beginning), more=more)
        try:
            begun = await beginning
        except StoreError as error:
            logger.warning("message %d was not begun: %s", waiting.message_id, error)
            begun = NotBegun(str(error))
        if isinstance(begun, NotBegun):
            self.allowance.give_back(begin.at)
            return None
        end = understand(begin, begun, outcome, self._hands.clock.now())
        self._remember(end, outcome)
        if self.may_send(end.at).reason:
            self._news()
        return begun if end.event in (Event.ACCEPT, Event.LOSE) else None

    @contextmanager
    def _slowness_told(self, at: datetime) -> Iterator[None]:
        """Let it be seen that the modem has a part for long, from ``at`` on."""
        self._handed_at = at
        telling = asyncio.get_running_loop().call_later(SLOW.total_seconds(), self._news)
        try:
            yield
        finally:
            self._handed_at = None
            telling.cancel()

    def _remember(self, end: AttemptEnd, outcome: Answer) -> None:
        """Write an outcome down, and judge the line by it."""
        self._hands.record.end(end)
        waiting = end.begin.waiting
        detail = f"reference {end.reference}" if end.reference is not None else end.cause or ""
        part = f"{public(PREFIX, waiting.message_id)}/{end.begin.ordinal}"
        logs.part_ended(part, waiting.recipient, self.slot, end.outcome, detail)
        if end.event is Event.RELEASE:
            self.resume_at = end.not_before
        self._judge(end, outcome)

    def _judge(self, end: AttemptEnd, outcome: Answer) -> None:
        match outcome:
            case Sent():
                self._uncertain = self._barred = self._unsent = 0
            case MaybeSent(why):
                self._last_uncertain = end
                self._uncertain += 1
                if self._uncertain >= MOST_UNCERTAIN:
                    self._pause(self._uncertain - 1, f"stopped: {why}")
                    self._doubt.set()
            case NotSent(why):
                self.allowance.give_back(end.begin.at)
                self._unsent += 1
                self._pause(self._unsent, f"stopped: {why}")
                self._doubt.set()
            case Refused(cause) if cause.kind is Kind.SIM:
                self._barred += 1
                if self._barred >= MOST_BARRED:
                    self._pause(self._barred, f"the SIM is refused: {cause.sentence}")
            case Refused(cause) if cause.kind is Kind.DEVICE:
                self._pause(1, cause.sentence)
                self._doubt.set()
            case Refused():
                self._barred = 0

    def _pause(self, troubles: int, reason: str) -> None:
        self._paused_until = self._hands.clock.now() + min(troubles * PAUSE, LONGEST_PAUSE)
        self._pause_reason = reason
        self.reserved.clear()
        self._news()
        self._hands.again()

    # listening

    async def _listen(self) -> None:
        while True:
            arrival = await self._modem.next_arrival()
            try:
                await self._take(arrival)
            except StoreError as error:
                # It is not settled: it stays on the SIM, or the network says it again.
                logger.warning("%s: what came could not be stored: %s", self.slot, error)
                continue
            if not isinstance(arrival, LateReference):
                await self._modem.settle(arrival)

    async def _take(self, arrival: Arrival) -> None:
        match arrival:
            case ReportArrived(report):
                await self._hands.inbox.report(self.sim_id, report)
            case DeliverArrived(deliver):
                await self._hands.inbox.inbound(self.sim_id, deliver)
            case LateReference(reference):
                await self._late(reference)
            case _:
                await self._hands.inbox.undecodable(self.sim_id, arrival.raw, arrival.why)

    async def _late(self, reference: int) -> None:
        """Take a late answer: the part that was lost sight of was sent."""
        end, self._last_uncertain = self._last_uncertain, None
        if end is not None:
            now = self._hands.clock.now()
            await self._hands.store.dispatch.end(
                replace(
                    end,
                    outcome=Outcome.SENT,
                    event=Event.ACCEPT,
                    reference=reference,
                    cause=None,
                    at=now,
                )
            )

    async def _check(self, every: timedelta) -> None:
        """Look after the modem every so often, and at once where it has become doubtful."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(every.total_seconds()):
                    await self._doubt.wait()
            self._doubt.clear()
            await self._modem.check()


def _known_reference(beginning: "asyncio.Task[Begun | NotBegun]", begin: Begin) -> int | None:
    if begin.concat_reference is not None or not beginning.done() or beginning.exception():
        return begin.concat_reference
    begun = beginning.result()
    return begun.concat_reference if isinstance(begun, Begun) else None


async def _committed(beginning: "asyncio.Task[Begun | NotBegun]") -> bool:
    """Return whether the attempt is written down: only then may the PDU go."""
    return isinstance(await beginning, Begun)
