"""Status reports: stored once, matched to their attempt, carried out, all in one transaction."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select

from appliance.models import Report
from appliance.store.base import Base
from appliance.store.bell import CHANGES
from appliance.store.early import settle_report
from appliance.store.hot import hot
from appliance.store.tables import insert_of, table_of
from appliance.store.values import ReportFacts
from appliance.store.writer import Transaction, Verb

report = table_of(Report)

_KNOWN: Final = hot(select(report.c.fingerprint).where(report.c.fingerprint == bindparam("print")))


class Reports:
    """What the network says became of parts."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._take: Verb[ReportFacts, bool] = Verb("report", self._take_many, urgent=True)

    async def take(self, facts: ReportFacts) -> bool:
        """Store a report and carry it out; False if it was known already, or fits nothing yet."""
        return await self._base.writer.run(self._take, facts)

    def _take_many(self, transaction: Transaction, items: Sequence[ReportFacts]) -> list[bool]:
        results = []
        for facts in items:
            row = self._row(facts)
            execute = transaction.execute
            if execute(_KNOWN, {"print": row["fingerprint"]}).first() is not None:
                results.append(False)
                continue
            execute(insert_of(Report), row)
            results.append(settle_report(transaction, row, self._base.ids))
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
            "attempt_id": None,
        }
