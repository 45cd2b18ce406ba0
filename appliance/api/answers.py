"""What comes out over HTTP. Times are RFC 3339 in UTC, octets are base64."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from appliance.lifecycle import FINAL, State
from appliance.models import Account, Outcome, RequestState
from appliance.store.accounts import Issued
from appliance.store.requests import RequestView
from appliance.store.shown import (
    CallView,
    InboundView,
    IncidentView,
    LineView,
    MessageStory,
    MessageView,
)


def _to_base64(value: object) -> object:
    return b64encode(value).decode("ascii") if isinstance(value, bytes) else value


Octets = Annotated[
    str | None,
    BeforeValidator(_to_base64),
    WithJsonSchema({"anyOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}]}),
]


class Answer(BaseModel):
    """An answer, read from a value of the house that has the same names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class AcceptedMessage(Answer):
    """The message is stored, and survives a power cut."""

    id: str = Field(examples=["m7xk3q9d2m0a4"])
    state: State
    parts: int = Field(description="How many SMS it takes.")
    encoding: str = Field(description="gsm7, ucs2 or binary.", examples=["gsm7"])
    reference: str | None
    repeated: bool = Field(
        description="An earlier request with this reference or Idempotency-Key was found: this "
        "answers it again, with the state its message has now, and nothing was sent anew."
    )
    warnings: list[str] = Field(
        description="What was noticed though it was taken, sentences.", examples=[[]]
    )


class Message(Answer):
    """A message, in lists without its story."""

    id: str
    state: State
    final: bool = Field(description="Nothing more is expected to happen.")
    cause: str | None = Field(
        description="Why it failed or waits, a sentence; null if all is well."
    )
    cause_code: int | None = Field(description="The network's number for it, if it gave one.")
    to: str | None
    text: str | None
    data: Octets
    encoding: str
    parts: int
    category: str
    priority: int
    reference: str | None
    batch: str | None
    sim: str | None = Field(description="ICCID of the SIM that carries it; null while it waits.")
    accepted_at: datetime
    changed_at: datetime
    send_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, view: MessageView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate(_columns(view))


class PartState(Answer):
    """One SMS of the message."""

    ordinal: int = Field(description="From 1.")
    state: State
    cause: str | None
    cause_code: int | None
    changed_at: datetime


class Try(Answer):
    """One handing of a part to a SIM."""

    ordinal: int
    sim: str
    outcome: Outcome
    reference: int | None = Field(description="TP-MR, the number the modem gave it.")
    code: int | None = Field(description="+CMS error number; a +CME error has that of its kind.")
    cause: str | None
    started_at: datetime
    answered_at: datetime | None
    status: int | None = Field(description="TP-Status of the last report that fitted.")
    reported_at: datetime | None


class Step(Answer):
    """One change of a part's state; ordinal is null for what concerns the whole message."""

    at: datetime
    ordinal: int | None
    event: str
    state: State
    cause: str | None


class Story(Answer):
    """All that happened to a message, oldest first."""

    parts: list[PartState]
    attempts: list[Try]
    history: list[Step]


class MessageWithStory(Message):
    """A message and all that happened to it."""

    waits: str | None = Field(
        description="Why it has not left yet and, where time helps, when it will; null if it has.",
        examples=["Shelf 1: day limit 200/200, next at 00:00"],
    )
    story: Story

    @classmethod
    def told(cls, found: MessageStory, waits: str | None) -> Self:
        """Read it from the store's view; ``waits`` says why it has not left."""
        story = Story.model_validate(found)
        return cls.model_validate(_columns(found.message) | {"story": story, "waits": waits})


class MessageList(Answer):
    """Messages, newest first."""

    messages: list[Message]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class InboundMessage(Answer):
    """An SMS that came to one of the SIMs."""

    id: str
    sender: str | None = Field(description="A number, a short code or a name.")
    to: str | None = Field(description="Our number, null if the SIM does not know it.")
    sim: str = Field(description="ICCID of the SIM it came to.")
    text: str | None
    data: Octets
    state: str = Field(description="complete, waiting (for parts), incomplete or undecodable.")
    missing: int = Field(description="Parts that have not come yet.")
    message_class: int | None = Field(description="0 to 3; 0: it is to be shown at once.")
    indication: str | None = Field(description="What waits elsewhere, such as voicemail.")
    keyword: str | None = Field(description="stop or start, if it was understood as one.")
    sent_at: datetime | None = Field(description="The service centre's time stamp.")
    received_at: datetime

    @classmethod
    def of(cls, view: InboundView) -> Self:
        """Read it from the store's view."""
        same = ("id", "sender", "sim", "text", "data", "state", "missing", "keyword")
        more = ("message_class", "indication", "sent_at", "received_at")
        columns = {name: getattr(view, name) for name in (*same, *more)}
        return cls.model_validate(columns | {"to": view.number})


