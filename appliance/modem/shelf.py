"""Reading and emptying one message memory at a time (27.005 clauses 3.2.2, 3.4.2 and 3.5.4)."""

import logging
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.errors import CommandRefused, ModemSilent
from appliance.modem import answers, inquiries
from appliance.modem.answers import Usage
from appliance.modem.at import Said
from appliance.modem.causes import code_of
from appliance.modem.link import Link

logger = logging.getLogger(__name__)

EMPTY: Final = frozenset({321})  # +CMS ERROR of a place that holds nothing

MOST_PLACES: Final = 1024  # looked at one by one; no memory in ``facts`` has more than 255

RESTARTS_KEPT: Final = 16


@dataclass(slots=True)
class Habits:
    """What was learnt of a modem, and holds while its port is closed and opened again.

    ``by_index``: listing its memories (AT+CMGL) made it fall silent, so that they are read
    place by place. ``counts``: how often what happened, by words such as "broadcasts".
    ``restarts``: when it last restarted by itself, by the clock of the event loop.
    """

    by_index: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS_KEPT))


class Shelf:
    """The memory that is selected. The caller holds the port's turn meanwhile."""

    def __init__(self, link: Link, habits: Habits) -> None:
        self.usages: dict[str, Usage] = {}  # of each memory, as far as the modem tells
        self._link, self._habits = link, habits
        self._blank: dict[str, int] = {}  # entries of each memory that show no PDU
        self._selected = ""
        self._just_told = False  # how full the selected memory is
        self._hidden = 0  # places in use that a listing of the selected memory does not show

    def forget_selection(self) -> None:
        """Select the memory anew: the modem may have restarted."""
        self._selected = ""

    async def read(self, memory: str) -> dict[int, Said]:
        """Return what lies in ``memory``, by its index; entries without a PDU are left out.

        A listing that is refused or breaks off is read once more, place by place.

        Raises:
            CommandRefused: the memory cannot be selected.
            ModemSilent: the modem did not answer.
            PortGone: the port vanished or was closed.

        """
        if memory != self._selected:
            await self._select(memory)
        seen = await self._listed(memory)
        self._count(memory, len(seen))
        return seen

    async def delete(self, memory: str, index: int) -> bool:
        """Delete one place of the selected memory; return whether it is empty now.

        Raises:
            ModemSilent, PortGone: as for ``read``.

        """
        try:
            await self._link.ask(f"AT+CMGD={index}")
        except CommandRefused as error:
            if code_of(error.final) not in EMPTY:
                logger.warning("%s: %s", self._link.port, error)
                return False
        if usage := self.usages.get(memory):
            self.usages[memory] = replace(usage, used=max(usage.used - 1, 0))
        return True

    async def _select(self, memory: str) -> None:
        self._selected = ""
        said = await self._link.ask(f'AT+CPMS="{memory}"', inquiries.CPMS)
        self._selected = memory
        if found := answers.usage(memory, (entry.line for entry in said)):
            self.usages[memory] = found
            self._just_told = True

    def _count(self, memory: str, seen: int) -> None:
        """Note how full the memory is: as it says itself, from then on by what a listing shows."""
        if usage := self.usages.get(memory):
            if self._just_told:
                self._hidden = max(usage.used - seen, 0)
            self.usages[memory] = replace(usage, used=self._hidden + seen)
        self._just_told = False

    async def _listed(self, memory: str) -> dict[int, Said]:
        if self._habits.by_index:
            return await self._one_by_one(memory)
        try:
            said = await self._link.ask("AT+CMGL=4", inquiries.CMGL)
        except CommandRefused as error:
            logger.info("%s: %s is read place by place: %s", self._link.port, memory, error.final)
            return await self._one_by_one(memory)
        except ModemSilent:
            logger.warning("%s: it fell silent at a listing; no more of them", self._link.port)
            self._habits.by_index = True
            self._habits.counts["silent_listings"] += 1
            return await self._one_by_one(memory)
        found = {}
        for line in said:
            index = answers.number_in(line.line, 0)
            if index is None:
                continue
            entry = line if line.pdu is not None else await self._place(index)
            if entry is not None:
                found[index] = entry
        self._note_blank(memory, len(said) - len(found))
        return found

    def _note_blank(self, memory: str, count: int) -> None:
        """Log how many entries show no PDU, when it is not as many as before."""
        if count != self._blank.get(memory, 0):
            self._blank[memory] = count
            logger.warning("%s: %s holds %d without a PDU", self._link.port, memory, count)

    async def _one_by_one(self, memory: str) -> dict[int, Said]:
        """Ask for each place until all that are in use were seen. Some count from 0."""
        await self._select(memory)  # how many are in use now, and which memory it is
        usage = self.usages.get(memory)
        found: dict[int, Said] = {}
        if usage is None:
            return found
        for index in range(min(usage.total, MOST_PLACES) + 1):
            if len(found) >= usage.used:
                break
            if entry := await self._place(index):
                found[index] = entry
        return found

    async def _place(self, index: int) -> Said | None:
        """Return what lies in one place of the selected memory, None if nothing that has a PDU."""
        try:
            said = await self._link.ask(f"AT+CMGR={index}", inquiries.CMGR)
        except CommandRefused:
            return None
        return next((entry for entry in said if entry.pdu is not None), None)
