"""Messages taken back: cancelled, or replaced while nothing of them has left."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import Field, StrictInt
from starlette.responses import Response

from appliance import withdrawal
from appliance.api.answers import AcceptedMessage, Answer
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.messages import accepted_response
from appliance.api.schemas import (
    LONGEST_TEXT,
    LONGEST_VALIDITY,
    Clean,
    Moment,
    Octets,
    Request,
)
from appliance.errors import BadField, NotFound, TooLate
from appliance.lifecycle import State
from appliance.store.withdrawal import Selection, Withdrawn
from appliance.submission import Receipts
from appliance.withdrawal import Replacement

router = APIRouter(prefix="/v1", tags=["Messages"])

MOST_IDS: Final = 1000

OwnName = Annotated[str, Field(min_length=1, max_length=255), Clean]


class CancelRequest(Request):
    """Which messages: exactly one of these."""

    ids: (
        Annotated[
            list[Annotated[str, Field(min_length=2, max_length=14)]],
            Field(min_length=1, max_length=MOST_IDS),
        ]
        | None
    ) = Field(default=None, description="Messages by their ids.")
    batch: OwnName | None = Field(
        default=None, description="All of a batch.", examples=["spring-sale"]
    )
    reference: OwnName | None = Field(default=None, description="The one with this reference.")
    to: Annotated[str, Field(min_length=1, max_length=64), Clean] | None = Field(
        default=None, description="All to this number."
    )

    def selection(self, doors: Doors) -> Selection:
        """Return which are meant.

        Raises:
            BadField: not exactly one of the fields is given.
            BadNumber: the recipient is no phone number.

        """
        if len(self.model_dump(exclude_none=True)) != 1:
            raise BadField("ids", "give exactly one of ids, batch, reference and to")
        return Selection(
            ids=tuple(self.ids or ()),
            batch=self.batch,
            reference=self.reference,
            to=doors.intake.recipient(self.to) if self.to is not None else None,
        )


class Cancelled(Answer):
    """What became of the messages that were to be cancelled."""

    cancelled: int = Field(description="Nothing of them had left, and nothing will.")
    on_air: int = Field(
        description="Something of them had left; what had not will not, and is not sent again."
    )
    final: int = Field(description="Their fate was known already.")
    finished: bool = Field(
        description="All were gone over. If not, the rest is, also after a restart; ask for the "
        "batch to see how far it is."
    )

    @classmethod
    def of(cls, found: Withdrawn) -> "Cancelled":
        """Read it from what the store says."""
        return cls(
            cancelled=found.cancelled,
            on_air=found.on_air,
            final=found.final,
            finished=found.rest is None,
        )


class ReplaceRequest(Request):
    """What is to be otherwise; what is left out stays as it is."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), Clean] | None = Field(
        default=None, description="Another text.", examples=["Your parcel arrives tomorrow."]
    )
    data: Octets | None = Field(default=None, description="Another 8-bit payload, base64.")
    send_at: Moment | None = Field(default=None, description="Not before this moment.")
    expires_at: Moment | None = Field(
        default=None, description="If it has not left by then, it is not sent any more."
    )
    validity_seconds: Annotated[StrictInt, Field(ge=1, le=LONGEST_VALIDITY)] | None = Field(
        default=None, description="Instead of expires_at: seconds from when it may leave."
    )
    receipts: Receipts | None = Field(
        default=None, description="Of which fates you want to be told."
    )

    def replacement(self) -> Replacement:
        """Return what is wanted, in the words of the house.

        Raises:
            BadField: expires_at and validity_seconds are both given.

        """
        seconds = self.validity_seconds
        if seconds is not None and self.expires_at is not None:
            raise BadField("validity_seconds", "give it or expires_at, not both")
        return Replacement(
            text=self.text,
            data=self.data,
            not_before=self.send_at,
            expires_at=self.expires_at,
            validity=None if seconds is None else timedelta(seconds=seconds),
            receipts=self.receipts,
        )


STILL_GOING_ON: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": Cancelled, "description": "There are many: the rest is gone on with."}
}

REPLACED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": AcceptedMessage, "description": "Stored under the same id."}
}


@router.delete("/messages/{message_id}")
async def cancel_message(
    message_id: str, account: CurrentAccount, doors: CurrentDoors
) -> Cancelled:
    """Cancel one message while it is not on the air.

    Of a long one that is being sent, the parts that have not begun are cancelled. If there is
    nothing left to cancel, a problem says so.
    """
    return await cancel_one(doors, account.id, message_id)


@router.post("/messages/cancel", responses=STILL_GOING_ON)
async def cancel_messages(
    body: CancelRequest, account: CurrentAccount, doors: CurrentDoors, response: Response
) -> Cancelled:
    """Cancel messages by id, batch, reference or recipient, those that are there now."""
    return await cancel_several(doors, account.id, body, response)


@router.put("/messages/{message_id}", status_code=202, response_model=None, responses=REPLACED)
async def replace_message(
    message_id: str, body: ReplaceRequest, account: CurrentAccount, doors: CurrentDoors
) -> Response:
    """Replace a message's text or times while nothing of it has left; its id stays."""
    found = await withdrawal.change(
        doors.intake, doors.store, account, message_id, body.replacement()
    )
    return accepted_response(found, None, "/v1/messages/")


async def cancel_one(doors: Doors, account_id: int | None, message_id: str) -> Cancelled:
    """Cancel a message of an account (None: of any).

    Raises:
        NotFound: there is none of that id.
        TooLate: nothing of it is left to cancel.

    """
    if await doors.store.views.message(account_id, message_id) is None:
        raise NotFound("message", message_id)
    selection = Selection(ids=(message_id,))
    found = await withdrawal.cancel(doors.store, doors.clock, account_id, selection)
    after = await doors.store.views.message(account_id, message_id)
    if after is not None and after.message.state is not State.CANCELLED:
        raise TooLate(f"the message is {after.message.state.value}")
    return Cancelled.of(found)


async def cancel_several(
    doors: Doors, account_id: int | None, asked: CancelRequest, response: Response
) -> Cancelled:
    """Cancel messages of an account (None: of any)."""
    selection = asked.selection(doors)
    found = await withdrawal.cancel(doors.store, doors.clock, account_id, selection)
    if found.rest is not None:
        response.status_code = 202
    return Cancelled.of(found)
