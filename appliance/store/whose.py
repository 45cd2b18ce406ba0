"""Whose is what comes in: by the site's rules, else the account's that wrote to that number last.

What fits no rule and answers nobody is the default account's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from appliance.models import Account, Message, Sim
from appliance.policy.inbound_routes import InboundRoute, accounts_for
from appliance.store.hot import hot
from appliance.store.tables import table_of
from appliance.store.writer import Transaction

message, account, sim = table_of(Message), table_of(Account), table_of(Sim)

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
_NAMED: Final = hot(
    select(account.c.id).where(
        account.c.name == bindparam("called"), account.c.revoked_at.is_(None)
    )
)
_SIM: Final = hot(select(sim.c.iccid, sim.c.number).where(sim.c.id == bindparam("row")))
_CARRIER: Final = hot(select(account.c.carrier).where(account.c.id == bindparam("row")))


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose it is.

    Attributes:
        told: the account that gets it; None: nobody does.
        meant: the account that is spoken to: what a STOP is about, whoever gets it.

    """

    told: int | None
    meant: int | None


class Whose:
    """Finds the owners of inbound messages and calls, by the rules that hold just now."""

    def __init__(self) -> None:
        self._routes: Sequence[InboundRoute] = ()

    def route_by(self, routes: Sequence[InboundRoute]) -> None:
        """Let these rules hold from the next message on."""
        self._routes = tuple(routes)

    def owner(
        self, transaction: Transaction, from_key: bytes, sim_id: int, text: str | None = None
    ) -> Owner:
        """Return whose it is: what comes to a SIM from a number, and says ``text`` if anything.

        A rule whose account does not exist (any more) fits nothing.
        """
        wrote = {"from_key": from_key, "sim": sim_id}
        last: int | None = transaction.execute(_LAST_WRITER, wrote).scalar()
        routed = self._routed(transaction, sim_id, text)
        if last is None and routed is None:
            last = transaction.execute(_DEFAULT).scalar()
        told = last if routed is None else routed
        return Owner(told=told, meant=told if last is None else last)

    def _routed(self, transaction: Transaction, sim_id: int, text: str | None) -> int | None:
        if not self._routes:
            return None
        card = transaction.execute(_SIM, {"row": sim_id}).first()
        assert card is not None  # the message's row refers to it
        for name in accounts_for(self._routes, card.iccid, card.number, text):
            found: int | None = transaction.execute(_NAMED, {"called": name}).scalar()
            if found is not None:
                return found
        return None


def carrier(transaction: Transaction, account_id: int) -> str | None:
    """Return by what an account is told of things; None: it asks by itself."""
    found: str | None = transaction.execute(_CARRIER, {"row": account_id}).scalar()
    return found
