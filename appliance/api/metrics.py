"""Metrics for Prometheus."""

from collections.abc import Iterable
from typing import Final

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from appliance.api.doors import CurrentDoors
from appliance.api.lines import Technician

router = APIRouter(tags=["Health"])

FORM: Final = CONTENT_TYPE_LATEST


class _Collected(Collector):
    """Gives what was collected already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """Return it."""
        return self._metrics


@router.get("/metrics", response_class=Response)
async def get_metrics(_asker: Technician, doors: CurrentDoors) -> Response:
    """Read what was counted since the daemon began, in Prometheus' text format.

    For accounts made with `--admin`: give Prometheus a key as `authorization.credentials`.
    """
    found = await doors.smpp.metrics() if doors.smpp else []
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(found))
    return Response(generate_latest(registry), media_type=FORM)
