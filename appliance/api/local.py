"""What only the Unix socket serves: accounts, lines and messages for the command line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from appliance.api import account_secrets, account_settings, incidents
from appliance.api.answers import (
    AccountEntry,
    IncidentList,
    Line,
    LocalMessage,
    LocalMessageWithStory,
    NewCredentials,
)
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.filters import Wanted
from appliance.api.messages import accepted_response
from appliance.api.paging import Before, Limit
from appliance.api.schemas import AccountRequest, LocalSendRequest, ReloadRequest
from appliance.api.withdrawals import Cancelled, CancelRequest, cancel_one, cancel_several
from appliance.config.reload import Reloaded
from appliance.errors import BadField, NotFound
from appliance.lifecycle import FINAL, State
from appliance.store import Store
from appliance.store.accounts import LOCAL, NewAccount
from appliance.store.bell import CHANGES
from appliance.store.shown import MessageStory, MessageView

router = APIRouter(prefix="/local", tags=["This box only"])
router.include_router(account_settings.router)
router.include_router(account_secrets.router)

MOST_EXPLAINED: Final = 50
"""Messages of a list that are said what they wait for: that takes a look at each."""

SETTLED: Final = FINAL | {State.NO_REPORT}

Wait = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait at most until its fate is known.")
]


@router.get("/accounts")
async def list_accounts(doors: CurrentDoors) -> list[AccountEntry]:
    """List the accounts, revoked ones too."""
    return await listed(doors.store)


@router.post("/accounts", status_code=201)
async def add_account(body: AccountRequest, doors: CurrentDoors) -> NewCredentials:
    """Make an account; its secrets are shown this once."""
    return await add(doors.store, body, doors.clock.now())


@router.delete("/accounts/{name}", status_code=204)
async def revoke_account(name: str, doors: CurrentDoors) -> None:
    """End an account: its key and its password open nothing any more, its binds are closed."""
    doors.drop(await revoke(doors.store, name, doors.clock.now()))


@router.get("/lines")
async def list_lines(doors: CurrentDoors) -> list[Line]:
    """List the lines, with what their SIMs have done today."""
    return [Line.of(view) for view in await doors.store.views.lines(doors.today)]


@router.post("/reload")
async def reload(body: ReloadRequest, doors: CurrentDoors) -> Reloaded:
    """Read the configuration again; say what has changed, and what holds only after a restart."""
    return await doors.reload(body.text)


@router.get("/incidents")
async def list_incidents(
    doors: CurrentDoors, limit: Limit = 20, before: Before = None, lasting: bool = False
) -> IncidentList:
    """List what happened to the lines and to the box, newest first."""
    return await incidents.listed(doors, limit, before, lasting=lasting)


@router.get("/trace", response_class=StreamingResponse)
async def trace_line(
    doors: CurrentDoors, port: str, show_numbers: bool = False, raw: bool = False
) -> StreamingResponse:
    """Follow the dialogue with a modem, by its port or slot: its last lines, then the next."""
    dialogue = doors.trace(port, show_numbers=show_numbers, raw=raw)
    if dialogue is None:
        raise NotFound("modem", port)
    return StreamingResponse(_until_stopped(doors, dialogue), media_type="text/plain")


async def _until_stopped(doors: Doors, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async def following() -> str | None:
        return await anext(lines, None)

    while (line := await doors.unless_stopping(following())) is not None:
        yield f"{line}\n"


@router.get("/messages")
async def list_messages(
    doors: CurrentDoors, wanted: Wanted, limit: Limit = 20, before: Before = None
) -> list[LocalMessage]:
    """List the messages of all accounts, newest first; all of them, or those asked for."""
    found = await doors.store.views.messages(None, most=limit, before=before, wanted=wanted)
    return [await _listed(doors, view, why=n < MOST_EXPLAINED) for n, view in enumerate(found)]


async def _listed(doors: Doors, view: MessageView, *, why: bool) -> LocalMessage:
    waits = await doors.waits(view.id, view.state) if why else None
    return LocalMessage.of(view).model_copy(update={"waits": waits})


@router.delete("/messages/{message_id}")
async def cancel_message(message_id: str, doors: CurrentDoors) -> Cancelled:
    """Cancel a message of any account while it is not on the air."""
    return await cancel_one(doors, None, message_id)


@router.post("/messages/cancel")
async def cancel_messages(
    body: CancelRequest, doors: CurrentDoors, response: Response, account: str | None = None
) -> Cancelled:
    """Cancel messages of an account by its name, or of any."""
    whose = None if account is None else (await doors.store.accounts.by_name(account))
    if account is not None and whose is None:
        raise NotFound("account", account)
    if whose is None and (body.batch is not None or body.reference is not None):
        raise BadField("account", "say whose: accounts may use the same names")
    return await cancel_several(doors, whose.id if whose else None, body, response)


@router.post("/messages", status_code=202, response_model=None)
async def submit_message(body: LocalSendRequest, doors: CurrentDoors) -> Response:
    """Send a message from this box."""
    accepted = await doors.intake.submit(
        await doors.store.accounts.local(doors.clock.now()), body.submission()
    )
    return accepted_response(accepted, None, "/local/messages/")


@router.get("/messages/{message_id}")
async def get_message(
    message_id: str, doors: CurrentDoors, wait: Wait = 0
) -> LocalMessageWithStory:
    """Look a message up; with ``wait``, answer when its fate is known or the time is over."""
    bell = doors.store.bells.listen(CHANGES)
    try:
        found = await _story(doors, message_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while found.message.state not in SETTLED and not doors.stopping.is_set():
                    await doors.unless_stopping(bell.wait())
                    found = await _story(doors, message_id)
    finally:
        doors.store.bells.forget(CHANGES, bell)
    waits = await doors.waits(found.message.id, found.message.state)
    return LocalMessageWithStory.told(found, waits)


async def listed(store: Store) -> list[AccountEntry]:
    """Return the accounts; that of the command line itself is none."""
    return [AccountEntry.of(one) for one in await store.accounts.all() if one.name != LOCAL]


async def add(store: Store, request: AccountRequest, now: datetime) -> NewCredentials:
    """Make an account.

    Raises:
        BadField: the name is kept for the command line.
        NameTaken: there is one of that name.

    """
    _refuse_local(request.name)
    new = NewAccount(name=request.name, webhook_url=request.webhook_url, admin=request.admin)
    return NewCredentials.of(await store.accounts.add(new, now))


async def revoke(store: Store, name: str, now: datetime) -> int:
    """End an account; return its id.

    Raises:
        BadField: it is that of the command line.
        NotFound: there is none, or it is revoked already.

    """
    _refuse_local(name)
    return await store.accounts.revoke(name, now)


def _refuse_local(name: str) -> None:
    if name == LOCAL:
        raise BadField("name", f"{LOCAL!r} is kept for the command line")


async def _story(doors: Doors, message_id: str) -> MessageStory:
    found = await doors.store.views.message(None, message_id)
    if found is None:
        raise NotFound("message", message_id)
    return found
