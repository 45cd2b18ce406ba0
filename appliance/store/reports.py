"""Status reports: stored once, matched to their attempt, carried out, all in one transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select

from appliance.models import Report
from appliance.store.among import Among
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.early import Settling
from appliance.store.tables import table_of
from appliance.store.values import ReportFacts
from appliance.store.writer import Transaction, Verb

report = table_of(Report)

_KNOWN: Final = Among(select(report.c.fingerprint), report.c.fingerprint)


class Reports:
    """What the network says became of parts."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._take: Verb[ReportFacts, bool] = Verb(
            "report", self._take_many, urgent=True, patient=True
        )

    async def take(self, facts: ReportFacts) -> bool:
        """Store a report and carry it out; False if it was known already, or fits nothing yet."""
        return await self._base.writer.run(self._take, facts)

    def _take_many(self, transaction: Transaction, items: Sequence[ReportFacts]) -> list[bool]:
        rows = [self._row(facts) for facts in items]
        prints = sorted({row["fingerprint"] for row in rows})
        known = {row.fingerprint for row in _KNOWN.read(transaction, prints)}
        settling, results = Settling(transaction, self._base.ids), []
        for row in rows:
            new = row["fingerprint"] not in known
            known.add(row["fingerprint"])
            results.append(new and settling.take(row))
        settling.finish()
        transaction.topics.add(CHANGES)
        return results

    def _row(self, facts: ReportFacts) -> dict[str, Any]:
        keys = self._base.keys
        return {
            "id": self._base.ids.take(),
            "fingerprint": keys.fingerprint("report", facts.sim_id, *facts.fingerprint),
            "sim_id": facts.sim_id,
            "service_centre": facts.service_centre,
            "reference": facts.reference,
            "recipient_key": keys.number(facts.recipient),
            "recipient_suffix_key": keys.suffix(facts.suffix),
            "status": facts.status,
            "event": facts.event,
            "cause": facts.cause,
            "submitted_at": facts.submitted_at,
            "discharged_at": facts.discharged_at,
            "received_at": facts.received_at,
        }
