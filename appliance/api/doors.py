"""What the HTTP door stands on, and how its routes reach it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends
from prometheus_client.core import Metric
from starlette.requests import HTTPConnection

from appliance.clock import Clock
from appliance.config.reading import Config
from appliance.config.reload import Reloaded
from appliance.control import Control
from appliance.errors import NotFound
from appliance.intake import Intake
from appliance.lifecycle import State
from appliance.models import Account
from appliance.planning import Plan, Wish
from appliance.policy.limits import midnight
from appliance.sessions import SessionView, TraceView
from appliance.store import Store

T = TypeVar("T")


class Trace(Protocol):
    """What follows the dialogue with a modem."""

    def __call__(self, port: str, *, show_numbers: bool, raw: bool) -> AsyncIterator[str] | None:
        """Return its lines, without end; None if no such modem is known."""
        ...


class SmppDoor(Protocol):
    """What people see of the SMPP server and do with it."""

    async def sessions(self) -> list[SessionView]:
        """Return who is bound, at this daemon and at others."""
        ...

    def begin_trace(self, account: Account, span: timedelta, *, clear: bool, who: str) -> TraceView:
        """Trace an account's PDUs at this daemon, ``clear``: with numbers and texts."""
        ...

    def trace(self, account_id: int) -> TraceView | None:
        """Return how an account's last trace stands, None if there is none."""
        ...

    def end_trace(self, account_id: int) -> TraceView | None:
        """End an account's trace; None: there is none."""
        ...

    def lines(self, account_id: int) -> list[str]:
        """Return a trace as lines; raises NotFound."""
        ...

    def capture(self, account_id: int) -> bytes:
        """Return a trace as a capture file; raises NotFound."""
        ...

    async def metrics(self) -> list[Metric]:
        """Return what was counted."""
        ...


def no_trace(
    port: str,  # noqa: ARG001 - whatever it is
    *,
    show_numbers: bool,  # noqa: ARG001
    raw: bool,  # noqa: ARG001
) -> None:
    """Know no modem."""
    return


async def no_reload(text: str | None) -> Reloaded:  # noqa: ARG001 - whatever it is
    """Change nothing."""
    return Reloaded(changed=(), after_restart=(), warnings=())


async def no_plan(wish: Wish, now: datetime) -> Plan:  # noqa: ARG001 - whatever they are
    """Know no SIMs to plan for."""
    raise NotFound("plan", "")


async def no_wait(message_id: str, state: State) -> None:  # noqa: ARG001 - whatever they are
    """Know of nothing that waits."""
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything an app is built around.

    Attributes:
        ready: whether messages that are taken now also leave.
        trace: follows the dialogue with the modem at a port or in a slot.
        reload: lets what is set now hold, as far as it can without a restart.
        plan: forecasts when messages would have left.
        waits: says why a message (by its id) in a state waits; None if it does not.
        drop: closes the SMPP binds of a revoked account, by its id.
        smpp: the SMPP server as people see it; None where that door is shut.
        local: the app is served on the Unix socket, to people who are on the box anyhow.
        stopping: set by the daemon before it stops its servers; streams end then.

    """

    intake: Intake
    control: Control
    store: Store
    clock: Clock
    config: Config
    ready: Callable[[], bool]
    drop: Callable[[int], None]
    trace: Trace = no_trace
    reload: Callable[[str | None], Awaitable[Reloaded]] = no_reload
    plan: Callable[[Wish, datetime], Awaitable[Plan]] = no_plan
    waits: Callable[[str, State], Awaitable[str | None]] = no_wait
    smpp: SmppDoor | None = None
    local: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def sessions(self) -> list[SessionView]:
        """Return who is bound by SMPP, at this daemon and at others."""
        return await (self.smpp.sessions() if self.smpp else self.store.sessions.others())

    @property
    def today(self) -> datetime:
        """When the site's calendar day began."""
        zone = self.config.site.zone
        return midnight(self.clock.now().astimezone(zone).date(), zone)

    async def unless_stopping(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what ``work`` returns, or None as soon as the daemon stops."""
        tasks = asyncio.create_task(work), asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].result() if tasks[0].done() else None
        finally:
            for task in tasks:
                task.cancel()


async def current_doors(connection: HTTPConnection) -> Doors:
    """Return what the app that serves this request was built around."""
    doors: Doors = connection.app.state.doors
    return doors


CurrentDoors = Annotated[Doors, Depends(current_doors)]
