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


STEPS: Final = 10
"""Steps of SQLite's machine that are counted as one, in each statement."""


class Work:
    """What SQLite was made to do while it was counted.

    ``steps`` are tens; ``writing`` are the transactions that wrote, ``asides`` the statements by
    which many messages stepped aside together.
    """

    def __init__(self) -> None:
        self.statements = self.steps = self.writing = self.asides = 0
        self._counting = False

    def opened(self, connection: Connection, _record: object) -> None:
        """Listen to a connection from its beginning on.

        Later would be too late: to set a handler waits for the statement that is being
        carried out, and a statement whose handler is called waits for who holds the interpreter.
        """
        connection.set_trace_callback(self._statement)
        connection.set_progress_handler(self._step, STEPS)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count from here to the end of the block."""
        self._counting = True
        yield
        self._counting = False

    def _statement(self, text: str) -> None:
        if self._counting:
            self.statements += 1
            self.writing += text == "BEGIN IMMEDIATE"
            self.asides += text.startswith("UPDATE message SET cause='no SIM may carry")

    def _step(self) -> int:
        self.steps += self._counting
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
    return {
        "statements": work.statements,
        "steps": work.steps,
        "asides": work.asides,
        "sent before": before,
    }


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
    return {"statements": work.statements, "transactions": work.writing, "seconds": seconds}


@contextmanager
def _work() -> Iterator[Work]:
    """Count what databases do that are opened until the end of the block."""
    work = Work()
    event.listen(Pool, "connect", work.opened)
    try:
        yield work
    finally:
        event.remove(Pool, "connect", work.opened)
