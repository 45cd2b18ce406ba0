"""Reports find their attempts: those that come in time, and those that came early."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select, text, type_coerce, update
from sqlalchemy.types import NullType

from appliance.models import Attempt, Outcome, Report, ServiceCentre, Sim
from appliance.policy.matching import (
    Ambiguous,
    CandidateAttempt,
    Matched,
    ReportFacts,
    Unknown,
    elsewhere,
    learn_offset,
    match,
    pair,
)
from appliance.store.changes import Change, apply
from appliance.store.hot import hot
from appliance.store.ids import Ids
from appliance.store.tables import insert_of, table_of
from appliance.store.trying import still_trying
from appliance.store.values import AttemptEnd
from appliance.store.writer import Transaction

attempt, report, centre = table_of(Attempt), table_of(Report), table_of(ServiceCentre)
sim = table_of(Sim)

Row = Mapping[str, Any]
"""A stored report, by the names of its columns."""

LOOK_BACK: Final = 64
"""Attempts considered for one report: a reference comes round after 256 parts of a SIM."""

WORTH_WRITING: Final = 2.0
"""Seconds by which a service centre's offset must have moved to be stored again."""

_CANDIDATES: Final = hot(
    select(
        attempt.c.id,
        attempt.c.part_id,
        attempt.c.reference,
        attempt.c.outcome,
        attempt.c.started_at,
        attempt.c.recipient_key,
    )
    .where(
        attempt.c.sim_id == bindparam("sim"),
        attempt.c.recipient_suffix_key == bindparam("suffix"),
        or_(attempt.c.reference == bindparam("number"), attempt.c.reference.is_(None)),
        text("attempt.outcome IN ('sending', 'sent', 'uncertain')"),
    )
    .order_by(attempt.c.id.desc())
    .limit(LOOK_BACK)
)
_ELSEWHERE: Final = hot(
    select(
        attempt.c.id,
        attempt.c.part_id,
        attempt.c.reference,
        attempt.c.outcome,
        attempt.c.started_at,
        attempt.c.recipient_key,
    )
    .where(
        attempt.c.sim_id.in_(select(sim.c.id).where(sim.c.id != bindparam("sim"))),
        attempt.c.recipient_suffix_key == bindparam("suffix"),
        or_(attempt.c.reference == bindparam("number"), attempt.c.reference.is_(None)),
        text("attempt.outcome IN ('sent', 'uncertain')"),
        attempt.c.status.is_(None),
    )
    .order_by(attempt.c.id.desc())
    .limit(LOOK_BACK)
)
_UNMATCHED: Final = hot(
    select(report).where(
        report.c.attempt_id.is_(None),
        report.c.sim_id == bindparam("sim"),
        report.c.recipient_suffix_key == bindparam("suffix"),
    )
)
_STILL_UNMATCHED: Final = hot(
    select(report.c.id).where(report.c.id == bindparam("row"), report.c.attempt_id.is_(None))
)
_MATCHED: Final = hot(
    update(report).where(report.c.id == bindparam("row")).values(attempt_id=bindparam("found"))
)
_REPORTED: Final = hot(
    update(attempt)
    .where(attempt.c.id == bindparam("row"))
    .values(
        status=bindparam("said"),
        reported_at=bindparam("moment"),
        # An attempt without an answer has this reference from now on, and no other report.
        reference=func.coalesce(attempt.c.reference, bindparam("number")),
    )
)
_OFFSET: Final = hot(
    # Uncoerced: every driver gives a double as Python's float.
    select(
        type_coerce(centre.c.offset_seconds, NullType()).label("offset_seconds"), centre.c.samples
    ).where(centre.c.address == bindparam("name"))
)
_MOVE_OFFSET: Final = (
    update(centre)
    .where(centre.c.address == bindparam("name"))
    .values(offset_seconds=bindparam("seconds"), samples=bindparam("count"))
)


