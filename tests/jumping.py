"""An event loop whose time jumps: what sleeps for hours wakes as soon as nothing else happens.

Everything in it goes by the same time: the rooms of the house through their clock, asyncio's
sleeps and timeouts, and simulated modems in the same process. Work of threads and bytes on ports
are waited for in real time.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

QUIET = 0.006
"""Real seconds in which nothing must happen before time jumps."""


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its ``time`` goes like the real one, and jumps over what would be waiting."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.busy: Callable[[], bool] = lambda: False  # something works that no timer shows
        self._at_work = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return the seconds that have passed in this loop."""
        return time.monotonic() + self.ahead

    def skip(self, time: timedelta) -> None:
        """Let time pass at once: what was to happen meanwhile happens at its end."""
        self.ahead += max(time.total_seconds(), 0)

    def run_in_executor(self, executor: Any, work: Callable[..., Any], *given: Any) -> Any:
        """Run something in a thread; meanwhile time does not jump."""
        future = super().run_in_executor(executor, work, *given)
        self._at_work += 1
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: "asyncio.Future[Any]") -> None:
        self._at_work -= 1

    @property
    def waits(self) -> bool:
        """Whether only time can bring something."""
        return self._at_work == 0 and not self.busy()


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._of = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        until = self._of.time() + timeout
        while True:
            left = until - self._of.time()
            found = super().select(max(min(left, QUIET), 0))
            if found or left <= QUIET:
                return found
            if self._of.waits:
                self._of.ahead += max(until - self._of.time(), 0)
                return []


class JumpingClock:
    """The clock of a house in a :class:`JumpingLoop`; it began at ``start``."""

    def __init__(self, loop: JumpingLoop, start: datetime) -> None:
        self._loop, self._start, self._began = loop, start, loop.time()

    def now(self) -> datetime:
        """Return the wall-clock time, aware."""
        return self._start + timedelta(seconds=self._loop.time() - self._began)

    def monotonic(self) -> float:
        """Return seconds that never jump, as far as anybody in the loop can tell."""
        return self._loop.time()


def run_jumping(work: Callable[[JumpingLoop], Any]) -> Any:
    """Run a coroutine function in such a loop, given to it."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, JumpingLoop)
        return runner.run(work(loop))
