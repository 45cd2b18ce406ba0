"""Certificates that cannot be used, or end soon, as incidents that stand until that is mended."""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Final

from appliance.clock import Clock
from appliance.errors import BadCertificate, StoreError
from appliance.incident import Incident, IncidentKind
from appliance.store import Store

logger: Final = logging.getLogger(__name__)

SOON: Final = timedelta(days=30)
"""How long before its end a certificate is complained of."""


class CertificateTrouble:
    """Notes and ends the incidents, one after the other."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._last: asyncio.Task[None] | None = None
        self._said: Incident | None = None  # of the end of the certificate
        self._known = False  # whether that was said at all

    def troubled(self, error: BadCertificate | None) -> None:
        """Note what is wrong with new files; None: nothing any more."""
        incident = None
        if error is not None:
            incident = self._incident(
                IncidentKind.CERTIFICATE,
                f"the certificate before holds on: {error}",
                "put good files there; they are read again by themselves",
            )
        self._then(self._stand(IncidentKind.CERTIFICATE, incident))

    def ends(self, until: datetime | None) -> None:
        """Note when the certificate in use ends; None: there is none. May be called often."""
        incident = self._ending(until) if until is not None else None
        said = incident and incident.sentence, self._said and self._said.sentence
        if self._known and said[0] == said[1]:
            return
        self._known, self._said = True, incident
        if incident is not None:
            logger.warning("%s", incident.sentence, extra={"event": "smpp.certificate_ends"})
        self._then(self._stand(IncidentKind.CERTIFICATE_ENDS, incident))

    def _ending(self, until: datetime) -> Incident | None:
        now = self._clock.now()
        if until - now > SOON:
            return None
        when = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        said = f"expires at {when}" if now < until else f"expired at {when}: apps refuse it"
        return self._incident(
            IncidentKind.CERTIFICATE_ENDS,
            f"the certificate of the SMPP server {said}",
            "put a new one in its place; it is read by itself",
        )

    def _incident(self, kind: IncidentKind, sentence: str, step: str) -> Incident:
        return Incident(
            kind=kind, sentence=sentence, next_step=step, at=self._clock.now(), lasting=True
        )

    def _then(self, work: Awaitable[None]) -> None:
        self._last = asyncio.get_running_loop().create_task(_after(self._last, work))

    async def _stand(self, kind: IncidentKind, incident: Incident | None) -> None:
        """Let this one stand in place of the one before; None: none does."""
        try:
            await self._store.incidents.end(kind, None, self._clock.now())
            if incident is not None:
                await self._store.incidents.note(incident)
        except StoreError as failure:
            logger.warning("the incident of the certificate is not stored: %s", failure)


async def _after(before: asyncio.Task[None] | None, work: Awaitable[None]) -> None:
    if before is not None:
        await before
    await work
