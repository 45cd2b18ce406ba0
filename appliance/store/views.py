"""What people and apps look at: messages with their whole story, the queue, the lines."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)

from appliance.errors import NotFound
from appliance.lifecycle import State
from appliance.models import (
    Account,
    Attempt,
    Daemon,
    History,
    Inbound,
    Line,
    Message,
    Notice,
    Outcome,
    Part,
    Report,
    Sim,
    Withdrawal,
)
from appliance.store import inbound as inbound_store
from appliance.store import messages as message_store
from appliance.store.base import Base
from appliance.store.ids import private, public
from appliance.store.shown import (
    AttemptView,
    BatchView,
    InboundView,
    LineView,
    MessageFilter,
    MessageStory,
    MessageView,
    PartView,
    QueueView,
    StepView,
)
from appliance.store.tables import table_of

account, message, part = table_of(Account), table_of(Message), table_of(Part)
attempt, history, report = table_of(Attempt), table_of(History), table_of(Report)
inbound, line, sim = table_of(Inbound), table_of(Line), table_of(Sim)
notice, daemon, rest = table_of(Notice), table_of(Daemon), table_of(Withdrawal)


_MESSAGE: Final = (
    select(message, account.c.name, sim.c.iccid)
    .join(account, account.c.id == message.c.account_id)
    .join(sim, sim.c.id == message.c.sim_id, isouter=True)
)
_PARTS: Final = select(part).where(part.c.message_id == bindparam("row")).order_by(part.c.ordinal)
_ATTEMPTS: Final = (
    select(attempt, part.c.ordinal, sim.c.iccid)
    .join(part, part.c.id == attempt.c.part_id)
    .join(sim, sim.c.id == attempt.c.sim_id)
    .where(part.c.message_id == bindparam("row"))
    .order_by(attempt.c.id)
)
_STEPS: Final = (
    select(history, part.c.ordinal)
    .join(part, part.c.id == history.c.part_id, isouter=True)
    .where(history.c.message_id == bindparam("row"))
    .order_by(history.c.id)
)
_INBOUND: Final = (
    select(inbound, account.c.name, sim.c.iccid, sim.c.number)
    .join(sim, sim.c.id == inbound.c.sim_id)
    .join(account, account.c.id == inbound.c.account_id, isouter=True)
)
_SIM_FIELDS: Final = ("balance", "balance_text", "balance_at", "paused_at", "pause_reason")
_LINES: Final = (
    select(line, sim.c.iccid, sim.c.number, *(sim.c[name] for name in _SIM_FIELDS))
    .join(daemon, daemon.c.id == line.c.daemon)
    .join(sim, sim.c.id == line.c.sim_id, isouter=True)
    .order_by(line.c.daemon, line.c.slot)
)
_TODAY: Final = (
    select(
        attempt.c.sim_id,
        func.sum(case((attempt.c.outcome == Outcome.SENT, 1), else_=0)).label("sent"),
        func.sum(case((attempt.c.outcome == Outcome.REFUSED, 1), else_=0)).label("failed"),
    )
    .where(
        attempt.c.sim_id.in_(select(sim.c.id)),  # so that the index by SIM and time is used
        attempt.c.started_at >= bindparam("since"),
    )
    .group_by(attempt.c.sim_id)
)
_COUNTED: Final = {  # by what the index says that covers it
    State.QUEUED: "message.state = 'queued'",
    State.SENDING: "message.state = 'sending'",
    State.UNCERTAIN: "message.state IN ('sent', 'uncertain')",
}
_STATES: Final = union_all(
    *(
        select(literal(state.value), func.count(), func.min(message.c.accepted_at)).where(
            text(covered), message.c.state == state
        )
        for state, covered in _COUNTED.items()
    )
)


_BATCH: Final = (
    select(
        message.c.state,
        func.count().label("many"),
        func.min(message.c.accepted_at).label("first"),
        func.max(message.c.changed_at).label("last"),
    )
    .where(message.c.account_id == bindparam("whose"), message.c.batch == bindparam("name"))
    .group_by(message.c.state)
)
_CANCELLING: Final = select(rest.c.id).where(
    rest.c.batch == bindparam("name"),
    or_(rest.c.account_id.is_(None), rest.c.account_id == bindparam("whose")),
)
EVERY: Final = MessageFilter()


class Views:
    """Reads for the API, the page and the command line. Times are UTC."""

    def __init__(self, base: Base) -> None:
        self._base = base

    async def message(self, account_id: int | None, name: str) -> MessageStory | None:
        """Return a message of an account (None: of any) with its story; None if there is none.

        Raises:
            NotFound: ``name`` is no message id at all.

        """
        number = private("message", message_store.PREFIX, name)
        return await self._base.reader.run(
            lambda connection: _story(connection, account_id, number)
        )

    async def messages(
        self,
        account_id: int | None,
        *,
        most: int = 50,
        before: str | None = None,
        wanted: MessageFilter = EVERY,
    ) -> list[MessageView]:
        """Return an account's messages (None: everybody's), newest first, below id ``before``."""
        statement = _MESSAGE.order_by(message.c.id.desc()).limit(most)
        for column, value in self._wanted(wanted):
            statement = statement.where(column == value)
        if account_id is not None:
            statement = statement.where(message.c.account_id == account_id)
        if before is not None:
            bound = private("message", message_store.PREFIX, before)
            statement = statement.where(message.c.id < bound)
        return await self._base.reader.run(
            lambda connection: [_view(row) for row in connection.execute(statement).mappings()]
        )

    async def batch(self, account_id: int, name: str) -> BatchView:
        """Return how far a batch of an account is.

        Raises:
            NotFound: it has no message.

        """
        asked = {"whose": account_id, "name": name}
        return await self._base.reader.run(lambda connection: _batch(connection, asked))

    def _wanted(self, wanted: MessageFilter) -> Iterator[tuple[ColumnElement[Any], Any]]:
        for name in ("state", "batch", "reference"):
            if (value := getattr(wanted, name)) is not None:
                yield message.c[name], value
        if wanted.to is not None:
            yield message.c.recipient_key, self._base.keys.number(wanted.to)

    async def inbound(
        self, account_id: int | None, *, most: int = 50, before: str | None = None
    ) -> list[InboundView]:
        """Return an account's inbound messages (None: everybody's), newest first."""
        statement = _INBOUND.order_by(inbound.c.id.desc()).limit(most)
        if account_id is not None:
            statement = statement.where(inbound.c.account_id == account_id)
        if before is not None:
            bound = private("inbound message", inbound_store.PREFIX, before)
            statement = statement.where(inbound.c.id < bound)
        return await self._base.reader.run(
            lambda connection: [_inbound(row) for row in connection.execute(statement).mappings()]
        )

    async def lines(self, since: datetime) -> list[LineView]:
        """Return all lines; what their SIMs have sent and failed counts from ``since``."""
        return await self._base.reader.run(lambda connection: _lines(connection, since))

    async def queue(self) -> QueueView:
        """Return how much waits."""
        return await self._base.reader.run(_queue)


def _batch(connection: Connection, asked: dict[str, Any]) -> BatchView:
    found = connection.execute(_BATCH, asked).all()
    if not found:
        raise NotFound("batch", asked["name"])
    return BatchView(
        batch=asked["name"],
        total=sum(row.many for row in found),
        states={row.state: row.many for row in found},
        first_accepted_at=min(row.first for row in found),
        last_changed_at=max(row.last for row in found),
        cancelling=connection.execute(_CANCELLING, asked).first() is not None,
    )


def _view(row: Any) -> MessageView:
    return MessageView(
        id=public(message_store.PREFIX, row["id"]),
        account=row["name"],
        to=row["recipient"],
        text=row["text"],
        data=row["data"],
        category=row["category"],
        priority=row["priority"],
        reference=row["reference"],
        batch=row["batch"],
        encoding=row["encoding"],
        parts=row["parts"],
        state=row["state"],
        cause=row["cause"],
        cause_code=row["cause_code"],
        sim=row["iccid"],
        accepted_at=row["accepted_at"],
        changed_at=row["changed_at"],
        not_before=row["not_before"],
        expires_at=row["expires_at"],
    )


def _story(connection: Connection, account_id: int | None, number: int) -> MessageStory | None:
    row = connection.execute(_MESSAGE.where(message.c.id == number)).mappings().first()
    if row is None or account_id not in (None, row["account_id"]):
        return None
    own = {"row": number}
    return MessageStory(
        message=_view(row),
        parts=[
            PartView(
                ordinal=one.ordinal,
                state=one.state,
                cause=one.cause,
                cause_code=one.cause_code,
                changed_at=one.changed_at,
            )
            for one in connection.execute(_PARTS, own)
        ],
        attempts=[_attempt(one) for one in connection.execute(_ATTEMPTS, own)],
        history=[
            StepView(
                at=step.at,
                ordinal=step.ordinal,
                event=_word(step),
                state=step.state,
                cause=step.cause,
            )
            for step in connection.execute(_STEPS, own)
        ],
    )


def _word(step: Any) -> str:
    """Return what happened, also where no state has changed."""
    if step.event is not None:
        return str(step.event.value)
    if step.attempt_id is not None:
        return "be delivered yet"
    return "be accepted" if step.cause is None else "be replaced"


def _attempt(row: Any) -> AttemptView:
    return AttemptView(
        ordinal=row.ordinal,
        sim=row.iccid,
        outcome=row.outcome,
        reference=row.reference,
        code=row.code,
        cause=row.cause,
        started_at=row.started_at,
        answered_at=row.answered_at,
        status=row.status,
        reported_at=row.reported_at,
    )


def _inbound(row: Any) -> InboundView:
    here = len(row["segments"]) if row["segments"] else row["total"]
    return InboundView(
        id=public(inbound_store.PREFIX, row["id"]),
        account=row["name"],
        sim=row["iccid"],
        number=row["number"],
        sender=row["sender"],
        text=row["text"],
        data=row["data"],
        state=row["state"].value,
        keyword=row["keyword"],
        missing=row["total"] - here,
        message_class=row["message_class"],
        indication=row["indication"],
        sent_at=row["sent_at"],
        received_at=row["received_at"],
    )


_LINE_FIELDS: Final = (
    "slot",
    "port",
    "imei",
    "maker",
    "model",
    "number",
    "simulated",
    "state",
    "cause",
    "next_step",
    "operator",
    "signal_dbm",
    "registration",
    "reports",
    "storage",
    "revision",
    "profile",
    "service_centre",
    "clock_offset_seconds",
    "reports_proven_at",
    "mending",
    "mended",
    "counted",
    *_SIM_FIELDS,
    "changed_at",
)


def _lines(connection: Connection, since: datetime) -> list[LineView]:
    today = {row.sim_id: row for row in connection.execute(_TODAY, {"since": since})}
    views = []
    for row in connection.execute(_LINES).mappings():
        counts = today.get(row["sim_id"])
        views.append(
            LineView(
                **{name: row[name] for name in _LINE_FIELDS},
                sim=row["iccid"],
                sent=counts.sent if counts else 0,
                failed=counts.failed if counts else 0,
            )
        )
    return views


def _queue(connection: Connection) -> QueueView:
    found = {row[0]: (row[1], row[2]) for row in connection.execute(_STATES)}
    owed = (
        select(func.count())
        .select_from(notice)
        .where(text("notice.done_at IS NULL AND notice.parked_at IS NULL"))
    )
    unmatched = select(func.count()).select_from(report).where(report.c.attempt_id.is_(None))
    return QueueView(
        queued=found.get(State.QUEUED, (0, None))[0],
        sending=found.get(State.SENDING, (0, None))[0],
        uncertain=found.get(State.UNCERTAIN, (0, None))[0],
        oldest=found.get(State.QUEUED, (0, None))[1],
        notices=connection.execute(owed).scalar_one(),
        unmatched_reports=connection.execute(unmatched).scalar_one(),
    )
