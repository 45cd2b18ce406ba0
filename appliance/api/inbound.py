"""Inbound messages: what came to the SIMs for an account."""

from fastapi import APIRouter

from appliance.api.answers import InboundList, InboundMessage
from appliance.api.auth import CurrentAccount
from appliance.api.doors import CurrentDoors
from appliance.api.paging import Before, Limit, page

router = APIRouter(prefix="/v1", tags=["Inbound messages"])


@router.get("/inbound")
async def list_inbound(
    account: CurrentAccount, doors: CurrentDoors, limit: Limit = 50, before: Before = None
) -> InboundList:
    """List inbound messages, newest first.

    An answer comes to the account that last wrote to that number by that SIM; whatever else
    comes in goes to the default account.
    """
    found = await doors.store.views.inbound(account.id, most=limit + 1, before=before)
    shown, following = page(found, limit)
    return InboundList(inbound=[InboundMessage.of(view) for view in shown], next=following)
