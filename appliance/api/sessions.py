"""Who is bound by SMPP, and what an admin does about it: unbind, pause an account, trace its PDUs.

The same routes are served on the Unix socket, where whoever may use it needs no account.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Self

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from appliance.api.answers import AccountEntry, Answer, LineRequest
from appliance.api.doors import CurrentDoors, Doors, SmppDoor
from appliance.api.lines import ASKED, Technician, Wait, told, waited
from appliance.api.schemas import Clean, Request
from appliance.control import Unbind
from appliance.errors import NotFound
from appliance.models import Account
from appliance.sessions import SessionView, TraceView
from appliance.store import Store
from appliance.store.accounts import LOCAL

router = APIRouter(tags=["SMPP sessions"])

PCAP: Final = "application/vnd.tcpdump.pcap"

MINUTES: Final = 10


class LastRefusal(Answer):
    """The last request that was refused."""

    at: datetime
    request: str = Field(examples=["submit_sm"])
    status: int = Field(description="command_status.", examples=[0x58])
    name: str = Field(description="What it is called here.", examples=["throttled"])


class Session(Answer):
    """A session of the SMPP server, and what its account is owed."""

    id: str
    daemon: str = Field(description="The daemon that it is bound at, where there are several.")
    account: str
    system_id: str
    peer: str = Field(description="Address and port it comes from.")
    bind: str = Field(description="tx, rx or trx; leaving and unbinding on its way out.")
    version: int = Field(description="interface_version of its bind: 52 is SMPP 3.4.")
    tls: str | None = Field(description="Version and cipher; null: plain TCP.")
    since: datetime
    window: int = Field(description="Requests that may be under way, in each direction.")
    submits_per_second: float = Field(description="Mean over the last minute.")
    receipts_per_second: float = Field(
        description="Receipts and inbound messages that it took, mean over the last minute."
    )
    submitting: int = Field(description="Requests that wait for our answer.")
    unacknowledged: int = Field(description="deliver_sm that wait for its answer.")
    queued: int = Field(description="Notices that its account is owed, of all kinds.")
    last_error: LastRefusal | None
    timers: dict[str, float] = Field(description="Seconds.")

    @classmethod
    def told(cls, view: SessionView, account: str, queued: int) -> Self:
        """Read it from the house's view."""
        same = set(cls.model_fields) - {"account", "unacknowledged", "queued"}
        columns = {name: getattr(view, name) for name in same}
        more = {"account": account, "unacknowledged": view.delivering, "queued": queued}
        return cls.model_validate(columns | more)


class SessionList(Answer):
    """Who is bound now."""

    sessions: list[Session]


class PauseRequest(Request):
    """Why an account is paused."""

    reason: Annotated[str, Field(max_length=200), Clean] = Field(
        default="", description="Shown beside the account, and to it."
    )


NO_REASON: Final = PauseRequest()


class TraceRequest(Request):
    """For how long, and what of it."""

    minutes: float = Field(default=MINUTES, gt=0, le=60)
    clear: bool = Field(
        default=False,
        description="Keep numbers and texts as they are, which is noted in the log; else they are "
        "masked. Passwords are hidden always.",
    )


AS_USUAL: Final = TraceRequest()


class PduTrace(Answer):
    """How the trace of an account's PDUs stands."""

    begun: datetime
    until: datetime
    running: bool
    clear: bool = Field(description="Numbers and texts are in it.")
    pdus: int
    missed: int = Field(description="Earlier PDUs that had to make room for later ones.")
    daemon: str = Field(description="Whose sessions are traced: each daemon traces its own.")


@router.get("/sessions")
async def list_sessions(_asker: Technician, doors: CurrentDoors) -> SessionList:
    """List who is bound by SMPP, from where and how, at all daemons on this database."""
    return await listed(doors)


@router.post("/sessions/{session}/unbind", responses=ASKED)
async def unbind_session(
    session: str,
    *,
    asker: Technician,
    doors: CurrentDoors,
    request: HttpRequest,
    response: Response,
    wait: Wait = 30,
) -> LineRequest:
    """End a session in good order: answers under way first, then an unbind.

    It may bind again at once; to keep it out, pause its account.
    """
    for view in await doors.sessions():
        if view.id == session:
            who = asker.id if asker else None
            name = await doors.control.ask_at(view.daemon_id, view.id, Unbind(), who)
            found = await waited(doors, name, wait)
            told(found, request, response)
            return LineRequest.of(found)
    raise NotFound("session", session)


