"""Which of a stick's ports takes AT commands, where only trying can tell."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from appliance.errors import ModemError, PortBusy
from appliance.modem.at import Said
from appliance.modem.link import Link
from appliance.modem.ports import Opener
from appliance.modem.tap import Tap
from appliance.modem.turns import Rank
from appliance.modem.values import Timing

logger = logging.getLogger(__name__)


class Place:
    """Where a modem is to be found; remembers which port was proved, while they are there."""

    def __init__(self, port: str, candidates: tuple[str, ...] = (), *, known: bool = False) -> None:
        """``port`` is the AT port, unless it has to be found among ``candidates``.

        ``known``: it is, and the others are for the case that it is mute.
        """
        self.port = port
        self._known = known
        self._offered = port, candidates
        self._untried = candidates

    def moved(self, port: str, candidates: tuple[str, ...] = ()) -> bool:
        """Take note of where it is from the next start on; say whether that is new."""
        if (port, candidates) == self._offered:
            return False
        self._offered = port, candidates
        self.port, self._untried = port, candidates
        return True

    async def choose(self, timing: Timing, opener: Opener, tap: Tap | None = None) -> str:
        """Return the port, found by trying if need be.

        Raises:
            ModemError: as ``first_that_answers``.

        """
        offered = self._offered
        if self._untried:
            port = await first_that_answers(self._untried, timing, opener, tap)
            if self._known and port != offered[0]:  # some wake up once another was spoken to
                port = await first_that_answers((offered[0], port), timing, opener, tap)
            if offered == self._offered:  # else it was plugged elsewhere meanwhile
                self.port, self._untried = port, ()
        return self.port


async def first_that_answers(
    candidates: Sequence[str], timing: Timing, opener: Opener, tap: Tap | None = None
) -> str:
    """Try the ports in order, each for ``timing.prove``; return the first that says OK to AT.

    Raises:
        PortBusy: none did, and another process holds one of them.
        ModemError: none did; what was wrong with the first.

    """
    troubles = []
    for port in candidates:
        trouble = await _trouble_with(port, timing, opener, tap)
        if trouble is None:
            return port
        logger.debug("%s is not the AT port: %s", port, trouble)
        troubles.append(trouble)
    raise next((each for each in troubles if isinstance(each, PortBusy)), troubles[0])


async def _trouble_with(
    port: str, timing: Timing, opener: Opener, tap: Tap | None
) -> ModemError | None:
    link = Link(
        port,
        on_indication=_ignore,
        on_gone=_ignore,
        timing=replace(timing, wake=timing.prove),
        opener=opener,
        tap=tap,
    )
    try:
        await link.open()
        async with link.turns.turn(Rank.CHORE):
            await link.resync()
    except ModemError as error:
        return error
    finally:
        await link.close()
    return None


def _ignore(_what: Said | ModemError) -> None:
    """Let it pass: the modem is only being looked for."""
