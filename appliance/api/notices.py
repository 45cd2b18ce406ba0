"""Notices that an account has not taken yet: what waits, what is parked, and its release."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from appliance.api.answers import Answer
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.paging import Before, Limit, page
from appliance.api.schemas import Request
from appliance.errors import NotFound
from appliance.lifecycle import State
from appliance.models import NoticeKind
from appliance.store.owing import NoticeView, OwedCount, Standing

router = APIRouter(prefix="/v1", tags=["Notices"])

local_router = APIRouter(prefix="/local", tags=["This box only"])

MOST_IDS = 1000


class OpenNotice(Answer):
    """A receipt, an inbound message or other news that its account has not taken."""

    id: str = Field(description="The id of the notice: the webhook-id.")
    account: str
    kind: NoticeKind
    about: str = Field(description="The id of what it tells of, such as a message.")
    state: State | None = Field(description="What it says became of the message.")
    standing: Standing = Field(
        description="`waiting`; parked, because it was `refused`, or `expired`: not taken in time."
    )
    tries: int
    last_error: str | None
    created_at: datetime
    due_at: datetime = Field(description="When it is tried next, while it waits.")
    parked_at: datetime | None

    @classmethod
    def of(cls, view: NoticeView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate({name: getattr(view, name) for name in cls.model_fields})


class NoticeList(Answer):
    """Notices, newest first."""

    notices: list[OpenNotice]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class Owed(Answer):
    """How much an account is owed."""

    account: str
    waiting: int
    refused: int
    expired: int
    oldest: datetime | None = Field(description="Since when the oldest one waits.")

    @classmethod
    def of(cls, count: OwedCount) -> Self:
        """Read it from the store's count."""
        return cls.model_validate({name: getattr(count, name) for name in cls.model_fields})


class ReleaseRequest(Request):
    """Which parked notices are to go again."""

    ids: (
        Annotated[
            list[Annotated[str, Field(min_length=2, max_length=14)]],
            Field(min_length=1, max_length=MOST_IDS),
        ]
        | None
    ) = Field(default=None, description="By their ids; null: all that are parked.")


class Released(Answer):
    """How many notices go again."""

    released: int


Wanted = Annotated[Standing | None, Query(alias="standing", description="Only such ones.")]


@router.get("/notices")
async def list_notices(
    account: CurrentAccount,
    doors: CurrentDoors,
    limit: Limit = 50,
    before: Before = None,
    standing: Wanted = None,
) -> NoticeList:
    """List receipts and other news that you have not taken, newest first."""
    return await _listed(doors, account.id, limit, before, standing)


@router.post("/notices/release")
async def release_notices(
    body: ReleaseRequest, account: CurrentAccount, doors: CurrentDoors
) -> Released:
    """Let parked notices go again, as if they were new.

    Those of a message of which you have taken later news stay parked: they would be out of order.
    """
    return await _released(doors, account.id or 0, body)


@local_router.get("/notices")
async def list_all_notices(
    doors: CurrentDoors,
    limit: Limit = 50,
    before: Before = None,
    standing: Wanted = None,
    account: str | None = None,
) -> NoticeList:
    """List what accounts have not taken, newest first: of one by its name, or of all."""
    whose = None if account is None else await _account(doors, account)
    return await _listed(doors, whose, limit, before, standing)


@local_router.get("/notices/owed")
async def owed(doors: CurrentDoors) -> list[Owed]:
    """Say how much each account is owed; accounts that are owed nothing are left out."""
    return [Owed.of(count) for count in await doors.store.owing.counts()]


@local_router.post("/notices/release")
async def release_for(body: ReleaseRequest, doors: CurrentDoors, account: str) -> Released:
    """Let parked notices of an account go again."""
    return await _released(doors, await _account(doors, account), body)


async def _listed(
    doors: Doors, account_id: int | None, limit: int, before: str | None, wanted: Standing | None
) -> NoticeList:
    found = await doors.store.owing.shown(
        account_id, standing=wanted, most=limit + 1, before=before
    )
    shown, following = page(found, limit)
    return NoticeList(notices=[OpenNotice.of(view) for view in shown], next=following)


async def _released(doors: Doors, account_id: int, body: ReleaseRequest) -> Released:
    now = doors.clock.now()
    return Released(released=await doors.store.owing.release(account_id, now, body.ids))


async def _account(doors: Doors, name: str) -> int:
    found = await doors.store.accounts.by_name(name)
    if found is None or found.id is None:
        raise NotFound("account", name)
    return found.id
