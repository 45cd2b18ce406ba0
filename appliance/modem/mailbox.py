"""What the network brings: read, handed out once, and deleted or acknowledged when settled.

Reading and deleting share one listing: a pass lists a memory, hands out what is new, and
deletes of what is settled only that which the same listing showed unchanged in its place. So
one AT+CMGL is the search for new arrivals and the check before each deletion, and nothing
else speaks on the port in between.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from appliance.errors import CommandRefused, ModemError
from appliance.modem.answers import Usage
from appliance.modem.arrivals import Arrivals, arrival_from
from appliance.modem.at import Said
from appliance.modem.handover import Handover
from appliance.modem.link import Link
from appliance.modem.news import News, Note, note_of
from appliance.modem.shelf import Habits, Shelf
from appliance.modem.turns import Rank
from appliance.modem.values import (
    Arrival,
    DeliverArrived,
    Direct,
    Place,
    ReportArrived,
    Stored,
    Undecodable,
)

logger = logging.getLogger(__name__)

DELETIONS: Final = 8  # in one turn, while sending waits

MANY: Final = 4  # settled, and worth a pass of their own at once

SHORT: Final = 0.8
"""How full a memory may be before what nobody needs is thrown out of it: own messages that
somebody stored (drafts, AT+CMGW). We store none, and a SIM's owner may want them else."""


@dataclass(slots=True)
class _Slot:
    """A place in a memory as it was last seen."""

    pdu: str
    place: Stored
    arrival: Arrival | None  # None: not from the network
    settled: bool = False


async def _nobody_doubts() -> None:
    """Take the SIM for the one that it was."""


