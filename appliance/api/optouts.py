"""Opt-outs: who must not be written to, as entered, listed, imported, exported.

The same routes are served on the Unix socket, where whoever may use it needs no account.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from appliance.api.answers import Answer
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.lines import Anybody
from appliance.api.paging import Before, Limit, page
from appliance.api.schemas import Clean, Moment, Request
from appliance.errors import BadField
from appliance.models import Account, ConsentEvent
from appliance.optouts import LineResult, OptOutBook, Wanted
from appliance.policy.categories import Category
from appliance.policy.consent import Source
from appliance.policy.optout_csv import LONGEST_REASON
from appliance.store.optout_list import OptOutView

router = APIRouter(tags=["Opt-outs"])

CSV: Final = "text/csv; charset=utf-8"

Reason = Annotated[str, Field(max_length=LONGEST_REASON), Clean]


class OptOutRequest(Request):
    """A recipient who must get no more."""

    number: Annotated[str, Field(min_length=1, max_length=64), Clean] = Field(
        description="International with + in front, or national if the configuration names a "
        "region; also a short code.",
        examples=["+4915228817386"],
    )
    category: Category | None = Field(
        default=None, description="Only messages of this category. Without it: all."
    )
    until: Moment | None = Field(
        default=None, description="Until when it holds. Without it: until it is ended."
    )
    reason: Reason = Field(default="", description="Why, for whoever looks at it later.")
    for_all: bool | None = Field(
        default=None,
        description="Whether it holds for all accounts. Only accounts made with `--admin` may say "
        "so, and without it they do; for others it holds for themselves.",
    )


class OptOut(Answer):
    """A recipient who must get no more."""

    id: str
    number: str | None = Field(description="Null once erased.")
    account: str | None = Field(description="The account that must not write; null: none may.")
    category: str | None = Field(description="Null: all messages.")
    sim: str | None = Field(
        description="ICCID of the only SIM that must not write; null: none may."
    )
    source: Source = Field(description="sms: its owner has sent a STOP.")
    reason: str
    created_at: datetime
    until: datetime | None = Field(description="When it ends by itself.")
    ended_at: datetime | None = Field(description="When it was ended, by START or otherwise.")

    @classmethod
    def of(cls, view: OptOutView) -> Self:
        """Read it from the store's view."""
        return cls.model_validate(view)


class RecordLine(Answer):
    """Something that was said of a number; it is never rewritten."""

    at: datetime
    event: ConsentEvent
    source: Source
    reason: str
    account: str | None
    category: str | None
    sim: str | None = Field(description="ICCID of the SIM that it was said to.")
    until: datetime | None
    text: str | None = Field(description="The words, if it was said by SMS.")


class OptOutWithRecord(OptOut):
    """An opt-out, and all that was said of its number, oldest first."""

    record: list[RecordLine]


class OptOutList(Answer):
    """Opt-outs, newest first."""

    opt_outs: list[OptOut]
    next: str | None = Field(description="Ask on with before=this; null: there are no older ones.")


class Desk:
    """What every route needs: who asks, and the book."""

    def __init__(self, asker: Anybody, doors: CurrentDoors) -> None:
        self.asker: Account | None = asker
        self.doors: Doors = doors
        config = doors.config
        self.book = OptOutBook(
            doors.store, doors.clock, config.numbers.region or None, config.site.zone
        )

    @property
    def whose(self) -> int | None:
        """Whose opt-outs are shown; None: all."""
        return None if self.asker is None or self.asker.admin else self.asker.id


ADesk = Annotated[Desk, Depends(Desk)]

Ended = Annotated[
    bool, Query(alias="all", description="Those too that have ended, or whose time is over.")
]

MADE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": OptOut, "description": "One that covers it stands already: this one."},
    201: {"model": OptOut, "description": "Entered; what waited for the number is cancelled."},
}

A_LIST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "UTF-8, 10 MB at most. The columns are number, category, until, reason; a "
        "first line may name them in another order, and leave out all but number.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}

LIST: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A list.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.post("/opt-outs", status_code=201, response_model=OptOut, responses=MADE)
async def add_opt_out(body: OptOutRequest, desk: ADesk, response: Response) -> OptOut:
    """Enter an opt-out: messages to this number are refused, and those that wait are cancelled."""
    wanted = Wanted(
        number=body.number,
        category=body.category,
        until=body.until,
        reason=body.reason,
        for_all=body.for_all,
    )
    view, fresh = await desk.book.add(desk.asker, wanted)
    response.status_code = 201 if fresh else 200
    return OptOut.of(view)


@router.get("/opt-outs")
async def list_opt_outs(
    desk: ADesk, limit: Limit = 50, before: Before = None, ended: Ended = False
) -> OptOutList:
    """List opt-outs, newest first: this account's own, and those of people who have answered it.

    Accounts made with `--admin` see all.
    """
    found = await desk.doors.store.opt_outs.shown(
        desk.whose, desk.doors.clock.now(), ended=ended, most=limit + 1, before=before
    )
    shown, following = page(found, limit)
    return OptOutList(opt_outs=[OptOut.of(view) for view in shown], next=following)


@router.get("/opt-outs.csv", response_class=Response, responses=LIST)
async def export_opt_outs(desk: ADesk, ended: Ended = False) -> StreamingResponse:
    """Return the same as a list that can be imported again."""
    return StreamingResponse(desk.book.exported(desk.asker, ended=ended), media_type=CSV)


@router.post("/opt-outs/import", response_class=Response, responses=LIST, openapi_extra=A_LIST)
async def import_opt_outs(request: HttpRequest, desk: ADesk) -> StreamingResponse:
    """Enter a list of opt-outs, 500 in one step.

    The answer is a list too, `line,result,why`: of each line whether it was imported, was already
    there, or was refused. A list may be sent again at any time.
    """
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        raise BadField("body", "is no UTF-8") from None
    lines = desk.book.read(text)
    return StreamingResponse(_told(desk.book.imported(desk.asker, lines)), media_type=CSV)


@router.get("/opt-outs/{opt_out_id}")
async def get_opt_out(opt_out_id: str, desk: ADesk) -> OptOutWithRecord:
    """Look an opt-out up, with all that was said of its number."""
    opt_outs = desk.doors.store.opt_outs
    view = await opt_outs.get(desk.whose, opt_out_id)
    record = await opt_outs.record(desk.whose, opt_out_id)
    return OptOutWithRecord.model_validate(
        OptOut.of(view).model_dump() | {"record": [RecordLine.model_validate(r) for r in record]}
    )


@router.delete("/opt-outs/{opt_out_id}", status_code=204)
async def end_opt_out(
    opt_out_id: str,
    desk: ADesk,
    reason: Annotated[str, Query(max_length=LONGEST_REASON)] = "",
) -> None:
    """End an opt-out: its number may be written to again.

    What was said by SMS, or holds for other accounts too, is ended only by START or by accounts
    made with `--admin`.
    """
    await desk.book.end(desk.asker, opt_out_id, reason)


async def _told(results: AsyncIterator[LineResult]) -> AsyncIterator[str]:
    yield "line,result,why\r\n"
    async for each in results:
        why = each.why.replace('"', '""')
        yield f'{each.line},{each.result},"{why}"\r\n' if why else f"{each.line},{each.result},\r\n"
