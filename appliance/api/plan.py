"""A forecast: when so many messages would have left. Nothing is sent, and nothing is stored.

Any account may ask for its own messages; only one that looks after lines, or somebody on this
box, for those of others.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, Self

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StrictInt

from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.schemas import LONGEST_VALIDITY, Moment, Request
from appliance.errors import Forbidden, NotFound
from appliance.planning import Plan, Wish, place_and_share
from appliance.policy.categories import Category
from appliance.policy.forecast import Share

router = APIRouter(prefix="/v1", tags=["Messages"])

local_router = APIRouter(prefix="/local", tags=["This box only"])

MOST_PARTS: Final = 100_000
"""Parts of a forecast for an account: it costs some seconds of this box."""


def _place(value: str) -> str:
    place_and_share(value)
    return value


class PlanRequest(Request):
    """What is to be sent, some day."""

    messages: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = Field(
        description="How many, to different recipients.", examples=[10_000]
    )
    parts: Annotated[StrictInt, Field(ge=1, le=255)] = Field(
        default=1, description="Of each message."
    )
    category: Category = Category.TRANSACTIONAL
    account: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="Whose messages; without it your own."
    )
    start: Moment | None = Field(
        default=None, description="When they are handed in (RFC 3339); without it now."
    )
    to: Annotated[list[Annotated[str, AfterValidator(_place)]], Field(max_length=50)] = Field(
        default=[],
        description="Where they go, with shares: countries, or a recipient's number for one. "
        "Without it: to the country of the site.",
        examples=[["DE:80", "AT:20"]],
    )
    validity_seconds: Annotated[StrictInt, Field(ge=1, le=LONGEST_VALIDITY)] | None = Field(
        default=None, description="How long each may wait; without it as set for the site."
    )

    def wish(self, account: str, account_id: int) -> Wish:
        """Return what is asked for, in the words of the house."""
        validity = self.validity_seconds
        return Wish(
            messages=self.messages,
            parts=self.parts,
            category=self.category,
            account=account,
            account_id=account_id,
            start=self.start,
            to=tuple(map(place_and_share, self.to)),
            validity=None if validity is None else timedelta(seconds=validity),
        )


class PlannedSim(BaseModel):
    """What one SIM would do until all is done."""

    sim: str
    parts: int
    busy_seconds: float = Field(description="How long it sends.")
    held_seconds: Mapping[str, float] = Field(description="How long which limit holds it.")
    idle_seconds: float = Field(description="How long there is nothing for it to send.")
    seconds_per_part: float
    cost: float = Field(description="Of its parts, in the contract's currency; 0 if not known.")
    last_part_at: datetime | None

    @classmethod
    def of(cls, share: Share, total: timedelta) -> Self:
        """Return what is shown of a SIM."""
        held: dict[str, float] = {}
        for limit, time in share.held.items():
            held[limit.name] = held.get(limit.name, 0.0) + time.total_seconds()
        return cls(
            sim=share.sim.name,
            parts=share.parts,
            busy_seconds=share.busy.total_seconds(),
            held_seconds=held,
            idle_seconds=share.idle(total).total_seconds(),
            seconds_per_part=share.sim.per_part.total_seconds(),
            cost=round(share.cost, 6),
            last_part_at=share.until,
        )


class Bottleneck(BaseModel):
    """What takes the time."""

    sims: list[str]
    limit: str | None = Field(description="None: sending itself takes it.")
    held_seconds: float
    says: str


class PlanAnswer(BaseModel):
    """When it would be done; `says` is the answer, a sentence."""

    says: str
    done_at: datetime | None = Field(description="When the last of them is gone.")
    messages: int
    leave: int
    expire: int = Field(description="So many expire before a SIM may send them.")
    never: int = Field(description="So many no SIM could ever send.")
    sims: list[PlannedSim]
    bottleneck: Bottleneck | None
    advice: list[str]
    notes: list[str] = Field(description="What the forecast goes by.")

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Return what is told of a forecast."""
        look, fates = plan.outlook, plan.outlook.planned
        neck = look.bottleneck
        return cls(
            says=look.says,
            done_at=look.done_at,
            messages=sum(fate.batch.messages for fate in fates),
            leave=sum(fate.left for fate in fates),
            expire=sum(fate.expired for fate in fates),
            never=sum(fate.stuck for fate in fates),
            sims=[PlannedSim.of(share, look.forecast.total) for share in look.forecast.shares],
            bottleneck=None
            if neck is None
            else Bottleneck(
                sims=list(neck.sims),
                limit=neck.limit,
                held_seconds=neck.held.total_seconds(),
                says=neck.says,
            ),
            advice=list(look.advice),
            notes=list(plan.notes),
        )


@router.post("/plan")
async def plan_messages(
    body: PlanRequest, account: CurrentAccount, doors: CurrentDoors
) -> PlanAnswer:
    """Forecast when so many messages would have left. Nothing is sent.

    It goes by the SIMs' limits, by what they have sent, by how long their parts take, and by what
    waits already. Accounts made with `--admin` may ask for any account.
    """
    if body.account not in (None, account.name) and not account.admin:
        raise Forbidden("only accounts made with --admin may plan for another account")
    if not account.admin and body.messages * body.parts > MOST_PARTS:
        raise Forbidden(f"more than {MOST_PARTS:,} parts are planned for admin accounts only")
    return await _planned(doors, body, body.account or account.name)


@local_router.post("/plan")
async def plan_here(body: PlanRequest, doors: CurrentDoors) -> PlanAnswer:
    """Forecast for the command line."""
    return await _planned(doors, body, body.account or "")


async def _planned(doors: Doors, body: PlanRequest, name: str) -> PlanAnswer:
    account_id = 0
    if name:
        found = [one for one in await doors.store.accounts.all() if one.name == name]
        if not found:
            raise NotFound("account", name)
        account_id = found[0].id or 0
    return PlanAnswer.of(await doors.plan(body.wish(name, account_id), doors.clock.now()))
