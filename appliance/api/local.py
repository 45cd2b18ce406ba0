"""What only the Unix socket serves: accounts, lines and messages for the command line."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from appliance.api import incidents
from appliance.api.answers import (
    AccountEntry,
    IncidentList,
    Line,
    LocalMessage,
    LocalMessageWithStory,
    NewCredentials,
)
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.messages import accepted_response
from appliance.api.paging import Before, Limit
from appliance.api.schemas import AccountRequest, LocalSendRequest
from appliance.errors import BadField, NameTaken, NotFound
from appliance.lifecycle import FINAL, State
from appliance.models import Account
from appliance.store import Store
from appliance.store.accounts import NewAccount
from appliance.store.bell import CHANGES
from appliance.store.shown import MessageStory

router = APIRouter(prefix="/local", tags=["This box only"])

LOCAL: Final = "local"
"""The account that the command line sends as; it has no credentials and is not listed."""

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


@router.get("/incidents")
async def list_incidents(
    doors: CurrentDoors, limit: Limit = 20, before: Before = None, lasting: bool = False
) -> IncidentList:
    """List what happened to the lines and to the box, newest first."""
    return await incidents.listed(doors, limit, before, lasting=lasting)


@router.get("/messages")
async def list_messages(
    doors: CurrentDoors, limit: Limit = 20, before: Before = None
) -> list[LocalMessage]:
    """List the messages of all accounts, newest first."""
    found = await doors.store.views.messages(None, most=limit, before=before)
    return [LocalMessage.of(view) for view in found]


@router.post("/messages", status_code=202, response_model=None)
async def submit_message(body: LocalSendRequest, doors: CurrentDoors) -> Response:
    """Send a message from this box."""
    accepted = await doors.intake.submit(await _local_account(doors), body.submission())
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
    return LocalMessageWithStory.told(found)


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
    new = NewAccount(name=request.name, webhook_url=request.webhook_url)
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


async def _local_account(doors: Doors) -> Account:
    accounts = doors.store.accounts
    if found := await accounts.by_name(LOCAL):
        return found
    with suppress(NameTaken):  # two first messages at once
        await accounts.add(NewAccount(name=LOCAL, local=True), doors.clock.now())
    found = await accounts.by_name(LOCAL)
    assert found is not None
    return found


async def _story(doors: Doors, message_id: str) -> MessageStory:
    found = await doors.store.views.message(None, message_id)
    if found is None:
        raise NotFound("message", message_id)
    return found
