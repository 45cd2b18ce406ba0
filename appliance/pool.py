"""All modems of this daemon: found, kept, supplied with messages, stopped.

Which message leaves by which line is decided by ``policy.choosing``; ``dispatcher`` carries it out.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Final

from appliance.dispatch.dispatcher import Dispatcher
from appliance.lines.keeper import Keeper
from appliance.modem.discovery import Found
from appliance.modem.hotplug import Hotplug
from appliance.modem.ports import real_name

logger = logging.getLogger(__name__)

CLOSING: Final = timedelta(seconds=1)
"""How long ports may take to close at the end; one that hangs is left behind."""

REGISTERED: Final = frozenset({"home", "roaming"})

FIND_AGAIN: Final = timedelta(seconds=5)
"""How often ports are looked for where no hot-plug is heard, or something was missed: reading a
few names costs nothing worth mentioning."""


class Pool:
    """All modems of this daemon: found, kept, supplied, stopped."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        find: Callable[[], Sequence[Found]],
        keep: Callable[[Found], Keeper],
    ) -> None:
        self._dispatcher, self._find, self._keep = dispatcher, find, keep
        self._there: set[str] = set()  # the slots in which something was seen last time
        self._simulated: set[str] = set()  # slots in which no real modem sits
        self._keepers: dict[str, tuple[Keeper, asyncio.Task[None]]] = {}

    def keeper(self, slot: str) -> Keeper | None:
        """Return the caretaker of the modem in a slot, None if none was found there."""
        kept = self._keepers.get(slot)
        return kept[0] if kept else None

    def keepers(self) -> tuple[Keeper, ...]:
        """Return the caretakers of all modems that were found."""
        return tuple(keeper for keeper, _ in self._keepers.values())

    def unready(self) -> list[tuple[str, str]]:
        """Return the modems that cannot send, each with what holds it, for people."""
        found = ((each.slot, each.modem.health) for each in self.keepers() if each.line is None)
        return [(slot, health.cause or _unready(health.state.value)) for slot, health in found]

    def clock_offsets(self) -> list[timedelta]:
        """Return how far the clocks of modems that a real network serves are ahead of ours.

        A modem sets its clock by its network; one that was never told the time tells none.
        """
        served = (
            keeper.modem.health
            for slot, (keeper, _) in self._keepers.items()
            if slot not in self._simulated
        )
        return [
            timedelta(seconds=health.clock_offset)
            for health in served
            if health.clock_offset is not None and health.registration in REGISTERED
        ]

    async def run(self) -> None:
        """Keep what is found, and look for more, until cancelled."""
        with closing(Hotplug()) as hotplug:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._dispatcher.run())
                while True:
                    self._take(await asyncio.to_thread(self._find), group)
                    await hotplug.change(FIND_AGAIN)

    def _take(self, found: Sequence[Found], group: asyncio.TaskGroup) -> None:
        """Keep what is new, and tell the others' caretakers where their modems are by now."""
        for each in found:
            if each.slot not in self._keepers:
                logger.info("modem found at %s (%s)", each.port, each.slot)
                keeper = self._keep(each)
                if each.simulated:
                    self._simulated.add(each.slot)
                self._keepers[each.slot] = keeper, group.create_task(keeper.run())
            else:
                back = each.there and each.slot not in self._there
                self._keepers[each.slot][0].found(each, back=back)
        self._there = {each.slot for each in found if each.there}

    def trace(
        self, port: str, *, show_numbers: bool = False, raw: bool = False
    ) -> AsyncIterator[str] | None:
        """Return the dialogue with the modem at a port or in a slot, None if none is there.

        ``show_numbers`` and ``raw`` as in ``Tap.follow``; it has no end.
        """
        for slot, (keeper, _task) in self._keepers.items():
            if port == slot or real_name(port) == real_name(keeper.modem.port):
                return keeper.modem.tap.follow(show_numbers=show_numbers, raw=raw)
        return None

    async def stop(self, patience: timedelta) -> None:
        """Send nothing more, and wait up to ``patience`` for the answers in flight."""
        tasks = [task for _, task in self._keepers.values()]
        for keeper, _ in self._keepers.values():
            keeper.stop()
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=patience.total_seconds())
        closing = [asyncio.create_task(keeper.close()) for keeper, _ in self._keepers.values()]
        await asyncio.wait(closing, timeout=CLOSING.total_seconds())
        for task in (*closing, *tasks):
            task.cancel()


def _unready(state: str) -> str:
    """Return how a modem without a line does: ready is a line, with its SIM."""
    return "starting" if state == "ready" else state