@router.post("/accounts/{name}/pause")
async def pause_account(
    name: str, _asker: Technician, doors: CurrentDoors, body: PauseRequest = NO_REASON
) -> AccountEntry:
    """Keep an account out until it is resumed, over restarts too; nothing of it is lost.

    Its sessions are unbound, it can neither bind nor submit, and is told nothing: what it is owed
    is kept. Messages that it has submitted are sent all the same.
    """
    entry = await paused(doors.store, name, body.reason, doors.clock.now())
    await _drop(doors, name)
    return entry


@router.post("/accounts/{name}/resume")
async def resume_account(name: str, _asker: Technician, doors: CurrentDoors) -> AccountEntry:
    """Let a paused account in again, and tell it what it is owed."""
    return await resumed(doors.store, name)


@router.post("/accounts/{name}/trace")
async def begin_trace(
    name: str, asker: Technician, doors: CurrentDoors, body: TraceRequest = AS_USUAL
) -> PduTrace:
    """Keep what is said on an account's sessions, for some minutes, in memory.

    It takes the place of an earlier trace. Of more than 20,000 PDUs or 4 MB the last are kept.
    Only sessions at the daemon that is asked are traced.
    """
    account = await _account(doors.store, name)
    who = f"account {asker.name}" if asker else "somebody on this box"
    span = timedelta(minutes=body.minutes)
    trace = _door(doors).begin_trace(account, span, clear=body.clear, who=who)
    return PduTrace.model_validate(trace)


@dataclass(frozen=True, slots=True)
class _Traced:
    """The account whose trace is asked for, and who has it."""

    door: SmppDoor
    account_id: int
    name: str


async def _traced(name: str, _asker: Technician, doors: CurrentDoors) -> _Traced:
    account = await _account(doors.store, name)
    return _Traced(_door(doors), account.id or 0, name)


Traced = Annotated[_Traced, Depends(_traced)]


@router.get("/accounts/{name}/trace")
async def get_trace(traced: Traced) -> PduTrace:
    """Say how the trace of an account stands."""
    return _found(traced, traced.door.trace(traced.account_id))


@router.delete("/accounts/{name}/trace")
async def end_trace(traced: Traced) -> PduTrace:
    """End a trace; what it has is kept until the next one or a restart."""
    return _found(traced, traced.door.end_trace(traced.account_id))


@router.get("/accounts/{name}/trace/lines")
async def get_lines(traced: Traced) -> Response:
    """Read a trace as lines: moment (UTC), session, direction, PDU; `>` is ours, `<` the app's."""
    text = "".join(f"{line}\n" for line in traced.door.lines(traced.account_id))
    return _file(text.encode(), "text/plain", f"{traced.name}.txt")


@router.get("/accounts/{name}/trace/capture")
async def get_capture(traced: Traced) -> Response:
    """Read a trace as a capture file for Wireshark; what came over TLS is in it as it was inside.

    Masked PDUs are as long as they were. IP and TCP around them are made up.
    """
    return _file(traced.door.capture(traced.account_id), PCAP, f"{traced.name}.pcap")


async def listed(doors: Doors) -> SessionList:
    """Return who is bound, with what their accounts are owed."""
    views = await doors.sessions()
    whose = Counter(view.account_id for view in views)
    owed = await doors.store.sessions.owed(whose)
    names = {one.id: one.name for one in await doors.store.accounts.all()}
    return SessionList(
        sessions=[
            Session.told(view, names.get(view.account_id, ""), owed[view.account_id].queued)
            for view in views
        ]
    )


async def paused(store: Store, name: str, why: str, now: datetime) -> AccountEntry:
    """Pause an account.

    Raises:
        NotFound: there is none of that name, or it is revoked.

    """
    _refuse_local(name)
    await store.pausing.pause(name, why, now)
    return AccountEntry.of(await _account(store, name))


async def resumed(store: Store, name: str) -> AccountEntry:
    """Resume an account.

    Raises:
        NotFound: there is none of that name, or it is revoked.

    """
    _refuse_local(name)
    await store.pausing.resume(name)
    return AccountEntry.of(await _account(store, name))


def _refuse_local(name: str) -> None:
    if name == LOCAL:  # the box itself
        raise NotFound("account", name)


async def _account(store: Store, name: str) -> Account:
    found = await store.accounts.by_name(name)
    if found is None or name == LOCAL:
        raise NotFound("account", name)
    return found


def _found(traced: _Traced, view: TraceView | None) -> PduTrace:
    if view is None:
        raise NotFound("trace", traced.name)
    return PduTrace.model_validate(view)


async def _drop(doors: Doors, name: str) -> None:
    account = await _account(doors.store, name)
    doors.drop(account.id or 0)


def _door(doors: Doors) -> SmppDoor:
    if doors.smpp is None:
        raise NotFound("SMPP server", "")
    return doors.smpp


def _file(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
