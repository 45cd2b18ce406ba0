"""Lines: what they are, and what is asked of them, for accounts that look after them.

The same routes are served on the Unix socket, where whoever may use it needs no account.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from appliance.api.answers import Line, LineList, LineRequest
from appliance.api.auth import ApiKeyBearer, admin
from appliance.api.doors import CurrentDoors, Doors
from appliance.control import (
    Asked,
    Pause,
    Pin,
    ProveReports,
    Reset,
    Resume,
    SendTest,
    Ussd,
    UssdAnswer,
    UssdCancel,
)
from appliance.errors import NotFound
from appliance.models import Account
from appliance.store.requests import RequestView

router = APIRouter(tags=["Lines"])

listing = APIRouter(tags=["Lines"])
"""What is served to accounts only: the Unix socket has a list of its own."""

LONGEST_WAIT: Final = 120

NO_REASON: Final = Pause()

OWN_NUMBER: Final = ProveReports()


class Asker(SecurityBase):
    """Who asks: an account by its key; None: somebody on this box, through the Unix socket."""

    def __init__(self, *, admins_only: bool) -> None:
        self._key, self._admins_only = ApiKeyBearer(), admins_only
        self.model, self.scheme_name = self._key.model, self._key.scheme_name

    async def __call__(self, request: Request) -> Account | None:
        """Return the account that asks.

        Raises:
            Unauthorised: there is no key, or it opens nothing.
            Forbidden: it is no account that looks after lines, as it must be here.

        """
        if request.app.state.doors.local:
            return None
        account = await self._key(request)
        return await admin(account) if self._admins_only else account


Technician = Annotated[Account | None, Depends(Asker(admins_only=True))]

Anybody = Annotated[Account | None, Depends(Asker(admins_only=False))]

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=LONGEST_WAIT,
        description="Seconds to wait at most until it is done. If it is not by then, "
        "`GET /v1/requests/{request_id}` tells later what came of it.",
    ),
]

ASKED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": LineRequest, "description": "It has ended: `state` is done or failed."},
    202: {"model": LineRequest, "description": "It is not done yet; Location says where to look."},
}


class Errand:
    """What every route that asks a line for something needs."""

    def __init__(
        self,
        line: str,
        *,
        asker: Technician,
        doors: CurrentDoors,
        request: Request,
        response: Response,
        wait: Wait = 30,
    ) -> None:
        """``line`` is a slot, a port, or a SIM by ICCID or name."""
        self._line, self._asker, self._doors = line, asker, doors
        self._request, self._response, self._wait = request, response, wait

    async def ask(self, asked: Asked) -> LineRequest:
        """Ask, and wait for what the line answers."""
        control = self._doors.control
        name = await control.ask(self._line, asked, self._asker.id if self._asker else None)
        found = await waited(self._doors, name, self._wait)
        told(found, self._request, self._response)
        return LineRequest.of(found)


AnErrand = Annotated[Errand, Depends(Errand)]


@listing.get("/lines")
async def list_lines(_asker: Technician, doors: CurrentDoors) -> LineList:
    """List the lines: modems with their SIMs, and what those have done today."""
    found = await doors.store.views.lines(doors.today)
    return LineList(lines=[Line.of(view) for view in found])


@router.get("/lines/{line:path}")
async def get_line(line: str, _asker: Technician, doors: CurrentDoors) -> Line:
    """Look a line up by its slot, its port, or its SIM's ICCID or name."""
    place = await doors.control.find(line)
    for view in await doors.store.views.lines(doors.today):
        if (view.slot, view.port, view.sim) == (place.slot, place.port, place.sim):
            return Line.of(view)
    raise NotFound("line", line)


@router.post("/lines/{line:path}/ussd", responses=ASKED)
async def ask_network(body: Ussd, errand: AnErrand) -> LineRequest:
    """Send a USSD code, such as the one for the balance.

    `answer` holds the network's `text`, and with `more` it asks back: answer with `ussd-answer`
    or end it with `ussd-cancel`.
    """
    return await errand.ask(body)


@router.post("/lines/{line:path}/ussd-answer", responses=ASKED)
async def answer_network(body: UssdAnswer, errand: AnErrand) -> LineRequest:
    """Answer a network that asked back."""
    return await errand.ask(body)


@router.post("/lines/{line:path}/ussd-cancel", responses=ASKED)
async def cancel_ussd(errand: AnErrand) -> LineRequest:
    """End a USSD session."""
    return await errand.ask(UssdCancel())


@router.post("/lines/{line:path}/pin", responses=ASKED)
async def enter_pin(body: Pin, errand: AnErrand) -> LineRequest:
    """Open a SIM with its PIN: one try, and none if only one is left.

    It is kept nowhere. For the next start, set it in the configuration.
    """
    return await errand.ask(body)


@router.post("/lines/{line:path}/reset", responses=ASKED)
async def reset_modem(errand: AnErrand) -> LineRequest:
    """Restart a modem."""
    return await errand.ask(Reset())


@router.post("/lines/{line:path}/pause", responses=ASKED)
async def pause_sim(errand: AnErrand, body: Pause = NO_REASON) -> LineRequest:
    """Let a SIM send nothing until it is resumed, over restarts too; it still receives."""
    return await errand.ask(body)


@router.post("/lines/{line:path}/resume", responses=ASKED)
async def resume_sim(errand: AnErrand) -> LineRequest:
    """Let a paused SIM send again."""
    return await errand.ask(Resume())


@router.post("/lines/{line:path}/test-message", responses=ASKED)
async def send_test_message(body: SendTest, errand: AnErrand) -> LineRequest:
    """Send a message by this SIM and no other.

    `answer` names the `message`, which belongs to this box itself, not to the account.
    """
    return await errand.ask(body)


@router.post("/lines/{line:path}/self-test", responses=ASKED)
async def prove_reports(errand: AnErrand, body: ProveReports = OWN_NUMBER) -> LineRequest:
    """Find out whether delivery reports that come while the appliance is stopped are lost.

    It takes some minutes and two messages at most, and holds for all modems of that model:
    `answer` has the `way` that reports come, whether one `survived`, and `why`, a sentence.
    """
    return await errand.ask(body)


@router.get("/requests/{request_id}")
async def get_request(
    request_id: str, asker: Anybody, doors: CurrentDoors, wait: Wait = 0
) -> LineRequest:
    """Look up what came of a request to a line: of this account, or as admin of any."""
    found = await doors.control.get(request_id)
    if not _may_see(asker, found):
        raise NotFound("request", request_id)
    return LineRequest.of(await waited(doors, request_id, wait))


def told(found: RequestView, request: Request, response: Response) -> None:
    """Say in a response whether a request has ended, and where one may look later."""
    door = request.url.path.split("/")[1]
    response.headers["Location"] = f"/{door}/requests/{found.id}"
    response.status_code = 200 if found.ended else 202


async def waited(doors: Doors, name: str, seconds: float) -> RequestView:
    """Return a request when it has ended, the time is over, or the daemon stops."""
    waiting = doors.control.wait(name, timedelta(seconds=seconds))
    return await doors.unless_stopping(waiting) or await doors.control.get(name)


def _may_see(asker: Account | None, found: RequestView) -> bool:
    return asker is None or asker.admin or asker.id == found.account_id
