"""What the network brings: read, handed out once, and deleted or acknowledged when settled.

Reading and deleting share one listing: a pass lists a memory, hands out what is new, and
deletes of what is settled only that which the same listing showed unchanged in its place. So
one AT+CMGL is the search for new arrivals and the check before each deletion, and nothing
else speaks on the port in between.
"""

import asyncio
import logging
import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from appliance.errors import CommandRefused, ModemError, PduError, PortGone
from appliance.modem import answers, inquiries
from appliance.modem.at import Said
from appliance.modem.causes import code_of
from appliance.modem.link import Link
from appliance.modem.pdu import Deliver, StatusReport, decode
from appliance.modem.turns import Rank
from appliance.modem.values import (
    Arrival,
    DeliverArrived,
    Direct,
    LateReference,
    Place,
    ReportArrived,
    Stored,
    Undecodable,
)

logger = logging.getLogger(__name__)

ANNOUNCED: Final = re.compile(r'\+C(?:MT|DS)I:\s*"?(\w*)"?\s*,\s*(\d+)')

DELETIONS: Final = 8  # in one turn, while sending waits

MANY: Final = 4  # settled, and worth a pass of their own at once

MOST_DIRECT: Final = 1000  # direct arrivals not taken yet; more are left to the network

EMPTY: Final = frozenset({321})


class Arrivals:
    """A queue of what arrived, with the port's end at its end."""

    def __init__(self) -> None:
        self._waiting: deque[Arrival] = deque()
        self._news = asyncio.Event()
        self._gone: PortGone | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, arrival: Arrival) -> None:
        """Hand out ``arrival`` next."""
        self._waiting.append(arrival)
        self._news.set()

    def end(self, gone: PortGone) -> None:
        """Say that nothing more comes."""
        self._gone = gone
        self._news.set()

    async def next(self) -> Arrival:
        """Wait for the next arrival.

        Raises:
            PortGone: everything was handed out, and nothing more comes.

        """
        while not self._waiting:
            if self._gone:
                raise self._gone
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


@dataclass(slots=True)
class _Slot:
    """A place in a memory as it was last seen."""

    pdu: str
    arrival: Arrival | None  # None: not from the network, left alone
    settled: bool = False


