"""What a keyword in an inbound message does, in the transaction that takes the message.

STOP opts its sender out and cancels what waits for it, START undoes that, HELP asks; each goes
on the record, and is answered if that is set.
"""

from typing import Any, Final

from sqlalchemy import bindparam, or_, select, update

from appliance.models import ConsentEvent, OptOut
from appliance.policy.consent import Covered, KeywordRules, Per, Source
from appliance.policy.keywords import Keyword
from appliance.store.answering import Answer, answer
from appliance.store.base import Base
from appliance.store.cancelling import cancel_waiting
from appliance.store.consent import Entry, write_down
from appliance.store.optouts import STANDS
from appliance.store.tables import insert_of, table_of
from appliance.store.values import Said
from appliance.store.writer import Transaction

opt_out = table_of(OptOut)

_OF_SENDER: Final = (opt_out.c.recipient_key == bindparam("from_key"), STANDS)

_FOR_ACCOUNT: Final = or_(
    opt_out.c.account_id.is_(None), opt_out.c.account_id == bindparam("whose")
)
_BY_SIM: Final = or_(opt_out.c.sim_id.is_(None), opt_out.c.sim_id == bindparam("card"))

_COVERED: Final = (
    select(opt_out.c.id)
    .where(
        *_OF_SENDER,
        opt_out.c.until.is_(None),
        _FOR_ACCOUNT,
        _BY_SIM,
        or_(opt_out.c.category.is_(None), opt_out.c.category == bindparam("kind")),
    )
    .limit(1)
)
_END: Final = update(opt_out).where(*_OF_SENDER).values(ended_at=bindparam("moment"))

_UNDO: Final = {
    Per.SITE: _END,
    Per.ACCOUNT: _END.where(_FOR_ACCOUNT),
    Per.NUMBER: _END.where(_BY_SIM),
}
"""What a START ends: what would keep the account, or the SIM, that it was said to from writing."""

EVENTS: Final = {
    Keyword.STOP: ConsentEvent.OPTED_OUT,
    Keyword.START: ConsentEvent.OPTED_IN,
    Keyword.HELP: ConsentEvent.HELP,
}


class Obedience:
    """Does what people say."""

    def __init__(self, base: Base, rules: KeywordRules, reply: Answer | None) -> None:
        self._base, self._rules, self._reply = base, rules, reply

    def obey(self, transaction: Transaction, said: Said) -> None:
        """Do what a keyword asks for, put it on record, and answer it."""
        key = self._base.keys.number(said.sender)
        covered, opt_out_id, fresh = Covered(), None, True
        if said.keyword is Keyword.STOP:
            covered = self._rules.covers(said.account_id, said.sim_id)
            opt_out_id, fresh = self._opt_out(transaction, said, key, covered)
        elif said.keyword is Keyword.START:
            self._opt_in(transaction, said, key)
        entry = Entry(
            recipient_key=key,
            event=EVENTS[said.keyword],
            source=Source.SMS,
            reason=f"{said.keyword.upper()} by SMS",
            at=said.at,
            account_id=covered.account_id,
            category=covered.category,
            sim_id=said.sim_id,
            inbound_id=said.inbound_id,
            opt_out_id=opt_out_id,
        )
        write_down(transaction, [entry], self._base.ids)
        if self._reply is not None and fresh:
            answer(transaction, self._base, said, self._reply)

    def _opt_out(
        self, transaction: Transaction, said: Said, key: bytes, covered: Covered
    ) -> tuple[int, bool]:
        """Return the opt-out that stands now, and whether it is new."""
        asked = {
            "from_key": key,
            "whose": covered.account_id,
            "card": covered.sim_id,
            "kind": covered.category,
        }
        known: int | None = transaction.execute(_COVERED, asked).scalar()
        row: dict[str, Any] = {
            "id": known or self._base.ids.take(),
            "recipient": None,  # its inbound message has it
            "recipient_key": key,
            "recipient_suffix_key": self._base.keys.suffix(said.suffix) if said.loose else None,
            "account_id": covered.account_id,
            "category": covered.category,
            "sim_id": covered.sim_id,
            "inbound_id": said.inbound_id,
            "reason": "STOP by SMS",
            "source": Source.SMS.value,
            "created_at": said.at,
        }
        if known is None:
            transaction.execute(insert_of(OptOut), row)
        fresh = known is None
        cancel_waiting(transaction, {key: covered}, said.at, self._base.ids, replies=fresh)
        return row["id"], fresh

    def _opt_in(self, transaction: Transaction, said: Said, key: bytes) -> None:
        values = {"from_key": key, "moment": said.at}
        values |= {"whose": said.account_id, "card": said.sim_id}
        transaction.execute(_UNDO[self._rules.per], values)
