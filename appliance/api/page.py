"""The local page: lines, queue, last messages; live by server-sent events.

There is no login yet, so numbers are always masked and texts are never here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from appliance import __version__
from appliance.api import apps_shown, pages, words
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.problems import KINDS, problem
from appliance.errors import NoRoom, StoreError
from appliance.store.bell import CHANGES
from appliance.store.shown import InboundView, IncidentView, LineView, MessageView

router = APIRouter()

SHOWN: Final = 10
"""Messages of each kind on the page."""

MOST_STREAMS: Final = 16
"""Open pages that are kept live at once; further ones reload themselves."""

PACE: Final = timedelta(seconds=1)
"""How often a live page is told of changes, at most."""

SHARE: Final = 20
"""A page that takes long to read rests so many times as long: at most a twentieth of a core."""

HEARTBEAT: Final = timedelta(seconds=15)
"""How often a stream says that it lives; also keeps what depends on the time true."""


STARTED: Final = frozenset({"ready", "sending"})
"""States in which it is known whether a modem gives reports."""


@dataclass(frozen=True, slots=True)
class LineCard:
    """A line as it is shown."""

    title: str
    simulated: bool
    state: words.Word
    since: str
    cause: str
    next_step: str
    operator: str
    signal: words.Signal
    sim: str
    number: str
    modem: str
    port: str
    sent: int
    failed: int
    mending: str
    mended: str
    counted: str
    reports: words.Word
    storage: str
    balance: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Something that happened, as it is shown; ``state`` says whether it stands still."""

    at: str
    where: str
    state: words.Word
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as it is shown: no text, no whole number."""

    at: str
    who: str
    sim: str
    state: words.Word
    note: str


@router.get("/")
async def show_page(doors: CurrentDoors) -> Response:
    """Show the page."""
    return pages.render("page.html", await read(doors) | {"version": __version__})


@router.get("/events")
async def stream_events(request: Request) -> Response:
    """Keep an open page true."""
    live: Live = request.app.state.live
    if live.full:
        return problem(KINDS[NoRoom], "too many pages are open; this one reloads itself")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(live.events(), media_type="text/event-stream", headers=headers)


class Live:
    """The page's moving part, rendered once for all who look at it."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._open = 0
        self._coming: asyncio.Task[str] | None = None
        self._rest_until = 0.0  # of the event loop's clock

    @property
    def full(self) -> bool:
        """Whether as many streams are open as may be."""
        return self._open >= MOST_STREAMS

    async def events(self) -> AsyncIterator[str]:
        """Tell of each change, until the daemon stops or the page is closed."""
        bells, shown = self._doors.store.bells, ""
        bell = bells.listen(CHANGES)
        self._open += 1
        try:
            while not self._doors.stopping.is_set():
                html = await self._doors.unless_stopping(self._fragment())
                yield _event(html) if html and html != shown else ": still here\n\n"
                shown = html or shown
                await self._doors.unless_stopping(bell.wait(HEARTBEAT))
        finally:
            self._open -= 1
            bells.forget(CHANGES, bell)

    async def _fragment(self) -> str:
        """Return what the page shows at some moment after this call."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._render())
        return await asyncio.shield(self._coming)

    async def _render(self) -> str:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._rest_until - loop.time())
        self._coming = None  # who asks from here on needs a later look
        started = loop.time()
        try:
            return pages.fragment("board.html", await read(self._doors))
        except StoreError:
            return ""  # the page stays as it is
        finally:
            took = loop.time() - started
            self._rest_until = started + max(PACE.total_seconds(), took * SHARE)


async def read(doors: Doors) -> dict[str, Any]:
    """Read everything the page shows."""
    views, now, zone = doors.store.views, doors.clock.now(), doors.config.site.zone
    ready = doors.ready()

    def at(moment: datetime) -> str:
        return pages.moment(moment, now, zone)

    lines = [_card(doors, view, at) for view in await views.lines(doors.today)]
    queue = await views.queue()
    sent = await views.messages(None, most=SHOWN)
    came = await views.inbound(None, most=SHOWN)
    happened = await _happened(doors)
    return {
        "ready": ready,
        "now": f"{now.astimezone(zone):%H:%M}",
        "zone": f"{now.astimezone(zone):%Z}",
        "lines": lines,
        "usable": (usable := sum(line.state.tone == "good" for line in lines)),
        "held": sum(bool(line.cause) for line in lines if line.state.tone == "good"),
        "tone": _tone(ready, usable, len(lines)),
        "apps": await apps_shown.read(doors, at),
        "queue": queue,
        "oldest": at(queue.oldest) if queue.oldest else "",
        "messages": [await _sent(doors, view, at(view.accepted_at)) for view in sent],
        "inbound": [_came(doors, view, at(view.received_at)) for view in came],
        "incidents": [_incident(doors, view, at(view.at)) for view in happened],
    }


async def _happened(doors: Doors) -> list[IncidentView]:
    """Return what stands, and then the last of what is over."""
    standing = await doors.store.incidents.shown(most=SHOWN, lasting=True)
    known = {view.id for view in standing}
    last = await doors.store.incidents.shown(most=SHOWN)
    return [*standing, *(view for view in last if view.id not in known)][:SHOWN]


def _tone(ready: bool, usable: int, lines: int) -> str:
    if not (ready and usable):
        return "bad"
    return "good" if usable == lines else "warn"


def _card(doors: Doors, view: LineView, at: Callable[[datetime], str]) -> LineCard:
    modem = " ".join(filter(None, (view.maker, view.model))) or "modem"
    return LineCard(
        title=_sim_name(doors, view.sim) or modem,
        simulated=view.simulated,
        state=words.line_word(view.state, paused=view.paused_at is not None),
        since=at(view.changed_at),
        cause=words.sentence(view.cause),
        next_step=view.next_step,
        operator=view.operator or "none",
        signal=words.signal(view.signal_dbm),
        sim=words.short_sim(view.sim),
        number=words.hidden(view.number),
        modem=modem,
        port=view.port,
        sent=view.sent,
        failed=view.failed,
        mending=words.sentence(view.mending),
        mended=words.mended(view.mended),
        counted=words.counted(view.counted),
        reports=_reports(view, at),
        storage=view.storage or "",
        balance=_balance(view, at),
    )


def _reports(view: LineView, at: Callable[[datetime], str]) -> words.Word:
    if view.reports_proven_at is not None and view.reports != "off":
        return words.Word(f"proven, last {at(view.reports_proven_at)}", "good")
    if view.state not in STARTED:
        return words.REPORTS_UNSEEN  # how they come is not known yet
    return words.REPORTS.get(view.reports, words.REPORTS_UNSEEN)


def _balance(view: LineView, at: Callable[[datetime], str]) -> str:
    if view.balance is None or view.balance_at is None:
        return ""
    return f"{view.balance:.2f} ({at(view.balance_at)})"


def _incident(doors: Doors, view: IncidentView, at: str) -> IncidentRow:
    where = _sim_name(doors, view.sim) or (f"SIM {words.short_sim(view.sim)}" if view.sim else "")
    return IncidentRow(
        at=at,
        where=where or view.slot or "this box",
        state=words.incident(lasting=view.lasting, over=view.ended_at is not None),
        sentence=words.sentence(view.sentence),
        next_step="" if view.ended_at else view.next_step,
    )


async def _sent(doors: Doors, view: MessageView, at: str) -> MessageRow:
    waits = await doors.waits(view.id, view.state)
    return MessageRow(
        at=at,
        who=words.hidden(view.to),
        sim=_sim(doors, view.sim),
        state=words.STATES[view.state],
        note=waits or view.cause or (f"{view.parts} parts" if view.parts > 1 else ""),
    )


def _came(doors: Doors, view: InboundView, at: str) -> MessageRow:
    note = f"{view.missing} missing" if view.missing else words.INBOUND_NOTES.get(view.state, "")
    state, note = words.KEYWORDS.get(view.keyword or "", (words.INBOUND[view.state], note))
    return MessageRow(
        at=at,
        who=words.hidden(view.sender),
        sim=_sim(doors, view.sim),
        state=state,
        note=note,
    )


def _sim_name(doors: Doors, iccid: str | None) -> str:
    known = doors.config.sim(iccid) if iccid else None
    return known.name if known else ""


def _sim(doors: Doors, iccid: str | None) -> str:
    return _sim_name(doors, iccid) or (words.short_sim(iccid) if iccid else "–")


def _event(html: str) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"event: board\n{lines}\n"
