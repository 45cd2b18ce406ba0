"""Incidents: what happened to the lines and to the box; for accounts that look after them."""

from fastapi import APIRouter

from appliance.api.answers import Incident, IncidentList
from appliance.api.auth import CurrentAdmin
from appliance.api.doors import CurrentDoors, Doors
from appliance.api.paging import Before, Limit, page
from appliance.store.ids import private
from appliance.store.incidents import PREFIX

router = APIRouter(prefix="/v1", tags=["Lines"])


@router.get("/incidents")
async def list_incidents(
    _admin: CurrentAdmin,
    doors: CurrentDoors,
    limit: Limit = 50,
    before: Before = None,
    lasting: bool = False,
) -> IncidentList:
    """List incidents, newest first; with `lasting`, only those that stand now."""
    return await listed(doors, limit, before, lasting=lasting)


async def listed(doors: Doors, limit: int, before: str | None, *, lasting: bool) -> IncidentList:
    """Return a page of them.

    Raises:
        NotFound: ``before`` is no id of an incident.

    """
    bound = private("incident", PREFIX, before) if before is not None else None
    found = await doors.store.incidents.shown(most=limit + 1, before=bound, lasting=lasting)
    shown, following = page(found, limit)
    return IncidentList(incidents=[Incident.of(view) for view in shown], next=following)