class Mailbox:
    """The memories of one modem, and what comes past them.

    ``same_sim`` is called where a SIM's memory shows more than was announced; it raises NotReady if
    that is another SIM, whose messages would be taken for those of the one that start-up found.
    """

    def __init__(self, link: Link, arrivals: Arrivals, habits: Habits) -> None:
        self.memories: tuple[str, ...] = ()
        self.same_sim: Callable[[], Awaitable[None]] = _nobody_doubts
        self.direct = Handover(link, arrivals)
        self.sweeping = False  # every memory is due
        self._link, self._arrivals, self._habits = link, arrivals, habits
        self._shelf = Shelf(link, habits)
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._due: dict[str, None] = {}  # memories to pass through
        self._announced: Counter[str] = Counter()  # how much is said to be new there
        self._proven: set[str] = set()  # memories of a SIM that was looked at since they were read
        self._read: set[str] = set()  # memories that were passed through once
        self._wake = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._calm: asyncio.TimerHandle | None = None
        self._noise = 0
        self._news: dict[News, Callable[[Said, Note], None]] = {
            News.DIRECT: self._hand_over,
            News.STORED: self._announce,
            News.FULL: self._full,
            News.BROADCAST: self._broadcast,
        }

    def indicated(self, said: Said) -> None:
        """Take what the modem said unasked, if it is about messages."""
        if self._link.noise != self._noise:
            self.sweep_when_calm()
        if note := note_of(said.line):
            self._news[note.news](said, note)

    def settle(self, arrival: Arrival) -> None:
        """Note that ``arrival`` is safe with us: it may be acknowledged or deleted.

        Returns at once; the port is used when it is free. Unknown or repeated ones do no harm.
        """
        match arrival:
            case (
                ReportArrived(place=place) | DeliverArrived(place=place) | Undecodable(place=place)
            ):
                self._settle(arrival, place)

    def _settle(self, arrival: Arrival, place: Place) -> None:
        if isinstance(place, Direct):
            if place.acknowledge:
                self.direct.settle()
            return
        slot = self._slots.get((place.memory, place.index))
        if slot is None or slot.arrival is not arrival or slot.settled:
            return
        slot.settled = True
        self._tidy_soon()

    def sweep_all(self) -> None:
        """Look through every memory soon, and see how full each is."""
        self._due |= dict.fromkeys(self.memories)
        self.sweeping = True
        self._shelf.forget_selection()
        self._wake.set()

    def sweep_when_calm(self) -> None:
        """Look through every memory when no more noise comes: an announcement may be lost in it."""
        self._noise = self._link.noise
        if self._calm is None:
            patience = self._link.timing.patience.total_seconds()
            self._calm = asyncio.get_running_loop().call_later(patience, self._calmed)

    def tidy_now(self) -> None:
        """Let what is settled be deleted without waiting for the next arrival."""
        if self._linger:
            self._linger.cancel()
            self._linger = None
        self._due |= {memory: None for (memory, _), slot in self._slots.items() if slot.settled}
        self._wake.set()

    async def wanted(self) -> None:
        """Wait until something is due."""
        await self._wake.wait()
        self._wake.clear()

    async def tidy(self) -> None:
        """Pass through every memory in which something is due.

        Raises:
            ModemError: the modem did not answer, or the port went.

        """
        self.sweeping = False
        while memory := next(iter(self._due), None):
            async with self._link.turns.turn(Rank.CHORE):
                doubtful = not await self._pass(memory)
            if doubtful:
                await self.same_sim()
                self._proven.add(memory)

    def close(self) -> None:
        """Stop timers and tasks."""
        for timer in (self._linger, self._calm):
            if timer:
                timer.cancel()
        self.direct.close()

    @property
    def settled(self) -> bool:
        """Whether something settled still lies in a memory."""
        return any(slot.settled for slot in self._slots.values())

    @property
    def usages(self) -> tuple[Usage, ...]:
        """How full each memory is, as far as the modem tells."""
        told = self._shelf.usages
        return tuple(told[memory] for memory in self.memories if memory in told)

    @property
    def holds_old(self) -> bool:
        """Whether the modem's own memory may hold what lay there before this run."""
        own = {memory for memory in self.memories if Stored(memory, 0).own}
        left = any(
            slot.place.own and slot.place.old and slot.arrival is not None
            for slot in self._slots.values()
        )
        return left or not own <= self._read

    def _calmed(self) -> None:
        self._calm = None
        if self._link.noise != self._noise:
            self.sweep_when_calm()
        else:
            self.sweep_all()

    def _hand_over(self, said: Said, _note: Note) -> None:
        self.direct.take(said)

    def _announce(self, _said: Said, note: Note) -> None:
        """Look where something is said to be, and everywhere if it is not there."""
        if note.memory not in self.memories:
            self.sweep_all()
            return
        self._announced[note.memory] += 1
        self._due[note.memory] = None
        self._wake.set()

    def _full(self, said: Said, _note: Note) -> None:
        logger.warning("%s: a memory is full (%s)", self._link.port, said.line)
        self._habits.counts["full"] += 1
        self.sweep_all()

    def _broadcast(self, _said: Said, _note: Note) -> None:
        self._habits.counts["broadcasts"] += 1

    def _tidy_soon(self) -> None:
        """Delete when the next arrival is read anyway, else after a while, or at once if many."""
        if self._linger is None:
            patience = self._link.timing.patience.total_seconds()
            self._linger = asyncio.get_running_loop().call_later(patience, self.tidy_now)
        if sum(slot.settled for slot in self._slots.values()) >= MANY:
            self.tidy_now()

    async def _pass(self, memory: str) -> bool:
        """Read and empty a memory; False if it is to be known first whether the SIM is the same."""
        self._due.pop(memory, None)  # what is announced from here on is for the next pass
        announced = self._announced.pop(memory, 0)
        try:
            seen = await self._shelf.read(memory)
        except CommandRefused as error:
            logger.info("%s: memory %s cannot be read: %s", self._link.port, memory, error.final)
            self._read.add(memory)
            return True
        except ModemError:
            self._due[memory] = None
            raise
        if self._is_surprising(memory, seen, announced):
            self._announced[memory] += announced
            self._due[memory] = None
            return False
        if not self._hand_out(memory, seen) and announced:
            self.sweep_all()  # some models announce one memory and use another
        await self._delete(memory)
        return True

    def _is_surprising(self, memory: str, seen: dict[int, Said], announced: int) -> bool:
        """Say whether a SIM's memory holds so much that is new that it may be another SIM's."""
        if Stored(memory, 0).own:
            return False
        if memory in self._proven:
            self._proven.discard(memory)
            return False
        slots = self._slots
        new = sum(
            slots[memory, index].pdu != said.pdu if (memory, index) in slots else True
            for index, said in seen.items()
        )
        return new > announced

    def _hand_out(self, memory: str, seen: dict[int, Said]) -> int:
        """Hand out what is new in a listing, forget what is gone; return how much is new."""
        for key in [key for key in self._slots if key[0] == memory]:
            said = seen.get(key[1])
            if said is None or said.pdu != self._slots[key].pdu:
                del self._slots[key]
        known, old = len(self._slots), memory not in self._read
        self._read.add(memory)
        for index, said in seen.items():
            if (memory, index) not in self._slots:
                place = Stored(memory, index, old)
                arrival = arrival_from(said, place)
                self._slots[memory, index] = _Slot(said.pdu or "", place, arrival)
                if arrival is not None:
                    self._arrivals.put(arrival)
        return len(self._slots) - known

    async def _delete(self, memory: str) -> None:
        """Delete what is settled; the listing just before has shown each one in its place."""
        for count, place in enumerate(self._deletable(memory)):
            if count >= DELETIONS and self._link.turns.wanted(Rank.SEND):
                self._tidy_soon()
                return
            if await self._shelf.delete(*place):
                slot = self._slots.pop(place)
                self._habits.counts["drafts_deleted"] += slot.arrival is None

    def _deletable(self, memory: str) -> list[tuple[str, int]]:
        usage = self._shelf.usages.get(memory)
        short = usage is not None and usage.used >= SHORT * usage.total
        return [
            place
            for place, slot in self._slots.items()
            if place[0] == memory and (slot.settled or (short and slot.arrival is None))
        ]
