"""What webhooks are sent, for the documentation: ``appliance.webhook`` writes them."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from appliance.api.answers import Answer
from appliance.lifecycle import State

router = APIRouter(tags=["Webhooks"])


class MessageFate(Answer):
    """What became of a message."""

    model_config = ConfigDict(extra="forbid")

    id: str
    reference: str | None
    state: State
    final: bool
    cause: str | None
    cause_code: int | None
    to: str | None
    parts: int
    parts_delivered: int
    accepted_at: datetime
    changed_at: datetime


class InboundCame(Answer):
    """An SMS that came to one of the SIMs; either text or data is null."""

    model_config = ConfigDict(extra="forbid")

    id: str
    sender: str | None
    to: str | None = Field(description="Our number, null if the SIM does not know it.")
    sim: str
    text: str | None
    data: str | None = Field(description="8-bit payload, base64.")
    sent_at: datetime
    received_at: datetime
    opt_out: bool = Field(description="It was understood as STOP: the number is not written to.")
    missing: int = Field(
        description="Parts that did not come in time (inbound.incomplete). Should they come, the"
        " whole message is told with the same id."
    )
    message_class: int | None = Field(description="0 to 3; 0: it is to be shown at once.")
    indication: str | None = Field(description="What waits elsewhere, such as voicemail.")


class IncidentHappened(Answer):
    """Something that happened to a line, or (line is null) to the box itself."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: str
    line: str | None
    sim: str | None = Field(description="ICCID of the SIM in it.")
    sentence: str = Field(description="What happened, for a person.")
    next_step: str | None = Field(description="What a technician should do, if anything.")
    lasting: bool = Field(description="It is a state, and stands until it is ended.")


class CallCame(Answer):
    """A call to one of the SIMs; it was hung up."""

    model_config = ConfigDict(extra="forbid")

    id: str
    caller: str | None = Field(description="The number, null if it was withheld.")
    to: str | None = Field(description="Our number, null if the SIM does not know it.")
    sim: str
    received_at: datetime


class MessageEvent(Answer):
    """`type` is message. and the state."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(pattern="^message[.][a-z_]+$", examples=["message.delivered"])
    timestamp: datetime
    data: MessageFate


class InboundEvent(Answer):
    """An inbound message."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["inbound.received", "inbound.incomplete"]
    timestamp: datetime
    data: InboundCame


class IncidentEvent(Answer):
    """`type` is incident. and the kind."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(pattern="^incident[.][a-z_]+$", examples=["incident.low_balance"])
    timestamp: datetime
    data: IncidentHappened


class CallEvent(Answer):
    """A call."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["call.missed"]
    timestamp: datetime
    data: CallCame


@router.post("message")
async def message_changed(body: MessageEvent) -> None:
    """Be told what became of a message.

    Signed as Standard Webhooks say (headers webhook-id, webhook-timestamp, webhook-signature).
    Answer 2xx within 15 s; anything else is tried again with growing pauses, the webhook-id
    staying the same. 410 says: never send this one again.
    """


@router.post("inbound.received")
async def inbound_received(body: InboundEvent) -> None:
    """Be told of an inbound message."""


@router.post("incident")
async def incident_happened(body: IncidentEvent) -> None:
    """Be told what happens to the lines; only admin accounts are."""


@router.post("call.missed")
async def call_missed(body: CallEvent) -> None:
    """Be told of a call, which was hung up."""
