"""Batches: many messages in one request, and how far they are."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field, ValidationError, WithJsonSchema

from appliance.api import problems
from appliance.api.answers import AcceptedMessage, Answer
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.schemas import EXAMPLE, Clean, Request, SendRequest
from appliance.errors import ApplianceError
from appliance.lifecycle import State
from appliance.models import Account
from appliance.store.shown import BatchView

router = APIRouter(prefix="/v1", tags=["Messages"])

MOST: Final = 1000

TOGETHER: Final = 100
"""Messages checked before anything else may run, and stored together."""

Name = Annotated[str, Field(min_length=1, max_length=255), Clean]

# Each is checked by itself, so that one that is wrong does not keep the others out.
Unchecked = Annotated[
    Any, WithJsonSchema({"type": "object", "description": "As for POST /v1/messages."})
]


WHOLE_EXAMPLE: Final[dict[str, Any]] = {"batch": "spring-sale", "messages": [EXAMPLE]}


class BatchRequest(Request):
    """Many messages."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE_EXAMPLE]})

    messages: Annotated[list[Unchecked], Field(min_length=1, max_length=MOST)] = Field(
        description=f"Up to {MOST} messages, each as for `POST /v1/messages`. Give each a "
        "reference of your own: then the whole request may be repeated, and sends nothing twice."
    )
    batch: Name | None = Field(
        default=None, description="The batch of those that name none themselves."
    )


class BatchItem(Answer):
    """One of them, in the order of the request: accepted, or refused with a problem."""

    accepted: AcceptedMessage | None = Field(description="Null if it was refused.")
    problem: dict[str, Any] | None = Field(
        description="What is wrong with it (RFC 9457); null if it was accepted."
    )


class BatchAnswer(Answer):
    """What became of them: those that are accepted survive a power cut."""

    accepted: int
    refused: int
    messages: list[BatchItem]


class BatchCounts(Answer):
    """How far a batch is."""

    batch: str
    total: int
    states: dict[State, int] = Field(description="How many messages are in which state.")
    first_accepted_at: datetime
    last_changed_at: datetime
    cancelling: bool = Field(description="More of it are still to be cancelled.")

    @classmethod
    def of(cls, view: BatchView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate(view)


@router.post("/messages/batch")
async def submit_batch(
    body: BatchRequest, account: CurrentAccount, doors: CurrentDoors
) -> BatchAnswer:
    """Send many messages in one request; each is accepted or refused by itself."""
    items: list[BatchItem] = []
    for first in range(0, len(body.messages), TOGETHER):
        some = body.messages[first : first + TOGETHER]
        items += await asyncio.gather(*(_submit(doors, account, each, body.batch) for each in some))
    accepted = sum(item.accepted is not None for item in items)
    return BatchAnswer(accepted=accepted, refused=len(items) - accepted, messages=items)


@router.get("/batches/{batch}")
async def get_batch(batch: str, account: CurrentAccount, doors: CurrentDoors) -> BatchCounts:
    """Look a batch up: how many of its messages are in which state."""
    assert account.id is not None
    return BatchCounts.of(await doors.store.views.batch(account.id, batch))


async def _submit(doors: Doors, account: Account, given: object, batch: str | None) -> BatchItem:
    try:
        asked = SendRequest.model_validate(given)
        if asked.batch is None:
            asked = asked.model_copy(update={"batch": batch})
        taken = await doors.intake.submit(account, asked.submission(None))
    except ValidationError as error:
        return BatchItem(accepted=None, problem=problems.of_invalid(error.errors()))
    except ApplianceError as error:
        return BatchItem(accepted=None, problem=problems.of_ours(error))
    known = {name: getattr(taken, name) for name in ("id", "state", "parts", "encoding")}
    known |= {"reference": asked.reference, "repeated": taken.repeated}
    known |= {"warnings": list(taken.warnings)}
    return BatchItem(accepted=AcceptedMessage.model_validate(known), problem=None)
