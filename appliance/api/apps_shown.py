"""The page's part about SMPP: each app with its sessions, what it is owed, and its trace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.api import words
from appliance.api.doors import Doors
from appliance.models import Account
from appliance.sessions import LastError, Owed, SessionView, TraceView

At = Callable[[datetime], str]
"""Writes a moment as people read it."""

VERSIONS: Final = {0x33: "3.3", 0x34: "3.4", 0x50: "5.0"}

TIMERS: Final = {
    "session_init": "bind within",
    "pdu_read": "rest of a PDU within",
    "enquire_link": "asked after silence of",
    "inactivity": "closed after silence of",
    "response": "answer to a receipt within",
    "proof": "sign of life, when all places are taken, within",
    "leaving": "end of a session within",
}
"""What each timer is for, finishing "… 30 s"."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it is shown; ``daemon`` is '' where there is one only."""

    id: str
    peer: str
    bind: words.Word
    protocol: str
    since: str
    submits: str
    taken: str
    submitting: str
    unacknowledged: int
    error: str
    daemon: str


@dataclass(frozen=True, slots=True)
class AppCard:
    """An account with its sessions as it is shown; ``paused`` is '' while it is not."""

    name: str
    system_id: str
    paused: str
    trace: str
    traced: bool
    queued: int
    parked: int
    unacknowledged: int
    sessions: tuple[SessionRow, ...]


@dataclass(frozen=True, slots=True)
class Apps:
    """All of this part.

    Attributes:
        open: the SMPP door is open here, or somebody is bound elsewhere.
        cards: accounts that are bound, paused or traced.
        bound: how many sessions there are.
        timers: those in force, in words.

    """

    open: bool
    cards: tuple[AppCard, ...]
    bound: int
    timers: str


async def read(doors: Doors, at: At) -> Apps:
    """Read what is shown."""
    views = await doors.sessions()
    living = [one for one in await doors.store.accounts.all() if one.revoked_at is None]
    bound = {view.account_id for view in views}
    traces = {one.id or 0: _trace_of(doors, one) for one in living}
    shown = [one for one in living if one.id in bound or one.paused_at or traces[one.id or 0]]
    owed = await doors.store.sessions.owed([one.id or 0 for one in shown])
    reader = _Reader(views, traces, owed, at)
    return Apps(
        open=doors.smpp is not None or bool(views),
        cards=tuple(reader.card(one) for one in shown),
        bound=len(views),
        timers=_timers(views),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    views: Sequence[SessionView]
    traces: Mapping[int, TraceView | None]
    owed: Mapping[int, Owed]
    at: At

    def card(self, account: Account) -> AppCard:
        account_id = account.id or 0
        mine = [view for view in self.views if view.account_id == account_id]
        trace, owed = self.traces[account_id], self.owed[account_id]
        return AppCard(
            name=account.name,
            system_id=account.system_id or "",
            paused=self._paused(account),
            trace=self._traced(trace) if trace else "",
            traced=trace is not None,
            queued=owed.queued,
            parked=owed.parked,
            unacknowledged=sum(view.delivering for view in mine),
            sessions=tuple(map(self._row, mine)),
        )

    def _row(self, view: SessionView) -> SessionRow:
        several = len({one.daemon_id for one in self.views}) > 1
        protocol = f"SMPP {VERSIONS.get(view.version, f'{view.version:#04x}')}"
        return SessionRow(
            id=view.id,
            peer=view.peer,
            bind=words.bind(view.bind),
            protocol=f"{protocol}, {view.tls or 'no TLS'}",
            since=self.at(view.since),
            submits=f"{view.submits_per_second:.1f}",
            taken=f"{view.receipts_per_second:.1f}",
            submitting=f"{view.submitting} of {view.window}",
            unacknowledged=view.delivering,
            error=self._error(view.last_error),
            daemon=view.daemon if several else "",
        )

    def _error(self, error: LastError | None) -> str:
        if error is None:
            return ""
        name = error.name.replace("_", " ")
        return f"{self.at(error.at)} {error.request}: {name} (0x{error.status:02X})"

    def _paused(self, account: Account) -> str:
        if account.paused_at is None:
            return ""
        why = f": {account.pause_reason}" if account.pause_reason else ""
        return f"Paused since {self.at(account.paused_at)}{why}"

    def _traced(self, trace: TraceView) -> str:
        until = (
            f"until {self.at(trace.until)}" if trace.running else f"ended {self.at(trace.until)}"
        )
        what = "numbers and texts shown" if trace.clear else "numbers and texts hidden"
        return f"Trace {until}: {trace.pdus} PDUs, {what}"


def _trace_of(doors: Doors, account: Account) -> TraceView | None:
    return doors.smpp.trace(account.id or 0) if doors.smpp else None


def _timers(views: Sequence[SessionView]) -> str:
    if not views:
        return ""
    spans = views[0].timers
    return ", ".join(f"{said} {spans[name]:g} s" for name, said in TIMERS.items() if name in spans)