class Settling:
    """Reports that find their attempts in one transaction.

    What they mean for parts is carried out for all of them together, by ``finish``.
    """

    def __init__(self, transaction: Transaction, ids: Ids) -> None:
        self._transaction, self._ids = transaction, ids
        self._execute = transaction.execute
        self._changes: list[Change] = []

    def take(self, row: Row) -> bool:
        """Store a new report and settle it; False if it fits no attempt.

        It then stays unmatched and shown, and is looked at again when an attempt to the same
        number on the same SIM gets its reference, or when another such report comes.
        """
        chosen, several = self._find(row)
        self._execute(insert_of(Report), {**row, "attempt_id": chosen.id if chosen else None})
        if chosen is None:
            return self._settle_together(row, several)
        self._carry_out(row, chosen)
        return True

    def look_again(self, sim_id: int, suffix: bytes) -> None:
        """Look again at the unmatched reports of one SIM and one number."""
        asked = {"sim": sim_id, "suffix": suffix}
        for row in self._execute(_UNMATCHED, asked).mappings():
            if self._execute(_STILL_UNMATCHED, {"row": row["id"]}).first() is None:
                continue
            chosen, several = self._find(row)
            if chosen is not None:
                self._match(row, chosen)
            else:
                self._settle_together(row, several)

    def finish(self) -> None:
        """Carry out what the reports mean."""
        changes, self._changes = self._changes, []
        apply(self._transaction, changes, self._ids)

    def _find(self, row: Row) -> tuple[Any | None, Mapping[int, Any]]:
        """Return the attempt that a report means, None if nothing tells.

        Then those attempts are returned, too, of which it may mean any.
        """
        found = {each.id: each for each in self._execute(_CANDIDATES, _asked(row))}
        known = _known_offset(self._transaction, row["service_centre"])
        offset = timedelta(seconds=known.offset_seconds) if known else None
        result = match(_facts(row), [_candidate(each, row) for each in found.values()], offset)
        if isinstance(result, Unknown):
            return self._elsewhere(row, offset), {}
        if not isinstance(result, Matched):
            return None, found if isinstance(result, Ambiguous) else {}
        chosen = found[result.id]
        if len(found) == 1 and row["submitted_at"] is not None:
            _learn(self._transaction, row, known, row["submitted_at"] - chosen.started_at)
        return chosen, {}

    def _elsewhere(self, row: Row, offset: timedelta | None) -> Any | None:
        """Return the attempt of another SIM that is meant, where the SIM was changed meanwhile."""
        found = {each.id: each for each in self._execute(_ELSEWHERE, _asked(row))}
        chosen = elsewhere(_facts(row), [_candidate(each, row) for each in found.values()], offset)
        return None if chosen is None else found[chosen]

    def _settle_together(self, row: Row, found: Mapping[int, Any]) -> bool:
        """Match a report with the others that wait beside it, where it cannot be told alone."""
        if not found:
            return False
        asked = {"sim": row["sim_id"], "suffix": row["recipient_suffix_key"]}
        waiting = {
            _facts(each): each
            for each in self._execute(_UNMATCHED, asked).mappings()
            if each["event"] == row["event"] and each["recipient_key"] == row["recipient_key"]
        }
        pairs = pair(list(waiting), [_candidate(each, row) for each in found.values()])
        for facts, attempt_id in pairs:
            self._match(waiting[facts], found[attempt_id])
        return bool(pairs)

    def _match(self, row: Row, chosen: Any) -> None:
        self._execute(_MATCHED, {"row": row["id"], "found": chosen.id})
        self._carry_out(row, chosen)

    def _carry_out(self, row: Row, chosen: Any) -> None:
        if row["event"] is None:
            self.finish()  # it asks what the part is
            still_trying(self._transaction, row, chosen, self._ids)
            return
        said = {
            "row": chosen.id,
            "said": row["status"],
            "moment": row["received_at"],
            "number": row["reference"],
        }
        self._execute(_REPORTED, said)
        change = Change(
            chosen.part_id,
            row["event"],
            row["received_at"],
            row["cause"],
            row["status"] or None,
            chosen.id,
            reported=True,
        )
        self._changes.append(change)


def settle_early(transaction: Transaction, ends: Sequence[AttemptEnd], ids: Ids) -> None:
    """Look for reports that were here before it was known how these attempts ended.

    Also after a refusal: a report may have waited for it that is another attempt's.
    """
    settling = Settling(transaction, ids)
    for end in ends:
        settling.look_again(end.begin.sim_id, end.begin.waiting.recipient_suffix_key)
    settling.finish()


def _asked(row: Row) -> dict[str, Any]:
    return {
        "sim": row["sim_id"],
        "suffix": row["recipient_suffix_key"],
        "number": row["reference"],
    }


def _facts(row: Row) -> ReportFacts:
    return ReportFacts(row["reference"], row["submitted_at"], row["received_at"])


def _candidate(found: Any, row: Row) -> CandidateAttempt:
    return CandidateAttempt(
        found.id,
        found.reference,
        found.outcome is Outcome.UNCERTAIN,
        found.started_at,
        found.recipient_key == row["recipient_key"],
    )


def _known_offset(transaction: Transaction, address: str | None) -> Any:
    if address is None:
        return None
    return transaction.execute(_OFFSET, {"name": address}).first()


def _learn(transaction: Transaction, row: Row, known: Any, sample: timedelta) -> None:
    """Remember how far the service centre's clock is off, when it moved by enough to matter."""
    address = row["service_centre"]
    if address is None:
        return
    execute = transaction.execute
    if known is None:
        execute(
            insert_of(ServiceCentre),
            {"address": address, "offset_seconds": sample.total_seconds(), "samples": 1},
        )
        return
    before = timedelta(seconds=known.offset_seconds)
    seconds = learn_offset(before, sample).total_seconds()
    if abs(seconds - known.offset_seconds) >= WORTH_WRITING:
        moved = {"name": address, "seconds": seconds, "count": known.samples + 1}
        execute(_MOVE_OFFSET, moved)
