"""Whether the appliance is up: for monitoring, without a key."""

from fastapi import APIRouter

from appliance import __version__
from appliance.api.answers import Health
from appliance.api.doors import CurrentDoors

router = APIRouter(prefix="/v1", tags=["Health"])


@router.get("/health")
async def get_health(doors: CurrentDoors) -> Health:
    """Say whether the appliance is ready: messages that are taken now also leave."""
    return Health(ready=doors.ready(), version=__version__)
