"""Calls: who rang up the SIMs."""

from fastapi import APIRouter

from appliance.api.answers import CallList, MissedCall
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors
from appliance.api.paging import Before, Limit, page

router = APIRouter(prefix="/v1", tags=["Calls"])


@router.get("/calls")
async def list_calls(
    account: CurrentAccount, doors: CurrentDoors, limit: Limit = 50, before: Before = None
) -> CallList:
    """List calls to the SIMs, newest first.

    Calls are hung up. One belongs to the account that last wrote to that number by that SIM;
    any other, and one without a number, to the default account.
    """
    found = await doors.store.calls.shown(account.id, most=limit + 1, before=before)
    shown, following = page(found, limit)
    return CallList(calls=[MissedCall.of(view) for view in shown], next=following)
