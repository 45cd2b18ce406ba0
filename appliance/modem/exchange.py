"""One command in flight on a port: what its caller waits for, and how it ends."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from appliance.errors import CommandRefused, ModemError
from appliance.modem.at import Answered, Refused, Said

End = Answered | Refused | ModemError


class Exchange:
    """One command in flight. ``prompted`` and ``ended`` never carry exceptions, only values."""

    def __init__(self, port: str, text: str, *, prompts: bool) -> None:
        loop = asyncio.get_running_loop()
        self.text = text
        self.prompts = prompts
        self.given = False  # its body was put
        self.left = False  # its body and Ctrl-Z were handed to the device: it may be on the air
        self._port = port
        self._prompted: asyncio.Future[End | None] = loop.create_future()
        self._ended: asyncio.Future[End] = loop.create_future()
        self._deadline: asyncio.TimerHandle | None = None

    async def prompt(self) -> None:
        """Wait for the modem's prompt.

        Raises:
            CommandRefused, ModemSilent, PortGone: there will be none.

        """
        if (end := await asyncio.shield(self._prompted)) is not None:
            self._lines_of(end)

    async def answer(self) -> tuple[Said, ...]:
        """Wait for the final line; return the information lines.

        Raises:
            CommandRefused, ModemSilent, PortGone: the command did not succeed.

        """
        return self._lines_of(await asyncio.shield(self._ended))

    def _lines_of(self, end: End) -> tuple[Said, ...]:
        if isinstance(end, ModemError):
            raise end
        if isinstance(end, Refused):
            raise CommandRefused(self._port, self.text, end.final)
        return end.lines

    def limit(self, within: timedelta, then: Callable[[], None]) -> None:
        """Set the time limit anew."""
        if self._deadline:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(within.total_seconds(), then)

    def ready(self) -> None:
        """Note the prompt. From here the caller may take its time until ``give``."""
        if self._deadline:
            self._deadline.cancel()
        if not self._prompted.done():
            self._prompted.set_result(None)

    def end(self, end: End) -> None:
        """Tell whoever waits; only the first end counts."""
        if self._deadline:
            self._deadline.cancel()
        if not self._prompted.done():
            self._prompted.set_result(end)
        if not self._ended.done():
            self._ended.set_result(end)

    async def over(self) -> None:
        """Wait until it has ended, whatever the end."""
        await asyncio.shield(self._ended)
