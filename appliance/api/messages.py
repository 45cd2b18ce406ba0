"""Messages: hand one in, see what became of it."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from appliance.api.answers import AcceptedMessage, Message, MessageList, MessageWithStory
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.filters import Wanted
from appliance.api.paging import Before, Limit, page
from appliance.api.schemas import SendRequest
from appliance.errors import NotFound
from appliance.submission import Accepted

router = APIRouter(prefix="/v1", tags=["Messages"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="Any string of your own, such as a UUID, the same when you repeat the request "
        "because its answer got lost. Compared as it is, per account; kept as long as "
        "the message.",
    ),
]

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "model": AcceptedMessage,
        "description": "Stored. A repeated request is answered the same, with `repeated: true`.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Its story."}},
    }
}


@router.post("/messages", status_code=202, response_model=None, responses=ACCEPTED)
async def submit_message(
    body: SendRequest,
    account: CurrentAccount,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send one message.

    It is stored when this is answered. Its fate comes by webhook, as an SMPP receipt, or is
    asked for with `GET /v1/messages/{message_id}`.
    """
    doors: Doors = request.app.state.doors  # on this route every dependency costs
    accepted = await doors.intake.submit(account, body.submission(idempotency_key))
    return accepted_response(accepted, body.reference, "/v1/messages/")


@router.get("/messages/{message_id}")
async def get_message(
    message_id: str, account: CurrentAccount, doors: CurrentDoors
) -> MessageWithStory:
    """Look a message up: where it is, its parts, attempts and history."""
    found = await doors.store.views.message(account.id, message_id)
    if found is None:
        raise NotFound("message", message_id)
    waits = await doors.waits(found.message.id, found.message.state)
    return MessageWithStory.told(found, waits)


@router.get("/messages")
async def list_messages(
    account: CurrentAccount,
    doors: CurrentDoors,
    wanted: Wanted,
    limit: Limit = 50,
    before: Before = None,
) -> MessageList:
    """List messages, newest first; all of them, or those that are asked for."""
    views = doors.store.views
    found = await views.messages(account.id, most=limit + 1, before=before, wanted=wanted)
    shown, following = page(found, limit)
    return MessageList(messages=[Message.of(view) for view in shown], next=following)


def accepted_response(accepted: Accepted, reference: str | None, place: str) -> Response:
    """Return the answer to a submission. Made by hand: what we made ourselves is not checked."""
    content = {
        "id": accepted.id,
        "state": accepted.state,
        "parts": accepted.parts,
        "encoding": accepted.encoding,
        "reference": reference,
        "repeated": accepted.repeated,
        "warnings": accepted.warnings,
    }
    headers = {"Location": place + accepted.id}
    return Response(json.dumps(content).encode(), 202, headers, "application/json")