class InboundList(Answer):
    """Inbound messages, newest first."""

    inbound: list[InboundMessage]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class MissedCall(Answer):
    """A call to one of the SIMs; it was hung up."""

    id: str
    caller: str | None = Field(description="The number, null if it was withheld.")
    to: str | None = Field(description="Our number, null if the SIM does not know it.")
    sim: str = Field(description="ICCID of the SIM that was called.")
    received_at: datetime

    @classmethod
    def of(cls, view: CallView) -> Self:
        """Read it from the store's view."""
        same = ("id", "caller", "sim", "received_at")
        columns = {name: getattr(view, name) for name in same}
        return cls.model_validate(columns | {"to": view.number})


class CallList(Answer):
    """Calls, newest first."""

    calls: list[MissedCall]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class Health(Answer):
    """Whether messages that are taken now also leave."""

    ready: bool
    version: str


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str
    reason: str


class ProblemDetails(Answer):
    """A problem (RFC 9457)."""

    type: str = Field(
        description="The kind of problem; compare it as a string.",
        examples=["/docs#problem-opted-out"],
    )
    title: str
    status: int
    detail: str
    field: str | None = Field(default=None, description="The field, if it is about one.")
    errors: list[FieldProblem] | None = Field(default=None, description="All that is wrong.")


class LocalMessage(Message):
    """A message with the account it belongs to: for the command line."""

    account: str
    waits: str | None = Field(default=None, description="Why it has not left, if looked at.")


class LocalMessageWithStory(MessageWithStory):
    """The same with its story."""

    account: str


class Line(Answer):
    """A modem with its SIM, and what that has done today (by the site's calendar)."""

    slot: str
    port: str
    imei: str | None
    maker: str | None
    model: str | None
    sim: str | None
    number: str | None
    simulated: bool
    state: str
    cause: str
    next_step: str
    operator: str | None
    signal_dbm: int | None
    registration: str
    reports: str
    storage: str | None
    revision: str | None
    profile: str | None
    service_centre: str | None
    clock_offset_seconds: float | None = Field(description="The modem's clock against ours.")
    reports_proven_at: datetime | None = Field(
        description="When a status report last came by this modem for this SIM."
    )
    mending: str = Field(description="What is being done to mend it, empty if nothing.")
    mended: dict[str, int] | None = Field(description="How often it was mended, by what was done.")
    counted: dict[str, int] | None = Field(
        description="How often what was seen of it since the daemon began: broadcasts, full, …."
    )
    balance: float | None
    balance_text: str | None
    balance_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    changed_at: datetime
    sent: int
    failed: int

    @classmethod
    def of(cls, view: LineView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate(view)


class Incident(Answer):
    """Something that happened to a line, or (line is null) to the box itself."""

    id: str
    kind: str
    line: str | None
    sim: str | None = Field(description="ICCID of the SIM in it.")
    sentence: str = Field(description="What happened, for a person.")
    next_step: str = Field(description="What to do about it, empty if nothing.")
    lasting: bool = Field(description="It is a state, and stands until it has ended.")
    at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, view: IncidentView) -> Self:
        """Read it from the store's view."""
        names = ("id", "kind", "sim", "sentence", "next_step", "lasting", "at", "ended_at")
        columns = {name: getattr(view, name) for name in names}
        return cls.model_validate(columns | {"line": view.slot})


class IncidentList(Answer):
    """Incidents, newest first."""

    incidents: list[Incident]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class LineList(Answer):
    """The lines of all daemons on this database."""

    lines: list[Line]


class LineRequest(Answer):
    """What was asked of a line or a session, and what came of it."""

    id: str = Field(examples=["r7xk3q9d2m0a4"])
    line: str = Field(description="The line's slot, or the session.")
    kind: str
    state: RequestState = Field(description="open, taken (being carried out), done or failed.")
    answer: dict[str, Any] | None = Field(
        description="What the line answered, by the kind; kept for a day."
    )
    error: str | None = Field(description="Why it failed, a sentence.")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, view: RequestView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate(view)


class AccountEntry(Answer):
    """An account without its secrets."""

    name: str
    system_id: str | None
    carrier: str | None
    webhook_url: str | None
    is_default: bool
    admin: bool
    paused_at: datetime | None
    pause_reason: str | None
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> Self:
        """Read it from its row."""
        return cls.model_validate(account)


class NewCredentials(Answer):
    """A new account with its secrets, which are never shown again."""

    name: str
    api_key: str | None
    system_id: str | None
    password: str | None
    webhook_secret: str | None

    @classmethod
    def of(cls, issued: Issued) -> Self:
        """Read it from what the store issued."""
        return cls.model_validate(issued)


_SAME: Final = (
    *("id", "account", "state", "cause", "cause_code", "to"),
    *("text", "data", "encoding", "parts", "category", "priority"),
    *("reference", "batch", "sim", "accepted_at", "changed_at", "expires_at"),
)


def _columns(view: MessageView) -> dict[str, object]:
    """Return what a message shows; what a schema has no field for is left out by it."""
    final = view.state in FINAL or view.state is State.NO_REPORT
    return {name: getattr(view, name) for name in _SAME} | {
        "final": final,
        "send_at": view.not_before,
    }
