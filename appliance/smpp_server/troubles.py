"""A certificate that cannot be used, as an incident that stands until it can."""

import asyncio
import logging
from typing import Final

from appliance.clock import Clock
from appliance.errors import BadCertificate, StoreError
from appliance.incident import Incident, IncidentKind
from appliance.store import Store

logger: Final = logging.getLogger(__name__)


class CertificateTrouble:
    """Notes and ends the incident, one after the other."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._last: asyncio.Task[None] | None = None

    def __call__(self, error: BadCertificate | None) -> None:
        """Note what is wrong; None: nothing any more."""
        self._last = asyncio.get_running_loop().create_task(self._note(self._last, error))

    async def _note(self, before: asyncio.Task[None] | None, error: BadCertificate | None) -> None:
        if before is not None:
            await before
        try:
            if error is None:
                await self._store.incidents.end(IncidentKind.CERTIFICATE, None, self._clock.now())
                return
            await self._store.incidents.note(
                Incident(
                    kind=IncidentKind.CERTIFICATE,
                    sentence=f"the certificate before holds on: {error}",
                    next_step="put good files there; they are read again by themselves",
                    at=self._clock.now(),
                    lasting=True,
                )
            )
        except StoreError as failure:
            logger.warning("the incident of the certificate is not stored: %s", failure)
