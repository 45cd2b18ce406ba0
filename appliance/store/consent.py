"""The record of what people have said of being written to: rows are added, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.models import Consent, ConsentEvent
from appliance.policy.consent import Source
from appliance.store.ids import Ids
from appliance.store.tables import insert_of
from appliance.store.writer import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the record; ``sim_id`` is the SIM that it was said to."""

    recipient_key: bytes
    event: ConsentEvent
    source: Source
    reason: str
    at: datetime
    account_id: int | None = None
    category: str | None = None
    sim_id: int | None = None
    inbound_id: int | None = None
    opt_out_id: int | None = None
    until: datetime | None = None


def write_down(transaction: Transaction, entries: Sequence[Entry], ids: Ids) -> None:
    """Add entries to the record."""
    if entries:
        transaction.execute(insert_of(Consent), [_row(entry, ids) for entry in entries])


def _row(entry: Entry, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.take(),
        "recipient_key": entry.recipient_key,
        "event": entry.event,
        "account_id": entry.account_id,
        "category": entry.category,
        "sim_id": entry.sim_id,
        "inbound_id": entry.inbound_id,
        "opt_out_id": entry.opt_out_id,
        "source": entry.source.value,
        "reason": entry.reason,
        "until": entry.until,
        "at": entry.at,
    }
