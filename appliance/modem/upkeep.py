"""The upkeep of a started modem's memories: settings checked, memories swept, use noted."""

import logging
from collections.abc import Awaitable, Callable

from appliance.errors import ModemError, PortGone
from appliance.modem import inquiries
from appliance.modem.health import Pulse
from appliance.modem.link import Link
from appliance.modem.mailbox import Mailbox
from appliance.modem.startup import Setup

logger = logging.getLogger(__name__)


class Upkeep:
    """Reads and deletes as it falls due; ``restore`` sets again what a modem may forget."""

    def __init__(
        self,
        link: Link,
        mailbox: Mailbox,
        pulse: Pulse,
        restore: Callable[[], Awaitable[None]],
    ) -> None:
        self._restore = restore
        self._restarted = False
        self._link, self._mailbox, self._pulse = link, mailbox, pulse
        self._setup: Setup | None = None

    async def begin(self, setup: Setup) -> None:
        """Look through all memories for the first time.

        Raises:
            ModemError: the modem did not answer, or the port went.

        """
        self._mailbox.memories = setup.memories
        self._mailbox.direct.acknowledge = setup.notifications.acknowledge
        self._mailbox.sweep_all()
        await self._mailbox.tidy()
        self._setup = setup
        self._note_storage()
        self._restarted = False  # what it said while starting is no restart

    def suspect(self) -> None:
        """Take note that the modem has restarted: its settings are gone."""
        if self._setup is not None:
            self._restarted = True
            self._mailbox.sweep_all()

    def in_step(self) -> None:
        """Look for what was announced while nobody could understand it."""
        if self._setup is not None:
            self._mailbox.sweep_when_calm()

    async def sweep(self) -> None:
        """Look through all memories now; first see that what arrives is still told.

        Raises:
            ModemError: the modem did not answer, or the port went.

        """
        self._mailbox.sweep_all()
        await self._tidy()

    async def keep(self) -> None:
        """Do what falls due, until the port goes."""
        while self._link.alive:
            await self._mailbox.wanted()
            try:
                await self._tidy()
            except PortGone:
                return
            except ModemError as error:
                logger.warning("%s; its memories are looked through later", error)

    async def _tidy(self) -> None:
        setup, direct = self._setup, self._mailbox.direct
        if setup is not None and (self._mailbox.sweeping or self._restarted):
            set_now = await inquiries.notifications(self._link)
            lost = set_now and set_now != setup.notifications.values
            # One that restarts unheard takes what follows AT+CMGS for a number in text mode.
            lost = lost or not await inquiries.in_pdu_mode(self._link)
            if lost or self._restarted or direct.doubtful:
                self._restarted = direct.doubtful = False
                await self._restore()
                self._mailbox.sweep_all()
        await self._mailbox.tidy()
        self._note_storage()

    def _note_storage(self) -> None:
        """Tell the memory for arrivals, and of the others those that hold something."""
        main = self._setup.arrivals if self._setup is not None else ""
        shown = [each for each in self._mailbox.usages if each.memory == main or each.used]
        shown.sort(key=lambda each: each.memory != main)
        self._pulse.note_storage(", ".join(map(str, shown)) or None)
