"""Numbers that have moved to another operator: imported from this box only."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from appliance.api.answers import Answer
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.schemas import Request
from appliance.errors import BadField, BadNumber

router = APIRouter(prefix="/local", tags=["This box only"])

AT_ONCE: Final = 2000


class MovedNumber(Request):
    """A number, and the operator it belongs to by now; an empty one is forgotten."""

    number: Annotated[str, Field(min_length=1, max_length=64)]
    operator: Annotated[str, Field(max_length=64)]


class MovedNumbers(Request):
    """Some at a time."""

    numbers: Annotated[list[MovedNumber], Field(min_length=1, max_length=AT_ONCE)]


class Learnt(Answer):
    """How many numbers were taken, and how many are known by now."""

    taken: int
    known: int


@router.post("/ported")
async def import_ported(body: MovedNumbers, doors: CurrentDoors) -> Learnt:
    """Learn which numbers have moved; all of them or, if one is none, none."""
    moved = [(_e164(doors, each.number, at), each.operator) for at, each in enumerate(body.numbers)]
    taken = await doors.store.ported.learn(moved)
    return Learnt(taken=taken, known=await doors.store.ported.count())


def _e164(doors: Doors, number: str, at: int) -> str:
    try:
        return doors.intake.recipient(number)
    except BadNumber as error:
        raise BadField(f"numbers.{at}.number", error.reason) from error
