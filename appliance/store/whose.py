"""Whose is what comes in: the account that wrote to that number last by that SIM."""

from typing import Final

from sqlalchemy import bindparam, select

from appliance.models import Account, Message
from appliance.store.hot import hot
from appliance.store.tables import table_of
from appliance.store.writer import Transaction

message, account = table_of(Message), table_of(Account)

_LAST_WRITER: Final = hot(
    select(message.c.account_id)
    .join(account, account.c.id == message.c.account_id)
    .where(
        message.c.recipient_key == bindparam("from_key"),
        message.c.sim_id == bindparam("sim"),
        message.c.reply_to_inbound_id.is_(None),  # what answers a keyword is nobody's
        account.c.revoked_at.is_(None),
    )
    .order_by(message.c.id.desc())
    .limit(1)
)
_DEFAULT: Final = (
    select(account.c.id)
    .where(account.c.is_default, account.c.revoked_at.is_(None))
    .order_by(account.c.id)
    .limit(1)
)
_CARRIER: Final = hot(select(account.c.carrier).where(account.c.id == bindparam("row")))


def owner(transaction: Transaction, from_key: bytes, sim_id: int) -> int | None:
    """Return the account that wrote to this number last by this SIM, else the default one."""
    wrote = {"from_key": from_key, "sim": sim_id}
    last: int | None = transaction.execute(_LAST_WRITER, wrote).scalar()
    if last is not None:
        return last
    default: int | None = transaction.execute(_DEFAULT).scalar()
    return default


def carrier(transaction: Transaction, account_id: int) -> str | None:
    """Return by what an account is told of things; None: it asks by itself."""
    found: str | None = transaction.execute(_CARRIER, {"row": account_id}).scalar()
    return found
