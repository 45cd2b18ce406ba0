"""Who of several daemons carries an account's notices: one at a time, or they would go twice."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, or_, select, update

from appliance.errors import StoreError
from appliance.models import Account, Daemon
from appliance.store.base import Base
from appliance.store.bell import NOTICES
from appliance.store.tables import table_of
from appliance.store.writer import Transaction, Verb

account, daemon = table_of(Account), table_of(Daemon)

_IDLE: Final = select(daemon.c.id).where(
    or_(daemon.c.lease_until.is_(None), daemon.c.lease_until < func.clock_timestamp())
)
_TAKE: Final = (
    update(account)
    .where(
        account.c.id == bindparam("row"),
        or_(
            account.c.notices_by.is_(None),
            account.c.notices_by == bindparam("worker"),
            account.c.notices_by.in_(_IDLE),
        ),
    )
    .values(notices_by=bindparam("worker"))
)
_GIVE_UP: Final = (
    update(account)
    .where(account.c.id == bindparam("row"), account.c.notices_by == bindparam("worker"))
    .values(notices_by=None)
)

_UNKNOWN: Final = -1
"""The epoch of an account that may be ours or not: it is taken, or given up, once more."""


class Charges:
    """The accounts whose notices this daemon carries; without others on the database, all."""

    def __init__(self, base: Base, *, shared: bool) -> None:
        self._base, self._shared = base, shared
        self._ours: dict[int, int] = {}  # account -> the epoch in which it was taken
        self._take: Verb[int, bool] = Verb("take charge", self._take_many)
        self._give_up: Verb[int, None] = Verb("give up charge", self._give_up_many)

    async def take(self, account_id: int) -> bool:
        """Take charge of an account's notices; False: another daemon has it, or may have.

        Raises:
            StoreError: nobody can tell.

        """
        if not self._shared:
            return True
        tenure = self._base.tenure
        if not tenure.holds:
            return False
        epoch = tenure.epoch
        if self._ours.get(account_id) != epoch:
            if not await self._base.writer.run(self._take, account_id):
                return False
            self._ours[account_id] = epoch
        return True

    async def give_up(self, account_id: int) -> None:
        """Leave an account to other daemons: nobody is bound here who would take its notices.

        Raises:
            StoreError: nobody else may carry them yet; it is to be given up again.

        """
        if self._ours.pop(account_id, None) is None:
            return
        try:
            await self._base.writer.run(self._give_up, account_id)
        except StoreError:
            self._ours.setdefault(account_id, _UNKNOWN)
            raise

    def _take_many(self, transaction: Transaction, items: Sequence[int]) -> list[bool]:
        worker = {"worker": self._base.daemon}
        return [transaction.execute(_TAKE, worker | {"row": row}).rowcount == 1 for row in items]

    def _give_up_many(self, transaction: Transaction, items: Sequence[int]) -> list[None]:
        for row in items:
            transaction.execute(_GIVE_UP, {"row": row, "worker": self._base.daemon})
            transaction.topics.add((NOTICES, row))
        return [None] * len(items)
