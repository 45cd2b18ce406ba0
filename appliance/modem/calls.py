"""Incoming calls: told once, with the number if the network gives it, and hung up.

``RING`` (27.007 clause 6.11: ``+CRING``) comes every few seconds as long as a call lasts, and
``+CLIP`` (clause 7.6) with it, on some models from the second one on. A call that was hung up
tells its number no more: so it is hung up as soon as the number is known, or known to be
withheld, and in any case after ``Timing.caller``.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from appliance.errors import CommandRefused, ModemError, ModemSilent
from appliance.modem import answers, inquiries
from appliance.modem.at import Said, prefixed
from appliance.modem.link import Link
from appliance.modem.profiles import GENERIC, Profile
from appliance.modem.startup import attempt
from appliance.modem.values import CallArrived

logger = logging.getLogger(__name__)

SHOW_NUMBERS: Final = "AT+CLIP=1"

HANG_UPS: Final = ("AT+CHUP", "ATH")  # the profile's first; some models know only one of them

CALLER: Final = re.compile(r"[+0-9*#]+")

INTERNATIONAL: Final = "145"  # type of address (24.008 clause 10.5.4.7)


class _Call:
    """One call, from its first sign on."""

    def __init__(self) -> None:
        self.number: str | None = None
        self.known = asyncio.Event()  # its number, or that there is none to be had
        self.told = False
        self.hang_ups = 0

    def tell(self, number: str | None) -> None:
        """Take what was said of the number; None: it is withheld."""
        self.number = number
        self.known.set()


class Calls:
    """Calls to one modem. ``arrived`` is called once for each."""

    def __init__(self, link: Link, arrived: Callable[[CallArrived], None]) -> None:
        self.profile: Profile = GENERIC
        self._link = link
        self._arrived = arrived
        self._call: _Call | None = None
        self._due: deque[_Call] = deque()  # to be hung up
        self._taken: _Call | None = None  # being hung up
        self._over: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Have numbers shown; again after each restart of the modem."""
        await attempt(self._link, SHOW_NUMBERS)

    def indicated(self, said: Said) -> bool:
        """Take what the modem said unasked, if it is about a call; say whether it is."""
        line = said.line
        if line == "RING" or line.startswith("+CRING:"):
            self._rings()
        elif line.startswith("+CLIP:"):
            self._shows(answers.fields(line))
        elif line == "NO CARRIER":
            self._ended()
        else:
            return False
        return True

    def close(self) -> None:
        """Stop timers and tasks."""
        if self._over:
            self._over.cancel()
        if self._task:
            self._task.cancel()

    def _rings(self) -> _Call:
        """Take a sign of a call: a new one, or the same as before if that was just now."""
        call = self._call
        if call is None:
            call = self._call = _Call()
        if self._over:
            self._over.cancel()
        patience = self._link.timing.ringing.total_seconds()
        self._over = asyncio.get_running_loop().call_later(patience, self._ended)
        if call is not self._taken and call not in self._due:
            self._due.append(call)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._take_all())
        return call

    def _shows(self, fields: list[str]) -> None:
        number = caller(fields)
        call = self._call
        if call is not None and number and call.number not in (None, number):
            self._ended()  # somebody else, right after the one before
        self._rings().tell(number)

    def _ended(self) -> None:
        """Take the next sign for another call."""
        if self._over:
            self._over.cancel()
            self._over = None
        if self._call:
            self._call.known.set()
        self._call = None

    async def _take_all(self) -> None:
        """Take the call there is, and the one that has taken its place meanwhile."""
        while self._due:
            self._taken = self._due.popleft()
            await self._take(self._taken)
            self._taken = None

    async def _take(self, call: _Call) -> None:
        """Learn who it is, hang up, and tell of it; of one told already, only hang up."""
        try:
            with suppress(CommandRefused, ModemSilent):
                await self._learn_number(call)
            await self._hang_up(call)
        except ModemError as error:
            logger.warning("%s: a call was not hung up: %s", self._link.port, error)
        if not call.told:
            call.told = True
            self._arrived(CallArrived(call.number))

    async def _learn_number(self, call: _Call) -> None:
        timing = self._link.timing
        if call.told or await _is_known(call, timing.quiet):
            return
        if number := await self._current_caller():
            call.tell(number)
        else:
            await _is_known(call, timing.caller)

    async def _current_caller(self) -> str | None:
        """Ask for the calls there are (AT+CLCC, 27.007 clause 7.18)."""
        for line in await inquiries.lines(self._link, "AT+CLCC", prefixed("+CLCC:")):
            fields = answers.fields(line)
            if len(fields) > 6 and fields[1] == "1" and (number := caller(fields[5:7])):
                return number
        return None

    async def _hang_up(self, call: _Call) -> None:
        """Hang up; the other way where it is refused, or was taken and the call rings on."""
        ways = list(dict.fromkeys((self.profile.hang_up, *HANG_UPS)))
        first = call.hang_ups % len(ways)
        call.hang_ups += 1
        for command in (*ways[first:], *ways[:first]):
            try:
                await self._link.command(command)
            except CommandRefused as error:
                logger.info("%s", error)
            else:
                return
        logger.warning("%s: a call was not hung up: the modem knows no way", self._link.port)


async def _is_known(call: _Call, within: timedelta) -> bool:
    """Wait until the number is known, or that there is none; False if that takes too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await call.known.wait()
    return call.known.is_set()


def caller(fields: list[str]) -> str | None:
    """Return the number of ``number, type of address, ...``; None: it is withheld or unknown."""
    number, *others = fields
    if not CALLER.fullmatch(number):
        return None
    plus = others[:1] == [INTERNATIONAL] and not number.startswith("+")
    return f"+{number}" if plus else number
