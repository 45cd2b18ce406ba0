"""Whether the SIM that start-up found is still there: looked at now and then, and on a sign."""

import asyncio
import logging
from collections.abc import Callable

from appliance.errors import ModemError, NotReady
from appliance.modem import inquiries
from appliance.modem.health import Pulse, Trouble
from appliance.modem.link import Link
from appliance.modem.startup import LOCKS, UNLOCKED, Setup, sim_state

logger = logging.getLogger(__name__)


class SimWatch:
    """Watches one modem's SIM; ``on_gone`` is called when a sign of its going proved true."""

    def __init__(
        self, link: Link, pulse: Pulse, setup: Setup, on_gone: Callable[[NotReady], None]
    ) -> None:
        self._link, self._pulse, self._setup, self._on_gone = link, pulse, setup, on_gone
        self._signed = False
        self._looking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Look at the SIM.

        Raises:
            NotReady: it went, is another one, or wants its PIN; the pulse knows.
            ModemError: the modem does not answer.

        """
        profile, sim = self._setup.profile, self._setup.sim
        state = await sim_state(self._link, profile, self._pulse, self._pause)
        if state != UNLOCKED:
            raise self._pulse.halt(LOCKS.get(state, Trouble.PIN_MISSING), state)
        if self._setup.iccid_command:
            found = await inquiries.iccid(self._link, (self._setup.iccid_command,))
            changed = found is not None and found[0] != sim.iccid
        else:
            imsi = await inquiries.imsi(self._link)
            changed = imsi is not None and imsi != sim.imsi
        if changed:
            raise self._pulse.halt(Trouble.SIM_CHANGED)

    async def prove(self) -> None:
        """Look at the SIM as ``check`` does; if it has gone, ``on_gone`` is called as well.

        Raises:
            NotReady, ModemError: as for ``check``.

        """
        try:
            await self.check()
        except NotReady as error:
            self._on_gone(error)
            raise

    def suspect(self) -> None:
        """Look at once, and once more if this is called meanwhile."""
        self._signed = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while self._signed:
            self._signed = False
            try:
                await self.check()
            except NotReady as error:
                self._on_gone(error)
                return
            except ModemError as error:
                logger.debug("%s; the next check tells", error)

    async def _pause(self) -> None:
        await asyncio.sleep(self._link.timing.retry.total_seconds())
