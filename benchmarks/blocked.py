"""What a blocked campaign costs others: the work of SQLite until another's message is on the air.

The store, the dispatcher and the line are real, the modem is simulated. Statements and steps of
SQLite's machine are counted, not time: a reading that grew with the queue would show in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from time import monotonic
from typing import Any, Final

from sqlalchemy import Pool, event

from appliance.dispatch.ahead import Choosing
from appliance.policy.contract import Contract, Eligible
from appliance.policy.routes import Route, Routes
from tests.pooled import pooled

ANOTHER: Final = "+4917099999999"

DARK: Final = Routes([Route(name="dark", groups=("nobody",))])

ALLOWED: Final = Contract(name="A", eligible=Eligible(prefixes=("+4917",)))
"""A SIM that may not write to a campaign's recipients, which begin with +49151."""


class Work:
    """What SQLite was made to do while it was counted."""

    def __init__(self) -> None:
        self.statements = self.steps = self.commits = 0
        self._connections: list[Connection] = []

    def opened(self, connection: Connection, _record: object) -> None:
        """Take note of a connection."""
        self._connections.append(connection)

    def closed(self, connection: Connection, _record: object) -> None:
        """Forget one that is closed."""
        self._connections.remove(connection)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count from here to the end of the block."""
        for each in self._connections:
            each.set_trace_callback(self._statement)
            each.set_progress_handler(self._step, 1)
        yield
        for each in self._connections:
            each.set_trace_callback(None)
            each.set_progress_handler(None, 1)

    def _statement(self, text: str) -> None:
        self.statements += 1
        self.commits += text == "COMMIT"

    def _step(self) -> int:
        self.steps += 1
        return 0


async def blocked(folder: Path, *, queued: int, one_by_one: bool = False) -> dict[str, Any]:
    """Return what was done until another's message was on the air, and how many were before it.

    ``one_by_one``: each message of the campaign is to a recipient whom the SIM may not write to;
    else it has a route to SIMs that there are not.
    """
    choosing = Choosing() if one_by_one else Choosing(routes=lambda: DARK)
    with _work() as work:
        async with pooled(folder, choosing=choosing, contracts=[ALLOWED]) as pool:
            route = "" if one_by_one else "dark"
            await pool.fill("shop", category="otp", count=queued, route=route)
            await pool.account("another")
            await pool.lane("another", "marketing")
            pool.supply()
            with work.counted():
                await pool.submit("another", "marketing", ANOTHER)
                before = await pool.until_on_air(ANOTHER)
    return {"statements": work.statements, "steps": work.steps, "sent before": before}


async def behind(folder: Path, *, queued: int) -> dict[str, Any]:
    """Return what was done until a message was on the air behind so many of its own lane.

    No SIM may write to the recipients of these.
    """
    with _work() as work:
        async with pooled(folder, contracts=[ALLOWED]) as pool:
            await pool.fill("shop", count=queued)
            await pool.submit("shop", "marketing", ANOTHER)
            began = monotonic()
            with work.counted():
                pool.supply()
                await pool.until_on_air(ANOTHER)
    seconds = round(monotonic() - began, 2)
    return {"statements": work.statements, "transactions": work.commits, "seconds": seconds}


@contextmanager
def _work() -> Iterator[Work]:
    """Count what databases do that are opened until the end of the block."""
    work = Work()
    listeners = {"connect": work.opened, "close": work.closed}
    for name, listener in listeners.items():
        event.listen(Pool, name, listener)
    try:
        yield work
    finally:
        for name, listener in listeners.items():
            event.remove(Pool, name, listener)
