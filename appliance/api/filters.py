"""Which messages a list is to hold."""

from typing import Annotated

from fastapi import Depends, Query

from appliance.api.doors import CurrentDoors
from appliance.lifecycle import State
from appliance.store.shown import MessageFilter

OwnName = Annotated[
    str | None,
    Query(min_length=1, max_length=255, pattern="^[^\\x00]+$", description="As you have named it."),
]


async def wanted(
    doors: CurrentDoors,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    batch: OwnName = None,
    reference: OwnName = None,
    to: Annotated[
        str | None, Query(min_length=1, max_length=64, description="Only those to this number.")
    ] = None,
) -> MessageFilter:
    """Return what is asked for.

    Raises:
        BadNumber: the recipient is no phone number.

    """
    number = doors.intake.recipient(to) if to is not None else None
    return MessageFilter(state=state, batch=batch, reference=reference, to=number)


Wanted = Annotated[MessageFilter, Depends(wanted)]
