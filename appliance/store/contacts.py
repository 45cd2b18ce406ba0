"""Contacts: which SIM a recipient knows. Its next message comes from there, if that can send."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from appliance.models import Contact
from appliance.store.hot import hot
from appliance.store.tables import table_of
from appliance.store.writer import Transaction

contact = table_of(Contact)

_NEW: Final = insert(contact)

# Written alike for both databases: they spell it the same.
_WRITTEN: Final = hot(
    _NEW.on_conflict_do_update(
        index_elements=[contact.c.recipient_key],
        set_={"sim_id": _NEW.excluded.sim_id, "written_at": _NEW.excluded.written_at},
    )
)
_HEARD: Final = hot(
    _NEW.on_conflict_do_update(
        index_elements=[contact.c.recipient_key],
        set_={"sim_id": _NEW.excluded.sim_id, "heard_at": _NEW.excluded.heard_at},
    )
)


def wrote(transaction: Transaction, found: Sequence[Mapping[str, Any]]) -> None:
    """Remember that recipients are written to; ``found`` are rows, of a recipient the last counts.

    They are taken in the order of their keys, so that two daemons do not wait for each other.
    """
    rows = {row["recipient_key"]: row for row in found}
    if rows:
        transaction.execute(_WRITTEN, [rows[key] for key in sorted(rows)])


def heard(transaction: Transaction, sender_key: bytes, sim_id: int, at: datetime) -> None:
    """Remember that somebody has written to a SIM: that is the one they know."""
    row = {"recipient_key": sender_key, "sim_id": sim_id, "heard_at": at}
    transaction.execute(_HEARD, row)
