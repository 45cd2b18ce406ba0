"""What goes in over HTTP: the requests. What comes out is in ``answers``."""

import binascii
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)

from appliance.errors import BadField
from appliance.policy.categories import Category
from appliance.submission import SERVICE_CENTRE, Door, Receipts, Submission, WhenUncertain

LONGEST_TEXT: Final = 40_000
"""Characters: more than 255 parts hold, so that the right error is about parts."""

LONGEST_VALIDITY: Final = 63 * 7 * 86_400
"""Seconds in 63 weeks, the longest validity an SMS can have (3GPP TS 23.040 clause 9.2.3.12.1)."""


def _from_base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("must be a string of base64")  # noqa: TRY004 - pydantic takes ValueError
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64 (RFC 4648 clause 4)") from None


def _in_words(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a string such as 2030-01-31T08:00:00+01:00")  # noqa: TRY004
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold U+0000")
    return value


Octets = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]

Moment = Annotated[AwareDatetime, BeforeValidator(_in_words), AfterValidator(_in_utc)]

Clean = AfterValidator(_without_nul)


class Request(BaseModel):
    """A request: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


KEPT_HOURS: Final = 24.0
"""How long an old password opens beside the new one, if nothing else is said."""


class RotateRequest(Request):
    """A password is to be exchanged."""

    keep_hours: Annotated[float, Field(ge=0, le=90 * 24, allow_inf_nan=False)] = KEPT_HOURS


class LocalSendRequest(Request):
    """A message from the command line on this box."""

    to: Annotated[str, Field(min_length=1, max_length=64), Clean]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), Clean]

    def submission(self) -> Submission:
        """Return what is asked for, in the words of the house."""
        return Submission(to=self.to, text=self.text, door=Door.LOCAL)


EXAMPLE: Final[dict[str, Any]] = {
    "to": "+4915228817386",
    "text": "Your parcel arrives today between 14 and 16 h.",
    "reference": "order-4711",
}


class SendRequest(Request):
    """One message to one recipient."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    to: Annotated[str, Field(min_length=1, max_length=64), Clean] = Field(
        description="The recipient's number. International with + in front, or national if the "
        "configuration names a region.",
        examples=["+4915228817386"],
    )
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), Clean] | None = Field(
        default=None,
        description="The text. It goes as GSM 7-bit (160 characters, 153 per part of a longer one) "
        "if all its characters are in that alphabet, else as UCS-2 (70, 67 per part), unless the "
        "configuration allows national alphabets that have them all.",
    )
    data: Octets | None = Field(
        default=None,
        description="8-bit payload instead of a text, base64: 140 octets, 134 per part of more.",
    )
    reference: Annotated[str, Field(min_length=1, max_length=255), Clean] | None = Field(
        default=None,
        description="Your own name for the message, unique per account. The same request with the "
        "same reference is answered as the first time and sends nothing more.",
    )
    category: Category = Field(
        default=Category.TRANSACTIONAL,
        description="What the message is for: decides what leaves first.",
    )
    priority: Annotated[StrictInt, Field(ge=0, le=3)] | None = Field(
        default=None, description="3 leaves first. Without it the category decides."
    )
    send_at: Moment | None = Field(
        default=None, description="Not before this moment (RFC 3339, with its offset)."
    )
    expires_at: Moment | None = Field(
        default=None, description="If it has not left by then, it is not sent any more."
    )
    validity_seconds: Annotated[StrictInt, Field(ge=1, le=LONGEST_VALIDITY)] | None = Field(
        default=None,
        description="Instead of expires_at: seconds from send_at, or from now on.",
    )
    time_zone: Annotated[str, Field(min_length=1, max_length=64), Clean] | None = Field(
        default=None,
        description="The recipient's time zone (IANA), for quiet hours. Without it: all that its "
        "number may be in.",
        examples=["Europe/Berlin"],
    )
    batch: Annotated[str, Field(min_length=1, max_length=255), Clean] | None = Field(
        default=None,
        description="Your own name for messages that belong together: they can be counted, listed "
        "and cancelled by it.",
        examples=["spring-sale"],
    )
    flash: StrictBool = Field(
        default=False, description="Show it at once and do not keep it (message class 0)."
    )
    service_centre: Annotated[str, Field(pattern=SERVICE_CENTRE)] | None = Field(
        default=None,
        description="The service centre that is to carry it, international with + in front. "
        "Without it: the SIM's own, which is right but for special contracts.",
        examples=["+491710760000"],
    )
    receipts: Receipts | None = Field(
        default=None,
        description="Of which fates you want to be told by webhook. Without it: of the final one.",
    )
    when_uncertain: WhenUncertain | None = Field(
        default=None,
        description="What to do when nobody can tell whether a part went out (a modem died in the "
        "middle) and no report settles it: hold it, send it again (it may arrive twice; never "
        "with marketing), or give it up. Without it the configuration decides.",
    )

    def submission(self, idempotency_key: str | None) -> Submission:
        """Return what is asked for, in the words of the house.

        Raises:
            BadField: expires_at and validity_seconds are both given.

        """
        validity = self.validity_seconds
        if validity is not None and self.expires_at is not None:
            raise BadField("validity_seconds", "give it or expires_at, not both")
        return Submission(
            to=self.to,
            text=self.text,
            data=self.data,
            flash=self.flash,
            service_centre=self.service_centre,
            category=self.category,
            priority=self.priority,
            reference=self.reference,
            idempotency_key=idempotency_key,
            not_before=self.send_at,
            expires_at=self.expires_at,
            validity=None if validity is None else timedelta(seconds=validity),
            receipts=self.receipts,
            batch=self.batch,
            time_zone=self.time_zone,
            when_uncertain=self.when_uncertain,
            door=Door.REST,
        )


class ReloadRequest(Request):
    """The configuration is to be read again: this text of one, or the daemon's own file."""

    text: str | None = None


class AccountRequest(Request):
    """A new account."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    webhook_url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/?#]+")] | None = (
        None
    )
    admin: bool = False
