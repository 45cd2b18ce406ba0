"""The HTTP app: routes, errors, the Host check, put together around the doors."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from appliance import __version__
from appliance.api import (
    batches,
    calls,
    docs,
    events,
    health,
    inbound,
    incidents,
    lines,
    local,
    messages,
    metrics,
    notices,
    optouts,
    page,
    plan,
    ported,
    problems,
    sessions,
    withdrawals,
)
from appliance.api.answers import ProblemDetails
from appliance.api.bodies import BodyLimit
from appliance.api.doors import Doors
from appliance.api.hosts import HostCheck

__all__ = ["Doors", "build_app"]

DESCRIPTION: Final = """\
Send SMS through this appliance's own SIMs, follow each message to its delivery report, and read
what comes back. Everything answered with 202 is stored and survives a power cut.

Every request but the health check needs an account's API key: `Authorization: Bearer KEY`.
Errors are problem details (RFC 9457): compare `type`, show `detail`, and look into `errors` for
the fields that are wrong. Times are RFC 3339; what comes out is in UTC."""

TAGS: Final = [
    {"name": "Messages", "description": "Hand messages in and see what became of them."},
    {"name": "Inbound messages", "description": "What came to the SIMs."},
    {"name": "Notices", "description": "Receipts and other news that you have not taken yet."},
    {"name": "Opt-outs", "description": "Who must not be written to."},
    {"name": "Calls", "description": "Who rang up the SIMs."},
    {"name": "Lines", "description": "Modems with their SIMs; for accounts made with `--admin`."},
    {
        "name": "SMPP sessions",
        "description": "Who is bound, pausing accounts, tracing; for accounts made with `--admin`.",
    },
    {"name": "Health", "description": "For monitoring."},
]

PROBLEM: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "model": ProblemDetails,
        "description": "A problem.",
        "content": {problems.MEDIA_TYPE: {}},
    }
}


def build_app(doors: Doors) -> FastAPI:
    """Return the app for TCP, or with ``doors.local`` the one for the Unix socket."""
    app = FastAPI(
        title="SMS appliance",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,  # its pages load scripts from elsewhere; ours is in ``docs``
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses=PROBLEM,
    )
    app.state.doors = doors
    app.state.live = page.Live(doors)
    problems.install(app)
    for room in (batches, withdrawals, messages, inbound, notices, calls, incidents, plan, health):
        app.include_router(room.router)
    app.include_router(metrics.router)
    for part in (lines.listing, lines.router, optouts.router, sessions.router):
        app.include_router(part, prefix="/v1")
    for room in (docs, page):
        app.include_router(room.router, include_in_schema=False)
    app.webhooks.include_router(events.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_middleware(BodyLimit)
    if doors.local:
        app.include_router(local.router)
        app.include_router(plan.local_router)
        app.include_router(notices.local_router)
        app.include_router(ported.router)
        for part in (lines.router, optouts.router, sessions.router):
            app.include_router(part, prefix="/local")
    else:
        http = doors.config.http
        app.add_middleware(HostCheck, host=http.host, allowed=http.allowed_hosts)
    return app