class Mailbox:
    """The memories of one modem, and what comes past them."""

    def __init__(self, link: Link, arrivals: Arrivals) -> None:
        self.memories: tuple[str, ...] = ()
        self.acknowledge = False  # AT+CSMS=1 is set
        self.doubtful = False  # AT+CNMI may have been reset by a missed acknowledgement
        self._link = link
        self._arrivals = arrivals
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._due: dict[str, None] = {}  # memories to pass through
        self._announced: set[str] = set()  # because something new is said to be there
        self._selected = ""
        self._wake = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._acknowledgements: set[asyncio.Task[None]] = set()

    def indicated(self, said: Said) -> None:
        """Take what the modem said unasked, if it is about an arrival."""
        if said.line.startswith(("+CDS:", "+CMT:")):
            self._take_direct(said)
        elif found := ANNOUNCED.match(said.line):
            self._announce(found[1])

    def settle(self, arrival: Arrival) -> None:
        """Note that ``arrival`` is safe with us: it may be acknowledged or deleted.

        Returns at once; the port is used when it is free. Unknown or repeated ones do no harm.
        """
        if isinstance(arrival, LateReference):
            return
        if isinstance(arrival.place, Direct):
            if self.acknowledge:
                self._spawn_acknowledgement()
            return
        slot = self._slots.get((arrival.place.memory, arrival.place.index))
        if slot is None or slot.arrival is not arrival or slot.settled:
            return
        slot.settled = True
        self._tidy_soon()

    def sweep_all(self) -> None:
        """Look through every memory soon."""
        self._due |= dict.fromkeys(self.memories)
        self._wake.set()

    def tidy_now(self) -> None:
        """Let what is settled be deleted without waiting for the next arrival."""
        if self._linger:
            self._linger.cancel()
            self._linger = None
        self._due |= {memory: None for (memory, _), slot in self._slots.items() if slot.settled}
        self._wake.set()

    def forget_selection(self) -> None:
        """Select the memory anew: the modem may have restarted."""
        self._selected = ""

    async def wanted(self) -> None:
        """Wait until something is due."""
        await self._wake.wait()
        self._wake.clear()

    async def tidy(self) -> None:
        """Pass through every memory in which something is due.

        Raises:
            ModemError: the modem did not answer, or the port went.

        """
        while memory := self._next_due():
            async with self._link.turns.turn(Rank.CHORE):
                await self._pass(memory)

    def close(self) -> None:
        """Stop timers and tasks."""
        if self._linger:
            self._linger.cancel()
        for task in self._acknowledgements:
            task.cancel()

    @property
    def settled(self) -> bool:
        """Whether something settled still lies in a memory."""
        return any(slot.settled for slot in self._slots.values())

    def _announce(self, memory: str) -> None:
        """Look where something is said to be, and everywhere if it is not there."""
        if memory not in self.memories:
            self.sweep_all()
            return
        self._announced.add(memory)
        self._due[memory] = None
        self._wake.set()

    def _tidy_soon(self) -> None:
        """Delete when the next arrival is read anyway, else after a while, or at once if many."""
        if self._linger is None:
            patience = self._link.timing.patience.total_seconds()
            self._linger = asyncio.get_running_loop().call_later(patience, self.tidy_now)
        if sum(slot.settled for slot in self._slots.values()) >= MANY:
            self.tidy_now()

    def _next_due(self) -> str | None:
        return next(iter(self._due), None)

    async def _pass(self, memory: str) -> None:
        self._due.pop(memory, None)  # what is announced from here on is for the next pass
        announced = memory in self._announced
        self._announced.discard(memory)
        try:
            await self._select(memory)
            seen = await self._list(memory)
        except CommandRefused as error:
            logger.info("%s: memory %s cannot be read: %s", self._link.port, memory, error.final)
            return
        except ModemError:
            self._due[memory] = None
            raise
        if not self._hand_out(memory, seen) and announced:
            self.sweep_all()  # some models announce one memory and use another
        await self._delete(memory)

    async def _select(self, memory: str) -> None:
        if memory != self._selected:
            self._selected = ""
            await self._link.ask(f'AT+CPMS="{memory}"', inquiries.CPMS)
            self._selected = memory

    async def _list(self, memory: str) -> dict[int, Said]:
        said = await self._link.ask("AT+CMGL=4", inquiries.CMGL)
        found = {}
        for line in said:
            index = answers.number_in(line.line, 0)
            if index is None or line.pdu is None:
                logger.warning("%s: %s holds a message without a PDU", self._link.port, memory)
            else:
                found[index] = line
        return found

    def _hand_out(self, memory: str, seen: dict[int, Said]) -> int:
        """Hand out what is new in a listing, forget what is gone; return how much is new."""
        for place in [place for place in self._slots if place[0] == memory]:
            said = seen.get(place[1])
            if said is None or said.pdu != self._slots[place].pdu:
                del self._slots[place]
        known = len(self._slots)
        for index, said in seen.items():
            if (memory, index) not in self._slots:
                arrival = arrival_from(said, Stored(memory, index))
                self._slots[memory, index] = _Slot(said.pdu or "", arrival)
                if arrival is not None:
                    self._arrivals.put(arrival)
        return len(self._slots) - known

    async def _delete(self, memory: str) -> None:
        """Delete what is settled; the listing just before has shown each one in its place."""
        places = [key for key, slot in self._slots.items() if key[0] == memory and slot.settled]
        for count, place in enumerate(places):
            if count >= DELETIONS and self._link.turns.wanted(Rank.SEND):
                self._tidy_soon()
                return
            await self._delete_one(place)

    async def _delete_one(self, place: tuple[str, int]) -> None:
        try:
            await self._link.ask(f"AT+CMGD={place[1]}")
        except CommandRefused as error:
            if code_of(error.final) not in EMPTY:
                logger.warning("%s: %s", self._link.port, error)
                return  # it is tried again in the next pass
        del self._slots[place]

    def _take_direct(self, said: Said) -> None:
        if said.pdu is None:
            logger.warning("%s: %s came without its PDU", self._link.port, said.line)
            return
        if len(self._arrivals) >= MOST_DIRECT:
            logger.error("%s: too many arrivals wait; one is left to the network", self._link.port)
            return
        place = Direct(self.acknowledge)
        nonsense = Undecodable(bytes.fromhex(said.pdu), "it is nothing a network sends", place)
        self._arrivals.put(arrival_from(said, place) or nonsense)

    def _spawn_acknowledgement(self) -> None:
        task = asyncio.create_task(self._acknowledge())
        self._acknowledgements.add(task)
        task.add_done_callback(self._acknowledgements.discard)

    async def _acknowledge(self) -> None:
        try:
            await self._link.command("AT+CNMA", rank=Rank.URGENT)
        except CommandRefused as error:
            logger.info("%s: %s", self._link.port, error)
            self.doubtful = True
        except ModemError as error:
            logger.warning("%s: not acknowledged: %s", self._link.port, error)


def arrival_from(said: Said, place: Place) -> Arrival | None:
    """Return what a PDU is, None if it did not come from the network (an own message, stored)."""
    try:
        raw = bytes.fromhex(said.pdu or "")
    except ValueError:
        return Undecodable(
            (said.pdu or "").encode("ascii"), "it is no even number of hex digits", place
        )
    try:
        seen = decode(raw, has_smsc=said.octets != len(raw))
    except PduError as error:
        return Undecodable(raw, str(error), place)
    if isinstance(seen, StatusReport):
        return ReportArrived(seen, raw, place)
    if isinstance(seen, Deliver):
        return DeliverArrived(seen, raw, place)
    return None
