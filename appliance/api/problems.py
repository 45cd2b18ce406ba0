"""Errors as problem details (RFC 9457): one table from ours to HTTP's. Routes catch nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from appliance.errors import (
    AccountPaused,
    ApplianceError,
    BadConfig,
    BadField,
    BadNumber,
    Forbidden,
    LineUnclear,
    NameTaken,
    NoRoom,
    NotAllowedHere,
    NotFound,
    NumberNotAllowed,
    OptedOut,
    QueueFull,
    ReferenceUsed,
    StoreError,
    SubmissionRefused,
    TooFast,
    TooLate,
    TooManyParts,
    TooOften,
    Unauthorised,
)
from appliance.errors.invalid import why_invalid

MEDIA_TYPE: Final = "application/problem+json"

LONGEST_FIELD: Final = 64
"""Characters of a field's name that are repeated: an unknown one is the client's own word."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; ``detail`` replaces the error's own sentence where that is not for all."""

    status: int
    slug: str
    title: str
    detail: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def type(self) -> str:
        """Return the URI reference that names the kind; it leads to its place in the docs."""
        return f"/docs#problem-{self.slug}"


CHALLENGE: Final = (("WWW-Authenticate", 'Bearer realm="appliance"'),)

LATER: Final = (("Retry-After", "30"),)

INVALID: Final = Kind(422, "invalid", "The request is not as it should be")

NOT_JSON: Final = Kind(400, "not-json", "The body is no JSON")

WRONG_HOST: Final = Kind(421, "wrong-host", "This host is not served here")

KINDS: Final[Mapping[type[ApplianceError], Kind]] = {
    BadConfig: Kind(422, "bad-config", "The configuration is wrong; nothing has changed"),
    BadField: INVALID,
    BadNumber: Kind(422, "bad-number", "The recipient is no phone number"),
    NumberNotAllowed: Kind(422, "number-not-allowed", "This number may not be written to"),
    TooManyParts: Kind(422, "too-many-parts", "The message is too long"),
    OptedOut: Kind(409, "opted-out", "The recipient has opted out"),
    TooOften: Kind(409, "too-often", "The recipient was written to often enough"),
    NotAllowedHere: Kind(422, "not-allowed-here", "The text breaks a rule of this site"),
    ReferenceUsed: Kind(409, "reference-used", "The name stands for another message already"),
    SubmissionRefused: INVALID,
    NoRoom: Kind(503, "no-room", "Nothing can be taken just now", headers=LATER),
    QueueFull: Kind(429, "queue-full", "Too many messages of this account wait", headers=LATER),
    TooFast: Kind(429, "too-fast", "This account submits faster than it may"),
    LineUnclear: Kind(404, "line-unclear", "No line is called that, or several are"),
    AccountPaused: Kind(403, "account-paused", "This account is paused"),
    TooLate: Kind(409, "too-late", "Nothing of it can be changed any more"),
    NotFound: Kind(404, "not-found", "There is no such thing"),
    NameTaken: Kind(409, "name-taken", "The name is taken"),
    Unauthorised: Kind(401, "unauthorised", "A valid API key is needed", headers=CHALLENGE),
    Forbidden: Kind(403, "forbidden", "This account may not do that"),
    StoreError: Kind(
        503,
        "store",
        "The database does not answer as it should",
        detail="nothing was stored; try again later",
        headers=LATER,
    ),
    ApplianceError: Kind(
        500, "internal", "Something went wrong here", detail="the log of the appliance says what"
    ),
}
"""What an error of ours is over HTTP; the nearest class counts."""

ALL_KINDS: Final = tuple(dict.fromkeys((NOT_JSON, INVALID, *KINDS.values(), WRONG_HOST)))

FIELD_NAMES: Final = {"not_before": "send_at", "idempotency_key": "Idempotency-Key"}
"""What a submission calls otherwise than the API."""

MISSING: Final = {"trace": "nothing is traced of this account: begin a trace first"}
"""What is said of what is not there, where that is more than its absence."""

REASONS: Final = {
    "extra_forbidden": "is no field of this request",
    "model_attributes_type": "must be a JSON object, sent with Content-Type: application/json",
    "dict_type": "must be a JSON object, sent with Content-Type: application/json",
}
"""What is said of a request otherwise than of anything else."""


def problem(
    kind: Kind,
    detail: str = "",
    fields: Sequence[tuple[str, str]] = (),
) -> Response:
    """Return a problem; ``fields`` are what is wrong, as (field, reason)."""
    return _response(_content(kind, detail, fields), kind.status, kind.headers)


def _content(
    kind: Kind, detail: str = "", fields: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail or detail or kind.title,
    }
    if len(fields) == 1:
        content["field"] = fields[0][0]
    if fields:
        content["errors"] = [{"field": field, "reason": reason} for field, reason in fields]
    return content


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error as a problem."""
    app.add_exception_handler(ApplianceError, _explain_ours)
    app.add_exception_handler(RequestValidationError, _explain_invalid)
    app.add_exception_handler(HTTPException, _explain_http)
    app.add_exception_handler(Exception, _explain_bug)


def kind_of(error: ApplianceError) -> Kind:
    """Return the row of the nearest class of ``error``."""
    return next(KINDS[base] for base in type(error).__mro__ if base in KINDS)


def of_ours(error: ApplianceError) -> dict[str, Any]:
    """Return an error of ours as a problem's members."""
    if isinstance(error, SubmissionRefused):
        field = FIELD_NAMES.get(error.field, error.field)
        return _content(kind_of(error), f"{field}: {error.reason}", [(field, error.reason)])
    if isinstance(error, NotFound):
        return _content(kind_of(error), MISSING.get(error.kind) or f"there is no such {error.kind}")
    return _content(kind_of(error), str(error))


def of_invalid(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what pydantic found wrong with one of several messages, as a problem's members."""
    fields = [(_field(each["loc"]) or "messages", _reason(each)) for each in found]
    return _content(INVALID, "; ".join(f"{name}: {reason}" for name, reason in fields), fields)


async def _explain_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApplianceError)
    content = of_ours(error)
    headers = dict(kind_of(error).headers)
    if isinstance(error, TooFast):
        headers["Retry-After"] = str(ceil(error.wait))  # whole seconds (RFC 9110 clause 10.2.3)
    return _response(content, content["status"], headers.items())


async def _explain_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        # ``loc`` ends with the position; the message is Python's and repeats nothing.
        reason = f"{found[0]['ctx']['error']} at character {found[0]['loc'][-1]}"
        return problem(NOT_JSON, reason, [("body", reason)])
    fields = [(_field(one["loc"]), _reason(one)) for one in found]
    return problem(INVALID, "; ".join(f"{field}: {reason}" for field, reason in fields), fields)


async def _explain_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    content = {
        "type": "about:blank",  # RFC 9457 clause 4.2.1: nothing but the status
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
    }
    return _response(content, error.status_code, (error.headers or {}).items())


async def _explain_bug(_request: Request, _error: Exception) -> Response:
    return problem(KINDS[ApplianceError])  # the server logs the error itself


def _response(
    content: Mapping[str, Any], status: int, headers: Iterable[tuple[str, str]]
) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, dict(headers), MEDIA_TYPE)


def _field(place: Sequence[str | int]) -> str:
    """Return the name of a field: where it is in the body, the query or the headers."""
    inner = place[1:] if len(place) > 1 else place
    return ".".join(map(str, inner))[:LONGEST_FIELD]


def _reason(found: Mapping[str, Any]) -> str:
    """Return what is wrong, without the value that was given."""
    return why_invalid(found, REASONS)
