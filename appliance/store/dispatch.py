"""The queue's way out: what may leave, claims, attempts, and how they ended."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update

from appliance.lifecycle import Event, State, next_state
from appliance.models import Attempt, ConcatCounter, Message, Outcome, Part
from appliance.store import bundles, contacts
from appliance.store.base import Base
from appliance.store.changes import Change, apply, write_history
from appliance.store.endings import AVOID, Endings
from appliance.store.hot import hot
from appliance.store.optouts import NOW, OPTED_OUT, SIM, Active, Whom, lock_recipients
from appliance.store.queue import MAY_LEAVE, OURS_TO_TAKE
from appliance.store.tables import insert_of, table_of
from appliance.store.values import Begin, Begun, NotBegun, Waiting
from appliance.store.writer import Transaction, Verb

message, part, attempt = table_of(Message), table_of(Part), table_of(Attempt)
counter = table_of(ConcatCounter)

# A message that has begun is still ours when its line went away in the middle of it.
_CLAIM: Final = hot(
    update(message)
    .where(
        message.c.id == bindparam("row"),
        or_(message.c.state == State.QUEUED, message.c.state == State.SENDING),
        or_(message.c.sim_id.is_(None), message.c.sim_id == bindparam("sim")),
        or_(message.c.pinned_sim_id.is_(None), message.c.pinned_sim_id == bindparam("sim")),
        message.c.revision == bindparam("seen"),
        OURS_TO_TAKE,
        *MAY_LEAVE,
        ~OPTED_OUT,
    )
    .values(
        sim_id=bindparam("sim"),
        daemon=bindparam("worker"),
        state=next_state(State.QUEUED, Event.CLAIM),
        cause=None,
        cause_code=None,
        changed_at=bindparam(NOW),
    )
)
_STILL_ALLOWED: Final = hot(
    select(message.c.id)
    .where(
        message.c.id == bindparam("row"),
        message.c.sim_id == bindparam("sim"),
        message.c.daemon == bindparam("worker"),
        message.c.expires_at > bindparam(NOW),
        ~OPTED_OUT,
    )
    .with_for_update(of=message)
)
_TAKE_PART: Final = hot(
    update(part)
    .where(part.c.id == bindparam("row"), part.c.state == State.QUEUED)
    .values(
        state=next_state(State.QUEUED, Event.CLAIM),
        cause=None,
        cause_code=None,
        changed_at=bindparam(NOW),
    )
)
_WHY_NOT: Final = select(
    message.c.state,
    message.c.expires_at,
    message.c.not_before,
    message.c.revision,
    OPTED_OUT.label("opted_out"),
).where(message.c.id == bindparam("row"))
_WAITING_PARTS: Final = select(part.c.id).where(
    part.c.message_id == bindparam("row"), part.c.state == State.QUEUED
)
_GIVE_UP_CLAIM: Final = (
    update(message)
    .where(
        message.c.id == bindparam("row"),
        message.c.sim_id == bindparam("sim"),
        message.c.daemon == bindparam("worker"),
    )
    .values(daemon=None)
)
_LAST_CONCAT: Final = select(counter.c.last).where(
    counter.c.sim_id == bindparam("sim"), counter.c.recipient_key == bindparam("recipient")
)
_NEXT_CONCAT: Final = (
    update(counter)
    .where(counter.c.sim_id == bindparam("sim"), counter.c.recipient_key == bindparam("recipient"))
    .values(last=bindparam("number"))
)
REFERENCES: Final = {False: 1 << 8, True: 1 << 16}
"""How many concatenation references there are, by ``wide`` (23.040 clauses 9.2.3.24.1 and .8)."""


class Dispatch(Endings):
    """What the pool asks of the store."""

    def __init__(self, base: Base) -> None:
        super().__init__(base)
        self._begin: Verb[Begin, Begun | NotBegun] = Verb("begin", self._begin_many, urgent=True)

    async def begin(self, begin: Begin) -> Begun | NotBegun:
        """Write down that a part is handed to a SIM; before its PDU is, and with it the claim.

        The first part of a message takes the message too, by one condition that checks state,
        time, expiry and opt-out: two lines can never take one message, and nobody is written
        to after STOP. Later parts are checked against a STOP that came meanwhile.
        """
        return await self._base.writer.run(self._begin, begin)

    def _begin_many(
        self, transaction: Transaction, items: Sequence[Begin]
    ) -> list[Begun | NotBegun]:
        lock_recipients(transaction, (item.waiting.recipient_suffix_key for item in items))
        results: list[Begun | NotBegun] = []
        rows, steps, written = [], [], []
        for item in items:
            if not self._take(transaction, item):
                results.append(self._explain(transaction, item))
                continue
            row = self._attempt(transaction, item)
            rows.append(row)
            if item.first:
                written.append(_contact(item))
            change = Change(row["part_id"], Event.CLAIM, item.at, attempt_id=row["id"])
            steps.append((item.waiting.message_id, row["part_id"], change, State.SENDING))
            results.append(Begun(row["id"], row["concat_reference"]))
        if rows:
            transaction.execute(insert_of(Attempt), rows)
            write_history(transaction, steps, self._base.ids)
            contacts.wrote(transaction, written)
        return results

    def _take(self, transaction: Transaction, item: Begin) -> bool:
        execute = transaction.execute
        row = item.waiting.message_id
        ours = {"row": row, "sim": item.sim_id, "worker": self._base.daemon, NOW: item.at}
        if item.first:
            if not _bundle_free(transaction, item):
                return False
            if execute(_CLAIM, ours | {"seen": item.waiting.revision}).rowcount != 1:
                return False
        elif execute(_STILL_ALLOWED, ours).first() is None:
            execute(_GIVE_UP_CLAIM, ours)
            return False
        taken = {"row": item.waiting.part_id(item.ordinal), NOW: item.at}
        return bool(execute(_TAKE_PART, taken).rowcount == 1)

    def _attempt(self, transaction: Transaction, item: Begin) -> dict[str, Any]:
        waiting = item.waiting
        reference = item.concat_reference
        if waiting.numbered and reference is None:
            reference = _reference(transaction, item)
        return {
            "id": self._base.ids.take(),
            "part_id": waiting.part_id(item.ordinal),
            "message_id": waiting.message_id,
            "sim_id": item.sim_id,
            "daemon": self._base.daemon,
            "recipient_key": waiting.recipient_key,
            "recipient_suffix_key": waiting.recipient_suffix_key,
            "concat_reference": reference,
            "outcome": Outcome.SENDING,
            "price": item.price,
            "started_at": item.at,
        }

    def _explain(self, transaction: Transaction, item: Begin) -> NotBegun:
        """Say why a message is not to be sent; cancel what its recipient no longer wants."""
        execute = transaction.execute
        identity = {"row": item.waiting.message_id}
        row = execute(_WHY_NOT, identity | {NOW: item.at, SIM: item.sim_id}).first()
        if row is None:
            return NotBegun("it is gone")
        if row.opted_out:
            return self._opted_out(transaction, item)
        reasons = {
            "its time is up": row.expires_at <= item.at,
            "its time has not come": row.not_before > item.at,
            "it was replaced meanwhile": row.revision != item.waiting.revision,
            "another SIM sends the other segments of it": not _bundle_free(transaction, item),
        }
        why = next((why for why, so in reasons.items() if so), f"it is {row.state} by now")
        return NotBegun(why)

    def _opted_out(self, transaction: Transaction, item: Begin) -> NotBegun:
        """Cancel what its recipient no longer wants; leave it to other SIMs if they may write."""
        execute, waiting = transaction.execute, item.waiting
        whom = Whom(waiting.recipient_key, waiting.recipient_suffix_key)
        bound = item.sim_id if waiting.sim_id is not None or not item.first else None
        said = Active(transaction, [whom], item.at, self._base.ways).judge(
            whom, waiting.account_id, waiting.category, only_sim=bound, lane_id=waiting.lane_id
        )
        if said.why:
            parts = execute(_WAITING_PARTS, {"row": waiting.message_id}).scalars().all()
            changes = [Change(part_id, Event.CANCEL, item.at, said.why) for part_id in parts]
            apply(transaction, changes, self._base.ids)
            return NotBegun(said.why)
        # SIMs that only rest try again before; this one is then told the same once more.
        rests = waiting.refused_until is not None and waiting.refused_until > item.at
        until = waiting.refused_until if rests else waiting.expires_at
        sims = sorted({*(waiting.refused_by if rests else ()), *said.sims})
        execute(AVOID, {"row": waiting.message_id, "sims": sims, "until": until})
        return NotBegun("the recipient has opted out of this SIM (STOP): another one may write")


def _contact(item: Begin) -> dict[str, Any]:
    key = item.waiting.recipient_key
    return {"recipient_key": key, "sim_id": item.sim_id, "written_at": item.at}


def _bundle_free(transaction: Transaction, item: Begin) -> bool:
    """Tell whether the segments that an app has split itself may go by this SIM."""
    bundle_id = item.waiting.bundle_id
    if bundle_id is None:
        return True
    found, read = bundles.claimed(transaction, bundle_id), item.waiting.concat_reference
    # What was read under a reference that no longer stands would not join the others.
    return found.free_for(item.sim_id) and read in (None, found.concat_reference)


def _reference(transaction: Transaction, item: Begin) -> int:
    """Return the concatenation reference under which a message, or its whole bundle, goes."""
    waiting, bundle_id = item.waiting, item.waiting.bundle_id
    known = waiting.concat_reference
    if bundle_id is not None:
        known = bundles.claimed(transaction, bundle_id).concat_reference
    number = _next_concat(transaction, item.sim_id, waiting) if known is None else known
    if bundle_id is not None and known is None:
        bundles.take(transaction, bundle_id, item.sim_id, number)
    return number


def _next_concat(transaction: Transaction, sim_id: int, waiting: Waiting) -> int:
    """Return the next concatenation reference of a SIM to the recipient of ``waiting``.

    It is 0-255, or 0-65535 if the message is numbered with ``wide`` references. One counter
    serves both: they are told apart by their width.
    """
    execute = transaction.execute
    identity = {"sim": sim_id, "recipient": waiting.recipient_key}
    last = execute(_LAST_CONCAT, identity).scalar()
    number = 0 if last is None else (last + 1) % REFERENCES[waiting.wide]
    if last is None:
        row = {"sim_id": sim_id, "recipient_key": waiting.recipient_key, "last": number}
        execute(insert(counter), row)
    else:
        execute(_NEXT_CONCAT, identity | {"number": number})
    return number
