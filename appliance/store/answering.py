"""Answers to keywords: messages of this box itself, stored with the keyword that they answer.

They are written in the transaction that takes the keyword, so that no crash loses or doubles one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select

from appliance.models import Account, Inbound, Message, Sim
from appliance.policy.categories import PRIORITY, Category
from appliance.policy.consent import REPLY_AGAIN, REPLY_VALIDITY
from appliance.policy.keywords import Keyword
from appliance.store.accounts import LOCAL
from appliance.store.base import Base
from appliance.store.ids import floor_of
from appliance.store.lanes import LaneKey, lane_of
from appliance.store.messages import insert_messages, row_of
from appliance.store.optouts import Verdict
from appliance.store.tables import table_of
from appliance.store.values import NewMessage, Reply, Said
from appliance.store.writer import Transaction
from appliance.submission import Door, WhenUncertain

message, inbound = table_of(Message), table_of(Inbound)
account, sim = table_of(Account), table_of(Sim)

Answer = Callable[[Keyword, str, Sequence[str]], Reply | None]
"""What is answered to (keyword, sender, the IMSIs of our SIMs); None: nothing."""

TRANSACTIONAL: Final = Category.TRANSACTIONAL

EVERY_SIM: Final = ""
"""The route of answers: it is their SIM that they are pinned to."""

_ANSWERED: Final = (
    select(message.c.id)
    .join(inbound, inbound.c.id == message.c.reply_to_inbound_id)
    .where(
        message.c.recipient_key == bindparam("to_key"),
        message.c.id >= bindparam("floor"),
        inbound.c.keyword == bindparam("said"),
    )
    .limit(1)
)
_OUR_SIMS: Final = select(sim.c.imsi, sim.c.number)
_LOCAL: Final = select(account.c.id).where(account.c.name == LOCAL)


def answer(transaction: Transaction, base: Base, said: Said, reply: Answer) -> None:
    """Answer a keyword by the SIM that heard it, if it is to be answered.

    Once in ``REPLY_AGAIN``, and none of our own SIMs.
    """
    ours = transaction.execute(_OUR_SIMS).all()
    words = reply(said.keyword, said.sender, [row.imsi for row in ours if row.imsi])
    if words is None or said.sender in {row.number for row in ours}:
        return
    asked = {"to_key": base.keys.number(said.sender), "said": said.keyword.value}
    floor = floor_of(said.at - REPLY_AGAIN)
    if transaction.execute(_ANSWERED, asked | {"floor": floor}).first() is not None:
        return
    account_id = _local(transaction, said.at)
    key = LaneKey(account_id, TRANSACTIONAL, PRIORITY[TRANSACTIONAL], EVERY_SIM)
    new = _message(said, words, key, lane_of(transaction, key))
    insert_messages(transaction, [row_of(base, new, Verdict())], base)


def _message(said: Said, words: Reply, key: LaneKey, lane_id: int) -> NewMessage:
    return NewMessage(
        account_id=key.account_id,
        door=Door.LOCAL,
        category=key.category,
        priority=key.priority,
        reference=None,
        idempotency_key=None,
        request_hash=b"",
        recipient=said.sender,
        suffix=said.suffix,
        text=words.text,
        data=None,
        udh=None,
        flash=False,
        encoding=words.encoding,
        parts=words.parts,
        not_before=said.at,
        expires_at=said.at + REPLY_VALIDITY,
        receipts=None,
        when_uncertain=WhenUncertain.FAIL,  # rather none than two
        smpp=None,
        at=said.at,
        language=words.language,
        wide=words.wide,
        pinned_sim_id=said.sim_id,
        lane_id=lane_id,
        reply_to_inbound_id=said.inbound_id,
    )


def _local(transaction: Transaction, at: datetime) -> int:
    """Return the account that this box itself sends as."""
    known: int | None = transaction.execute(_LOCAL).scalar()
    if known is not None:
        return known
    row = {"name": LOCAL, "created_at": at, "max_binds": 4, "is_default": False, "admin": False}
    made: int = transaction.execute(insert(account).returning(account.c.id), row).scalar_one()
    return made
