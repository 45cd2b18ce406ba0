"""Opt-outs: the condition that stands in the claim, and the lock that makes it a guarantee."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    and_,
    bindparam,
    exists,
    or_,
    select,
    text,
)

from appliance.models import Account, Lane, Line, Message, OptOut, Sim
from appliance.store.hot import hot
from appliance.store.tables import table_of
from appliance.store.ways import Kind, Ways
from appliance.store.writer import Transaction

message, opt_out, line = table_of(Message), table_of(OptOut), table_of(Line)
lane, card, account = table_of(Lane), table_of(Sim), table_of(Account)

NOW: Final = "now"
SIM: Final = "sim"
"""The parameters that a statement with :data:`OPTED_OUT` in it must be given."""

CAUSE: Final = "the recipient has opted out (STOP)"

NO_SIM_LEFT: Final = "the recipient has opted out of every SIM that could send it (STOP)"

STANDS: Final = text("opt_out.ended_at IS NULL")

ACTIVE: Final = and_(STANDS, or_(opt_out.c.until.is_(None), opt_out.c.until > bindparam(NOW)))


def _told(*same: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether there is an opt-out with the ``same`` recipient that covers a message.

    An answer to a keyword passes those that were there when it was written.
    """
    return exists(
        select(1)
        .select_from(opt_out)
        .where(
            *same,
            ACTIVE,
            or_(opt_out.c.account_id.is_(None), opt_out.c.account_id == message.c.account_id),
            or_(opt_out.c.category.is_(None), opt_out.c.category == message.c.category),
            or_(opt_out.c.sim_id.is_(None), opt_out.c.sim_id == bindparam(SIM)),
            or_(message.c.reply_to_inbound_id.is_(None), opt_out.c.id > message.c.id),
        )
        .correlate(message)
    )


# One look each, so that both find their partial index.
OPTED_OUT: Final[ColumnElement[bool]] = or_(
    _told(opt_out.c.recipient_key == message.c.recipient_key),
    _told(opt_out.c.recipient_suffix_key == message.c.recipient_suffix_key),
)
"""Whether a message's recipient has opted out of a SIM, as a condition over ``message``."""


@cache
def _of(count: int) -> Select[Any]:
    """Return what finds the opt-outs of so many recipients, each a parameter of its own: hot."""
    keys, suffixes = (
        [bindparam(f"{kind}{place}", type_=LargeBinary) for place in range(count)]
        for kind in ("key", "suffix")
    )
    return hot(
        select(
            opt_out.c.recipient_key,
            opt_out.c.recipient_suffix_key,
            opt_out.c.account_id,
            opt_out.c.category,
            opt_out.c.sim_id,
        ).where(
            or_(
                opt_out.c.recipient_key.in_(keys),
                opt_out.c.recipient_suffix_key.in_(suffixes),
            ),
            ACTIVE,
        )
    )


_SIMS: Final = select(card.c.id, card.c.iccid, card.c.simulated).where(
    card.c.id.in_(select(line.c.sim_id).where(line.c.sim_id.is_not(None)))
)
_KIND: Final = (
    select(lane.c.sim_group, account.c.name, lane.c.category)
    .join(account, account.c.id == lane.c.account_id)
    .where(lane.c.id == bindparam("row"))
)

_LOCK: Final = text(
    "SELECT pg_advisory_xact_lock(k)"
    " FROM (SELECT unnest(CAST(:keys AS bigint[])) AS k ORDER BY 1) AS sorted"
)


class Whom(NamedTuple):
    """A recipient, by the keys of its number and of that number's last digits."""

    key: bytes
    suffix_key: bytes


class Verdict(NamedTuple):
    """What opt-outs say of a message: ``why`` it is not to be sent at all ('': it may be).

    ``sims`` must not carry it, others may.
    """

    why: str = ""
    sims: tuple[int, ...] = ()


def lock_recipients(transaction: Transaction, keys: Iterable[bytes]) -> None:
    """Let no accept, no beginning and no STOP of the same recipient run side by side.

    Between several daemons a message could else be stored, or begun, while its recipient's STOP
    is, each not seeing the other. What is read after this was committed before it. All take the
    keys of the last digits, by which a number is found in whatever form its network writes it.
    SQLite has one writer and needs none of it.
    """
    if transaction.sqlite:
        return
    numbers = sorted({int.from_bytes(key[:8], "big", signed=True) for key in keys})
    transaction.execute(_LOCK, {"keys": numbers})


class Active:
    """The opt-outs of some recipients, looked up once."""

    def __init__(
        self, transaction: Transaction, whom: Sequence[Whom], now: datetime, ways: Ways
    ) -> None:
        self._transaction, self._ways = transaction, ways
        different = list(dict.fromkeys(whom))
        # A power of two, so that there are few statements; who stands twice is found once.
        count = 1 << (len(different) - 1).bit_length()
        asked: dict[str, Any] = {NOW: now}
        for place in range(count):
            each = different[min(place, len(different) - 1)]
            asked[f"key{place}"], asked[f"suffix{place}"] = each
        self._rows: list[Any] = list(transaction.execute(_of(count), asked))

    def judge(
        self,
        whom: Whom,
        account_id: int,
        category: str,
        *,
        only_sim: int | None = None,
        lane_id: int | None = None,
    ) -> Verdict:
        """Return whether this account may write to this recipient (in this category).

        Args:
            whom: the recipient.
            account_id: whose message it is.
            category: of the message.
            only_sim: the one SIM that could carry it; None: any that its route leads to.
            lane_id: the message's lane, which names its route; None: every SIM may carry it.

        """
        found = [row for row in self._rows if _covers(row, whom, account_id, category)]
        if not found:
            return Verdict()
        sims = {row.sim_id for row in found}
        if None in sims:
            return Verdict(CAUSE)
        if only_sim is not None:
            return Verdict(CAUSE) if only_sim in sims else Verdict()
        there = self._led_to(lane_id)
        if there and there <= sims:
            return Verdict(NO_SIM_LEFT)
        return Verdict(sims=tuple(sorted(sims)))

    def _led_to(self, lane_id: int | None) -> set[int]:
        """Return the SIMs in any modem that a lane's messages may go by, sooner or later."""
        named = self._transaction.execute(_KIND, {"row": lane_id}).first()
        kind = Kind(*named) if named is not None else Kind()
        found = self._transaction.execute(_SIMS)
        return {row.id for row in found if self._ways.leads(kind, row.iccid, row.simulated)}


def _covers(row: Any, whom: Whom, account_id: int, category: str) -> bool:
    return (
        (row.recipient_key == whom.key or row.recipient_suffix_key == whom.suffix_key)
        and row.account_id in (None, account_id)
        and row.category in (None, category)
    )
